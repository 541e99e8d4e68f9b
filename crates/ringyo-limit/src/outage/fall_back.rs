use std::num::NonZeroU32;

use async_trait::async_trait;

use super::Guarded;
use crate::charge::Charge;
use crate::clock::Now;
use crate::decision::{CheckedBy, Decision};
use crate::error::{LimitError, LimitErrorKind};
use crate::limiter::RateLimiter;
use crate::local::LocalLimiter;
use crate::tally::Tally;

/// Lets a [`LocalLimiter`] decide while the limiter inside fails. The choice to start with: the
/// service goes on, and what it admits stays bounded.
///
/// # The bound
///
/// Each node then grants the whole quota for itself, from a bucket that is full when the outage
/// begins: n nodes together admit at most n times the quota, besides what had been admitted
/// before. [`divided_among`](Self::divided_among) n nodes each grants the n-th part, and together
/// they keep to one quota. When the limiter is back, it knows nothing of what was admitted
/// meanwhile.
///
/// # Health
///
/// Always [ready](RateLimiter::ready), because it always decides: a health check that failed with
/// the shared limiter would take all nodes out of service at once, for an outage that this wrapper
/// is there to bridge. Watch [`CheckedBy::Fallback`] or [`outage`](Self::outage) instead.
#[derive(Debug)]
pub struct FallBack<L> {
    guarded: Guarded<L>,
    local: LocalLimiter,
    nodes: NonZeroU32,
}

impl<L: RateLimiter> FallBack<L> {
    /// Guards `limiter`; each node falls back to the whole quota.
    #[must_use]
    pub fn new(limiter: L) -> Self {
        Self {
            guarded: Guarded::new(limiter),
            local: LocalLimiter::new(),
            nodes: NonZeroU32::MIN,
        }
    }

    /// Falls back to the `nodes`-th part of every quota instead: a request costs its weight on
    /// each of the nodes, here as many times at once.
    ///
    /// Quotas are shown whole; what [remains](crate::BucketState::remaining) is this node's part.
    /// A request that costs more than a whole bucket that way empties the bucket: a node always
    /// admits something, so that the bound of one quota holds for bursts of at least `nodes` times
    /// the weight.
    #[must_use]
    pub fn divided_among(self, nodes: NonZeroU32) -> Self {
        Self { nodes, ..self }
    }

    /// Why the limiter is not asked now, but for a probe from time to time; `None` while it is.
    #[must_use]
    pub fn outage(&self) -> Option<LimitErrorKind> {
        self.guarded.breaker.outage()
    }

    fn decide(&self, charge: &Charge<'_>, now: Now, reason: LimitErrorKind) -> Decision {
        let smallest_burst = charge.key().map_or(u32::MAX, |key| key.quota.burst());
        let smallest_burst = smallest_burst.min(charge.account().quota.burst());
        let whole = charge.weight();
        let divided = whole.saturating_mul(self.nodes);
        // What cannot be paid at all stays as it is.
        let weight =
            NonZeroU32::new(smallest_burst).map_or(whole, |most| divided.min(most).max(whole));
        self.local
            .decide(&charge.with_weight(weight), now.monotonic)
            .with_remaining_divided_by(self.nodes)
            .with_checked_by(CheckedBy::Fallback(reason))
    }
}

#[async_trait]
impl<L: RateLimiter> RateLimiter for FallBack<L> {
    fn check_now(&self, charge: &Charge<'_>, now: Now) -> Option<Decision> {
        self.guarded.limiter.check_now(charge, now).or_else(|| {
            let reason = self.guarded.avoided(now)?;
            Some(self.decide(charge, now, reason))
        })
    }

    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        Ok(match self.guarded.check(charge, now).await {
            Ok(decision) => decision,
            Err(error) => self.decide(charge, now, error.kind()),
        })
    }

    fn quota_changed(&self, account: &str) {
        self.guarded.limiter.quota_changed(account);
    }

    /// None: a charge may go to either of two limiters, and a tally is a bucket of one.
    fn tally(&self, _: &str) -> Option<Tally> {
        None
    }

    async fn ready(&self) -> Result<(), LimitError> {
        Ok(())
    }
}
