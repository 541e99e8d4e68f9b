//! The laws of GCRA, against exact arithmetic that shares nothing with the implementation.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;
use ringyo_limit::{Charge, Decision, LocalLimiter, Monotonic, Quota};

const HOUR: u64 = 3_600_000_000_000;

#[derive(Debug, Clone, Copy)]
struct Request {
    wait_nanos: u64,
    weight: NonZeroU32,
    account: u8,
    quota: usize,
    key: Option<(u8, usize)>,
}

fn requests(quotas: usize) -> impl Strategy<Value = Vec<Request>> {
    let wait = prop_oneof![
        3 => Just(0),
        3 => 0..50_000_000_u64,
        2 => 0..3_000_000_000_u64,
        1 => 0..200_000_000_000_u64,
    ];
    let key = proptest::option::of((0..2_u8, 0..quotas));
    let weight = (1..6_u32).prop_filter_map("zero", NonZeroU32::new);
    let request = (wait, weight, 0..2_u8, 0..quotas, key).prop_map(
        |(wait_nanos, weight, account, quota, key)| Request {
            wait_nanos,
            weight,
            account,
            quota,
            key,
        },
    );
    proptest::collection::vec(request, 1..120)
}

fn quota() -> impl Strategy<Value = Quota> {
    (1..400_u32, 1..120_000_u64, 1..50_u32, any::<bool>()).prop_filter_map(
        "a quota that cannot be",
        |(limit, period_ms, burst, strict)| {
            let quota = Quota::try_per(limit, Duration::from_millis(period_ms)).ok()?;
            if strict && burst < limit {
                quota.try_strict(burst).ok()
            } else {
                quota.try_with_burst(burst).ok()
            }
        },
    )
}

/// GCRA with every number widened and every rule written out.
#[derive(Default)]
struct Model {
    accounts: HashMap<u8, u128>,
    keys: HashMap<u8, u128>,
}

#[derive(Debug, PartialEq)]
struct Expected {
    allowed: bool,
    retry_after: Option<u128>,
    account: (u128, u128),
    key: Option<(u128, u128)>,
}

impl Model {
    fn decide(&mut self, request: Request, quotas: &[Quota], now: u128) -> Expected {
        let weight = u128::from(request.weight.get());
        let account_quota = quotas[request.quota];
        let key_quota = request.key.map(|(_, quota)| quotas[quota]);
        let account = self.accounts.entry(request.account).or_default();
        let mut none = 0;
        let key = match request.key {
            Some((key, _)) => self.keys.entry(key).or_default(),
            None => &mut none,
        };
        let waits = [Some(account_quota), key_quota]
            .into_iter()
            .zip([*account, *key])
            .filter_map(|(quota, arrival)| Some(wait(quota?, arrival, weight, now)));
        let mut longest = Some(0);
        for wait in waits {
            longest = longest.zip(wait).map(|(a, b)| a.max(b));
        }
        let allowed = longest == Some(0);
        if allowed {
            *account = now.max(*account) + weight * interval(account_quota);
            if let Some(quota) = key_quota {
                *key = now.max(*key) + weight * interval(quota);
            }
        }
        Expected {
            allowed,
            retry_after: longest.filter(|_| !allowed),
            account: state(account_quota, *account, now),
            key: key_quota.map(|quota| state(quota, *key, now)),
        }
    }
}

fn interval(quota: Quota) -> u128 {
    let limit = u128::from(quota.limit());
    let refill = if quota.is_strict() {
        limit - u128::from(quota.burst())
    } else {
        limit
    };
    quota.period().as_nanos().div_ceil(refill)
}

fn wait(quota: Quota, arrival: u128, weight: u128, now: u128) -> Option<u128> {
    let burst = u128::from(quota.burst());
    if weight > burst {
        return None;
    }
    let earliest =
        (now.max(arrival) + weight * interval(quota)).saturating_sub(burst * interval(quota));
    Some(earliest.saturating_sub(now))
}

fn state(quota: Quota, arrival: u128, now: u128) -> (u128, u128) {
    let backlog = arrival.saturating_sub(now);
    let full = u128::from(quota.burst()) * interval(quota);
    (full.saturating_sub(backlog) / interval(quota), backlog)
}

fn seen(decision: &Decision) -> Expected {
    let state = |state: ringyo_limit::BucketState| {
        (
            u128::from(state.remaining()),
            state.reset_after().as_nanos(),
        )
    };
    Expected {
        allowed: decision.is_allowed(),
        retry_after: decision.retry_after().map(|wait| wait.as_nanos()),
        account: state(decision.account()),
        key: decision.key().map(state),
    }
}

fn charge<'a>(request: Request, quotas: &[Quota], names: &'a [[String; 2]; 2]) -> Charge<'a> {
    let account = &names[0][usize::from(request.account)];
    let charge = Charge::to_account(account, quotas[request.quota]).with_weight(request.weight);
    match request.key {
        Some((key, quota)) => charge.with_key(&names[1][usize::from(key)], quotas[quota]),
        None => charge,
    }
}

fn names() -> [[String; 2]; 2] {
    [["a", "b"], ["a", "k"]].map(|pair| pair.map(String::from))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_number_agrees_with_the_model(
        quotas in proptest::collection::vec(quota(), 3),
        requests in requests(3),
    ) {
        let (limiter, mut model, names) = (LocalLimiter::new(), Model::default(), names());
        let mut now = HOUR;
        for request in requests {
            now += request.wait_nanos;
            let decision = limiter.decide(&charge(request, &quotas, &names), Monotonic::from_nanos(now));
            prop_assert_eq!(seen(&decision), model.decide(request, &quotas, u128::from(now)));
        }
    }

    #[test]
    fn sweeping_at_any_time_changes_nothing(
        quotas in proptest::collection::vec(quota(), 3),
        requests in requests(3),
        sweeps in proptest::collection::vec(any::<bool>(), 120),
    ) {
        let (swept, kept, names) = (LocalLimiter::new(), LocalLimiter::new(), names());
        let mut now = HOUR;
        for (request, sweep) in requests.into_iter().zip(sweeps) {
            now += request.wait_nanos;
            let (at, charge) = (Monotonic::from_nanos(now), charge(request, &quotas, &names));
            if sweep {
                swept.shrink(at);
            }
            prop_assert_eq!(swept.decide(&charge, at), kept.decide(&charge, at));
        }
    }

    #[test]
    fn no_window_sees_more_than_burst_and_refill(quota in quota(), requests in requests(1)) {
        let limiter = LocalLimiter::new();
        let admissions = drive(quota, &requests, |charge, now| limiter.decide(charge, now).is_allowed());
        prop_assert_eq!(worst_excess(quota, &admissions), 0);
    }

    #[test]
    fn retry_after_is_exact(quota in quota(), spent in 1..60_u32, weight in 1..50_u32, wait in 0..HOUR) {
        prop_assume!(weight <= quota.burst());
        let limiter = LocalLimiter::new();
        let one = Charge::to_account("a", quota);
        let start = Monotonic::from_nanos(HOUR);
        for _ in 0..spent {
            limiter.decide(&one, start);
        }
        let many = one.with_weight(NonZeroU32::new(weight).unwrap());
        let at = start + Duration::from_nanos(wait % quota.fill_time().as_nanos() as u64);
        let decision = limiter.decide(&many, at);
        if let Some(retry_after) = decision.retry_after() {
            let nanosecond = Duration::from_nanos(1);
            prop_assert!(!limiter.decide(&many, at + (retry_after - nanosecond)).is_allowed());
            prop_assert!(limiter.decide(&many, at + retry_after).is_allowed());
        } else {
            prop_assert!(decision.is_allowed());
        }
    }

    #[test]
    fn remaining_is_what_is_admitted_next(
        account in quota(), key in quota(), spent in 0..60_u32, wait in 0..60_000_000_000_u64,
    ) {
        let limiter = LocalLimiter::new();
        let charge = Charge::to_account("a", account).with_key("k", key);
        let start = Monotonic::from_nanos(HOUR);
        for _ in 0..spent {
            limiter.decide(&charge, start);
        }
        let at = start + Duration::from_nanos(wait);
        let decision = limiter.decide(&charge, at);
        let left = decision.account().remaining().min(decision.key().unwrap().remaining());
        let next = (0..=left + 1).take_while(|_| limiter.decide(&charge, at).is_allowed()).count();
        prop_assert_eq!(next, left as usize);
    }

    #[test]
    fn time_that_wavers_never_admits_more(
        quota in quota(), requests in requests(1), back in proptest::collection::vec(0..2_000_000_000_u64, 120),
    ) {
        let limiter = LocalLimiter::new();
        let mut back = back.into_iter();
        // The law is about true time; what the limiter is told lags behind by any amount, and it
        // is swept in between.
        let admissions = drive(quota, &requests, |charge, now| {
            let lag = back.next().unwrap_or(0);
            if lag % 3 == 0 {
                limiter.shrink(now);
            }
            limiter.decide(charge, Monotonic::from_nanos(now.as_nanos() - lag)).is_allowed()
        });
        prop_assert_eq!(worst_excess_with_lag(quota, &admissions, 2_000_000_000), 0);
    }
}

#[test]
fn the_window_law_catches_a_fixed_window_counter() {
    let quota = Quota::per_minute(60).with_burst(10);
    let mut windows: HashMap<u64, u32> = HashMap::new();
    let step = Request {
        wait_nanos: 500_000_000,
        weight: NonZeroU32::MIN,
        account: 0,
        quota: 0,
        key: None,
    };
    let admissions = drive(quota, &[step; 119], |_, now| {
        let count = windows.entry(now.as_nanos() / 60_000_000_000).or_default();
        *count += 1;
        *count <= 60
    });
    assert!(worst_excess(quota, &admissions) > 0);
}

#[test]
fn a_sweep_refills_nothing_for_a_reading_from_before_it() {
    let (swept, kept) = (LocalLimiter::new(), LocalLimiter::new());
    let charge =
        Charge::to_account("a", Quota::per_minute(60)).with_key("a", Quota::per_minute(60));
    let (start, second) = (Monotonic::from_nanos(HOUR), Duration::from_secs(1));
    for limiter in [&swept, &kept] {
        for _ in 0..60 {
            assert!(limiter.decide(&charge, start).is_allowed());
        }
    }
    swept.shrink(start + 60 * second);
    assert_eq!((swept.buckets(), kept.buckets()), (0, 2));
    for late in [
        start,
        start + 30 * second,
        start + 59 * second,
        start + 60 * second,
    ] {
        assert_eq!(swept.decide(&charge, late), kept.decide(&charge, late));
    }
}

#[test]
fn worst_minute_of_sixty_a_minute_is_119() {
    let greedy = |quota: Quota| {
        let (limiter, charge) = (LocalLimiter::new(), Charge::to_account("a", quota));
        let millis = (0..60_000_u64).map(|ms| Monotonic::from_nanos(HOUR + ms * 1_000_000));
        millis
            .map(|now| {
                (0..)
                    .take_while(|_| limiter.decide(&charge, now).is_allowed())
                    .count()
            })
            .sum::<usize>()
    };
    assert_eq!(greedy(Quota::per_minute(60)), 119);
    assert_eq!(greedy(Quota::per_minute(60).with_burst(10)), 69);
    assert_eq!(greedy(Quota::per_minute(60).strict(10)), 59);
}

fn drive(
    quota: Quota,
    requests: &[Request],
    mut decide: impl FnMut(&Charge<'_>, Monotonic) -> bool,
) -> Vec<(u64, u32)> {
    let mut now = HOUR;
    let mut admissions = Vec::new();
    for request in requests {
        now += request.wait_nanos;
        let charge = Charge::to_account("a", quota).with_weight(request.weight);
        if decide(&charge, Monotonic::from_nanos(now)) {
            admissions.push((now, request.weight.get()));
        }
    }
    admissions
}

/// By how much the worst window exceeds burst + rate × its length, the rate being the quota's own
/// fraction and not its rounded interval; in cells × period.
fn worst_excess(quota: Quota, admissions: &[(u64, u32)]) -> u128 {
    worst_excess_with_lag(quota, admissions, 0)
}

fn worst_excess_with_lag(quota: Quota, admissions: &[(u64, u32)], lag: u128) -> u128 {
    let period = quota.period().as_nanos();
    let burst = u128::from(quota.burst());
    let limit = u128::from(quota.limit());
    let refill = if quota.is_strict() {
        limit - burst
    } else {
        limit
    };
    let mut worst = 0;
    for (index, (from, _)) in admissions.iter().enumerate() {
        let mut cells = 0;
        for (to, weight) in &admissions[index..] {
            cells += u128::from(*weight);
            let length = u128::from(to - from) + lag;
            let bound = burst * period + length * refill;
            worst = worst.max((cells * period).saturating_sub(bound));
        }
    }
    worst
}
