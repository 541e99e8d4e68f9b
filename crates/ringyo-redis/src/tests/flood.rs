//! What a flood over the limit costs, and that what is remembered stays exact and bounded.

use std::num::NonZeroU32;
use std::time::Duration;

use redis::Connection;
use ringyo_limit::{Charge, CheckedBy, Clock, Decision, ManualClock, Now, Quota, RateLimiter};
use xtask::servers::{Redis, RedisOptions, for_tests};

use super::{config, limiter};
use crate::RedisLimiter;

const PLAN: Quota = Quota::per_minute(300);
const NODES: usize = 4;

/// A server of one's own, whose calls nobody else makes.
struct Counted {
    server: Redis,
    connection: Connection,
}

impl Counted {
    fn start() -> Option<Self> {
        let server = for_tests::redis(RedisOptions::default())?;
        let client = redis::Client::open(server.url()).unwrap();
        Some(Self {
            server,
            connection: client.get_connection().unwrap(),
        })
    }

    /// How often the script has run.
    fn calls(&mut self) -> u64 {
        let info: String = redis::cmd("INFO")
            .arg("commandstats")
            .query(&mut self.connection)
            .unwrap();
        info.lines()
            .filter_map(|line| line.strip_prefix("cmdstat_eval"))
            .map(|line| {
                let calls = line.split(['=', ',']).nth(1);
                calls.unwrap().parse::<u64>().unwrap()
            })
            .sum()
    }
}

async fn ask(node: &RedisLimiter, charge: &Charge<'_>, now: Now) -> Decision {
    match node.check_now(charge, now) {
        Some(decision) => decision,
        None => node.check(charge, now).await.unwrap(),
    }
}

/// Calls of the script for each decision, when `times` the quota is asked of four nodes in turn
/// for ten seconds, of an account that has been used up.
async fn calls_per_decision(times: u32, is_remembered: bool) -> Option<f64> {
    let mut counted = Counted::start()?;
    let config = config(&counted.server.url());
    let nodes = [(); NODES].map(|()| RedisLimiter::on_callers_time(config.clone()).unwrap());
    let clock = ManualClock::new(0);
    clock.advance(Duration::from_secs(3_600));
    let charge = Charge::to_account("acct_1", PLAN);
    for _ in 0..301 {
        ask(&nodes[0], &charge, clock.now()).await;
    }
    let pause = PLAN.refill_interval() / times;
    let (decisions, before) = (50 * times, counted.calls());
    let mut allowed = 0;
    for index in 0..decisions as usize {
        clock.advance(pause);
        // Not the same node at each refill.
        let node = &nodes[(index * 7 + index / 50) % NODES];
        if !is_remembered {
            node.quota_changed("acct_1");
        }
        allowed += u32::from(ask(node, &charge, clock.now()).await.is_allowed());
    }
    assert_eq!(allowed, 50, "a cell each 200 ms, as with one node");
    Some((counted.calls() - before) as f64 / f64::from(decisions))
}

#[tokio::test]
async fn a_flood_costs_few_calls() {
    for (times, most) in [(20, 0.3), (1_000, 0.02)] {
        let Some(calls) = calls_per_decision(times, true).await else {
            return;
        };
        println!("{times} times the quota: {calls:.4} calls for each decision");
        assert!(calls <= most, "{times} times the quota: {calls}");
        assert!(calls > 0.0);
    }
    // The control: without what is remembered each decision is a call.
    assert_eq!(calls_per_decision(20, false).await, Some(1.0));
}

#[tokio::test]
async fn what_would_still_fit_is_asked_about() {
    let Some(address) = for_tests::shared_redis() else {
        return;
    };
    let (node, clock) = (limiter(&address), ManualClock::new(0));
    let now = clock.now();
    let five = NonZeroU32::new(5).unwrap();
    let charge = Charge::to_account("acct_1", Quota::per_hour(9));
    let tight = Quota::per_hour(1);
    assert!(
        ask(&node, &charge.with_weight(five), now)
            .await
            .is_allowed()
    );
    // The same again cannot fit into the four cells that are left.
    let denied = ask(&node, &charge.with_weight(five), now).await;
    let by = CheckedBy::RemoteDenial;
    assert_eq!((denied.is_allowed(), denied.checked_by()), (false, by));
    // A lighter one fits.
    assert!(ask(&node, &charge, now).await.is_allowed());
    // A key that is used up says nothing about the others of its account.
    let first = charge.with_key("key_1", tight);
    assert!(ask(&node, &first, now).await.is_allowed());
    let denied = ask(&node, &first, now).await;
    assert_eq!((denied.is_allowed(), denied.checked_by()), (false, by));
    assert!(
        ask(&node, &charge.with_key("key_2", tight), now)
            .await
            .is_allowed()
    );
    assert!(ask(&node, &charge, now).await.is_allowed());
    // Nor does an account about another one.
    let spent = ask(&node, &charge, now).await;
    assert!(!spent.is_allowed());
    let other = Charge::to_account("acct_2", Quota::per_hour(9));
    assert!(ask(&node, &other, now).await.is_allowed());
}

#[tokio::test]
async fn a_changed_quota_is_asked_about() {
    let Some(address) = for_tests::shared_redis() else {
        return;
    };
    let (node, clock) = (limiter(&address), ManualClock::new(0));
    let charges = ["acct_1", "acct_2"]
        .map(|account| Charge::to_account(account, PLAN).with_key("key_1", Quota::per_hour(1)));
    for charge in &charges {
        ask(&node, charge, clock.now()).await;
        assert!(node.check_now(charge, clock.now()).is_some());
    }
    node.quota_changed("acct_1");
    node.quota_changed("acct_3");
    assert!(node.check_now(&charges[0], clock.now()).is_none());
    assert!(node.check_now(&charges[1], clock.now()).is_some());
    let shown = format!("{node:?}");
    assert!(shown.contains("denials: 2"), "{shown}");
}

#[tokio::test]
async fn a_time_that_is_over_is_asked_about() {
    let Some(address) = for_tests::shared_redis() else {
        return;
    };
    let (node, clock) = (limiter(&address), ManualClock::new(0));
    let charge = Charge::to_account("acct_1", Quota::per_second(1));
    assert!(ask(&node, &charge, clock.now()).await.is_allowed());
    clock.advance(Duration::from_millis(999));
    assert!(node.check_now(&charge, clock.now()).is_some());
    clock.advance(Duration::from_millis(1));
    assert!(node.check_now(&charge, clock.now()).is_none());
}

#[tokio::test]
async fn a_refusal_from_memory_allocates_nothing() {
    let Some(address) = for_tests::shared_redis() else {
        return;
    };
    let (node, clock) = (limiter(&address), ManualClock::new(0));
    let node: &dyn RateLimiter = &node;
    let now = clock.now();
    let one = Quota::per_hour(1);
    let charges = [
        Charge::to_account("acct_1", one),
        Charge::to_account("acct_2", PLAN).with_key("key_1", one),
    ];
    for charge in &charges {
        let made = allocation_counter::measure(|| drop(node.check(charge, now)));
        assert!(made.count_total > 0, "the counter sees nothing");
        assert!(node.check(charge, now).await.unwrap().is_allowed());
        let refused = allocation_counter::measure(|| {
            for _ in 0..100 {
                assert!(node.check_now(charge, now).is_some());
            }
        });
        assert_eq!(refused.count_total, 0);
    }
    // What is not known is not decided, and costs nothing either.
    let unknown = Charge::to_account("acct_3", one);
    let passed = allocation_counter::measure(|| assert!(node.check_now(&unknown, now).is_none()));
    assert_eq!(passed.count_total, 0);
}
