//! When not to ask.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::clock::Monotonic;
use crate::error::LimitErrorKind;

/// One lost answer is bad luck, five in a row are an outage.
const FAILURES_TO_OPEN: u32 = 5;

/// With the time that a client needs to connect again, below a second.
const PROBE_EVERY: Duration = Duration::from_millis(750);

/// Closed, it lets everybody through; open, one in [`PROBE_EVERY`].
///
/// A probe is an ordinary request. One whose future is dropped reports nothing; the next is due at
/// its time all the same. The numbers are independent of each other and publish nothing else, so
/// no ordering is needed.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures_in_a_row: AtomicU32,
    /// Nanoseconds on the monotonic clock; zero while closed.
    probe_at: AtomicU64,
    /// Where the last failure's kind is in [`KINDS`].
    last_kind: AtomicUsize,
}

impl Breaker {
    /// Why nobody is let through at `now`; `None` while closed and when a probe is due.
    pub(super) fn avoided(&self, now: Monotonic) -> Option<LimitErrorKind> {
        let probe_at = self.probe_at.load(Ordering::Relaxed);
        (now.as_nanos() < probe_at).then(|| self.last_kind())
    }

    /// Lets the caller through, if need be as the probe of this turn.
    pub(super) fn enter(&self, now: Monotonic) -> Result<(), LimitErrorKind> {
        let probe_at = self.probe_at.load(Ordering::Relaxed);
        if probe_at == CLOSED {
            return Ok(());
        }
        let is_probe = now.as_nanos() >= probe_at
            && self
                .probe_at
                .compare_exchange(
                    probe_at,
                    (now + PROBE_EVERY).as_nanos(),
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
        if self.failures_in_a_row.load(Ordering::Relaxed) != 0 {
            self.failures_in_a_row.store(0, Ordering::Relaxed);
            self.probe_at.store(CLOSED, Ordering::Relaxed);
        }
    }

    /// `asked_at` is when the failed request was made.
    pub(super) fn failed(&self, kind: LimitErrorKind, asked_at: Monotonic) {
        let index = KINDS.iter().position(|known| *known == kind);
        self.last_kind.store(index.unwrap_or(0), Ordering::Relaxed);
        let failures =
            self.failures_in_a_row
                .update(Ordering::Relaxed, Ordering::Relaxed, |failures| {
                    failures.saturating_add(1)
                });
        if failures + 1 >= FAILURES_TO_OPEN {
            let probe_at = (asked_at + PROBE_EVERY).as_nanos();
            self.probe_at.fetch_max(probe_at, Ordering::Relaxed);
        }
    }

    /// Why the limiter is not asked, but for probes; `None` while closed.
    pub(super) fn outage(&self) -> Option<LimitErrorKind> {
        (self.probe_at.load(Ordering::Relaxed) != CLOSED).then(|| self.last_kind())
    }

    fn last_kind(&self) -> LimitErrorKind {
        let index = self.last_kind.load(Ordering::Relaxed);
        KINDS
            .get(index)
            .copied()
            .unwrap_or(LimitErrorKind::Unavailable)
    }
}

const CLOSED: u64 = 0;

const KINDS: [LimitErrorKind; 3] = [
    LimitErrorKind::Unavailable,
    LimitErrorKind::Timeout,
    LimitErrorKind::Misconfigured,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    const TIMEOUT: LimitErrorKind = LimitErrorKind::Timeout;

    fn at(millis: u64) -> Monotonic {
        Monotonic::from_nanos(millis * 1_000_000)
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
        let breaker = failed(4, 0);
        assert_eq!((breaker.avoided(at(0)), breaker.outage()), (None, None));
        breaker.succeeded();
        for _ in 0..4 {
            breaker.failed(TIMEOUT, at(0));
        }
        assert_eq!(breaker.outage(), None);
        breaker.failed(TIMEOUT, at(0));
        assert_eq!(breaker.outage(), Some(TIMEOUT));
        assert_eq!(breaker.avoided(at(749)), Some(TIMEOUT));
        assert_eq!(breaker.enter(at(749)), Err(TIMEOUT));
        assert_eq!(breaker.avoided(at(750)), None);
    }

    #[test]
    fn one_of_many_is_the_probe() {
        let breaker = failed(5, 0);
        for turn in 1..=20 {
            let start = Barrier::new(8);
            let probes: usize = thread::scope(|scope| {
                let ask = || {
                    start.wait();
                    usize::from(breaker.enter(at(750 * turn)).is_ok())
                };
                let threads = [(); 8].map(|()| scope.spawn(ask));
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .sum()
            });
            // Nobody reports how it went: the next is due all the same.
            assert_eq!(probes, 1, "in turn {turn}");
        }
    }

    #[test]
    fn a_probe_that_fails_keeps_it_open_and_one_that_succeeds_closes_it() {
        let breaker = failed(5, 0);
        assert_eq!(breaker.enter(at(800)), Ok(()));
        breaker.failed(LimitErrorKind::Misconfigured, at(800));
        assert_eq!(breaker.enter(at(1_549)), Err(LimitErrorKind::Misconfigured));
        assert_eq!(breaker.enter(at(1_550)), Ok(()));
        breaker.succeeded();
        for _ in 0..3 {
            assert_eq!((breaker.outage(), breaker.enter(at(1_550))), (None, Ok(())));
        }
    }

    #[test]
    fn a_late_failure_does_not_bring_a_probe_forward() {
        let breaker = failed(5, 1_000);
        breaker.failed(TIMEOUT, at(100));
        assert_eq!(breaker.avoided(at(1_749)), Some(TIMEOUT));
        assert_eq!(breaker.avoided(at(1_750)), None);
    }
}
