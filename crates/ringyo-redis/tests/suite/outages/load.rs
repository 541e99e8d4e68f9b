//! Requests at a steady pace, and what became of them.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringyo_limit::{
    Charge, CheckedBy, Clock, FailClosed, FailOpen, FallBack, LimitErrorKind, Monotonic, Quota,
    RateLimiter, SystemClock,
};
use ringyo_redis::{RedisConfig, RedisLimiter};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::support::ask;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    Closed,
    Back,
    Open,
}

impl Guard {
    pub(super) const ALL: [Self; 3] = [Self::Closed, Self::Back, Self::Open];
}

type OutageOf = Box<dyn Fn() -> Option<LimitErrorKind> + Send + Sync>;

/// Asks every two milliseconds, for an account that has enough.
pub(super) struct Load {
    pub(super) guard: Guard,
    outage: OutageOf,
    stop: Arc<AtomicBool>,
    samples: Samples,
    task: JoinHandle<()>,
}

type Samples = Arc<Mutex<Vec<Sample>>>;

#[derive(Clone, Copy)]
struct Sample {
    asked: Monotonic,
    answered: Monotonic,
    outcome: Result<(CheckedBy, bool), LimitErrorKind>,
}

/// Everything that was asked.
pub(super) struct Record(Vec<Sample>);

/// What was asked while the server was away, and how long it took until it was back in use.
pub(super) struct Outage {
    pub(super) total: usize,
    pub(super) remote: usize,
    /// All that did not get an answer from the server.
    pub(super) lost: usize,
    pub(super) failed: usize,
    pub(super) fallen_back: usize,
    pub(super) bypassed: usize,
    pub(super) refused: usize,
    /// How many took more than half a deadline.
    pub(super) waited: usize,
    pub(super) p99: Duration,
    pub(super) recovery: Duration,
}

pub(super) fn now() -> Monotonic {
    SystemClock::default().now().monotonic
}

impl Load {
    pub(super) fn start(runtime: &Runtime, guard: Guard, config: RedisConfig) -> Self {
        let _in_runtime = runtime.enter();
        let limiter = RedisLimiter::start(config).unwrap();
        let (limiter, outage): (Arc<dyn RateLimiter>, OutageOf) = match guard {
            Guard::Closed => {
                let guarded = Arc::new(FailClosed::new(limiter));
                (guarded.clone(), Box::new(move || guarded.outage()))
            }
            Guard::Back => {
                let guarded = Arc::new(FallBack::new(limiter));
                (guarded.clone(), Box::new(move || guarded.outage()))
            }
            Guard::Open => {
                let guarded = Arc::new(FailOpen::with_no_limits_during_outages(limiter));
                (guarded.clone(), Box::new(move || guarded.outage()))
            }
        };
        let stop = Arc::new(AtomicBool::new(false));
        let samples = Samples::default();
        let task = runtime.spawn(pace(limiter, guard, stop.clone(), samples.clone()));
        Self {
            guard,
            outage,
            stop,
            samples,
            task,
        }
    }

    /// Until the server has decided about a request that is asked from now on.
    pub(super) fn wait_for_remote(&self) {
        let since = now();
        while now().saturating_since(since) < Duration::from_secs(20) {
            let samples = self.samples.lock().unwrap();
            let last = samples.last().filter(|last| last.asked > since);
            if last.is_some_and(|last| matches!(last.outcome, Ok((CheckedBy::Remote, _)))) {
                return;
            }
            drop(samples);
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("{:?}: the server does not decide", self.guard);
    }

    /// Whether the guard has given the server up for now.
    pub(super) fn is_out(&self) -> bool {
        (self.outage)().is_some()
    }

    pub(super) fn stop(self) -> Record {
        self.stop.store(true, Ordering::Relaxed);
        while !self.task.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let samples = std::mem::take(&mut *self.samples.lock().unwrap());
        Record(samples)
    }
}

async fn pace(
    limiter: Arc<dyn RateLimiter>,
    guard: Guard,
    stop: Arc<AtomicBool>,
    samples: Samples,
) {
    let account = format!("{guard:?}");
    let charge = Charge::to_account(&account, Quota::per_second(10_000));
    while !stop.load(Ordering::Relaxed) {
        let asked = now();
        let outcome = ask(&*limiter, &charge).await;
        samples.lock().unwrap().push(Sample {
            asked,
            answered: now(),
            outcome: match outcome {
                Ok(decision) => Ok((decision.checked_by(), decision.is_allowed())),
                Err(error) => Err(error.kind()),
            },
        });
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

impl Record {
    /// What was asked and answered in `time`; from `broken` on the fault was there whole, and at
    /// `healed` it was over.
    pub(super) fn during(
        &self,
        time: Range<Monotonic>,
        broken: Monotonic,
        healed: Monotonic,
    ) -> Outage {
        let inside: Vec<&Sample> = self
            .0
            .iter()
            .filter(|sample| sample.asked >= time.start && sample.answered < time.end)
            .collect();
        let count = |is: &dyn Fn(&Sample) -> bool| inside.iter().filter(|one| is(one)).count();
        let by = |sample: &Sample| sample.outcome.ok().map(|(by, _)| by);
        let took = |sample: &Sample| sample.answered.saturating_since(sample.asked);
        let mut times: Vec<Duration> = inside.iter().map(|sample| took(sample)).collect();
        times.sort();
        Outage {
            total: inside.len(),
            remote: count(&|one| one.asked >= broken && by(one) == Some(CheckedBy::Remote)),
            lost: count(&|one| by(one) != Some(CheckedBy::Remote)),
            failed: count(&|one| one.outcome.is_err()),
            fallen_back: count(&|one| matches!(by(one), Some(CheckedBy::Fallback(_)))),
            bypassed: count(&|one| matches!(by(one), Some(CheckedBy::Bypassed(_)))),
            refused: count(&|one| matches!(one.outcome, Ok((_, false)))),
            waited: count(&|one| took(one) > Duration::from_micros(12_500)),
            p99: times[times.len() * 99 / 100],
            recovery: self.recovery(healed),
        }
    }

    /// From then on until the server had decided again.
    pub(super) fn recovery(&self, healed: Monotonic) -> Duration {
        let is_remote = |sample: &&Sample| matches!(sample.outcome, Ok((CheckedBy::Remote, _)));
        let mut after = self.0.iter().filter(|sample| sample.asked >= healed);
        let back = after.find(is_remote).unwrap();
        back.answered.saturating_since(healed)
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            total,
            remote,
            lost,
            failed,
            fallen_back,
            bypassed,
            refused,
            waited,
            p99,
            recovery,
        } = self;
        write!(
            f,
            "{total} asked, {remote} answered, {lost} not ({failed} failed, {fallen_back} by \
             fall-back, {bypassed} waved through), {refused} refused, {waited} waited; \
             p99 {p99:?}, recovery {recovery:?}"
        )
    }
}
