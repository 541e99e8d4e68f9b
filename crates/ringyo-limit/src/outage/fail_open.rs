use async_trait::async_trait;

use super::Guarded;
use crate::charge::Charge;
use crate::clock::Now;
use crate::decision::{Backlog, CheckedBy, Decision, Verdict};
use crate::error::{LimitError, LimitErrorKind};
use crate::limiter::RateLimiter;
use crate::tally::Tally;

/// Lets every request pass, uncounted, while the limiter inside fails. For a service that would
/// rather be overrun than refuse anybody.
///
/// What a decision shows in that time, a full bucket, is made up. The exception is a charge that
/// [cannot be paid](Charge::is_payable) from a full bucket either: that one is denied.
///
/// Always [ready](RateLimiter::ready). Watch [`CheckedBy::Bypassed`] or [`outage`](Self::outage).
#[derive(Debug)]
pub struct FailOpen<L> {
    guarded: Guarded<L>,
}

impl<L: RateLimiter> FailOpen<L> {
    /// Guards `limiter`. The name is long so that nobody chooses it in passing.
    #[must_use]
    pub fn with_no_limits_during_outages(limiter: L) -> Self {
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
impl<L: RateLimiter> RateLimiter for FailOpen<L> {
    fn check_now(&self, charge: &Charge<'_>, now: Now) -> Option<Decision> {
        self.guarded.limiter.check_now(charge, now).or_else(|| {
            let reason = self.guarded.avoided(now)?;
            Some(unchecked(charge, reason))
        })
    }

    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        Ok(match self.guarded.check(charge, now).await {
            Ok(decision) => decision,
            Err(error) => unchecked(charge, error.kind()),
        })
    }

    fn quota_changed(&self, account: &str) {
        self.guarded.limiter.quota_changed(account);
    }

    fn tally(&self, account: &str) -> Option<Tally> {
        self.guarded.limiter.tally(account)
    }

    async fn ready(&self) -> Result<(), LimitError> {
        Ok(())
    }
}

fn unchecked(charge: &Charge<'_>, reason: LimitErrorKind) -> Decision {
    let verdict = if charge.is_payable() {
        Verdict::Allowed
    } else {
        Verdict::Denied
    };
    Decision::from_backlog(charge, verdict, Backlog::default())
        .with_checked_by(CheckedBy::Bypassed(reason))
}
