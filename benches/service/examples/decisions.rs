//! Does the same thing many times, to have its instructions counted by `cargo xtask instructions`:
//! `decisions COUNT decide`, `hmac` (the least that a decision must do), `clumsy` (a decision that
//! reads its key once too often: what the count has to notice), or a refusal: `malformed` (a foreign
//! character at the end) or `mistyped` (another digit there).
//!
//! `decisions COUNT floors` times them in turns with an HMAC and prints how many of those a decision is
//! worth; `decisions COUNT twice` does so where each is made twice, which has to be noticed.
#![expect(clippy::print_stdout, reason = "the number is what is asked for")]

use std::hint::black_box;

use ringyo::preset::ringyo::{AGENTS_READ, BRAND};
use ringyo::{AuthError, Credential, InvalidKey};
use ringyo::{KeyFormat, Mode, Pepper, PepperId, PepperRing};
use ringyo_bench_service::{Floor, Service, ThreadTime, decide, neighbour, poll_now};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: u32 = arguments
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(1_000);
    match arguments.next().as_deref() {
        Some("hmac") => hmacs(count),
        Some("malformed") => refusals(count, "!"),
        Some("mistyped") => refusals(count, "0"),
        Some("clumsy") => decisions(count, Manner::Clumsy),
        Some("floors") => println!("{:.3}", floors(count, 1)),
        Some("twice") => println!("{:.3}", floors(count, 2)),
        _ => decisions(count, Manner::Plain),
    }
}

fn decisions(count: u32, manner: Manner) {
    let service = Service::new();
    let mut workload = service.workload("hot", 4);
    let format = KeyFormat::new(BRAND);
    for _ in 0..count {
        let header = workload.header();
        if let Manner::Clumsy = manner {
            let key = header.strip_prefix("Bearer ").unwrap_or(header);
            assert!(format.parse(black_box(key.as_bytes())).is_ok());
        }
        let credential = Credential::bearer(header);
        let caller = poll_now(service.authenticator.authenticate(credential));
        let caller = caller.expect("a good key");
        assert!(caller.require(&AGENTS_READ).is_ok());
        let rate = caller.rate().expect("a limit").binding();
        black_box((rate.quota().limit(), rate.remaining(), rate.reset_after()));
    }
}

/// How the decisions are made.
enum Manner {
    Plain,
    Clumsy,
}

/// How many floors a decision is worth, if each is made so often: the middle one of many turns, of
/// those that had the core to themselves.
fn floors(count: u32, times: u32) -> f64 {
    const TURN: u32 = 256;
    let service = Service::new();
    let (mut hot, floor) = (service.workload("hot", 1_000), Floor::new());
    let turn = |run: &mut dyn FnMut()| {
        let start = ThreadTime::now();
        (0..TURN).for_each(|_| run());
        start.elapsed().as_secs_f64()
    };
    let turns: Vec<(f64, f64)> = (0..=count / TURN)
        .map(|_| {
            let least = turn(&mut || {
                black_box(floor.run(black_box(&[b'a'; 52])));
            });
            let decided = turn(&mut || {
                for _ in 0..times {
                    black_box(decide(&service, hot.header()));
                }
            });
            (neighbour::probe(), decided / least)
        })
        .collect();
    let probes = turns.iter().map(|(probe, _)| *probe);
    let least = probes.fold(f64::INFINITY, f64::min);
    let turns = neighbour::undisturbed(turns, |(probe, _)| *probe, least);
    let mut ratios: Vec<f64> = turns.into_iter().map(|(_, ratio)| ratio).collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn hmacs(count: u32) {
    let format = KeyFormat::new(BRAND);
    let peppers = PepperRing::new(Pepper::generate(PepperId::new(1)));
    let minted = format.mint(Mode::Live, &peppers);
    let parsed = format.parse(minted.key.expose().as_bytes());
    let parsed = parsed.expect("a good key");
    for _ in 0..count {
        assert!(peppers.prove(black_box(&parsed)).is_some());
    }
}

/// Of a good key with another end.
fn refusals(count: u32, end: &str) {
    let service = Service::new();
    let mut workload = service.workload("hot", 4);
    let good = workload.header();
    let end = if good.ends_with(end) { "1" } else { end };
    let bad = format!("{}{end}", &good[..good.len() - 1]);
    for _ in 0..count {
        let credential = Credential::bearer(black_box(&bad));
        let refused = poll_now(service.authenticator.authenticate(credential));
        assert!(matches!(
            black_box(refused),
            Err(AuthError::InvalidKey(InvalidKey::Malformed(_)))
        ));
    }
}
