//! What every [`RateLimiter`] must do, as a suite that its own tests run.
//!
//! ```
//! use ringyo_limit::{LocalLimiter, RateLimiter, conformance};
//! use std::{sync::Arc, time::Duration};
//!
//! # let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
//! # rt.block_on(async {
//! conformance::run(Duration::from_nanos(1), async || {
//!     Arc::new(LocalLimiter::new()) as Arc<dyn RateLimiter>
//! })
//! .await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The suite passes times of its own making as [`Now`](crate::Now), never sleeps, and starts each
//! case on a limiter that has seen nothing. A limiter that keeps its own time needs a constructor
//! for tests that follows what is passed.
//!
//! Run it inside a tokio runtime with several threads: on one thread the cases about concurrency
//! see little of it.

mod basics;
mod both;
mod concurrency;
mod laws;
mod quotas;
mod stage;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::limiter::RateLimiter;

use self::stage::Stage;

/// Runs every case, each on a limiter of its own from `new_limiter`.
///
/// `tick` is the finest step of time that the limiter tells apart, up to a millisecond and a
/// divisor of it: a nanosecond for the local one, a microsecond for one that counts in those. All
/// times in the suite are multiples of it.
///
/// # Panics
/// When the limiter breaks a promise; the message names the case, what was expected and what came.
pub async fn run(tick: Duration, new_limiter: impl AsyncFn() -> Arc<dyn RateLimiter>) {
    for case in Case::ALL {
        case.run(tick, new_limiter().await).await;
    }
}

/// One promise of a [`RateLimiter`], tested on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Case {
    /// A full bucket admits exactly its burst; denials afterwards change nothing.
    BurstThenDenial,
    /// Cells come back one per refill interval, to the tick, and never above the burst.
    Refill,
    /// A request of weight n costs n cells.
    Weights,
    /// A weight above the burst is denied for ever and charges nothing.
    WeightAboveBurst,
    /// A denied charge is admitted exactly when its decision said, and not a tick before.
    RetryAfter,
    /// A bucket is full exactly when its decision said.
    Reset,
    /// What one subject spends no other pays.
    IndependentSubjects,
    /// An account and a key with the same name are two subjects.
    NameSpaces,
    /// Account and key pay together or not at all.
    BothOrNeither,
    /// The binding bucket is the one that refuses, or is nearest to it.
    Binding,
    /// A larger quota holds at once and refills nothing.
    Upgrade,
    /// A smaller quota holds at once, and what was spent stays spent.
    Downgrade,
    /// A strict quota never admits more than its limit in any period.
    Strict,
    /// Of whatever is asked for whenever, no window of time, from any admission to any other, lets
    /// in more than the burst and what is refilled meanwhile.
    EveryWindow,
    /// Of whatever is asked for whenever, what is denied is admitted when its decision said, and
    /// not a tick before.
    EveryRetry,
    /// The fast path and the whole path charge the same buckets.
    FastPath,
    /// With its tally and without, an account is charged on the same bucket.
    Tally,
    /// A time that steps back admits nothing that was spent.
    TimeStepsBack,
    /// Many callers at once are admitted exactly as often as one would be.
    ParallelCallers,
    /// Many callers on two keys of one account: what was admitted is what each bucket lost.
    ParallelKeys,
}

impl Case {
    /// Every case, simplest first.
    pub const ALL: &'static [Self] = &[
        Self::BurstThenDenial,
        Self::Refill,
        Self::Weights,
        Self::WeightAboveBurst,
        Self::RetryAfter,
        Self::Reset,
        Self::IndependentSubjects,
        Self::NameSpaces,
        Self::BothOrNeither,
        Self::Binding,
        Self::Upgrade,
        Self::Downgrade,
        Self::Strict,
        Self::EveryWindow,
        Self::EveryRetry,
        Self::FastPath,
        Self::Tally,
        Self::TimeStepsBack,
        Self::ParallelCallers,
        Self::ParallelKeys,
    ];

    /// Runs this case on `limiter`, which must have seen nothing yet. See [`run`] for `tick`.
    ///
    /// # Panics
    /// When the limiter breaks the promise.
    pub async fn run(self, tick: Duration, limiter: Arc<dyn RateLimiter>) {
        let stage = Stage::new(self, tick, limiter);
        match self {
            Self::BurstThenDenial => basics::burst_then_denial(&stage).await,
            Self::Refill => basics::refill(&stage).await,
            Self::Weights => basics::weights(&stage).await,
            Self::WeightAboveBurst => basics::weight_above_burst(&stage).await,
            Self::RetryAfter => basics::retry_after(&stage).await,
            Self::Reset => basics::reset(&stage).await,
            Self::IndependentSubjects => both::independent_subjects(&stage).await,
            Self::NameSpaces => both::name_spaces(&stage).await,
            Self::BothOrNeither => both::both_or_neither(&stage).await,
            Self::Binding => both::binding(&stage).await,
            Self::Upgrade => quotas::upgrade(&stage).await,
            Self::Downgrade => quotas::downgrade(&stage).await,
            Self::Strict => quotas::strict(&stage).await,
            Self::EveryWindow => laws::every_window(&stage).await,
            Self::EveryRetry => laws::every_retry(&stage).await,
            Self::FastPath => concurrency::fast_path(&stage).await,
            Self::Tally => concurrency::tally(&stage).await,
            Self::TimeStepsBack => concurrency::time_steps_back(&stage).await,
            Self::ParallelCallers => concurrency::parallel_callers(&stage).await,
            Self::ParallelKeys => concurrency::parallel_keys(&stage).await,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
