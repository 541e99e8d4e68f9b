//! Several nodes on one database: what one of them changes the others keep to in time, whatever is
//! lost on the way, and what is spent on all of them is counted once.
//!
//! `RINGYO_TEST_TRIALS=100 cargo test -p ringyo-demo --test nodes` repeats each trial so often.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]
#![allow(clippy::print_stdout, reason = "what was measured is shown")]

#[path = "../service/mod.rs"]
mod service;

mod crash;
mod credits;
mod cut_off;
mod documentation;
mod frozen;
mod hand;
mod limiter;
mod outage;
mod probe;
mod revocations;
mod shared_file;
mod silence;
mod site;
mod spenders;
mod starved;

use std::time::Duration;

/// How often a time is tried to be kept to on a machine that others use as well: once it has to be.
const TRIES: usize = 3;

/// How often a trial is repeated, unless the environment asks for more.
fn trials(usual: usize) -> usize {
    let asked = std::env::var("RINGYO_TEST_TRIALS");
    asked.map_or(usual, |asked| asked.parse::<usize>().unwrap().max(usual))
}

/// What was measured, for people: how many, half of them, 99 of 100, all of them.
fn show(what: &str, mut measured: Vec<Duration>) {
    measured.sort();
    let [half, most, longest] = [50, 99, 100].map(|percent| share(&measured, percent).as_millis());
    let count = measured.len();
    println!("{what}: {count} measured, p50 {half} ms, p99 {most} ms, max {longest} ms");
}

/// The time within which this percentage of what was measured is.
fn share(sorted: &[Duration], percent: usize) -> Duration {
    let number = (sorted.len() * percent).div_ceil(100);
    sorted[number.saturating_sub(1)]
}
