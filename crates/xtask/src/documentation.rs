//! The documentation of every crate of the workspace, without a warning.

use std::io;
use std::path::Path;

use serde_json::Value;

use crate::cargo::{self, Cargo};
use crate::step::{self, Step};

const DOC: &str = "doc --workspace --no-deps --all-features";

/// The step: documents what `cargo doc` does, and the examples.
///
/// Cargo chooses the features of a dependency by what is to be built, and examples need what tests
/// need. With them the crates that clippy has checked do; without them most would be checked once
/// more, with a few features less.
pub fn step() -> Step {
    let doc =
        |targets: &str| Cargo::new(format!("{DOC}{targets}")).env("RUSTDOCFLAGS", "-D warnings");
    Step::new("documentation", doc("").to_string(), move |root, _| {
        step::outcome(&doc(&targets(root)?), root)
    })
}

fn targets(root: &Path) -> io::Result<String> {
    let metadata = cargo::answer(root, "metadata --format-version 1 --no-deps")?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let mut targets = " --lib --examples".to_owned();
    for package in items(&metadata["packages"]) {
        for program in programs(package) {
            targets += " --bin ";
            targets += program;
        }
    }
    Ok(targets)
}

/// Those of a package that have a page: one that is called as its library is has none.
fn programs(package: &Value) -> impl Iterator<Item = &str> {
    let named = |kind: &'static str| {
        items(&package["targets"])
            .iter()
            .filter(move |target| items(&target["kind"]).iter().any(|is| is == kind))
            .filter_map(|target| target["name"].as_str())
    };
    let library = named("lib").next();
    named("bin").filter(move |program| library != Some(program.replace('-', "_").as_str()))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_program_that_is_called_as_its_library_is_has_no_page() {
        let target = |kind: &str, name: &str| json!({ "kind": [kind], "name": name });
        let library = target("lib", "ringyo_demo");
        let package = |name: &str| json!({ "targets": [library, target("bin", name)] });
        assert_eq!(programs(&package("ringyo-demo")).count(), 0);
        assert_eq!(programs(&package("other")).collect::<Vec<_>>(), ["other"]);
        let alone = json!({ "targets": [target("bin", "ringyoctl"), target("test", "suite")] });
        assert_eq!(programs(&alone).collect::<Vec<_>>(), ["ringyoctl"]);
    }
}
