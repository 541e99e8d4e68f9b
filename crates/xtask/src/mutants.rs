//! Whether the tests notice when the code is changed, by cargo-mutants.
//!
//! What it changes, and which changes are accepted because they change nothing, stands in
//! `.cargo/mutants.toml`; how they are built, in the profile `mutants` of `Cargo.toml`.

use crate::cargo::{Cargo, target_directory};
use crate::servers::for_tests::WITHOUT;
use crate::step::{Outcome, Step};

/// The crates that decide whether a key is good, what it may do and how often it may be used: where
/// a change that no test notices would be worst. With each the tests that are tried on every mutant:
/// left out are those that repeat for long or start servers, and find nothing that others do not.
const CRATES: [(&str, &str); 4] = [
    ("ringyo-key", "--lib --tests -- --skip a_million_keys"),
    (
        "ringyo-scope",
        "--lib --tests -- --skip trying_every_deed_finds_planted_faults",
    ),
    ("ringyo-limit", "--lib --tests"),
    (
        "ringyo-auth",
        "--lib --test suite -- --skip trials:: --skip interleavings:: --skip flood:: \
         --skip rate_values:: --skip wire:: --skip on_sqlite --skip on_postgresql",
    ),
];

/// A mutant that lets every secret pass, and tests that do not look at secrets.
const CONTROL: &str = "mutants --package ringyo-key --file crates/ringyo-key/src/digest.rs \
                       --re Digest::matches.*true --baseline skip --timeout 120 \
                       --output target/mutants-control -- --test working_directory";

/// All mutants were noticed.
const CAUGHT: i32 = 0;
/// Some were not.
const MISSED: i32 = 2;
/// Some kept a test from ending, and so were noticed; no other was missed.
const TIMED_OUT: i32 = 3;

/// A step for each crate, which fails when a change goes unnoticed, and before them one that fails
/// when that goes unnoticed.
pub fn steps() -> impl Iterator<Item = Step> {
    let control = step("mutants, a control", Cargo::new(CONTROL), &[MISSED]);
    let crates = CRATES.into_iter().map(|(package, tests)| {
        let cargo = Cargo::new(format!(
            "mutants --package {package} --output target/mutants-{package} -- {tests}"
        ));
        let cargo = cargo.env(WITHOUT, "postgresql,redis,valkey");
        step(format!("mutants of {package}"), cargo, &[CAUGHT, TIMED_OUT])
    });
    std::iter::once(control).chain(crates)
}

/// A step that passes when cargo-mutants ends with one of these codes.
fn step(name: impl Into<String>, cargo: Cargo, good: &'static [i32]) -> Step {
    Step::new(name, cargo.to_string(), move |root, _| {
        if !cargo.is_installed() {
            return Ok(Outcome::Skipped(
                "cargo-mutants is not installed (cargo install cargo-mutants --locked)".to_owned(),
            ));
        }
        // The mutants are copies of the workspace elsewhere: what they depend on is built once.
        let target = target_directory(root)?.display().to_string();
        let status = cargo.env("CARGO_TARGET_DIR", target).run(root)?;
        Ok(match status.code() {
            Some(code) if good.contains(&code) => Outcome::Passed,
            _ => Outcome::Failed(status.to_string()),
        })
    })
}
