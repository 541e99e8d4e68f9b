//! `cargo xtask scanners`: whether secret scanners find the keys of this library by the rules that
//! it brings.

use crate::cargo::Cargo;
use crate::python::Python;
use crate::step::{self, Outcome, Step};

/// The test that asks the scanners.
const TEST: &str = "crates/ringyo/tests/secret_scanners.rs";

/// Where it looks for them.
const VARIABLE: &str = "RINGYO_TEST_SCANNERS";

/// The step: installs scanners below `target` unless they are there, then lets the test ask them.
///
/// It is skipped where there is no such test, and where Python or its package registry is not to
/// be had.
pub fn step() -> Step {
    Step::new("scanners", "cargo xtask scanners", |root, out| {
        if !root.join(TEST).is_file() {
            return Ok(Outcome::Skipped(format!("there is no {TEST} here")));
        }
        let python = match Python::install_scanners(root, out) {
            Ok(python) => python,
            Err(why) => return Ok(Outcome::Skipped(why.to_string())),
        };
        // As the tests are built: for a package alone cargo would compile most of it once more.
        let test = "test --workspace --all-features --test secret_scanners -- --include-ignored";
        let programs = python.programs().to_string_lossy();
        step::outcome(&Cargo::new(test).env(VARIABLE, programs), root)
    })
}
