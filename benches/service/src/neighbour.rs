//! What else runs on the same core.
//!
//! A processor of a virtual machine is often one of two hardware threads of a core, and the other
//! may be anybody's. What it takes shows in no clock of this machine, and not in the floor, which
//! waits for itself: each round of SHA-256 needs the one before. A decision uses all of a core, and
//! takes a quarter longer when half of it is gone. So measurements ask whether it is.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::ThreadTime;

/// How long a piece of work takes that leaves nothing of a core unused, in nanoseconds: the least
/// where the core is this thread's alone.
#[must_use]
pub fn probe() -> f64 {
    let start = ThreadTime::now();
    let mut chains = [0_u64; 4];
    for step in 0..black_box(2_000) {
        for (chain, by) in chains.iter_mut().zip(1..) {
            *chain = chain.rotate_left(by) ^ step;
        }
    }
    black_box(chains);
    start.elapsed().as_nanos() as f64
}

/// The shortest that a few probes in a row have taken on average, within a second.
#[must_use]
pub fn least() -> f64 {
    let begun = Instant::now();
    let mut least = f64::INFINITY;
    while begun.elapsed() < Duration::from_secs(1) {
        let few = (0..16).map(|_| probe()).sum::<f64>() / 16.0;
        least = least.min(few);
    }
    least
}

/// Whether the core was this thread's alone when a probe took so long, if the shortest took `least`.
#[must_use]
pub fn is_away(probe: f64, least: f64) -> bool {
    probe <= 1.1 * least
}

/// Fewer measurements than these may be chance.
pub const ENOUGH: usize = 8;

/// Of what was measured, each with a probe beside it, what had the core to itself; where that is not
/// enough, what had most of it.
#[must_use]
pub fn undisturbed<T>(mut measured: Vec<T>, probe: impl Fn(&T) -> f64, least: f64) -> Vec<T> {
    measured.sort_by(|one, other| probe(one).total_cmp(&probe(other)));
    let alone = measured.partition_point(|it| is_away(probe(it), least));
    measured.truncate(alone.max(ENOUGH));
    measured
}
