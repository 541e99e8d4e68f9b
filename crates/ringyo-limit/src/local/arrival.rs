//! One bucket: its theoretical arrival time, moved by governor.

use std::cell::Cell;
use std::num::NonZeroU32;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::direct::NotKeyed;

use crate::decision::Verdict;
use crate::quota::Quota;
use crate::sync::{AtomicU64, Ordering};

/// Takes `weight` cells from the bucket if it holds them. Gives the verdict and the arrival time
/// that it left, or found.
///
/// A governor limiter is built for each decision, on the stack: it holds nothing but the quota,
/// and the quota is what may differ from one charge to the next.
#[inline]
pub(crate) fn pay(
    arrival: &AtomicU64,
    quota: Quota,
    weight: NonZeroU32,
    now: u64,
) -> (Verdict, u64) {
    let limiter = governor::RateLimiter::<NotKeyed, _, _, NoOpMiddleware<Nanos>>::new(
        in_governors_terms(quota),
        Slot {
            arrival,
            seen: Cell::new(0),
        },
        StartThenNow::new(now),
    );
    let verdict = match limiter.check_n(weight) {
        Ok(Ok(())) => Verdict::Allowed,
        Ok(Err(_)) | Err(_) => Verdict::Denied,
    };
    (verdict, limiter.into_state_store().seen.get())
}

fn in_governors_terms(quota: Quota) -> governor::Quota {
    let burst = NonZeroU32::new(quota.burst()).unwrap_or(NonZeroU32::MIN);
    governor::Quota::with_period(quota.refill_interval())
        .expect("a quota refills one cell in at least a nanosecond")
        .allow_burst(burst)
}

struct Slot<'a> {
    arrival: &'a AtomicU64,
    seen: Cell<u64>,
}

impl StateStore for Slot<'_> {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // The number stands for itself and publishes nothing else, so no ordering is needed.
        let mut found = self.arrival.load(Ordering::Relaxed);
        loop {
            self.seen.set(found);
            let (outcome, next) = decide(Some(Nanos::from(found)))?;
            match self.arrival.compare_exchange_weak(
                found,
                next.as_u64(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    self.seen.set(next.as_u64());
                    return Ok(outcome);
                }
                Err(changed) => found = changed,
            }
        }
    }
}

/// governor measures from the first reading of its clock, taken when it is built. Arrival times
/// have to outlive it, so that reading is always zero.
struct StartThenNow {
    next: Cell<u64>,
    now: u64,
}

impl StartThenNow {
    fn new(now: u64) -> Self {
        Self {
            next: Cell::new(0),
            now,
        }
    }
}

impl Clock for StartThenNow {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.next.replace(self.now))
    }
}
