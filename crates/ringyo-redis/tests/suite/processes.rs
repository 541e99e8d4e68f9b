//! Several processes on one server.

mod asleep;

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use redis::AsyncCommands;
use ringyo_limit::{Charge, Clock, LocalLimiter, Monotonic, Now, Quota, RateLimiter, SystemClock};
use xtask::servers::{RedisOptions, for_tests};

use crate::support::patient;

const ADDRESS: &str = "RINGYO_REDIS_PROCESS_ADDRESS";
const CLOCK: &str = "RINGYO_REDIS_PROCESS_CLOCK";
const WINDOW: &str = "RINGYO_REDIS_PROCESS_WINDOW";
const TEST: &str = "processes::three_processes_are_one_limiter";

/// Refills nothing while a round runs.
const QUOTA: Quota = Quota::per_hour(200);
const ROUNDS: usize = 100;
const TASKS: usize = 8;
const ASKED_BY_EACH: usize = 160;

/// A process that asks when it is told to.
struct Node {
    process: Child,
    orders: ChildStdin,
    reports: Lines<BufReader<ChildStdout>>,
}

impl Node {
    /// Its wall clock is wrong by so many milliseconds, and its quota is full again after this time.
    fn start(address: &str, clock: i64, window: Duration) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([TEST, "--exact", "--nocapture"])
            .env(ADDRESS, address)
            .env(CLOCK, clock.to_string())
            .env(WINDOW, window.as_secs().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            orders: process.stdin.take().unwrap(),
            reports: BufReader::new(process.stdout.take().unwrap()).lines(),
            process,
        }
    }

    fn order(&mut self, how: &str, account: &str) {
        writeln!(self.orders, "{how} {account}").unwrap();
    }

    /// How many of what it asked were admitted.
    fn report(&mut self) -> usize {
        loop {
            let line = self.reports.next().unwrap().unwrap();
            // The harness says something of its own.
            if let Some(count) = line.strip_prefix("admitted ") {
                return count.parse().unwrap();
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The other side: asks as often as ordered and reports.
#[tokio::main]
async fn obey(address: &str) {
    let number = |name| std::env::var(name).unwrap().parse::<i64>().unwrap();
    let clock = number(CLOCK);
    let window = Duration::from_secs(number(WINDOW).try_into().unwrap());
    let limiter = Arc::new(patient(address));
    let client = redis::Client::open(address).unwrap();
    for order in std::io::stdin().lines() {
        let order = order.unwrap();
        let (how, account) = order.split_once(' ').unwrap();
        let account: Arc<str> = account.into();
        let mut tasks = Vec::new();
        for _ in 0..TASKS {
            let (account, limiter) = (account.clone(), limiter.clone());
            let mut plain = match how {
                "racy" => Some(client.get_multiplexed_async_connection().await.unwrap()),
                _ => None,
            };
            let (quota, late, may_be_lost) = match how {
                "limiter" | "racy" => (QUOTA, Duration::ZERO, false),
                _ => (asleep::quota(window), asleep::late(how, window), true),
            };
            tasks.push(tokio::spawn(async move {
                let mut admitted = 0;
                for _ in 0..ASKED_BY_EACH / TASKS {
                    admitted += usize::from(if let Some(plain) = &mut plain {
                        // The control: reads, and then writes.
                        let used: u32 = plain
                            .get::<_, Option<u32>>(&*account)
                            .await
                            .unwrap()
                            .unwrap_or(0);
                        if used < QUOTA.burst() {
                            let _: () = plain.set(&*account, used + 1).await.unwrap();
                        }
                        used < QUOTA.burst()
                    } else {
                        let time = SystemClock::default().now();
                        let now = Now {
                            unix_millis: time.unix_millis + clock,
                            monotonic: Monotonic::from_nanos(
                                time.monotonic
                                    .as_nanos()
                                    .saturating_sub(late.as_nanos() as u64),
                            ),
                        };
                        let charge = Charge::to_account(&account, quota);
                        match limiter.check_now(&charge, now) {
                            Some(decision) => decision.is_allowed(),
                            // What was under way while the process slept may be lost.
                            None if may_be_lost => limiter
                                .check(&charge, now)
                                .await
                                .is_ok_and(|decision| decision.is_allowed()),
                            None => limiter.check(&charge, now).await.unwrap().is_allowed(),
                        }
                    });
                }
                admitted
            }));
        }
        let mut admitted = 0;
        for task in tasks {
            admitted += task.await.unwrap();
        }
        println!("admitted {admitted}");
    }
}

#[test]
fn three_processes_are_one_limiter() {
    if let Ok(address) = std::env::var(ADDRESS) {
        return obey(&address);
    }
    let Some(server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    const HOUR: i64 = 3_600_000;
    let window = Duration::from_secs(3_600);
    let mut nodes = [-HOUR, 0, HOUR].map(|clock| Node::start(&server.url(), clock, window));
    let mut round = |how: &str, account: &str| -> usize {
        for node in &mut nodes {
            node.order(how, account);
        }
        nodes.iter_mut().map(Node::report).sum()
    };

    let local = LocalLimiter::new();
    let now = SystemClock::default().now().monotonic;
    let charge = Charge::to_account("acct", QUOTA);
    let asked = 3 * ASKED_BY_EACH;
    let expected = (0..asked).filter(|_| local.decide(&charge, now).is_allowed());
    let expected = expected.count();
    for index in 0..ROUNDS {
        assert_eq!(
            round("limiter", &format!("acct_{index}")),
            expected,
            "in round {index}"
        );
    }
    let racy = (0..10).filter(|index| round("racy", &format!("racy_{index}")) > expected);
    let racy = racy.count();
    println!("{ROUNDS} rounds of {expected} of {asked}; the control admitted more in {racy} of 10");
    assert!(
        racy > 0,
        "the test would not notice a limiter that reads and then writes"
    );
}
