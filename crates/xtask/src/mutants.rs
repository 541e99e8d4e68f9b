//! Whether the tests notice when the code is changed, by cargo-mutants.
//!
//! What it changes, and which changes are accepted because they change nothing, stands in
//! `.cargo/mutants.toml`; how they are built, in the profile `mutants` of `Cargo.toml`; which tests are
//! run, in that of `.config/nextest.toml`.

use std::fs;
use std::io;

use crate::cargo::{Cargo, target_directory};
use crate::servers::for_tests::WITHOUT;
use crate::step::{Outcome, Step};
use crate::tools;

/// The crates that decide whether a key is good, what it may do and how often it may be used: where
/// a change that no test notices would be worst. With each the tests that are built for every
/// mutant; which of them are run stands in `.config/nextest.toml`.
const CRATES: [(&str, &str); 4] = [
    ("ringyo-key", LIB_AND_TESTS),
    ("ringyo-scope", LIB_AND_TESTS),
    ("ringyo-limit", LIB_AND_TESTS),
    ("ringyo-auth", "--cargo-arg=--lib --cargo-arg=--test=suite"),
];

const LIB_AND_TESTS: &str = "--cargo-arg=--lib --cargo-arg=--tests";

/// A mutant that lets every secret pass, and tests that do not look at secrets.
const CONTROL: &str = "--package ringyo-key --file crates/ringyo-key/src/digest.rs \
                       --re Digest::matches.*true --baseline skip --timeout 120";
const BLIND: &str = "--cargo-arg=--test=working_directory";

/// A step for each crate, which fails when a change goes unnoticed, and before them one that fails
/// when that goes unnoticed; of those the ones whose names contain `part`.
///
/// # Errors
///
/// When none is called so.
pub fn steps(part: &str) -> io::Result<Vec<Step>> {
    let control = ("control", format!("{CONTROL} {BLIND}"), Expect::Unnoticed);
    let crates = CRATES.into_iter().map(|(package, tests)| {
        let which = format!("--package {package} {tests}");
        (package, which, Expect::Noticed)
    });
    let steps: Vec<Step> = std::iter::once(control)
        .chain(crates)
        .filter(|(name, ..)| name.contains(part))
        .map(|(name, which, expect)| step(name, which, expect))
        .collect();
    if steps.is_empty() {
        return Err(io::Error::other(format!("no mutants are called `{part}`")));
    }
    Ok(steps)
}

/// What should have become of the mutants.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expect {
    /// All were noticed.
    Noticed,
    /// Some were not.
    Unnoticed,
}

fn step(name: &str, which: String, expect: Expect) -> Step {
    let output = format!("target/mutants-{name}");
    let cargo = Cargo::new(format!(
        "mutants --test-tool nextest --output {output} {which} -- --profile mutants"
    ));
    let cargo = cargo.env(WITHOUT, "postgresql,redis,valkey");
    let step_name = format!("mutants: {name}");
    Step::new(step_name, cargo.to_string(), move |root, out| {
        // The one runs the other, and stops at the first test that fails.
        let found = tools::find(root, "cargo-nextest", out)
            .and_then(|_| tools::find(root, "cargo-mutants", out));
        let search = match found {
            Ok(search) => search,
            Err(why) => return Ok(Outcome::Skipped(why.to_string())),
        };
        // The mutants are copies of the workspace elsewhere: what they depend on is built once.
        let target = target_directory(root)?
            .join("mutants")
            .display()
            .to_string();
        let cargo = cargo.env("PATH", search).env("CARGO_TARGET_DIR", target);
        // Nobody else makes it where packages are built in another place.
        fs::create_dir_all(root.join(&output))?;
        let status = cargo.run(root)?;
        let list = |name| fs::read_to_string(root.join(&output).join("mutants.out").join(name));
        let (caught, missed) = (list("caught.txt")?, list("missed.txt")?);
        let (ended, built) = (list("timeout.txt")?, list("unviable.txt")?);
        writeln!(
            out,
            "{} noticed, {} never ended, {} do not compile, {} went unnoticed",
            caught.lines().count(),
            ended.lines().count(),
            built.lines().count(),
            missed.lines().count(),
        )?;
        if caught.is_empty() && missed.is_empty() {
            return Ok(Outcome::Failed("no mutant was tried".to_owned()));
        }
        Ok(outcome(status.code(), &missed, expect))
    })
}

/// All mutants were noticed.
const CAUGHT: i32 = 0;
/// Some were not.
const MISSED: i32 = 2;
/// Some kept a test from ending, and so were noticed. Others may have been missed beside them.
const TIMED_OUT: i32 = 3;

/// By how cargo-mutants ended, and its list of mutants that no test noticed.
fn outcome(code: Option<i32>, missed: &str, expect: Expect) -> Outcome {
    let found = match code {
        Some(CAUGHT | MISSED | TIMED_OUT) if missed.is_empty() => Expect::Noticed,
        Some(CAUGHT | MISSED | TIMED_OUT) => Expect::Unnoticed,
        _ => return Outcome::Failed(format!("cargo-mutants ended with {code:?}")),
    };
    match (found, expect) {
        (Expect::Unnoticed, Expect::Noticed) => {
            Outcome::Failed(format!("{} went unnoticed", missed.lines().count()))
        }
        (Expect::Noticed, Expect::Unnoticed) => {
            Outcome::Failed("a planted survivor was not found".to_owned())
        }
        _ => Outcome::Passed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_that_was_missed_fails_the_step_however_others_ended() {
        let one = "crates/a/src/b.rs:1:2: replace f -> bool with true\n";
        for (code, missed, expect, passes) in [
            (Some(CAUGHT), "", Expect::Noticed, true),
            (Some(TIMED_OUT), "", Expect::Noticed, true),
            (Some(MISSED), one, Expect::Noticed, false),
            (Some(TIMED_OUT), one, Expect::Noticed, false),
            // The tests failed without any mutant; it was killed.
            (Some(4), "", Expect::Noticed, false),
            (None, "", Expect::Noticed, false),
            (Some(MISSED), one, Expect::Unnoticed, true),
            (Some(CAUGHT), "", Expect::Unnoticed, false),
            (Some(4), one, Expect::Unnoticed, false),
        ] {
            let passed = outcome(code, missed, expect) == Outcome::Passed;
            assert_eq!(passed, passes, "{code:?} {missed:?} {expect:?}");
        }
    }
}
