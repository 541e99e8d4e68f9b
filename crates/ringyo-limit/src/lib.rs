//! Rate limits for API keys: how many requests an account, and one key of it, may make.
//! A limiter knows no keys and reads no clock: its subjects are text, and the time is passed in.
//!
//! ```
//! use ringyo_limit::{Charge, LocalLimiter, ManualClock, Quota, RateLimiter, Clock};
//! use std::time::Duration;
//!
//! # let rt = tokio::runtime::Builder::new_current_thread().build()?;
//! # rt.block_on(async {
//! const PRO: Quota = Quota::per_minute(60);
//! let clock = ManualClock::new(1_700_000_000_000);
//! let limiter = LocalLimiter::new();
//! let charge = Charge::to_account("acct_1", PRO).with_key("2f9Kx0aLmQz7", Quota::per_minute(2));
//!
//! let first = limiter.check(&charge, clock.now()).await?;
//! assert!(first.is_allowed());
//! assert_eq!(first.account().remaining(), 59);
//! assert_eq!(first.binding().remaining(), 1); // the key is tighter than its account
//!
//! limiter.check(&charge, clock.now()).await?;
//! let third = limiter.check(&charge, clock.now()).await?;
//! assert!(!third.is_allowed());
//! assert_eq!(third.account().remaining(), 58); // refused for the key, so the account paid nothing
//! assert_eq!(third.retry_after(), Some(Duration::from_secs(30)));
//!
//! clock.advance(Duration::from_secs(30));
//! assert!(limiter.check(&charge, clock.now()).await?.is_allowed());
//! # Ok::<(), ringyo_limit::LimitError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Vocabulary
//!
//! | word | meaning |
//! | --- | --- |
//! | cell | the unit that is counted; a request of weight 3 takes three |
//! | [`Quota`] | how many cells a bucket holds at most (its burst) and how fast it refills |
//! | subject | the text that names a bucket: an account, or a key. The two are separate name spaces |
//! | [`Bucket`] | a subject together with the quota that holds for it now |
//! | [`Charge`] | what one request costs: an account bucket, perhaps a key bucket, a weight |
//! | [`Decision`] | whether the charge was admitted, and the numbers that a response shows |
//! | [`Tally`] | the bucket of an account within reach, so that a charge need not look it up |
//! | backlog | how long a bucket needs from now to be full again; zero for an idle one |
//! | [`RateLimiter`] | whatever turns a charge and a time into a decision |
//!
//! # The algorithm
//!
//! The generic cell rate algorithm (ITU-T I.371, in its virtual-scheduling form): a bucket is one
//! number, the *theoretical arrival time* at which it will be full again. Admitting a cell moves
//! it forward by one [refill interval](Quota::refill_interval); a request is refused when it would
//! lie further ahead of now than the burst allows. The number does not depend on the quota, which
//! is why a change of plan takes effect at once, needs no migration and refills nothing.
//!
//! [`Quota`] says what that admits in the worst minute, and how to ask for less.
//!
//! # Contents
//!
//! - [`Quota`], [`Charge`], [`Tally`], [`Decision`]: the values.
//! - [`RateLimiter`], [`LimitError`]: the contract.
//! - [`LocalLimiter`]: the limiter for one process, on the `governor` crate.
//! - [`FallBack`], [`FailClosed`], [`FailOpen`]: what to do while a shared limiter does not answer,
//!   see [`outage`].
//! - [`Clock`], [`SystemClock`], [`ManualClock`]: the time.
//! - `conformance`: the suite that every limiter must pass.
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `conformance` | the module `conformance`, for those who write a limiter; needs a tokio runtime |

mod charge;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod decision;
mod error;
mod limiter;
mod local;
pub mod outage;
mod quota;
mod sync;
mod tally;

pub use charge::{Bucket, Charge};
pub use clock::{Clock, ManualClock, Monotonic, Now, SystemClock};
pub use decision::{Backlog, BucketKind, BucketState, CheckedBy, Decision, Outcome, Verdict};
pub use error::{LimitError, LimitErrorKind};
pub use limiter::RateLimiter;
pub use local::LocalLimiter;
pub use outage::{FailClosed, FailOpen, FallBack};
pub use quota::{Quota, QuotaError};
pub use tally::Tally;
