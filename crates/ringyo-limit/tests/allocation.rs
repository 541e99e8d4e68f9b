//! A decision on a known subject allocates nothing.

use std::num::NonZeroU32;
use std::sync::Arc;

use ringyo_limit::{Charge, Clock, LocalLimiter, ManualClock, Quota, RateLimiter};

fn allocations(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).count_total
}

#[test]
fn known_subjects_cost_no_allocation() {
    let limiter: Arc<dyn RateLimiter> = Arc::new(LocalLimiter::new());
    let now = ManualClock::new(0).now();
    let account = Charge::to_account("acct_1", Quota::per_minute(60));
    let both = account.with_key("key_1", Quota::per_minute(10));
    let oversize = both.with_weight(NonZeroU32::MAX);

    let first = allocations(|| assert!(limiter.check_now(&both, now).is_some()));
    assert!(
        first > 0,
        "the counter sees nothing, or a new subject is not remembered"
    );

    let mut verdicts = [0, 0];
    let warm = allocations(|| {
        for charge in [both, account, oversize].iter().cycle().take(300) {
            let decision = limiter.check_now(charge, now).unwrap();
            verdicts[usize::from(decision.is_allowed())] += 1;
        }
    });
    assert!(verdicts.iter().all(|count| *count > 10), "{verdicts:?}");
    assert_eq!(warm, 0);
}

#[tokio::test]
async fn the_asynchronous_path_allocates_and_so_the_fast_one_matters() {
    let limiter: Arc<dyn RateLimiter> = Arc::new(LocalLimiter::new());
    let now = ManualClock::new(0).now();
    let charge = Charge::to_account("acct_1", Quota::per_minute(60));
    limiter.check_now(&charge, now);
    let boxed = allocations(|| drop(limiter.check(&charge, now)));
    assert!(boxed > 0);
}

#[test]
fn a_denial_does_not_make_a_bucket() {
    let limiter = LocalLimiter::new();
    let now = ManualClock::new(0).now().monotonic;
    let tight = Quota::per_minute(1);
    limiter.decide(&Charge::to_account("acct_1", tight), now);
    let before = limiter.buckets();
    for index in 0..1_000 {
        let key = format!("key_{index}");
        let charge = Charge::to_account("acct_1", tight).with_key(&key, tight);
        assert!(!limiter.decide(&charge, now).is_allowed());
        let other = format!("acct_{index}_other");
        let oversize = Charge::to_account(&other, tight).with_weight(NonZeroU32::MAX);
        assert!(!limiter.decide(&oversize, now).is_allowed());
    }
    assert_eq!(limiter.buckets(), before);
}
