//! Memory follows the buckets that are below full, not the accounts ever seen.

use std::time::Duration;

use ringyo_limit::{Charge, LocalLimiter, Monotonic, Quota};

const ACCOUNTS: u64 = 1_000_000;
const QUOTA: Quota = Quota::per_minute(60);

/// Charges a million accounts, `apart` from each other. The limiter and the bytes it holds.
fn charge_a_million(apart: Duration) -> (LocalLimiter, i64, Monotonic) {
    let mut limiter = None;
    let mut now = Monotonic::from_nanos(1);
    let memory = allocation_counter::measure(|| {
        let fresh = LocalLimiter::new();
        for index in 0..ACCOUNTS {
            now = now + apart;
            let subject = format!("acct_{index}");
            let charge = Charge::to_account(&subject, QUOTA).with_key(&subject, QUOTA);
            assert!(fresh.decide(&charge, now).is_allowed());
        }
        limiter = Some(fresh);
    });
    (limiter.expect("measured once"), memory.bytes_current, now)
}

#[test]
fn a_million_idle_accounts_leave_nothing_behind() {
    // A thousand accounts are below full at any time: one cell is back after a second.
    let (limiter, bytes, now) = charge_a_million(Duration::from_millis(1));
    let buckets = limiter.buckets();
    assert!((2_000..=20_000).contains(&buckets), "{buckets} buckets");
    assert!(bytes < 2_000_000, "{bytes} bytes");

    limiter.shrink(now);
    assert!(
        (1_998..=2_000).contains(&limiter.buckets()),
        "{}",
        limiter.buckets()
    );
    limiter.shrink(now + Duration::from_secs(1));
    assert_eq!(limiter.buckets(), 0);
}

#[test]
fn a_million_draining_accounts_are_all_kept() {
    let (limiter, bytes, now) = charge_a_million(Duration::ZERO);
    assert_eq!(limiter.buckets() as u64, 2 * ACCOUNTS);
    assert!(
        bytes > 50_000_000,
        "{bytes} bytes: the counter does not see the buckets"
    );

    let almost = now + (Duration::from_secs(1) - Duration::from_nanos(1));
    limiter.shrink(almost);
    assert_eq!(limiter.buckets() as u64, 2 * ACCOUNTS);
    let charge = Charge::to_account("acct_77", QUOTA);
    assert_eq!(limiter.decide(&charge, almost).account().remaining(), 58);

    let freed = allocation_counter::measure(|| limiter.shrink(now + Duration::from_secs(1)));
    assert_eq!(limiter.buckets(), 1);
    assert!(freed.bytes_current < -50_000_000, "{freed:?}");
    // The tables go as well, and not only what was in them.
    let kept = bytes + freed.bytes_current;
    assert!(kept < 1_000_000, "{kept} bytes");
}
