//! A process that is stopped for longer than the window of its quota, and runs on.

use std::thread::sleep;
use std::time::Duration;

use ringyo_limit::Quota;
use xtask::servers::{Flavour, Redis, RedisOptions, for_tests};

use super::Node;
use crate::support::Admin;

const BURST: u32 = 20;

/// How often this is tried on a machine that others use as well.
const TRIES: usize = 3;

/// From empty to full in this time.
pub(super) fn quota(window: Duration) -> Quota {
    Quota::try_per(BURST, window).unwrap()
}

/// How far the clock of a process is behind that obeys such an order: `lagging` is one that stood
/// still while the process slept.
pub(super) fn late(how: &str, window: Duration) -> Duration {
    match how {
        "lagging" => 2 * window,
        _ => Duration::ZERO,
    }
}

/// What a process has been admitted before it slept and after, and what it could be at most.
struct Night {
    admitted: usize,
    bound: usize,
}

impl Night {
    /// Full buckets before and after, and nothing more than had come back.
    fn judge(&self) -> Result<(), String> {
        let Self { admitted, bound } = *self;
        if admitted < 2 * BURST as usize {
            return Err(format!("locked out: {admitted} of {bound} were admitted"));
        }
        if admitted > bound {
            return Err(format!(
                "{admitted} were admitted, and at most {bound} may be"
            ));
        }
        Ok(())
    }
}

/// How many may be admitted in so many microseconds.
fn bound(window: Duration, micros: u64) -> usize {
    let cells = u128::from(micros) * u128::from(BURST) / window.as_micros();
    BURST as usize + cells as usize
}

/// Stops three processes for a little more than the window, all at the same time.
fn sleep_for(window: Duration, server: &Redis) -> [Night; 3] {
    let mut admin = Admin::of(&server.url());
    // Each has used up its account, which it remembers.
    let accounts = ["acct_sound", "acct_lagging", "acct_forgetful"];
    let mut sleepers = accounts.map(|account| {
        let mut node = Node::start(&server.url(), 0, window);
        let before = admin.micros();
        node.order("quick", account);
        let admitted = node.report();
        let bound = bound(window, admin.micros() - before);
        assert!((BURST as usize..=bound).contains(&admitted), "{admitted}");
        (node, before, admitted)
    });
    let [(sound, ..), (lagging, ..), (forgetful, ..)] = &mut sleepers;
    // Answers are under way to the first one.
    sound.order("quick", accounts[0]);
    for node in [&sound, &lagging, &forgetful] {
        node.signal("-STOP");
    }
    sleep(window + Duration::from_millis(700));
    for node in [&sound, &lagging, &forgetful] {
        node.signal("-CONT");
    }
    sound.order("quick", accounts[0]);
    // The controls: a clock that stood still, by which the account stays used up; and a limiter
    // that has lost what was charged meanwhile, as one with a new account has.
    lagging.order("lagging", accounts[1]);
    forgetful.order("quick", accounts[2]);
    forgetful.order("quick", "acct_forgotten");
    let mut orders = [2, 1, 2].into_iter();
    sleepers.map(|(mut node, before, mut admitted)| {
        admitted += (0..orders.next().unwrap())
            .map(|_| node.report())
            .sum::<usize>();
        let bound = bound(window, admin.micros() - before);
        Night { admitted, bound }
    })
}

fn is_neither_locked_out_nor_let_in_twice(window: Duration) {
    for _ in 0..TRIES {
        let Some(server) = for_tests::redis(RedisOptions::default()) else {
            return;
        };
        let nights = sleep_for(window, &server);
        for (name, night) in ["sound", "lagging", "forgetful"].iter().zip(&nights) {
            println!(
                "{name}: {} admitted, at most {}",
                night.admitted, night.bound
            );
        }
        let [sound, lagging, forgetful] = &nights;
        sound.judge().unwrap();
        // The controls show something if it was quick enough for a second burst to be noticed.
        if nights.iter().all(|night| night.bound < 3 * BURST as usize) {
            let why = lagging.judge().unwrap_err();
            assert!(why.starts_with("locked out"), "{why}");
            let why = forgetful.judge().unwrap_err();
            assert!(why.contains("at most"), "{why}");
            return;
        }
    }
    panic!("too slow to notice a second burst in each of {TRIES} tries");
}

#[test]
fn for_seconds() {
    is_neither_locked_out_nor_let_in_twice(Duration::from_secs(2));
}

/// Waits nearly all the time, beside other tests; on one flavour, which says it for both.
#[test]
fn for_a_minute() {
    if RedisOptions::default().flavour() == Flavour::Redis {
        is_neither_locked_out_nor_let_in_twice(Duration::from_secs(60));
    }
}
