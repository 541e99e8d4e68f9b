//! Where a case plays: the limiter, its time, and the way to complain.

use std::fmt::{Debug, Display};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::charge::Charge;
use crate::clock::{Monotonic, Now};
use crate::conformance::Case;
use crate::decision::Decision;
use crate::limiter::RateLimiter;

#[derive(Clone)]
pub(super) struct Stage {
    pub(super) limiter: Arc<dyn RateLimiter>,
    pub(super) tick: Duration,
    case: Case,
}

impl Stage {
    pub(super) fn new(case: Case, tick: Duration, limiter: Arc<dyn RateLimiter>) -> Self {
        let millisecond = Duration::from_millis(1).as_nanos();
        assert!(
            !tick.is_zero() && millisecond.is_multiple_of(tick.as_nanos()),
            "the tick must be a divisor of a millisecond, but is {tick:?}"
        );
        Self {
            limiter,
            tick,
            case,
        }
    }

    /// The time `after` the start of the case.
    pub(super) fn at(&self, after: Duration) -> Now {
        Now {
            monotonic: Monotonic::from_nanos(START_NANOS) + after,
            unix_millis: START_UNIX_MILLIS
                .saturating_add_unsigned(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// Asks as callers do: the fast path, then the whole one.
    pub(super) async fn ask(&self, charge: Charge<'_>, after: Duration) -> Decision {
        let now = self.at(after);
        match self.limiter.check_now(&charge, now) {
            Some(decision) => decision,
            None => self.ask_slowly(charge, after).await,
        }
    }

    pub(super) async fn ask_slowly(&self, charge: Charge<'_>, after: Duration) -> Decision {
        match self.limiter.check(&charge, self.at(after)).await {
            Ok(decision) => decision,
            Err(error) => panic!("{}: the limiter did not decide: {error:?}", self.case),
        }
    }

    /// Asks `times` times at one moment. How many were admitted.
    pub(super) async fn admitted(&self, charge: Charge<'_>, times: u32, after: Duration) -> u32 {
        let mut admitted = 0;
        for _ in 0..times {
            admitted += u32::from(self.ask(charge, after).await.is_allowed());
        }
        admitted
    }

    /// The state of the buckets, from a charge that cannot be paid and so changes nothing.
    pub(super) async fn look(&self, charge: Charge<'_>, after: Duration) -> Decision {
        self.ask(charge.with_weight(NonZeroU32::MAX), after).await
    }

    #[track_caller]
    pub(super) fn same<T: PartialEq + Debug>(&self, what: impl Display, got: T, expected: T) {
        assert!(
            got == expected,
            "{}: {what}: expected {expected:?}, got {got:?}",
            self.case
        );
    }

    #[track_caller]
    pub(super) fn allowed(&self, what: impl Display, decision: &Decision) {
        assert!(
            decision.is_allowed(),
            "{}: {what}: expected an admission, got {decision:?}",
            self.case
        );
    }

    #[track_caller]
    pub(super) fn denied(&self, what: impl Display, decision: &Decision) {
        assert!(
            !decision.is_allowed(),
            "{}: {what}: expected a denial, got {decision:?}",
            self.case
        );
    }
}

pub(super) const fn weight(cells: u32) -> NonZeroU32 {
    match NonZeroU32::new(cells) {
        Some(weight) => weight,
        None => NonZeroU32::MIN,
    }
}

pub(super) const START: Duration = Duration::ZERO;

pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const START_NANOS: u64 = 3_600_000_000_000;
const START_UNIX_MILLIS: i64 = 1_700_000_000_000;
