//! Fuzzes the demo by its own OpenAPI document, with all that schemathesis checks; and fuzzes it
//! once more with holes planted in it, each of which must be found. Run it with
//! `cargo xtask fuzz`, which installs schemathesis.

mod fuzzer;
mod holes;
mod tally;
mod target;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use fuzzer::{Findings, Fuzzer};
use ringyo_demo::StartError;
use target::Soundness;

/// Fuzz the demo, and the demo with holes planted in it.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    fuzzer: Fuzzer,
}

#[tokio::main]
async fn main() -> Result<ExitCode, StartError> {
    let Arguments { fuzzer } = Arguments::parse();
    // Most of the time it is schemathesis that works, and that in one thread.
    let (sound, control) = tokio::try_join!(sound(&fuzzer), control(&fuzzer))?;
    let mut out = io::stdout().lock();

    let is_sound = sound.objections.is_empty();
    if !is_sound {
        writeln!(out, "{}", sound.output)?;
    }
    for objection in &sound.objections {
        writeln!(out, "the demo: {objection}")?;
    }
    let Control { missed, output } = control;
    if !missed.is_empty() {
        writeln!(out, "{output}")?;
    }
    for (operation, kind) in &missed {
        writeln!(
            out,
            "the control: {kind} in {operation} was planted and not found"
        )?;
    }
    writeln!(
        out,
        "the demo: {} requests, {} failures; the control: {} of {} planted holes found",
        sound.requests,
        sound.failures.len(),
        holes::HOLES.len() - missed.len(),
        holes::HOLES.len(),
    )?;
    Ok(match is_sound && missed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// How many runs there are at most: one may come upon what others have missed.
const RUNS: usize = 3;

/// Fuzzes the demo. Its ids are drawn anew each time, and with them what a request meets: an
/// operation that by chance has never done what it is for is given another run. A failure is one in
/// any run.
async fn sound(fuzzer: &Fuzzer) -> Result<Findings, StartError> {
    let mut fuzzer = fuzzer.clone();
    let mut left = RUNS;
    loop {
        let found = fuzzer.run_on(Soundness::Sound).await?;
        left -= 1;
        if found.objections.is_empty() || !found.is_clean || left == 0 {
            return Ok(found);
        }
        fuzzer.draw_others();
    }
}

/// What has been found of the holes.
struct Control {
    missed: Vec<(&'static str, &'static str)>,
    /// What the last run printed.
    output: String,
}

/// Fuzzes the demo with holes. A chain of requests that comes upon one of them is drawn in most
/// runs and not in all, so that there may be some more.
async fn control(fuzzer: &Fuzzer) -> Result<Control, StartError> {
    let mut fuzzer = fuzzer.clone();
    let mut control = Control {
        missed: holes::HOLES.to_vec(),
        output: String::new(),
    };
    for _ in 0..RUNS {
        let found = fuzzer.run_on(Soundness::Planted).await?;
        control.output = found.output;
        control.missed.retain(|(operation, kind)| {
            let hole = ((*operation).to_owned(), (*kind).to_owned());
            !found.failures.contains(&hole)
        });
        if control.missed.is_empty() {
            break;
        }
        fuzzer.draw_others();
    }
    Ok(control)
}
