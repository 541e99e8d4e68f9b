//! `cargo xtask`: the helper programs of this workspace. `cargo xtask help` lists them.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use xtask::cargo;
use xtask::cli::{self, Task};
use xtask::servers::Servers;
use xtask::step::{self, Step};
use xtask::{bench_report, ci, coverage, deep, features, fuzz, instructions, libfuzzer};
use xtask::{minimal_versions, mutants, package, promises, scanners, structure, suite_log, test};

fn main() -> ExitCode {
    let mut out = io::stdout();
    let task = match cli::parse(env::args().skip(1)) {
        Ok(task) => task,
        Err(error) => return complain(&error, 2),
    };
    match perform(task, &mut out) {
        Ok(code) => code,
        Err(error) => complain(&error, 1),
    }
}

fn perform(task: Task, out: &mut dyn Write) -> io::Result<ExitCode> {
    let root = cargo::workspace_root()?;
    let is_ci = matches!(task, Task::Ci(_));
    let steps: Vec<Step> = match task {
        Task::Help => {
            writeln!(out, "{}", cli::USAGE)?;
            return Ok(ExitCode::SUCCESS);
        }
        Task::Test(runner) => test::steps(runner),
        Task::Ci(runner) => ci::steps(runner),
        Task::Deep(words) => deep::steps(&root, &words)?,
        Task::Mutants(part) => mutants::steps(&part)?,
        Task::SuiteLog(runner) => suite_log::steps(runner),
        Task::Structure => vec![structure::step()],
        Task::Instructions => vec![instructions::step()],
        Task::BenchReport(manner) => bench_report::steps(manner),
        Task::BenchPage(manner) => vec![bench_report::page_step(manner)],
        Task::Fuzz(seed) => vec![fuzz::step(seed)],
        Task::Scanners => vec![scanners::step()],
        Task::Libfuzzer(each) => vec![libfuzzer::step(each)],
        Task::Promises(words) => promises::steps(&root, &words)?,
        Task::Features => vec![features::step()],
        Task::MinimalVersions => vec![minimal_versions::step()],
        Task::Package => vec![package::step()],
        Task::Coverage(least) => vec![coverage::step(least)],
        Task::Browser(runner) => test::browser_steps(runner),
        Task::Servers(command) => {
            let servers = Servers::default();
            let mut steps = servers.steps();
            if !command.is_empty() {
                steps.push(servers.command(command));
            }
            steps
        }
    };
    let report = step::run(&root, steps, out)?;
    writeln!(out, "{report}")?;
    if is_ci {
        writeln!(out, "{}", ci::verdict(report.took()))?;
    }
    Ok(if report.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn complain(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    // Nothing is left to tell, and nobody to tell it to, when standard error itself is closed.
    let _ = writeln!(io::stderr(), "cargo xtask: {error}");
    ExitCode::from(code)
}
