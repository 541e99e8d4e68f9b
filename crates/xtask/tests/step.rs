//! Steps: order, progress, skipping, stopping, and the report.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::Path;

use xtask::cargo::Cargo;
use xtask::step::{self, Outcome, Report, Step};

fn ending(name: &'static str, outcome: Outcome) -> Step {
    Step::new(name, format!("repeat {name}"), move |_, out| {
        writeln!(out, "in {name}")?;
        Ok(outcome)
    })
}

fn failing(name: &'static str) -> Step {
    ending(name, Outcome::Failed("exit status: 3".into()))
}

fn run(steps: Vec<Step>) -> (Report, String) {
    let mut out = Vec::new();
    let report = step::run(Path::new("."), steps, &mut out).unwrap();
    (report, String::from_utf8(out).unwrap())
}

#[test]
fn steps_are_numbered_timed_and_name_their_command() {
    let (report, out) = run(vec![
        ending("one", Outcome::Passed),
        ending("two", Outcome::Passed),
    ]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("[1/2] one … repeat one (started at 0."));
    assert_eq!(lines[1], "in one");
    assert!(lines[2].starts_with("[1/2] one: passed in 0."), "{out}");
    assert!(out.contains("[2/2] two … repeat two (started at 0."));
    assert!(report.passed());
    let report = report.to_string();
    assert!(
        report.lines().last().unwrap().starts_with("PASSED in 0."),
        "{report}"
    );
}

#[test]
fn a_failure_is_repeated_with_its_command_and_later_steps_still_run() {
    let (report, out) = run(vec![failing("one"), ending("two", Outcome::Passed)]);
    assert!(out.contains("[1/2] one: FAILED after 0."), "{out}");
    assert!(out.contains("in two"), "{out}");
    assert!(!report.passed());
    let report = report.to_string();
    assert!(
        report.contains("FAILED: one (exit status: 3); run it alone with: repeat one\n"),
        "{report}"
    );
    assert!(!report.contains("FAILED: two"), "{report}");
    assert!(
        report.lines().last().unwrap().starts_with("FAILED in"),
        "{report}"
    );
}

#[test]
fn a_stopping_step_skips_the_rest_only_when_it_fails() {
    let (report, out) = run(vec![
        failing("build").or_stop(),
        ending("tests", Outcome::Passed),
    ]);
    assert!(
        out.contains("SKIPPED: tests because build failed\n"),
        "{out}"
    );
    assert!(!out.contains("in tests"), "{out}");
    assert!(!report.passed());
    assert_eq!(
        report.outcome("tests"),
        Some(&Outcome::Skipped("build failed".into()))
    );

    let (report, out) = run(vec![
        ending("build", Outcome::Passed).or_stop(),
        ending("tests", Outcome::Passed),
    ]);
    assert!(out.contains("in tests"), "{out}");
    assert!(report.passed());
}

#[test]
fn a_missing_component_is_skipped_in_one_loud_line() {
    let (report, out) = run(vec![Step::component(
        "format",
        Cargo::new("no-such-subcommand --all"),
        "rustfmt",
    )]);
    let loud: Vec<&str> = out
        .lines()
        .filter(|line| line.starts_with("SKIPPED"))
        .collect();
    assert_eq!(
        loud,
        ["SKIPPED: format because rustfmt is not installed (rustup component add rustfmt)"]
    );
    assert!(report.passed());
    let report = report.to_string();
    assert!(
        report
            .lines()
            .last()
            .unwrap()
            .ends_with(", SKIPPED: format"),
        "{report}"
    );
}

#[test]
fn a_step_that_cannot_run_has_failed() {
    let (report, _) = run(vec![
        Step::new("one", "repeat one", |_, _| {
            Err(std::io::Error::other("no disk"))
        }),
        ending("two", Outcome::Passed),
    ]);
    assert_eq!(
        report.outcome("one"),
        Some(&Outcome::Failed("could not run: no disk".into()))
    );
    assert_eq!(report.outcome("two"), Some(&Outcome::Passed));
}
