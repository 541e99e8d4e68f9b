//! `cargo xtask features`: the crates that are published compile with each choice of their features,
//! without a warning; their face with none, each one and all of its own.

use std::fs;
use std::io;
use std::path::Path;

use toml_edit::DocumentMut;

use crate::as_published;
use crate::cargo::{self, Cargo};
use crate::step::{self, Outcome, Step};
use crate::tools;

/// Each crate with every choice of its features. The face, which has ten and only hands on what the
/// others have, with none, with each one, and with all.
const CHECKS: [&str; 2] = [
    "hack check --workspace --exclude ringyo --feature-powerset --keep-going",
    "hack check --package ringyo --each-feature --keep-going",
];

/// The step, by cargo-hack; it is skipped where that is not to be had.
pub fn step() -> Step {
    Step::new("features", "cargo xtask features", |root, out| {
        let search = match tools::find(root, "cargo-hack", out) {
            Ok(search) => search,
            Err(why) => return Ok(Outcome::Skipped(why.to_string())),
        };
        let place = cargo::target_directory(root)?.join("as-published");
        as_published::copy(root, &place)?;
        deny_warnings(&place.join("Cargo.toml"))?;
        // Not the one of the workspace: cargo takes what lies in there for something that it has
        // built, and might not see it change.
        let target = place.join("target");
        let mut failed = Vec::new();
        let mut builds = 0;
        for check in CHECKS {
            let list = Cargo::new(format!("{check} --print-command-list")).env("PATH", &search);
            builds += list.printed(&place)?.1.lines().count();
            let check = Cargo::new(check)
                .env("PATH", &search)
                .env("CARGO_TARGET_DIR", target.to_string_lossy());
            if let Outcome::Failed(how) = step::outcome(&check, &place)? {
                failed.push(how);
            }
        }
        Ok(match failed.pop() {
            None => {
                writeln!(out, "{builds} builds, none with a warning")?;
                Outcome::Passed
            }
            Some(how) => Outcome::Failed(how),
        })
    })
}

/// As a lint of the workspace: told by a variable it would have all dependencies compiled anew.
fn deny_warnings(manifest: &Path) -> io::Result<()> {
    let text = fs::read_to_string(manifest)?;
    let mut parsed: DocumentMut = text.parse().map_err(io::Error::other)?;
    parsed["workspace"]["lints"]["rust"]["warnings"] = toml_edit::value("deny");
    fs::write(manifest, parsed.to_string())
}
