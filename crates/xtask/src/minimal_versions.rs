//! `cargo xtask minimal-versions`: the crates that are published compile with the oldest version of
//! each dependency that their manifests allow.
//!
//! Whoever has an old version in a `Cargo.lock` keeps it for as long as the manifests say that it is
//! enough. Which versions those are cargo can only find out with an option that is not stable; it
//! is told to take it all the same, to resolve and for nothing else. What was found is compiled as
//! ever.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;

use serde_json::Value;

use crate::as_published;
use crate::cargo::{self, Cargo};
use crate::step::{self, Outcome, Step};

/// Only dependencies of our own: what theirs allow is their concern, and seldom true.
const RESOLVE: &str = "update --quiet -Z direct-minimal-versions";

const CHECK: &str = "check --workspace --all-features --locked";

/// The step. It fails also when what was found is not the oldest, because then nothing was checked.
pub fn step() -> Step {
    let alone = "cargo xtask minimal-versions";
    Step::new("minimal versions", alone, |root, out| {
        let place = cargo::target_directory(root)?.join("minimal-versions");
        as_published::copy(root, &place)?;
        let resolve = Cargo::new(RESOLVE).env("RUSTC_BOOTSTRAP", "1");
        let resolved = resolve.run(&place)?;
        if !resolved.success() {
            return Ok(Outcome::Failed(format!("`{resolve}`: {resolved}")));
        }
        let dependencies = dependencies(&place)?;
        let newer: Vec<String> = dependencies
            .iter()
            .filter(|dependency| !dependency.is_oldest())
            .map(ToString::to_string)
            .collect();
        if dependencies.is_empty() || !newer.is_empty() {
            let what = format!("not the oldest: {}", newer.join(", "));
            return Ok(Outcome::Failed(what));
        }
        let count = dependencies.len();
        let target = place.join("target");
        let check = Cargo::new(CHECK).env("CARGO_TARGET_DIR", target.to_string_lossy());
        let outcome = step::outcome(&check, &place)?;
        if outcome == Outcome::Passed {
            writeln!(
                out,
                "compiled with {count} dependencies, each as old as it may be"
            )?;
        }
        Ok(outcome)
    })
}

/// What a crate asks for, and what it is given.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    name: String,
    asked: String,
    given: String,
}

impl Dependency {
    /// `^1.2` asks for 1.2.0 or newer; what stands behind a `+` says nothing about age.
    fn is_oldest(&self) -> bool {
        let asked = self.asked.trim_start_matches('^');
        let places = asked.split('.').count();
        let oldest = format!("{asked}{}", ".0".repeat(3_usize.saturating_sub(places)));
        self.given.split('+').next() == Some(&oldest)
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, asked, given } = self;
        write!(f, "{name} {given} for {asked}")
    }
}

/// What the crates of the workspace depend on, apart from each other.
fn dependencies(place: &Path) -> io::Result<BTreeSet<Dependency>> {
    let metadata = cargo::answer(place, "metadata --format-version 1 --locked --all-features")?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let packages: BTreeMap<String, Value> = list(&metadata["packages"])
        .into_iter()
        .filter_map(|package| Some((package["id"].as_str()?.to_owned(), package)))
        .collect();
    let mut found = BTreeSet::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let Some(package) = node["id"].as_str().and_then(|id| packages.get(id)) else {
            continue;
        };
        // What comes from a registry has a source.
        if !package["source"].is_null() {
            continue;
        }
        let given: Vec<&Value> = list(&node["dependencies"])
            .iter()
            .filter_map(|id| packages.get(id.as_str()?))
            .collect();
        for asked in list(&package["dependencies"]) {
            let given = given.iter().find(|given| given["name"] == asked["name"]);
            let Some(given) = given.filter(|_| !asked["source"].is_null()) else {
                continue;
            };
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            found.insert(Dependency {
                name: text(&asked["name"]),
                asked: text(&asked["req"]),
                given: text(&given["version"]),
            });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_oldest_is_the_oldest() {
        let given = |asked: &str, given: &str| Dependency {
            name: "one".into(),
            asked: asked.into(),
            given: given.into(),
        };
        assert!(given("^1.2", "1.2.0").is_oldest());
        assert!(given("^0.25.1", "0.25.1+spec-1.1.0").is_oldest());
        assert!(!given("^1.2", "1.2.1").is_oldest());
        assert!(!given("^1.2", "1.20.0").is_oldest());
        assert!(!given("^1", "1.0.3").is_oldest());
    }
}
