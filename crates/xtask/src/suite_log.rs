//! The suite with a log of everything, and a search of all that it prints.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::ExitStatus;

use crate::cargo::Cargo;
use crate::servers::Servers;
use crate::step::{self, Outcome, Step};
use crate::test::Runner;

/// The test that searches.
const TEST: &str = "crates/ringyo/tests/suite_log.rs";

/// Where it finds what to search.
const VARIABLE: &str = "RINGYO_TEST_SUITE_LOG";

/// What the suite printed, from the root of the workspace.
const LOG: &str = "target/suite.log";

/// The servers, and the step: runs the tests with `RUST_LOG=trace` and keeps what they print, panics
/// included, then searches it. It passes when nothing is found: whether the tests do is for
/// [`cargo xtask test`](crate::test::steps) to say, under which they are not as slow.
pub fn steps(runner: Runner) -> Vec<Step> {
    let servers = Servers::default();
    let mut steps = servers.steps();
    steps.push(step(runner, servers));
    steps
}

fn step(runner: Runner, servers: Servers) -> Step {
    let run = match runner {
        Runner::Nextest => {
            "nextest run --workspace --all-features --no-fail-fast \
             --success-output immediate --failure-output immediate"
        }
        Runner::CargoTest => {
            "test --workspace --all-features --tests --no-fail-fast -- --nocapture"
        }
    };
    let suite = Cargo::new(run).env("RUST_LOG", "trace");
    let search = Cargo::new(
        "test --workspace --all-features --test suite_log -- --include-ignored --nocapture",
    );
    let search = search.env(VARIABLE, LOG);
    let alone = format!("{suite} > {LOG} 2>&1; {search}");
    Step::new("no leak", alone, move |root, out| {
        if !root.join(TEST).is_file() {
            return Ok(Outcome::Skipped(format!("there is no {TEST} here")));
        }
        let path = root.join(LOG);
        let ended = keep(&servers.tell(suite), root, &path)?;
        writeln!(out, "the suite: {ended}")?;
        // Tests run in the folder of their package.
        step::outcome(&search.env(VARIABLE, path.to_string_lossy()), root)
    })
}

fn keep(suite: &Cargo, root: &Path, path: &Path) -> io::Result<ExitStatus> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let log = File::create(path)?;
    suite.run_into(root, log)
}
