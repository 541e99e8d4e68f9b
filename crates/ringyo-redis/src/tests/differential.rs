//! The same schedule for the local limiter and for this one: the same decisions, to the field.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use ringyo_limit::{
    Charge, CheckedBy, Clock, Decision, LocalLimiter, ManualClock, Quota, RateLimiter,
};
use tokio::runtime::Runtime;
use xtask::servers::for_tests;

use super::{config, limiter};
use crate::RedisLimiter;
use crate::bucket::TICK;

/// Refill intervals of whole microseconds, from one to a day.
const WHOLE: [Quota; 7] = [
    Quota::per_minute(60),
    Quota::per_minute(300),
    Quota::per_minute(60).strict(10),
    Quota::per_minute(60).with_burst(3),
    Quota::per_second(5),
    Quota::per_second(1_000_000).with_burst(20),
    Quota::per_hour(1),
];

/// Refill intervals that are rounded.
const BROKEN: [Quota; 4] = [
    Quota::per_second(700),
    Quota::per_second(3),
    Quota::per_minute(7).with_burst(4),
    Quota::per_second(u32::MAX).with_burst(9),
];

#[derive(Debug, Clone)]
enum Step {
    Ask {
        account: usize,
        key: Option<usize>,
        weight: u32,
        quota: usize,
        key_quota: usize,
        path: Path,
        node: usize,
    },
    Wait(Duration),
    QuotaChanged(usize),
}

#[derive(Debug, Clone, Copy)]
enum Path {
    FastThenWhole,
    Whole,
}

const ACCOUNTS: [&str; 3] = ["acct_1/live", "acct_1/test", "{}"];
const KEYS: [[&str; 2]; 3] = [["a", "b"], ["c", "d"], ["e", "{}"]];

fn schedule() -> impl Strategy<Value = Vec<Step>> {
    let ask = (
        0..ACCOUNTS.len(),
        proptest::option::of(0..2_usize),
        prop_oneof![8 => Just(1_u32), 3 => 2..6_u32, 1 => 50..400_u32, 1 => Just(u32::MAX)],
        0..7_usize,
        0..7_usize,
        prop_oneof![4 => Just(Path::FastThenWhole), 1 => Just(Path::Whole)],
        0..2_usize,
    );
    let ask = ask.prop_map(
        |(account, key, weight, quota, key_quota, path, node)| Step::Ask {
            account,
            key,
            weight,
            quota,
            key_quota,
            path,
            node,
        },
    );
    let wait = prop_oneof![
        Just(1_u64),
        1..1_000_u64,
        1..3_000_000_u64,
        1..90_000_000_u64
    ];
    let wait = wait.prop_map(|micros| Step::Wait(Duration::from_micros(micros)));
    let step = prop_oneof![
        12 => ask,
        2 => wait,
        1 => (0..ACCOUNTS.len()).prop_map(Step::QuotaChanged)
    ];
    proptest::collection::vec(step, 1..150)
}

/// All that a decision says, but for who made it and in which steps of time it was counted.
fn said(decision: Decision) -> impl PartialEq + std::fmt::Debug {
    (
        decision.verdict(),
        decision.account(),
        decision.key(),
        decision.retry_after(),
        decision.binding(),
    )
}

/// Plays the schedule, for `judge` to compare what the local limiter and a node said.
async fn play(
    steps: &[Step],
    quotas: &[Quota],
    nodes: &[RedisLimiter],
    mut judge: impl FnMut(Decision, Decision) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let (local, clock) = (LocalLimiter::new(), ManualClock::new(0));
    clock.advance(Duration::from_secs(3_600));
    for step in steps {
        match *step {
            Step::Wait(time) => clock.advance(time),
            Step::QuotaChanged(account) => {
                for node in nodes {
                    node.quota_changed(ACCOUNTS[account]);
                }
            }
            Step::Ask {
                account,
                key,
                weight,
                quota,
                key_quota,
                path,
                node,
            } => {
                let mut charge =
                    Charge::to_account(ACCOUNTS[account], quotas[quota % quotas.len()])
                        .with_weight(NonZeroU32::new(weight).unwrap());
                if let Some(key) = key {
                    let quota = quotas[key_quota % quotas.len()];
                    charge = charge.with_key(KEYS[account][key], quota);
                }
                let (now, node) = (clock.now(), &nodes[node % nodes.len()]);
                let fast = match path {
                    Path::FastThenWhole => node.check_now(&charge, now),
                    Path::Whole => None,
                };
                let shared = match fast {
                    Some(decision) => decision,
                    None => node.check(&charge, now).await.unwrap(),
                };
                judge(local.decide(&charge, now.monotonic), shared)?;
            }
        }
    }
    Ok(())
}

fn run(
    quotas: &[Quota],
    make: impl Fn(&str) -> Vec<RedisLimiter>,
    judge: impl Fn(Decision, Decision) -> Result<(), TestCaseError>,
) {
    let (asked, remembered) = (AtomicU32::new(0), AtomicU32::new(0));
    let Some(address) = for_tests::shared_redis() else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    proptest!(ProptestConfig::with_cases(100), |(steps in schedule())| {
        runtime.block_on(async {
            let nodes = make(&address);
            play(&steps, quotas, &nodes, |local, shared| {
                let by = match shared.checked_by() {
                    CheckedBy::RemoteDenial => &remembered,
                    _ => &asked,
                };
                by.fetch_add(1, Ordering::Relaxed);
                judge(local, shared)
            })
            .await
        })?;
    });
    // Both ways of deciding have been compared.
    assert!(asked.into_inner() > 1_000);
    assert!(remembered.into_inner() > 200);
}

#[test]
fn one_node_says_what_the_local_limiter_says() {
    run(
        &WHOLE,
        |address| vec![limiter(address)],
        |local, shared| {
            prop_assert_eq!(said(shared), said(local));
            Ok(())
        },
    );
}

/// What a node remembers may be older than what the other has charged since: it may then promise
/// more than there is, but the verdict is right.
#[test]
fn two_nodes_decide_as_one_local_limiter() {
    run(
        &WHOLE,
        |address| {
            let config = config(address);
            let node = || RedisLimiter::on_callers_time(config.clone()).unwrap();
            vec![node(), node()]
        },
        |local, shared| {
            match shared.checked_by() {
                CheckedBy::Remote => prop_assert_eq!(said(shared), said(local)),
                CheckedBy::RemoteDenial => {
                    prop_assert_eq!(shared.verdict(), local.verdict());
                    prop_assert!(shared.retry_after() <= local.retry_after());
                    prop_assert!(shared.account().remaining() >= local.account().remaining());
                }
                other => prop_assert!(false, "checked by {:?}", other),
            }
            Ok(())
        },
    );
}

/// Rounding only ever takes: what is admitted here, the local limiter would have admitted, of the
/// same past. And what it takes is less than a microsecond for each cell.
#[test]
fn rounded_intervals_never_admit_more() {
    for quota in BROKEN {
        let exact = quota.refill_interval();
        let rounded = quota.refill_interval_in(TICK);
        assert!(exact < rounded && rounded < exact + TICK, "{quota}");
    }
    let Some(address) = for_tests::shared_redis() else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    let _in_runtime = runtime.enter();
    for quota in BROKEN {
        let node = limiter(&address);
        let (local, clock) = (LocalLimiter::new(), ManualClock::new(0));
        let charge = Charge::to_account("acct_1", quota);
        let (mut here, mut there) = (0_u32, 0_u32);
        for step in 0..3_000 {
            let now = clock.now();
            let shared = runtime.block_on(async {
                match node.check_now(&charge, now) {
                    Some(decision) => decision,
                    None => node.check(&charge, now).await.unwrap(),
                }
            });
            here += u32::from(shared.is_allowed());
            there += u32::from(local.decide(&charge, now.monotonic).is_allowed());
            assert!(
                here <= there,
                "{quota}: {here} against {there} after {step} steps"
            );
            assert!(shared.account().remaining() <= quota.burst());
            if shared.is_allowed() {
                assert_eq!(shared.account().quota(), quota);
            } else {
                // Refused until exactly then: the numbers fit the rounded interval.
                let wait = shared.retry_after().unwrap();
                assert!(wait <= quota.refill_interval_in(TICK));
                clock.advance(wait - Duration::from_nanos(1_000).min(wait));
                if wait > TICK {
                    let early = runtime.block_on(node.check(&charge, clock.now())).unwrap();
                    assert!(!early.is_allowed(), "{quota}, a microsecond early");
                }
                clock.advance(TICK.min(wait));
            }
        }
        let share = f64::from(here) / f64::from(there);
        assert!(
            share > 1.0 - 1e-6 / quota.refill_interval().as_secs_f64().max(1e-6),
            "{quota}: {share}"
        );
    }
}
