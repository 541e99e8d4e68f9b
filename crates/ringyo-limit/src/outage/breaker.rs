//! When not to ask.

#[cfg(test)]
mod interleavings;

use std::time::Duration;

use crate::clock::Monotonic;
use crate::error::LimitErrorKind;
use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// One lost answer is bad luck, five in a row are an outage.
const FAILURES_TO_OPEN: u64 = 5;

/// With the time that a client needs to connect again below a second, mostly even when the first
/// probe comes to nothing.
const PROBE_EVERY: Duration = Duration::from_millis(400);

/// Closed, it lets everybody through; open, one in [`PROBE_EVERY`].
///
/// A probe is an ordinary request. One whose future is dropped reports nothing; the next is due at
/// its time all the same.
#[derive(Debug)]
pub(super) struct Breaker {
    /// Below [`FAILURES_TO_OPEN`] the number of failures in a row, and closed. Else open, and the
    /// time of the next probe, in nanoseconds on the monotonic clock: at least one
    /// [`PROBE_EVERY`], so it is never taken for a number of failures.
    ///
    /// One word, because a success that comes between two of them would leave a breaker open that
    /// has counted no failure. It publishes nothing else, so no ordering is needed.
    state: AtomicU64,
    /// Where the last failure's kind is in [`KINDS`].
    last_kind: AtomicUsize,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: AtomicU64::new(NO_FAILURES),
            last_kind: AtomicUsize::new(0),
        }
    }
}

impl Breaker {
    /// Why nobody is let through at `now`; `None` while closed and when a probe is due.
    pub(super) fn avoided(&self, now: Monotonic) -> Option<LimitErrorKind> {
        let state = self.state.load(Ordering::Relaxed);
        (is_open(state) && now.as_nanos() < state).then(|| self.last_kind())
    }

    /// Lets the caller through, if need be as the probe of this turn.
    pub(super) fn enter(&self, now: Monotonic) -> Result<(), LimitErrorKind> {
        let state = self.state.load(Ordering::Relaxed);
        if !is_open(state) {
            return Ok(());
        }
        let is_probe = now.as_nanos() >= state
            && self
                .state
                .compare_exchange(
                    state,
                    probe_after(now),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        if is_probe {
            Ok(())
        } else {
            Err(self.last_kind())
        }
    }

    pub(super) fn succeeded(&self) {
        // Read first: a healthy limiter's callers must not fight over the line of memory.
        if self.state.load(Ordering::Relaxed) != NO_FAILURES {
            self.state.store(NO_FAILURES, Ordering::Relaxed);
        }
    }

    /// `asked_at` is when the failed request was made.
    pub(super) fn failed(&self, kind: LimitErrorKind, asked_at: Monotonic) {
        let index = KINDS.iter().position(|known| *known == kind);
        self.last_kind.store(index.unwrap_or(0), Ordering::Relaxed);
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let next = if state + 1 < FAILURES_TO_OPEN {
                state + 1
            } else {
                // A failure that is told late brings no probe forward.
                probe_after(asked_at).max(state)
            };
            let swapped =
                self.state
                    .compare_exchange_weak(state, next, Ordering::Relaxed, Ordering::Relaxed);
            match swapped {
                Ok(_) => return,
                Err(other) => state = other,
            }
        }
    }

    /// Why the limiter is not asked, but for probes; `None` while closed.
    pub(super) fn outage(&self) -> Option<LimitErrorKind> {
        is_open(self.state.load(Ordering::Relaxed)).then(|| self.last_kind())
    }

    fn last_kind(&self) -> LimitErrorKind {
        let index = self.last_kind.load(Ordering::Relaxed);
        KINDS
            .get(index)
            .copied()
            .unwrap_or(LimitErrorKind::Unavailable)
    }
}

const NO_FAILURES: u64 = 0;

const KINDS: [LimitErrorKind; 3] = [
    LimitErrorKind::Unavailable,
    LimitErrorKind::Timeout,
    LimitErrorKind::Misconfigured,
];

fn is_open(state: u64) -> bool {
    state >= FAILURES_TO_OPEN
}

fn probe_after(now: Monotonic) -> u64 {
    (now + PROBE_EVERY).as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: LimitErrorKind = LimitErrorKind::Timeout;

    fn at(millis: u64) -> Monotonic {
        Monotonic::from_nanos(millis * 1_000_000)
    }

    /// The atomics of unit tests work under a scheduler only, also for one thread.
    fn in_order(test: fn()) {
        shuttle::check_random(test, 1);
    }

    fn failed(times: u32, millis: u64) -> Breaker {
        let breaker = Breaker::default();
        for _ in 0..times {
            assert_eq!(breaker.enter(at(millis)), Ok(()));
            breaker.failed(TIMEOUT, at(millis));
        }
        breaker
    }

    #[test]
    fn it_opens_after_five_failures_in_a_row() {
        in_order(|| {
            let breaker = failed(4, 0);
            assert_eq!((breaker.avoided(at(0)), breaker.outage()), (None, None));
            breaker.succeeded();
            for _ in 0..4 {
                breaker.failed(TIMEOUT, at(0));
            }
            assert_eq!(breaker.outage(), None);
            breaker.failed(TIMEOUT, at(0));
            assert_eq!(breaker.outage(), Some(TIMEOUT));
            assert_eq!(breaker.avoided(at(399)), Some(TIMEOUT));
            assert_eq!(breaker.enter(at(399)), Err(TIMEOUT));
            assert_eq!(breaker.avoided(at(400)), None);
        });
    }

    #[test]
    fn a_probe_that_fails_keeps_it_open_and_one_that_succeeds_closes_it() {
        in_order(|| {
            let breaker = failed(5, 0);
            assert_eq!(breaker.enter(at(800)), Ok(()));
            breaker.failed(LimitErrorKind::Misconfigured, at(800));
            assert_eq!(breaker.enter(at(1_199)), Err(LimitErrorKind::Misconfigured));
            assert_eq!(breaker.enter(at(1_200)), Ok(()));
            breaker.succeeded();
            for _ in 0..3 {
                assert_eq!((breaker.outage(), breaker.enter(at(1_200))), (None, Ok(())));
            }
        });
    }

    #[test]
    fn a_late_failure_does_not_bring_a_probe_forward() {
        in_order(|| {
            let breaker = failed(5, 1_000);
            breaker.failed(TIMEOUT, at(100));
            assert_eq!(breaker.avoided(at(1_399)), Some(TIMEOUT));
            assert_eq!(breaker.avoided(at(1_400)), None);
        });
    }
}
