//! What does a decision on Redis cost, beside a bare round trip of the same client?
//!
//! `cargo bench -p ringyo-bench --bench redis_limit` starts a private server. First it prints
//! ratios, measured in turns so that a noisy machine disturbs all alike; then criterion measures
//! each on its own.
#![allow(missing_docs, reason = "criterion makes public functions")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run may panic")]
#![allow(clippy::print_stdout, reason = "the figures")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use hmac::{Hmac, KeyInit, Mac};
use redis::aio::MultiplexedConnection;
use ringyo::limit::{Charge, RateLimiter};
use ringyo::{Clock, Quota, RedisConfig, RedisLimiter, SystemClock};
use sha2::Sha256;
use tokio::runtime::Runtime;
use xtask::servers::{Redis, RedisOptions, for_tests};

/// So many accounts are in use at the same time.
const ACCOUNTS: usize = 10_000;
const CALLERS: usize = 64;
const USED_UP: &str = "acct_used_up/live";

#[derive(Clone)]
struct Bench {
    connection: MultiplexedConnection,
    limiter: Arc<RedisLimiter>,
    accounts: Arc<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Contender {
    Ping,
    IncrAndExpire,
    Decision,
    /// For an account that is used up, asked of the server all the same.
    Denial,
}

const CONTENDERS: [Contender; 4] = [
    Contender::Ping,
    Contender::IncrAndExpire,
    Contender::Decision,
    Contender::Denial,
];

impl Bench {
    async fn set_up(server: &Redis) -> Self {
        let client = redis::Client::open(server.url()).unwrap();
        let config = RedisConfig::new(&server.url()).unwrap();
        let config = config.with_deadline(Duration::from_secs(10));
        let bench = Self {
            connection: client.get_multiplexed_async_connection().await.unwrap(),
            limiter: Arc::new(RedisLimiter::start(config).unwrap()),
            accounts: Arc::new((0..ACCOUNTS).map(|n| format!("acct_{n}/live")).collect()),
        };
        for contender in CONTENDERS {
            bench.call(contender, 0).await;
        }
        bench
    }

    async fn call(&self, contender: Contender, index: usize) {
        let account = &*self.accounts[index % ACCOUNTS];
        let mut connection = self.connection.clone();
        match contender {
            Contender::Ping => {
                let () = redis::cmd("PING")
                    .query_async(&mut connection)
                    .await
                    .unwrap();
            }
            Contender::IncrAndExpire => {
                let mut both = redis::pipe();
                both.cmd("INCR").arg(account).ignore();
                both.cmd("EXPIRE").arg(account).arg(60).ignore();
                let () = both.query_async(&mut connection).await.unwrap();
            }
            Contender::Decision | Contender::Denial => {
                let charge = match contender {
                    Contender::Denial => Charge::to_account(USED_UP, Quota::per_hour(1)),
                    _ => Charge::to_account(account, Quota::per_second(100_000)),
                };
                let now = SystemClock::default().now();
                black_box(self.limiter.check(&charge, now).await.unwrap());
            }
        }
    }

    /// How long `calls` take, shared by so many callers.
    async fn run(&self, contender: Contender, callers: usize, calls: u64) -> Duration {
        let each = calls.div_ceil(callers as u64) as usize;
        let begin = Instant::now();
        let mut tasks = Vec::new();
        for caller in 0..callers {
            let bench = self.clone();
            tasks.push(tokio::spawn(async move {
                for call in 0..each {
                    bench.call(contender, caller * 997 + call).await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        begin.elapsed()
    }

    /// The middle one of the times that single calls take.
    async fn median(&self, contender: Contender, calls: usize) -> Duration {
        let mut times = Vec::with_capacity(calls);
        for call in 0..calls {
            let begin = Instant::now();
            self.call(contender, call).await;
            times.push(begin.elapsed());
        }
        middle(times)
    }
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ratios(runtime: &Runtime, bench: &Bench) {
    let mut single = CONTENDERS.map(|_| Vec::new());
    let mut together = CONTENDERS.map(|_| Vec::new());
    for _ in 0..15 {
        for (index, contender) in CONTENDERS.into_iter().enumerate() {
            let bench = bench.clone();
            // In a task, where callers are; the thread that blocks is another one.
            let measured = runtime.spawn(async move {
                let alone = bench.median(contender, 500).await;
                (alone, bench.run(contender, CALLERS, 6_400).await / 6_400)
            });
            let (alone, shared) = runtime.block_on(measured).unwrap();
            single[index].push(alone);
            together[index].push(shared);
        }
    }
    let [single, together] = [single, together].map(|times| times.map(middle));
    for (index, contender) in CONTENDERS.into_iter().enumerate() {
        println!(
            "{contender:?}: 1 caller p50 {:?} ({:.2} x PING); {CALLERS} callers {:.0}/s ({:.2} x PING's time)",
            single[index],
            single[index].as_secs_f64() / single[0].as_secs_f64(),
            1.0 / together[index].as_secs_f64(),
            together[index].as_secs_f64() / together[0].as_secs_f64(),
        );
    }
}

/// A refusal from memory, beside the HMAC that every key costs.
fn from_memory(bench: &Bench) -> [Box<dyn FnMut() + '_>; 2] {
    let now = SystemClock::default().now();
    let charge = Charge::to_account(USED_UP, Quota::per_hour(1));
    let floor = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
    let refuse = move || {
        assert!(bench.limiter.check_now(black_box(&charge), now).is_some());
    };
    let hmac = move || {
        let mut floor = floor.clone();
        floor.update(black_box(
            b"rg_live_2f9Kx0aLmQz7AbCdEfGhIjKlMnOpQrStUvWxYz0123456",
        ));
        black_box(floor.finalize());
    };
    [Box::new(hmac), Box::new(refuse)]
}

fn ratio_from_memory(bench: &Bench) {
    const CALLS: u32 = 10_000;
    let mut contenders = from_memory(bench);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..101 {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let begin = Instant::now();
            (0..CALLS).for_each(|_| contender());
            times.push(begin.elapsed() / CALLS);
        }
    }
    let [hmac, refusal] = times.map(middle);
    let ratio = refusal.as_secs_f64() / hmac.as_secs_f64();
    println!("a refusal from memory {refusal:?}, an HMAC {hmac:?} ({ratio:.2} x)");
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, runtime: &Runtime, bench: &Bench) {
    for callers in [1, CALLERS] {
        group.throughput(Throughput::Elements(1));
        for contender in CONTENDERS {
            let name = format!("{contender:?} with {callers} callers");
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|calls| runtime.block_on(bench.run(contender, callers, calls)));
            });
        }
    }
}

fn main() {
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    let bench = runtime.block_on(Bench::set_up(&server));
    ratios(&runtime, &bench);
    ratio_from_memory(&bench);

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("redis_limit");
    measure(&mut group, &runtime, &bench);
    for (name, mut contender) in ["an HMAC", "a refusal from memory"]
        .into_iter()
        .zip(from_memory(&bench))
    {
        group.bench_function(name, |bencher| bencher.iter(&mut contender));
    }
    group.finish();
    criterion.final_summary();
}
