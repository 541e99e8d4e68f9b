//! Running a case in many orders.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, Runner};

use crate::local::LocalLimiter;

/// Executions of a case by each scheduler, unless `RINGYO_TEST_TRIALS` asks for more.
const TRIALS: usize = 2_000;

/// Executions between which a planted fault may have been found, and how often they are tried
/// before it is given up.
const BATCH: usize = 200;
const BATCHES: usize = 200;

/// How many preemptions a bug may need to be found for certain, sooner or later.
const PREEMPTIONS: usize = 3;

/// What happens in each execution, on a limiter of its own, and whether the buckets held.
pub(super) trait Case:
    Fn(&Arc<LocalLimiter>) -> bool + Clone + Send + Sync + 'static
{
}

impl<T: Fn(&Arc<LocalLimiter>) -> bool + Clone + Send + Sync + 'static> Case for T {}

/// They hold in every order.
#[track_caller]
pub(super) fn holds(case: impl Case) {
    let more = std::env::var("RINGYO_TEST_TRIALS").ok();
    let trials = more
        .map_or(TRIALS, |more| more.parse().unwrap())
        .max(TRIALS);
    assert_eq!(wrong(&case, trials), 0);
}

/// They do not in one, if it is only looked for long enough.
#[track_caller]
pub(super) fn breaks(case: impl Case) {
    let is_found = (0..BATCHES).any(|_| wrong(&case, BATCH) > 0);
    assert!(is_found, "the fault was not found");
}

/// Does this at the same time as the rest.
pub(super) fn beside<T: Send + 'static>(
    limiter: &Arc<LocalLimiter>,
    task: impl FnOnce(&LocalLimiter) -> T + Send + 'static,
) -> JoinHandle<T> {
    let limiter = limiter.clone();
    thread::spawn(move || task(&limiter))
}

/// In how many executions they did not hold, under a scheduler that draws every step and under one
/// that runs a task for as long as it can and interrupts it at a few places.
fn wrong(case: &impl Case, trials: usize) -> u64 {
    let wrong = Arc::new(AtomicU64::new(0));
    run(RandomScheduler::new(trials), case.clone(), &wrong);
    run(PctScheduler::new(PREEMPTIONS, trials), case.clone(), &wrong);
    wrong.load(SeqCst)
}

fn run(scheduler: impl Scheduler + 'static, case: impl Case, wrong: &Arc<AtomicU64>) {
    let wrong = wrong.clone();
    let mut config = Config::new();
    // That atomics are always read as last written is said above.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(move || {
        let holds = case(&Arc::new(LocalLimiter::new()));
        wrong.fetch_add(u64::from(!holds), SeqCst);
    });
}
