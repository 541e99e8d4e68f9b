//! Quotas, clocks and errors as values.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use ringyo_limit::{
    Backlog, Charge, CheckedBy, Clock, Decision, LimitError, LimitErrorKind, LocalLimiter,
    ManualClock, Monotonic, Quota, QuotaError, RateLimiter, SystemClock, Verdict,
};

#[test]
fn quotas_that_cannot_be_are_refused() {
    let second = Duration::from_secs(1);
    let minute = Quota::per_minute(60);
    for (quota, error) in [
        (Quota::try_per_second(0), QuotaError::ZeroLimit),
        (Quota::try_per_minute(0), QuotaError::ZeroLimit),
        (Quota::try_per_hour(0), QuotaError::ZeroLimit),
        (Quota::try_per(1, Duration::ZERO), QuotaError::Period),
        (
            Quota::try_per(1, Duration::from_micros(1_500)),
            QuotaError::Period,
        ),
        (
            Quota::try_per(1, Quota::MAX_PERIOD + second),
            QuotaError::Period,
        ),
        (Quota::try_per(1, Duration::MAX), QuotaError::Period),
        (minute.try_with_burst(0), QuotaError::ZeroBurst),
        (minute.try_strict(0), QuotaError::ZeroBurst),
        (minute.try_strict(60), QuotaError::StrictBurst),
        (minute.try_strict(u32::MAX), QuotaError::StrictBurst),
        (Quota::per_hour(1).try_with_burst(17_569), QuotaError::Fill),
    ] {
        assert_eq!(quota, Err(error));
    }
    assert!(Quota::per_hour(1).try_with_burst(17_568).is_ok());
    assert!(Quota::try_per(u32::MAX, Quota::MAX_PERIOD).is_ok());
    assert!(minute.try_strict(59).is_ok());
}

#[test]
fn refill_is_rounded_up() {
    let third = Quota::per_second(3);
    assert_eq!(third.refill_interval(), Duration::from_nanos(333_333_334));
    assert_eq!(third.fill_time(), Duration::from_nanos(1_000_000_002));
    let strict = Quota::per_minute(60).strict(10);
    assert_eq!(strict.refill_interval(), Duration::from_millis(1_200));
    assert_eq!((strict.limit(), strict.burst()), (60, 10));
    assert_eq!(strict.with_burst(10), Quota::per_minute(60).with_burst(10));
}

#[test]
fn quotas_read_well() {
    for (quota, text) in [
        (Quota::per_second(5), "5 per second"),
        (Quota::per_minute(60), "60 per minute"),
        (
            Quota::per_hour(1_000).with_burst(50),
            "1000 per hour, burst 50",
        ),
        (
            Quota::per_minute(60).strict(10),
            "60 per minute, burst 10, strict",
        ),
        (
            Quota::try_per(9, Duration::from_millis(1_500)).unwrap(),
            "9 per 1.5s",
        ),
        (
            Quota::try_per(9, Duration::from_secs(86_400)).unwrap(),
            "9 per day",
        ),
    ] {
        assert_eq!(quota.to_string(), text);
        assert_eq!(format!("{quota:?}"), format!("Quota({text})"));
    }
}

/// Plans store quotas in this form: it must not change.
#[test]
fn serialized_form_is_frozen() {
    for (quota, json) in [
        (Quota::per_minute(60), r#"{"limit":60,"period_ms":60000}"#),
        (
            Quota::per_minute(60).with_burst(10),
            r#"{"limit":60,"period_ms":60000,"burst":10}"#,
        ),
        (
            Quota::per_minute(60).strict(10),
            r#"{"limit":60,"period_ms":60000,"burst":10,"strict":true}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&quota).unwrap(), json);
        assert_eq!(serde_json::from_str::<Quota>(json).unwrap(), quota);
    }
    for json in [
        r#"{"limit":0,"period_ms":60000}"#,
        r#"{"limit":60,"period_ms":0}"#,
        r#"{"limit":60,"period_ms":18446744073709551615}"#,
        r#"{"limit":60,"period_ms":60000,"burst":0}"#,
        r#"{"limit":60,"period_ms":60000,"strict":true}"#,
        r#"{"limit":60,"period_ms":60000,"brust":10}"#,
        r#"{"limit":-1,"period_ms":60000}"#,
        r#"{"limit":60}"#,
    ] {
        assert!(serde_json::from_str::<Quota>(json).is_err(), "{json}");
    }
}

proptest! {
    #[test]
    fn serialized_quotas_come_back(limit: u32, millis in 0..40_000_000_000_u64, burst: u32, strict: bool) {
        let Ok(quota) = Quota::try_per(limit, Duration::from_millis(millis)) else { return Ok(()) };
        let other = if strict { quota.try_strict(burst) } else { quota.try_with_burst(burst) };
        for quota in [Ok(quota), other].into_iter().flatten() {
            let json = serde_json::to_string(&quota).unwrap();
            prop_assert_eq!(serde_json::from_str::<Quota>(&json).unwrap(), quota);
        }
    }
}

#[test]
fn manual_clock_moves_only_when_told() {
    let clock = ManualClock::new(-5);
    let start = clock.now();
    assert_eq!(start, clock.now());
    assert_eq!(start.unix_millis, -5);
    clock.advance(Duration::from_micros(7_999));
    assert_eq!(clock.now().unix_millis, 2);
    assert_eq!(
        clock.now().monotonic,
        start.monotonic + Duration::from_micros(7_999)
    );
    clock.correct_wall_clock(-3_600_000);
    assert_eq!(clock.now().unix_millis, 2 - 3_600_000);
    assert_eq!(
        clock.now().monotonic,
        start.monotonic + Duration::from_micros(7_999)
    );
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    assert_eq!(clock.now().monotonic, Monotonic::from_nanos(u64::MAX));
    assert_eq!(
        Monotonic::from_nanos(3).saturating_since(Monotonic::from_nanos(5)),
        Duration::ZERO
    );
}

#[test]
fn system_clocks_agree_and_follow_the_machine() {
    let shared: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let first = SystemClock::default().now();
    std::thread::sleep(Duration::from_millis(20));
    let second = shared.now();
    let passed = second.monotonic.saturating_since(first.monotonic);
    assert!(passed >= Duration::from_millis(20), "{passed:?}");
    assert!(passed < Duration::from_secs(10), "{passed:?}");
    // 2020-01-01, long before this was written.
    assert!(second.unix_millis > 1_577_836_800_000);
}

#[test]
fn errors_say_what_to_do_and_keep_their_cause() {
    let error = LimitError::new(LimitErrorKind::Timeout)
        .with_source(io::Error::from(io::ErrorKind::TimedOut));
    assert_eq!(error.kind(), LimitErrorKind::Timeout);
    assert_eq!(error.to_string(), "rate limiter did not answer in time");
    assert!(error.source().unwrap().is::<io::Error>());
    assert!(
        LimitError::new(LimitErrorKind::Misconfigured)
            .source()
            .is_none()
    );
}

#[tokio::test]
async fn local_limiter_is_always_ready_and_forgets_nothing_on_a_change() {
    let limiter: Arc<dyn RateLimiter> = Arc::new(LocalLimiter::new());
    limiter.ready().await.unwrap();
    let (charge, now) = (
        ringyo_limit::Charge::to_account("acct_1", Quota::per_minute(2)),
        ManualClock::new(0).now(),
    );
    assert_eq!(
        limiter
            .check(&charge, now)
            .await
            .unwrap()
            .account()
            .remaining(),
        1
    );
    limiter.quota_changed("acct_1");
    limiter.quota_changed("nobody");
    assert_eq!(
        limiter
            .check(&charge, now)
            .await
            .unwrap()
            .account()
            .remaining(),
        0
    );
}

#[test]
fn a_decision_keeps_who_made_it() {
    let charge = Charge::to_account("a", Quota::per_minute(60));
    let backlog = Backlog::default();
    let reasons = [
        LimitErrorKind::Unavailable,
        LimitErrorKind::Timeout,
        LimitErrorKind::Misconfigured,
    ];
    let fallbacks = reasons.map(CheckedBy::Fallback);
    let bypasses = reasons.map(CheckedBy::Bypassed);
    let others = [CheckedBy::Local, CheckedBy::Remote, CheckedBy::RemoteDenial];
    for by in others.into_iter().chain(fallbacks).chain(bypasses) {
        for verdict in [Verdict::Allowed, Verdict::Denied] {
            let decision = Decision::from_backlog(&charge, verdict, backlog).with_checked_by(by);
            assert_eq!((decision.checked_by(), decision.verdict()), (by, verdict));
            assert_eq!(Decision::on(&charge, decision.outcome()), decision);
        }
    }
}
