//! Quotas, clocks and errors as values.

use std::error::Error;
use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use ringyo_limit::{
    Backlog, BucketKind, Charge, CheckedBy, Clock, Decision, LimitError, LimitErrorKind,
    LocalLimiter, ManualClock, Monotonic, Now, Quota, QuotaError, RateLimiter, SystemClock,
    Verdict,
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
    assert_eq!(Quota::MAX_PERIOD.as_secs(), 31_622_400);
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
    assert!(strict.is_strict() && !third.is_strict());
    // And up again, to what a limiter with a coarser clock can count.
    let coarse = |nanos| third.refill_interval_in(Duration::from_nanos(nanos));
    for (tick, nanos) in [(0, 333_333_334), (1, 333_333_334), (2, 333_333_334)] {
        assert_eq!(coarse(tick), Duration::from_nanos(nanos));
    }
    assert_eq!(coarse(1_000), Duration::from_nanos(333_334_000));
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

/// A clock whose cheap reading is an hour old.
#[derive(Debug)]
struct Late(ManualClock);

impl Clock for Late {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn lately(&self) -> Now {
        let Now {
            monotonic,
            unix_millis,
        } = self.0.now();
        let unix_millis = unix_millis - 3_600_000;
        Now {
            monotonic,
            unix_millis,
        }
    }

    fn lag(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

#[test]
fn a_shared_clock_is_the_clock() {
    let shared: Arc<dyn Clock> = Arc::new(Arc::new(Late(ManualClock::new(3_600_000))));
    let (now, lately) = (shared.now().unix_millis, shared.lately().unix_millis);
    assert_eq!((now, lately, shared.lag().as_secs()), (3_600_000, 0, 3_600));
    // One that knows no cheap way is asked the dear one.
    let exact: Arc<dyn Clock> = Arc::new(ManualClock::new(7));
    assert_eq!((exact.lately(), exact.lag()), (exact.now(), Duration::ZERO));
}

#[test]
fn system_clocks_agree_and_follow_the_machine() {
    let shared: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let first = SystemClock::default().now();
    // Long enough for a whole second to go by.
    std::thread::sleep(Duration::from_millis(1_100));
    let second = shared.now();
    let passed = second.monotonic.saturating_since(first.monotonic);
    assert!(passed >= Duration::from_millis(1_100), "{passed:?}");
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
    for (kind, name, text) in [
        (
            LimitErrorKind::Unavailable,
            "unavailable",
            "rate limiter is unavailable",
        ),
        (
            LimitErrorKind::Timeout,
            "timeout",
            "rate limiter did not answer in time",
        ),
        (
            LimitErrorKind::Misconfigured,
            "misconfigured",
            "rate limiter refuses to work as it is configured",
        ),
    ] {
        assert_eq!((kind.as_str(), kind.to_string().as_str()), (name, text));
    }
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
    let other = Charge::to_account("acct_2", Quota::per_minute(2));
    assert!(limiter.check_now(&other, now).unwrap().is_allowed());
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
    for (by, reason) in [(fallbacks, reasons), (bypasses, reasons)]
        .into_iter()
        .flat_map(|(by, reasons)| by.into_iter().zip(reasons))
    {
        assert_eq!(by.reason(), Some(reason));
    }
    assert_eq!(others.map(|by| by.reason()), [None; 3]);
    let all = [others[0], others[1], others[2], fallbacks[0], bypasses[0]];
    assert_eq!(
        all.map(CheckedBy::as_str),
        ["local", "remote", "remote_denial", "fallback", "bypassed"],
        "what operators count by"
    );
    for by in others.into_iter().chain(fallbacks).chain(bypasses) {
        for verdict in [Verdict::Allowed, Verdict::Denied] {
            let decision = Decision::from_backlog(&charge, verdict, backlog).with_checked_by(by);
            assert_eq!((decision.checked_by(), decision.verdict()), (by, verdict));
            assert_eq!(Decision::on(&charge, decision.outcome()), decision);
        }
    }
}

#[test]
fn a_decision_tells_when_the_next_cell_is_free() {
    let charge = Charge::to_account("a", Quota::per_minute(60));
    let at = |seconds, tick| {
        let backlog = Backlog {
            account: Duration::from_secs(seconds),
            key: Duration::ZERO,
        };
        Decision::from_backlog_in(tick, &charge, Verdict::Allowed, backlog).account()
    };
    let nanosecond = Duration::from_nanos(1);
    for (backlog, remaining, next) in [(0, 60, 0), (59, 1, 0), (60, 0, 1), (75, 0, 16)] {
        let state = at(backlog, nanosecond);
        assert_eq!(state.remaining(), remaining);
        assert_eq!(state.next_cell_after(), Duration::from_secs(next));
        assert_eq!(state.reset_after(), Duration::from_secs(backlog));
    }
    // In ticks of four seconds a cell is back after four.
    let coarse = |seconds| at(seconds, Duration::from_secs(4)).remaining();
    assert_eq!((coarse(0), coarse(4), coarse(240)), (60, 59, 0));
}

#[test]
fn a_tally_is_the_bucket_itself() {
    let limiter = LocalLimiter::new();
    let tally = |account| limiter.tally(account).unwrap();
    assert_eq!(tally("a"), tally("a"));
    assert_ne!(tally("a"), tally("b"));
    let (quota, now) = (Quota::per_minute(2), ManualClock::new(0).now().monotonic);
    let pays = |weight: u32| {
        let outcome = tally("a").charge(quota, NonZeroU32::new(weight).unwrap(), now);
        outcome.is_allowed()
    };
    assert_eq!([3, 2, 1].map(pays), [false, true, false]);
    let rest = limiter.decide(&Charge::to_account("a", quota), now);
    assert_eq!(rest.account().remaining(), 0);
    let brought = tally("a");
    let charge = Charge::to_account("a", quota).with_tally(Some(&brought));
    assert!(!limiter.decide(&charge, now).is_allowed());
}

#[test]
fn of_two_buckets_the_one_nearer_to_refusal_binds() {
    let minute = Quota::per_minute(60);
    for (account, key, binding) in [
        // As many cells are left: the one that has waited less for its next.
        ((minute, 500), (minute, 700), BucketKind::Key),
        ((minute, 700), (minute, 500), BucketKind::Account),
        ((minute, 500), (minute, 500), BucketKind::Account),
        // Fewer cells, however long the other needs to be full again.
        (
            (Quota::per_minute(2), 0),
            (minute, 10_000),
            BucketKind::Account,
        ),
        ((minute, 10_000), (Quota::per_minute(2), 0), BucketKind::Key),
    ] {
        let charge = Charge::to_account("a", account.0).with_key("k", key.0);
        let backlog = Backlog {
            account: Duration::from_millis(account.1),
            key: Duration::from_millis(key.1),
        };
        let decision = Decision::from_backlog(&charge, Verdict::Allowed, backlog);
        assert_eq!(decision.binding().kind(), binding, "{account:?} {key:?}");
    }
}
