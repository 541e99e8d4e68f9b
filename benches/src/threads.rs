use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::ThreadTime;

const CALLS: usize = 100_000;

/// How much threads do together in the time in which one does one, by the processor time of each:
/// what they take from each other shows, and what other programs take does not.
pub(crate) fn speedup<W: Clone + Send + Sync, T>(
    works: &[W],
    run: impl Fn(&mut W) -> T + Sync,
) -> f64 {
    let timed = |mut work: W, place: usize, start: &Start| {
        keep_to(place);
        start.wait();
        let begun = ThreadTime::now();
        for _ in 0..CALLS {
            black_box(&run(&mut work));
        }
        begun.elapsed().as_secs_f64()
    };
    let on_threads = |works: &[W]| {
        let start = &Start::of(works.len());
        let timed = &timed;
        let took: f64 = std::thread::scope(|scope| {
            let places = works.iter().enumerate();
            let threads: Vec<_> = places
                .map(|(place, work)| scope.spawn(move || timed(work.clone(), place, start)))
                .collect();
            let times = threads.into_iter().map(|thread| thread.join());
            times.map(|time| time.expect("a bench panicked")).sum()
        });
        took / works.len() as f64
    };
    works.len() as f64 * on_threads(&works[..1]) / on_threads(works)
}

/// Keeps this thread to a processor of its own. Of threads that have just been made one may run after
/// the other where the first one was, and then they take nothing from each other.
fn keep_to(place: usize) {
    let allowed = sched_getaffinity(None).expect("the processors of this program");
    let mut processors = (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor));
    let mut only = CpuSet::new();
    only.set(processors.nth(place).expect("a processor for each thread"));
    sched_setaffinity(None, &only).expect("a processor of this program");
}

/// Where threads wait for each other without going to sleep, which some would wake from too late.
struct Start {
    missing: AtomicUsize,
}

impl Start {
    fn of(threads: usize) -> Self {
        Self {
            missing: AtomicUsize::new(threads),
        }
    }

    fn wait(&self) {
        self.missing.fetch_sub(1, Ordering::AcqRel);
        while self.missing.load(Ordering::Acquire) > 0 {
            spin_loop();
        }
    }
}
