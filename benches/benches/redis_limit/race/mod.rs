//! All contenders on one server, in turns.

pub(crate) mod contenders;

use std::env;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use hmac::{Hmac, KeyInit, Mac};
use redis::IntoConnectionInfo as _;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use ringyo::limit::RateLimiter;
use ringyo::{Clock, RedisConfig, RedisLimiter, SystemClock};
use sha2::Sha256;
use tokio::runtime::Runtime;
use xtask::servers::{Redis, RedisOptions, for_tests};

use contenders::{Charges, Contender, IncrAndExpire, Ping, RedisCell, Ringyo, used_up};

/// The path of redis-cell's module.
const REDIS_CELL: &str = "RINGYO_BENCH_REDIS_CELL";

/// So many accounts are in use at the same time.
const ACCOUNTS: usize = 10_000;
const CALLERS: usize = 64;

/// Each contender is measured so often, in turns with the others.
const ROUNDS: usize = 15;

/// Measures, with what is added for a server of this address.
pub(crate) fn run(more: impl AsyncFnOnce(&str) -> Vec<Box<dyn Contender>>) {
    let mut options = RedisOptions::default();
    let module = env::var(REDIS_CELL).ok();
    match &module {
        Some(path) => options = options.setting("loadmodule", path),
        None => println!("WITHOUT redis-cell: {REDIS_CELL} does not say where its module is"),
    }
    let Some(server) = for_tests::redis(options) else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    let race = runtime.block_on(Race::set_up(&server, module.is_some(), more));
    race.print_ratios(&runtime);
    print_ratio_from_memory(&race.limiter);

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("redis_limit");
    race.measure(&mut group, &runtime);
    for (name, mut contender) in ["an HMAC", "a refusal from memory"]
        .into_iter()
        .zip(from_memory(&race.limiter))
    {
        group.bench_function(name, |bencher| bencher.iter(&mut contender));
    }
    group.finish();
    criterion.final_summary();
}

#[derive(Clone)]
struct Race {
    limiter: Arc<RedisLimiter>,
    contenders: Vec<Arc<dyn Contender>>,
    accounts: Arc<Vec<String>>,
}

impl Race {
    async fn set_up(
        server: &Redis,
        has_redis_cell: bool,
        more: impl AsyncFnOnce(&str) -> Vec<Box<dyn Contender>>,
    ) -> Self {
        let connection = connect(server).await;
        let config = RedisConfig::new(&server.url()).unwrap();
        let config = config.with_deadline(Duration::from_secs(10));
        let limiter = Arc::new(RedisLimiter::start(config).unwrap());
        let mut contenders: Vec<Arc<dyn Contender>> = vec![
            Arc::new(Ping(connection.clone())),
            Arc::new(IncrAndExpire(connection.clone())),
        ];
        for charges in [Charges::Account, Charges::AccountAndKey, Charges::UsedUp] {
            let limiter = limiter.clone();
            contenders.push(Arc::new(Ringyo { limiter, charges }));
        }
        if has_redis_cell {
            contenders.push(Arc::new(RedisCell(connection)));
        }
        contenders.extend(more(&server.url()).await.into_iter().map(Arc::from));
        let race = Self {
            limiter,
            contenders,
            accounts: Arc::new((0..ACCOUNTS).map(|n| format!("acct_{n}/live")).collect()),
        };
        // The first request of the account that will be used up.
        race.limiter
            .check(&used_up(), SystemClock::default().now())
            .await
            .unwrap();
        race
    }

    async fn ask(&self, contender: &dyn Contender, index: usize) {
        let answer = contender.ask(&self.accounts[index % ACCOUNTS]).await;
        assert_eq!(answer, contender.expected(), "{}", contender.name());
    }

    /// How long `calls` take, shared by so many callers.
    async fn take(&self, contender: &Arc<dyn Contender>, callers: usize, calls: u64) -> Duration {
        let each = calls.div_ceil(callers as u64) as usize;
        let begin = Instant::now();
        let mut tasks = Vec::new();
        for caller in 0..callers {
            let (race, contender) = (self.clone(), contender.clone());
            tasks.push(tokio::spawn(async move {
                for call in 0..each {
                    race.ask(&*contender, caller * 997 + call).await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        begin.elapsed()
    }

    /// The middle one of the times that single calls take.
    async fn median(&self, contender: &dyn Contender, calls: usize) -> Duration {
        let mut times = Vec::with_capacity(calls);
        for call in 0..calls {
            let begin = Instant::now();
            self.ask(contender, call).await;
            times.push(begin.elapsed());
        }
        middle(times)
    }

    fn print_ratios(&self, runtime: &Runtime) {
        let mut times = vec![(Vec::new(), Vec::new()); self.contenders.len()];
        for _ in 0..ROUNDS {
            for (contender, (alone, together)) in self.contenders.iter().zip(&mut times) {
                let (race, contender) = (self.clone(), contender.clone());
                // In a task, where callers are; the thread that blocks is another one.
                let measured = runtime.spawn(async move {
                    let alone = race.median(&*contender, 500).await;
                    let calls = 6_400;
                    (alone, race.take(&contender, CALLERS, calls).await / 6_400)
                });
                let measured = runtime.block_on(measured).unwrap();
                alone.push(measured.0);
                together.push(measured.1);
            }
        }
        let times: Vec<[Duration; 2]> = times
            .into_iter()
            .map(|(alone, together)| [middle(alone), middle(together)])
            .collect();
        let [ping_alone, ping_together] = times[0];
        for (contender, [alone, together]) in self.contenders.iter().zip(times) {
            println!(
                "{}: 1 caller p50 {alone:?} ({:.2} x PING); \
                 {CALLERS} callers {:.0}/s ({:.2} x PING's time)",
                contender.name(),
                alone.as_secs_f64() / ping_alone.as_secs_f64(),
                1.0 / together.as_secs_f64(),
                together.as_secs_f64() / ping_together.as_secs_f64(),
            );
        }
    }

    fn measure(&self, group: &mut BenchmarkGroup<'_, WallTime>, runtime: &Runtime) {
        for callers in [1, CALLERS] {
            group.throughput(Throughput::Elements(1));
            for contender in &self.contenders {
                let name = format!("{} with {callers} callers", contender.name());
                group.bench_function(name, |bencher| {
                    bencher.iter_custom(|calls| {
                        runtime.block_on(self.take(contender, callers, calls))
                    });
                });
            }
        }
    }
}

/// As the limiter connects: what is sent is not held back until what went before has arrived.
async fn connect(server: &Redis) -> MultiplexedConnection {
    let settings = TcpSettings::default().set_nodelay(true);
    let info = server.url().into_connection_info().unwrap();
    let client = redis::Client::open(info.set_tcp_settings(settings)).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A refusal from memory, beside the HMAC that every key costs.
fn from_memory(limiter: &RedisLimiter) -> [Box<dyn FnMut() + '_>; 2] {
    let now = SystemClock::default().now();
    let charge = used_up();
    let floor = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
    let refuse = move || {
        assert!(limiter.check_now(black_box(&charge), now).is_some());
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

fn print_ratio_from_memory(limiter: &RedisLimiter) {
    const CALLS: u32 = 10_000;
    let mut contenders = from_memory(limiter);
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
