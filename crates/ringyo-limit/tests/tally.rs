//! A bucket that is brought along decides as the limiter does that it is from.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::num::NonZeroU32;
use std::time::Duration;

use ringyo_limit::{Charge, LocalLimiter, Monotonic, Quota, RateLimiter as _};

#[test]
fn charged_alone_it_is_as_charged_by_name() {
    let quota = Quota::per_minute(60).with_burst(5);
    let (alone, by_name) = (LocalLimiter::new(), LocalLimiter::new());
    let tally = alone.tally("acct_1").unwrap();
    let (mut allowed, mut denied) = (0, 0);
    for step in 0..200_u64 {
        let now = Monotonic::from_nanos(0) + Duration::from_millis(step * 150);
        // From one to more than the bucket ever holds.
        let weight = NonZeroU32::new(step as u32 % 7 + 1).unwrap();
        let charge = Charge::to_account("acct_1", quota).with_weight(weight);
        let outcome = tally.charge(quota, weight, now);
        assert_eq!(
            outcome,
            by_name.decide(&charge, now).outcome(),
            "step {step}"
        );
        match outcome.is_allowed() {
            true => allowed += 1,
            false => denied += 1,
        }
    }
    assert!(allowed > 20 && denied > 20, "{allowed} and {denied}");

    // It is the bucket and no copy of it.
    let again = alone.tally("acct_1").unwrap();
    assert_eq!(again, tally);
    assert_ne!(alone.tally("acct_2").unwrap(), tally);
    assert_eq!(format!("{tally:?}"), "Tally(…)");
    assert!(format!("{alone:?}").starts_with("LocalLimiter { accounts: "));
}
