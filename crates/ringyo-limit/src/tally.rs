//! A bucket within reach.

use std::fmt;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::clock::Monotonic;
use crate::decision::{Outcome, Verdict};
use crate::local::{LAST_MOMENT, arrival};
use crate::quota::Quota;
use crate::sync::{AtomicU64, Ordering};

/// What has been spent from one account's bucket, for somebody who charges it often: a charge that
/// [brings it along](crate::Charge::with_tally) needs no look-up.
///
/// It is the bucket itself and not a copy: whoever charges the account without it, by the name
/// alone, charges the same number. Made by [`RateLimiter::tally`](crate::RateLimiter::tally).
/// Whoever has it may also [charge](Self::charge) it without asking the limiter. Cloning is cheap;
/// a limiter keeps the bucket for as long as anybody has its tally.
#[derive(Clone)]
pub struct Tally(Arc<AtomicU64>);

impl Tally {
    pub(crate) fn new(arrival: Arc<AtomicU64>) -> Self {
        Self(arrival)
    }

    /// Charges the bucket, and no other: what the limiter would do, if it were asked, with a charge
    /// of this account alone.
    #[must_use]
    #[inline(always)]
    pub fn charge(&self, quota: Quota, weight: NonZeroU32, now: Monotonic) -> Outcome {
        let now = now.as_nanos().min(LAST_MOMENT);
        let (verdict, arrival) = if weight.get() <= quota.burst() {
            arrival::pay(&self.0, quota, weight, now)
        } else {
            (Verdict::Denied, self.0.load(Ordering::Relaxed))
        };
        Outcome::local(verdict, weight, [arrival.saturating_sub(now), 0])
    }

    /// A hint that changes nothing: reads the bucket, so that it is near when it is charged a moment
    /// later.
    #[inline(always)]
    pub fn fetch(&self) {
        black_box(self.0.load(Ordering::Relaxed));
    }

    /// The theoretical arrival time of the bucket.
    pub(crate) fn arrival(&self) -> &AtomicU64 {
        &self.0
    }
}

/// Whether both are the same bucket.
impl PartialEq for Tally {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tally {}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tally(…)")
    }
}
