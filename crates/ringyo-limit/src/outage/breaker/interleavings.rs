//! The breaker under a scheduler: callers whose limiter fails and answers in every order.
//!
//! Tasks of one execution run one at a time, and at each atomic the scheduler goes on with every
//! one in turn. What it does not try out is weak memory: every atomic is read as last written.
//!
//! Each case is run twice over: as it is, and with a fault planted, which must be found.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use shuttle::scheduler::DfsScheduler;
use shuttle::{Config, Runner, thread};

use super::*;

const TIMEOUT: LimitErrorKind = LimitErrorKind::Timeout;

/// What a caller does.
trait Gate: Default + Send + Sync + 'static {
    fn enter(&self, now: Monotonic) -> Result<(), LimitErrorKind>;
    fn succeeded(&self);
    fn failed(&self, asked_at: Monotonic);
}

impl Gate for Breaker {
    fn enter(&self, now: Monotonic) -> Result<(), LimitErrorKind> {
        self.enter(now)
    }

    fn succeeded(&self) {
        self.succeeded();
    }

    fn failed(&self, asked_at: Monotonic) {
        self.failed(TIMEOUT, asked_at);
    }
}

/// The number of failures and the time of the next probe in a word each.
#[derive(Default)]
struct InTwoWords {
    failures: AtomicU64,
    /// Zero while closed.
    probe_at: AtomicU64,
}

impl Gate for InTwoWords {
    fn enter(&self, now: Monotonic) -> Result<(), LimitErrorKind> {
        let probe_at = self.probe_at.load(Ordering::Relaxed);
        if probe_at == 0 {
            return Ok(());
        }
        if now.as_nanos() < probe_at {
            return Err(TIMEOUT);
        }
        self.probe_at.store(probe_after(now), Ordering::Relaxed);
        Ok(())
    }

    fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.probe_at.store(0, Ordering::Relaxed);
        }
    }

    fn failed(&self, asked_at: Monotonic) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed);
        if failures + 1 >= FAILURES_TO_OPEN {
            self.probe_at
                .fetch_max(probe_after(asked_at), Ordering::Relaxed);
        }
    }
}

/// Every order of these callers, each on the same gate, which `before` has seen; `after` is what
/// comes when all are done.
fn in_every_order<G: Gate, const N: usize>(
    before: fn(&G),
    callers: [fn(&G); N],
    after: impl Fn(&G) + Send + Sync + 'static,
) {
    let mut config = Config::new();
    // What is said above of weak memory.
    config.silence_warnings = true;
    Runner::new(DfsScheduler::new(None, false), config).run(move || {
        let gate = Arc::new(G::default());
        before(&gate);
        let callers = callers.map(|caller| {
            let gate = gate.clone();
            thread::spawn(move || caller(&gate))
        });
        for caller in callers {
            caller.join().unwrap();
        }
        after(&gate);
    });
}

fn at(turn: u64) -> Monotonic {
    Monotonic::from_nanos(turn * 2 * probe_after(Monotonic::from_nanos(0)))
}

fn fails<G: Gate>(gate: &G) {
    gate.failed(at(0));
}

/// Whether there is an order of the fifth failure and a success after which one answered probe
/// leaves the breaker open.
fn stays_open<G: Gate>() -> bool {
    let stuck = Arc::new(AtomicBool::new(false));
    let seen = stuck.clone();
    in_every_order(
        |gate| {
            for _ in 1..FAILURES_TO_OPEN {
                fails(gate);
            }
        },
        [fails, G::succeeded],
        move |gate| {
            // Everybody is done, and the limiter is well: a probe is let through and answered.
            assert_eq!(gate.enter(at(1)), Ok(()));
            gate.succeeded();
            let is_open = (0..2).any(|_| gate.enter(at(1)).is_err());
            seen.fetch_or(is_open, SeqCst);
        },
    );
    stuck.load(SeqCst)
}

#[test]
fn an_answered_probe_closes_it_in_whatever_order_it_was_opened() {
    assert!(!stays_open::<Breaker>());
    assert!(stays_open::<InTwoWords>(), "the fault was not found");
}

/// Counts the callers that are let through.
#[derive(Default)]
struct Counting<G> {
    gate: G,
    passed: AtomicUsize,
}

impl<G: Gate> Gate for Counting<G> {
    fn enter(&self, now: Monotonic) -> Result<(), LimitErrorKind> {
        let entered = self.gate.enter(now);
        if entered.is_ok() {
            self.passed.fetch_add(1, Ordering::Relaxed);
        }
        entered
    }

    fn succeeded(&self) {
        self.gate.succeeded();
    }

    fn failed(&self, asked_at: Monotonic) {
        self.gate.failed(asked_at);
    }
}

/// The most probes of one turn. Nobody reports how they went.
fn probes<G: Gate>() -> usize {
    let most = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = most.clone();
    let asks: fn(&Counting<G>) = |gate| {
        let _ = gate.enter(at(1));
    };
    in_every_order(
        |gate| {
            for _ in 0..FAILURES_TO_OPEN {
                fails(gate);
            }
        },
        [asks; 2],
        move |gate| {
            let passed = gate.passed.load(Ordering::Relaxed);
            seen.fetch_max(passed, SeqCst);
            // The next is due all the same.
            assert_eq!(gate.enter(at(2)), Ok(()));
        },
    );
    most.load(SeqCst)
}

#[test]
fn one_of_two_is_the_probe() {
    assert_eq!(probes::<Breaker>(), 1);
    assert_eq!(probes::<InTwoWords>(), 2, "the fault was not found");
}
