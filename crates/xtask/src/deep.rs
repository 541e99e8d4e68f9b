//! `cargo xtask deep`: what is too slow for every change, and worth a night.

use std::io;
use std::path::Path;

use crate::cargo::Cargo;
use crate::coverage;
use crate::features;
use crate::libfuzzer;
use crate::minimal_versions;
use crate::mutants;
use crate::package;
use crate::promises;
use crate::servers::Servers;
use crate::step::{self, Outcome, Step};
use crate::suite_log;
use crate::test::Runner;

/// The timing of refusals.
const TIMING: &str = "benches/examples/timing";

/// The steps, in order: the promises of the page, the timing of refusals, fuzzing for minutes,
/// mutants, coverage, the crates with each choice of their features, with the oldest versions that
/// they name and as packages, many more trials, and the suite with a log of everything,
/// which is searched. One that lacks a program is skipped. Of all those the ones whose names contain
/// `part`.
///
/// # Errors
///
/// When the page cannot be read, or nothing has such a name.
pub fn steps(root: &Path, runner: Runner, part: &str) -> io::Result<Vec<Step>> {
    let is_asked_for = |step: &Step| step.name().contains(part);
    let servers = Servers::default();
    let mut steps = promises::steps(root, "")?;
    steps.extend([timing(), libfuzzer::step(libfuzzer::LONG)]);
    steps.extend(mutants::steps());
    steps.extend([
        coverage::step(coverage::LEAST),
        features::step(),
        minimal_versions::step(),
        package::step(),
    ]);
    steps.retain(is_asked_for);
    let mut tests = tests(runner, &servers);
    tests.retain(is_asked_for);
    if !tests.is_empty() {
        steps.extend(servers.steps());
    }
    steps.extend(tests);
    if steps.is_empty() {
        return Err(io::Error::other(format!("no step is called `{part}`")));
    }
    Ok(steps)
}

/// Those that want servers.
fn tests(runner: Runner, servers: &Servers) -> Vec<Step> {
    let run = match runner {
        Runner::Nextest => "nextest run",
        Runner::CargoTest => "test",
    };
    let mut steps = Vec::new();
    // Some times as many as in every run.
    for (name, which, trials) in [
        (
            "trials of the cache",
            "--package ringyo-auth --all-features",
            "50000",
        ),
        (
            "trials of the limiter",
            "--package ringyo-limit --all-features --lib",
            "50000",
        ),
        (
            "trials of many nodes",
            "--package ringyo-demo --test nodes",
            "100",
        ),
    ] {
        let cargo = Cargo::new(format!("{run} {which} --release --no-fail-fast"));
        steps.push(servers.test(name, cargo.env("RINGYO_TEST_TRIALS", trials)));
    }
    steps.push(suite_log::step(runner, servers));
    steps
}

/// Whether the time of a refusal tells anything, in a build as it is delivered.
fn timing() -> Step {
    let cargo = Cargo::new("run --release --package ringyo-bench --example timing");
    Step::new("timing", cargo.to_string(), move |root, _| {
        if !root.join(TIMING).is_dir() {
            return Ok(Outcome::Skipped(format!("there is no {TIMING} here")));
        }
        step::outcome(&cargo, root)
    })
}
