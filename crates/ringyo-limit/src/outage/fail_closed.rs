use async_trait::async_trait;

use super::Guarded;
use crate::charge::Charge;
use crate::clock::Now;
use crate::decision::Decision;
use crate::error::{LimitError, LimitErrorKind};
use crate::limiter::RateLimiter;
use crate::tally::Tally;

/// Refuses to decide while the limiter inside fails: no request passes unchecked, and none passes
/// at all but for what the limiter still answers [at once](RateLimiter::check_now).
///
/// The same as the limiter alone, except that an outage is not waited for by every request. It is
/// [ready](RateLimiter::ready) when the limiter is.
#[derive(Debug)]
pub struct FailClosed<L> {
    guarded: Guarded<L>,
}

impl<L: RateLimiter> FailClosed<L> {
    /// Guards `limiter`.
    #[must_use]
    pub fn new(limiter: L) -> Self {
        Self {
            guarded: Guarded::new(limiter),
        }
    }

    /// Why the limiter is not asked now, but for a probe from time to time; `None` while it is.
    #[must_use]
    pub fn outage(&self) -> Option<LimitErrorKind> {
        self.guarded.breaker.outage()
    }
}

#[async_trait]
impl<L: RateLimiter> RateLimiter for FailClosed<L> {
    fn check_now(&self, charge: &Charge<'_>, now: Now) -> Option<Decision> {
        self.guarded.limiter.check_now(charge, now)
    }

    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        self.guarded.check(charge, now).await
    }

    fn quota_changed(&self, account: &str) {
        self.guarded.limiter.quota_changed(account);
    }

    fn tally(&self, account: &str) -> Option<Tally> {
        self.guarded.limiter.tally(account)
    }

    async fn ready(&self) -> Result<(), LimitError> {
        self.guarded.limiter.ready().await
    }
}
