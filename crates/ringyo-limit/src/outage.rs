//! What a service does while its shared limiter does not answer: three choices, none of them
//! silent.
//!
//! | wrapper | without an answer | costs |
//! | --- | --- | --- |
//! | [`FailClosed`] | is the error: the request is refused with 503 | availability |
//! | [`FallBack`] | the limiter of this process decides | up to nodes × quota, or [a share](FallBack::divided_among) of it |
//! | [`FailOpen`] | lets the request pass, uncounted | every limit |
//!
//! All three stop asking after five failures in a row and then let one request try every 400
//! milliseconds, so that a limiter that is gone costs nothing, and one that is back is asked again
//! within half a second. With ringyo-redis it is in use again within a second of its return, also
//! where the network has forgotten all connections. What decided in its place stands in
//! [`Decision::checked_by`](crate::Decision::checked_by).
//!
//! A wrapper sets no deadline: the limiter inside must fail by itself when it gets no answer.

mod breaker;
mod fail_closed;
mod fail_open;
mod fall_back;

use crate::charge::Charge;
use crate::clock::Now;
use crate::decision::Decision;
use crate::error::{LimitError, LimitErrorKind};
use crate::limiter::RateLimiter;

use self::breaker::Breaker;

pub use self::fail_closed::FailClosed;
pub use self::fail_open::FailOpen;
pub use self::fall_back::FallBack;

/// A limiter that is not asked while it is known to fail.
#[derive(Debug)]
struct Guarded<L> {
    limiter: L,
    breaker: Breaker,
}

impl<L: RateLimiter> Guarded<L> {
    fn new(limiter: L) -> Self {
        Self {
            limiter,
            breaker: Breaker::default(),
        }
    }

    /// Why [`check`](Self::check) would not ask the limiter at `now`; `None` if it would.
    fn avoided(&self, now: Now) -> Option<LimitErrorKind> {
        self.breaker.avoided(now.monotonic)
    }

    /// Asks the limiter, or fails at once with what it last failed with.
    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        self.breaker.enter(now.monotonic).map_err(LimitError::new)?;
        let outcome = self.limiter.check(charge, now).await;
        match &outcome {
            Ok(_) => self.breaker.succeeded(),
            Err(error) => self.breaker.failed(error.kind(), now.monotonic),
        }
        outcome
    }
}
