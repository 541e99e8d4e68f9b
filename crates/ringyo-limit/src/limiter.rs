//! The contract of a limiter.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::charge::Charge;
use crate::clock::Now;
use crate::decision::Decision;
use crate::error::LimitError;
use crate::tally::Tally;

/// Turns charges into decisions.
///
/// What every implementation promises, and the `conformance` suite checks:
///
/// - **GCRA.** An allowed charge is paid in full; a denied one pays nothing and leaves no trace.
/// - **Both or neither.** With a key in the charge, account and key pay together or not at all,
///   whatever else runs at the same time.
/// - **No state from quotas.** What is remembered of a subject does not depend on its quota.
///   Another quota holds from the next charge on and refills nothing.
/// - **Exact under concurrency.** Any number of callers on any number of threads together get
///   what one caller would.
/// - **A charge that [cannot be paid](Charge::is_payable)** is denied without a time to retry,
///   and charges nothing.
/// - **Time may step back** a little between calls (threads read the clock before they queue up, and
///   a service may ask by a time that is up to the [lag](crate::Clock::lag) of its clock old). That
///   never panics and never admits more than is due by the latest of these times.
///
/// Implementations are shared: methods take `&self`, and every method may be called from any
/// number of threads at once. Dropping the future of [`check`](Self::check) before it is done
/// leaves the charge either made or not made, never half made.
#[async_trait]
pub trait RateLimiter: Debug + Send + Sync {
    /// Decides without waiting, if that is possible: the fast path of [`check`](Self::check).
    ///
    /// `Some` is a whole decision: an allowed charge has been paid, do not call `check` for it.
    /// `None` means that nothing was decided or charged and that `check` has to be asked. A
    /// limiter in this process always decides here; a remote one may, for a subject that it knows
    /// to be denied for some time yet.
    ///
    /// Does no I/O, does not block, and allocates nothing for a subject that it already knows.
    /// Not idempotent: each call is another request. One that was denied has left no trace, and may
    /// be asked about once more by a later time.
    fn check_now(&self, charge: &Charge<'_>, now: Now) -> Option<Decision>;

    /// Decides: pays the charge if both buckets allow it.
    ///
    /// Right without `check_now` before it. Not idempotent: each call is another request; do not
    /// repeat one that failed with [`Timeout`](crate::LimitErrorKind::Timeout).
    ///
    /// # Errors
    /// When no decision was reached, see [`LimitErrorKind`](crate::LimitErrorKind). A denial is a
    /// decision, not an error.
    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError>;

    /// Says that the quota of `account` or of one of its keys has changed, so that decisions
    /// remembered from before are forgotten. It refills nothing.
    ///
    /// Nothing to do for a limiter that remembers no decisions. Idempotent; an account that was
    /// never charged is fine.
    fn quota_changed(&self, account: &str);

    /// The bucket of `account`, for somebody who will charge it again and again and
    /// [brings it along](Charge::with_tally). Charges nothing.
    ///
    /// `None` from a limiter that counts elsewhere than in this process, or that wants to be asked
    /// about every charge: a tally is [charged](Tally::charge) without it. One that wraps another
    /// gives what that one gives, if it passes charges on to it as they are and adds nothing.
    /// Decisions with and without it are the same.
    fn tally(&self, account: &str) -> Option<Tally>;

    /// Says whether the limiter could decide right now, for a health check. Charges nothing.
    ///
    /// # Errors
    /// What [`check`](Self::check) would fail with.
    async fn ready(&self) -> Result<(), LimitError>;
}

#[async_trait]
impl<T: RateLimiter + ?Sized> RateLimiter for Arc<T> {
    fn check_now(&self, charge: &Charge<'_>, now: Now) -> Option<Decision> {
        T::check_now(self, charge, now)
    }

    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        T::check(self, charge, now).await
    }

    fn quota_changed(&self, account: &str) {
        T::quota_changed(self, account);
    }

    fn tally(&self, account: &str) -> Option<Tally> {
        T::tally(self, account)
    }

    async fn ready(&self) -> Result<(), LimitError> {
        T::ready(self).await
    }
}
