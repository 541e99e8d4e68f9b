//! The ends of every range: nothing overflows, nothing panics.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;
use ringyo_limit::{
    Backlog, Charge, CheckedBy, Decision, LimitErrorKind, LocalLimiter, Monotonic, Quota, Verdict,
};

fn extreme_u32() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(1),
        Just(2),
        Just(u32::MAX - 1),
        Just(u32::MAX),
        1..=u32::MAX
    ]
}

fn extreme_quota() -> impl Strategy<Value = Quota> {
    let period = prop_oneof![Just(1), Just(31_622_400_000_u64), 1..31_622_400_000_u64];
    (extreme_u32(), period, extreme_u32(), any::<bool>()).prop_filter_map(
        "a quota that cannot be",
        |(limit, millis, burst, strict)| {
            let quota = Quota::try_per(limit, Duration::from_millis(millis)).ok()?;
            let with_burst = if strict {
                quota.try_strict(burst)
            } else {
                quota.try_with_burst(burst)
            };
            Some(with_burst.unwrap_or(quota))
        },
    )
}

fn extreme_time() -> impl Strategy<Value = Monotonic> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(1 << 63),
        Just((1 << 63) + 1),
        Just(u64::MAX),
        any::<u64>()
    ]
    .prop_map(Monotonic::from_nanos)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_input_panics(
        charges in proptest::collection::vec(
            (extreme_quota(), extreme_quota(), extreme_u32(), extreme_time()), 1..20),
    ) {
        let limiter = LocalLimiter::new();
        for (account, key, weight, now) in charges {
            let charge = Charge::to_account("a", account)
                .with_key("k", key)
                .with_weight(NonZeroU32::new(weight).unwrap());
            let decision = limiter.decide(&charge, now);
            prop_assert!(decision.account().remaining() <= account.burst());
            prop_assert_eq!(decision.is_allowed(), decision.retry_after().is_none() && charge.is_payable());
            limiter.shrink(now);
        }
    }

    #[test]
    fn no_backlog_panics(
        quota in extreme_quota(),
        weight in extreme_u32(),
        (seconds, nanos) in (any::<u64>(), 0..1_000_000_000_u32),
    ) {
        let backlog = Duration::new(seconds, nanos);
        let charge = Charge::to_account("a", quota).with_weight(NonZeroU32::new(weight).unwrap());
        let backlog = Backlog { account: backlog, key: backlog };
        let decision = Decision::from_backlog(&charge, Verdict::Denied, backlog);
        prop_assert_eq!(decision.retry_after().is_some(), charge.is_payable());
    }
}

#[test]
fn the_fastest_quota_keeps_its_burst() {
    let limiter = LocalLimiter::new();
    let quota = Quota::per_second(u32::MAX);
    assert_eq!(quota.refill_interval(), Duration::from_nanos(1));
    let all = Charge::to_account("a", quota).with_weight(NonZeroU32::MAX);
    let now = Monotonic::from_nanos(5);
    assert!(limiter.decide(&all, now).is_allowed());
    let denied = limiter.decide(&all, now);
    assert_eq!(
        denied.retry_after(),
        Some(Duration::from_nanos(u64::from(u32::MAX)))
    );
}

#[test]
fn a_denial_can_name_its_unpayable_bucket() {
    let charge = Charge::to_account("a", Quota::per_minute(60))
        .with_key("k", Quota::per_minute(2))
        .with_weight(NonZeroU32::new(3).unwrap());
    let spent = Backlog {
        account: Duration::from_secs(60),
        key: Duration::ZERO,
    };
    let decision = Decision::from_backlog(&charge, Verdict::Denied, spent);
    assert_eq!(decision.binding(), decision.key().unwrap());
    assert_eq!(decision.checked_by(), CheckedBy::Local);

    let reason = CheckedBy::Bypassed(LimitErrorKind::Timeout);
    let open = Decision::from_backlog(&charge, Verdict::Allowed, Backlog::default());
    assert_eq!(open.with_checked_by(reason).checked_by(), reason);
    assert_eq!(open.account().remaining(), 60);
}
