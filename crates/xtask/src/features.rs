//! `cargo xtask features`: the crates that are published compile with each choice of their features.

use crate::as_published;
use crate::cargo::{self, Cargo};
use crate::step::{self, Outcome, Step};
use crate::tools;

/// Each crate with no feature, with each one, with each two, and with all, without a warning. What
/// three features need that no two of them do would be a strange thing; the tests run with all.
const CHECK: &str = "hack check --workspace --feature-powerset --depth 2 --keep-going";

/// The step, by cargo-hack; it is skipped where that is not to be had.
pub fn step() -> Step {
    Step::new("features", "cargo xtask features", |root, out| {
        let search = match tools::find(root, "cargo-hack", out) {
            Ok(search) => search,
            Err(why) => return Ok(Outcome::Skipped(why.to_string())),
        };
        let place = cargo::target_directory(root)?.join("as-published");
        as_published::copy(root, &place)?;
        let check = Cargo::new(CHECK)
            .env("PATH", search)
            .env("CARGO_TARGET_DIR", place.join("target").to_string_lossy())
            .env("RUSTFLAGS", "-D warnings");
        step::outcome(&check, &place)
    })
}
