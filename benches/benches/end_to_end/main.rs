//! What does the layer cost a service over HTTP, and what does a flood do to it? `cargo bench -p
//! ringyo-bench --bench end_to_end`; with `QUICK=1` shorter.
//!
//! The service is axum with a handler that answers at once, on a SQLite file and with limits in the
//! process. It runs in a process of its own, this program again, on half of the processors; the
//! requests come from the other half.
#![allow(missing_docs, reason = "a program")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run may panic")]
#![allow(clippy::print_stdout, reason = "the figures")]

mod load;
mod server;

use std::path::Path;
use std::time::Duration;

use ringyo::preset::ringyo::BRAND;
use ringyo::{KeyFormat, Mode, NewKey, Pepper, PepperId, PepperRing, Ringyo, SqliteStore};
use ringyo_bench::Result;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tempfile::TempDir;

use load::{paced, saturate};
use server::Server;

const QUESTION: &str = "end to end";

/// In the order of their accounts, four to an account.
const KEYS: usize = 1_000;

/// What the generator sends at once.
const CONNECTIONS: usize = 32;

/// A valid request for so many that the service could answer at most.
const VALID_PART: f64 = 60.0;

/// How thorough it is to be.
struct Manner {
    rounds: usize,
    round: Duration,
    flood: Duration,
    /// Keys, each with an address of its own, that memory is watched over.
    strangers: usize,
}

fn main() {
    if server::is_asked_for() {
        share_processors(Side::Server);
        server::serve();
        return;
    }
    share_processors(Side::Generator);
    let manner = match std::env::var_os("QUICK") {
        Some(_) => Manner {
            rounds: 3,
            round: Duration::from_millis(500),
            flood: Duration::from_secs(3),
            strangers: 20_000,
        },
        None => Manner {
            rounds: 9,
            round: Duration::from_secs(2),
            flood: Duration::from_secs(20),
            strangers: 1_000_000,
        },
    };
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("keys.db");
    let requests = requests(&database);
    let bare = Server::start("bare", &database);
    let layered = Server::start("layered", &database);
    let most = throughput(&manner, &bare, &layered, &requests);
    flood(&manner, &layered, &requests, most / VALID_PART);
    memory(&manner, &layered);
}

/// Issues keys, and gives a request with each of them.
fn requests(database: &Path) -> Vec<Vec<u8>> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(database).await.unwrap();
        let builder = Ringyo::builder(server::preset(), server::peppers()).store(store);
        let ringyo = builder.build().await.unwrap();
        let mut requests = Vec::with_capacity(KEYS);
        for place in 0..KEYS {
            let account = format!("acct_{}", place / 4);
            if place % 4 == 0 {
                ringyo.accounts().create(&account, "wide").await.unwrap();
            }
            let new = NewKey::live(&account, "Bench").scopes(["agents:read"]);
            let issued = ringyo.keys().issue(new).await.unwrap();
            requests.push(request(issued.key.expose(), "10.0.0.1"));
        }
        ringyo.shutdown().await.unwrap();
        requests
    })
}

fn request(key: &str, client: &str) -> Vec<u8> {
    let lines = [
        "GET /agents HTTP/1.1",
        "host: api.example",
        "user-agent: bench",
        "accept: */*",
        &format!("x-forwarded-for: {client}"),
        &format!("authorization: Bearer {key}"),
    ];
    format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

/// What a service answered in one round, and what that took.
struct Round {
    /// Requests a second.
    rate: f64,
    /// Of the processors, for one request, in seconds.
    time: f64,
    /// The same of the generator.
    asking: f64,
}

/// Both services in turns, as fast as they can; gives the requests per second of the bare one.
fn throughput(manner: &Manner, bare: &Server, layered: &Server, valid: &[Vec<u8>]) -> f64 {
    let next = |connection: usize, turn: usize| &valid[(connection * 31 + turn) % valid.len()];
    let round = |server: &Server| {
        let before = server.processor_time();
        let next = |connection, turn| next(connection, turn).clone();
        let (answered, asking) = saturate(server.address, CONNECTIONS, manner.round, next, 200);
        let took = server.processor_time() - before;
        Round {
            rate: answered as f64 / manner.round.as_secs_f64(),
            time: took.as_secs_f64() / answered as f64,
            asking: asking.as_secs_f64() / answered as f64,
        }
    };
    // The first requests read the keys.
    for server in [bare, layered] {
        round(server);
    }
    let rounds: Vec<[Round; 2]> = (0..manner.rounds)
        .map(|_| [bare, layered].map(round))
        .collect();
    let middle = |value: fn(&[Round; 2]) -> f64| median(rounds.iter().map(value).collect());
    let most = middle(|[bare, _]| bare.rate);
    tell("throughput without the layer", "requests/s", most);
    let with = middle(|[_, layered]| layered.rate);
    tell("throughput with the layer", "requests/s", with);
    let part = middle(|[bare, layered]| layered.rate / bare.rate);
    tell("throughput with the layer", "of bare", part);
    let case = "processor time of the service, without the layer";
    tell(case, "µs a request", middle(|[bare, _]| 1e6 * bare.time));
    let case = "processor time of the service, with the layer";
    let with = middle(|[_, layered]| 1e6 * layered.time);
    tell(case, "µs a request", with);
    let part = middle(|[bare, layered]| layered.time / bare.time);
    tell(case, "of bare", part);
    let case = "processor time of the generator";
    // As much as that of the service, or more: then it is the generator that holds both back.
    tell(case, "µs a request", middle(|[bare, _]| 1e6 * bare.asking));
    most
}

/// Valid requests at a steady rate, without and with ten times as many invalid ones.
fn flood(manner: &Manner, server: &Server, valid: &[Vec<u8>], rate: f64) {
    let next =
        |connection: usize, turn: usize| valid[(connection * 31 + turn) % valid.len()].clone();
    let steady = || paced(server.address, 8, rate, manner.flood, next, 200);
    let before = steady();
    let strangers = Strangers::new();
    let during = std::thread::scope(|scope| {
        let others = scope.spawn(|| {
            let next = |connection: usize, turn: usize| strangers.request(connection << 40 | turn);
            paced(server.address, 16, 10.0 * rate, manner.flood, next, 401)
        });
        let during = steady();
        let others = others.join().unwrap();
        let sent = others.len() as f64 / manner.flood.as_secs_f64();
        tell(
            "valid requests",
            "requests/s",
            during.len() as f64 / manner.flood.as_secs_f64(),
        );
        tell("invalid requests in the flood", "requests/s", sent);
        during
    });
    let (before, during) = (Latencies::new(before), Latencies::new(during));
    for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
        let (before, during) = (before.quantile(part), during.quantile(part));
        let alone = format!("{name} of valid requests by themselves");
        tell(&alone, "µs", 1e6 * before);
        let flooded = format!("{name} of valid requests in a flood");
        tell(&flooded, "µs", 1e6 * during);
        tell(&flooded, "of its own before", during / before);
    }
}

/// Ever new keys from ever new addresses, as fast as they are refused.
fn memory(manner: &Manner, server: &Server) {
    let strangers = Strangers::new();
    let each = manner.strangers / CONNECTIONS;
    let half = |offset: usize| {
        let before = server.memory();
        let next = |connection: usize, turn: usize| {
            strangers.request((offset * CONNECTIONS + connection) * each + turn)
        };
        load::each(server.address, CONNECTIONS, each / 2, next, 401);
        (server.memory() - before) / f64::from(1 << 20)
    };
    let asked = (2 * CONNECTIONS * (each / 2)) as f64;
    tell("distinct keys and addresses refused", "requests", asked);
    tell("memory grown in the first half of a flood", "MiB", half(0));
    tell("memory grown in the second half of a flood", "MiB", half(1));
    tell(
        "memory of the service after it",
        "MiB",
        server.memory() / f64::from(1 << 20),
    );
}

/// Keys that nobody has a record of: by turns one whose tag is true and one that is forged.
struct Strangers {
    format: KeyFormat,
    rings: [PepperRing; 2],
}

impl Strangers {
    fn new() -> Self {
        let forged = PepperRing::new(Pepper::generate(PepperId::new(1)));
        Self {
            format: KeyFormat::new(BRAND),
            rings: [server::peppers(), forged],
        }
    }

    fn request(&self, number: usize) -> Vec<u8> {
        let minted = self.format.mint(Mode::Live, &self.rings[number % 2]);
        let [_, a, b, c] = (number as u32).to_be_bytes();
        request(minted.key.expose(), &format!("10.{a}.{b}.{c}"))
    }
}

struct Latencies(Vec<f64>);

impl Latencies {
    fn new(taken: Vec<Duration>) -> Self {
        let mut seconds: Vec<f64> = taken.iter().map(Duration::as_secs_f64).collect();
        seconds.sort_by(f64::total_cmp);
        Self(seconds)
    }

    fn quantile(&self, part: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * part) as usize]
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn tell(case: &str, unit: &str, value: f64) {
    println!("{case:52} {value:12.2} {unit}");
    Result::new(QUESTION, case, unit, value).write();
}

#[derive(Clone, Copy)]
enum Side {
    Server,
    Generator,
}

/// The first half of the processors serves, the second asks; one alone does both.
fn share_processors(side: Side) {
    let ours = sched_getaffinity(None).unwrap();
    let all: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|cpu| ours.is_set(*cpu))
        .collect();
    let (serving, asking) = all.split_at(all.len() / 2);
    let half = match side {
        Side::Server => serving,
        Side::Generator => asking,
    };
    let mut set = CpuSet::new();
    half.iter().for_each(|cpu| set.set(*cpu));
    if !half.is_empty() {
        sched_setaffinity(None, &set).unwrap();
    }
}
