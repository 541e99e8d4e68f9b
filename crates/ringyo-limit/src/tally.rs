//! A bucket within reach.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What has been spent from one account's bucket, for somebody who charges it often: a charge that
/// [brings it along](crate::Charge::with_tally) needs no look-up.
///
/// It is the bucket itself and not a copy: whoever charges the account without it, by the name
/// alone, charges the same number. Made by [`RateLimiter::tally`](crate::RateLimiter::tally).
/// Cloning is cheap; a limiter keeps the bucket for as long as anybody has its tally.
#[derive(Clone)]
pub struct Tally(Arc<AtomicU64>);

impl Tally {
    pub(crate) fn new(arrival: Arc<AtomicU64>) -> Self {
        Self(arrival)
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
