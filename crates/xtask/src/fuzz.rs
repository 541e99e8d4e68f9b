//! `cargo xtask fuzz`: requests drawn from the demo's own OpenAPI document, by schemathesis.

use std::process::Command;

use crate::cargo::{self, Cargo};
use crate::python::Python;
use crate::step::{Outcome, Step};

/// Where the program is that fuzzes the demo and, as a control, the demo with planted holes.
const FUZZER: &str = "examples/demo/examples/fuzz";

/// The step: installs schemathesis below `target` unless it is there, then fuzzes the demo.
///
/// Another `seed` draws other requests; `None` is always the same one, but what is drawn depends
/// on the answers as well, and ids in those are random. The step is skipped where there is no
/// demo, and where Python or its package registry is not to be had.
pub fn step(seed: Option<u32>) -> Step {
    let option = seed.map_or(String::new(), |seed| format!(" --seed {seed}"));
    let alone = format!("cargo xtask fuzz{option}");
    Step::new("fuzz", alone, move |root, out| {
        if !root.join(FUZZER).is_dir() {
            return Ok(Outcome::Skipped(format!("there is no {FUZZER} here")));
        }
        let python = match Python::install(root, out) {
            Ok(python) => python,
            Err(why) => return Ok(Outcome::Skipped(why.to_string())),
        };
        // As the tests are built: for a package alone cargo would compile most of it once more.
        let build = "build --workspace --all-features --example fuzz";
        let build = Cargo::new(build);
        let mut status = build.run(root)?;
        if status.success() {
            let program = cargo::target_directory(root)?.join("debug/examples/fuzz");
            status = Command::new(program)
                .arg("--schemathesis")
                .arg(python.schemathesis())
                .args(option.split_whitespace())
                .current_dir(root)
                .status()?;
        }
        Ok(status.into())
    })
}
