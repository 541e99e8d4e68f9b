//! `cargo xtask ci`: everything that a merge needs.

use crate::cargo::Cargo;
use crate::instructions;
use crate::step::{Outcome, Step};
use crate::structure;
use crate::test::{self, PACKAGES, Runner};

/// The steps, in order: format, clippy, documentation, structure, then those of
/// [`cargo xtask test`](test::steps), then the count of instructions, then whether the bench beside
/// others still compiles. Where a toolchain lacks rustfmt or clippy, that step is skipped.
pub fn steps(runner: Runner) -> Vec<Step> {
    let mut steps = vec![
        Step::component("format", Cargo::new("fmt --all --check"), "rustfmt"),
        Step::component(
            "clippy",
            Cargo::new(format!(
                "clippy {PACKAGES} --all-targets --all-features -- -D warnings"
            )),
            "clippy",
        ),
        Step::cargo(
            "documentation",
            Cargo::new(format!("doc {PACKAGES} --no-deps --all-features"))
                .env("RUSTDOCFLAGS", "-D warnings"),
        ),
        structure::step(),
    ];
    steps.extend(test::steps(runner));
    steps.push(instructions::step());
    steps.push(contenders());
    steps
}

/// It is only checked: to build it takes as long as all the rest.
fn contenders() -> Step {
    let check = "check --package ringyo-contenders --all-targets";
    let cargo = Cargo::new(check);
    let alone = cargo.to_string();
    Step::new("contenders", alone, move |root, _| {
        if !root.join("benches/contenders").is_dir() {
            return Ok(Outcome::Skipped("there are no benches/contenders".into()));
        }
        let status = cargo.run(root)?;
        Ok(if status.success() {
            Outcome::Passed
        } else {
            Outcome::Failed(status.to_string())
        })
    })
}
