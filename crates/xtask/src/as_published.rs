//! The workspace as those have it who depend on it: the crates that are published, and nothing that
//! only their tests need.
//!
//! What tests need would hide what is missing: a feature that only a test turns on, a version of a
//! dependency that only a test asks for. It is a copy below `target`, so that no manifest has to be
//! changed for as long as a check takes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml_edit::{Array, DocumentMut, Item, Table};

use crate::cargo;

/// Tables of a manifest that are about tests and benches.
const ONLY_FOR_TESTS: [&str; 4] = ["dev-dependencies", "test", "bench", "example"];

/// A crate that is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// What it is called.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is, from the root of the workspace.
    pub directory: PathBuf,
}

/// The crates of the workspace at `root` that are published, by name.
///
/// # Errors
///
/// When cargo cannot read the workspace.
pub fn packages(root: &Path) -> io::Result<Vec<Package>> {
    let metadata = cargo::answer(root, "metadata --format-version 1 --no-deps")?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let place = metadata["workspace_root"].as_str().unwrap_or_default();
    let published = published(&metadata);
    let mut packages: Vec<Package> = published
        .filter_map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str()?);
            Some(Package {
                name: package["name"].as_str()?.to_owned(),
                version: package["version"].as_str()?.to_owned(),
                directory: manifest.parent()?.strip_prefix(place).ok()?.to_owned(),
            })
        })
        .collect();
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(packages)
}

/// What cargo's metadata of a workspace tells of those of its packages that are published.
pub(crate) fn published(metadata: &Value) -> impl Iterator<Item = &Value> {
    let all = metadata["packages"].as_array().into_iter().flatten();
    // Nothing says where: to the registry. A list of registries without any: nowhere.
    all.filter(|package| package["publish"].is_null())
}

/// Copies what is published of the workspace at `root` to `place`, in the place of what was copied
/// there before, with the versions that its `Cargo.lock` names. What was built there stays.
///
/// # Errors
///
/// When a manifest cannot be read, or a file not be copied.
pub fn copy(root: &Path, place: &Path) -> io::Result<()> {
    let packages = packages(root)?;
    for package in &packages {
        let (from, to) = (
            root.join(&package.directory),
            place.join(&package.directory),
        );
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        copy_folder(&from, &to)?;
        let manifest = to.join("Cargo.toml");
        fs::write(&manifest, without_tests(&fs::read_to_string(&manifest)?)?)?;
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    fs::write(
        place.join("Cargo.toml"),
        with_members(&manifest, &packages)?,
    )?;
    fs::copy(root.join("Cargo.lock"), place.join("Cargo.lock"))?;
    Ok(())
}

/// Links are followed, as they are in a package.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            if name != "target" && name != "tests" {
                copy_folder(&from, &to)?;
            }
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

/// The manifest of a crate without what its tests need.
fn without_tests(manifest: &str) -> io::Result<String> {
    let mut manifest: DocumentMut = manifest.parse().map_err(io::Error::other)?;
    remove(manifest.as_table_mut());
    if let Some(targets) = manifest.get_mut("target").and_then(Item::as_table_mut) {
        for (_, target) in targets.iter_mut() {
            if let Some(target) = target.as_table_mut() {
                remove(target);
            }
        }
    }
    Ok(manifest.to_string())
}

fn remove(table: &mut Table) {
    for name in ONLY_FOR_TESTS {
        table.remove(name);
    }
}

/// The manifest of the workspace with these crates and no others.
fn with_members(manifest: &str, packages: &[Package]) -> io::Result<String> {
    let mut manifest: DocumentMut = manifest.parse().map_err(io::Error::other)?;
    let directories = packages
        .iter()
        .map(|package| package.directory.to_string_lossy());
    let members: Array = directories.map(String::from).collect();
    manifest["workspace"]["members"] = toml_edit::value(members);
    if let Some(workspace) = manifest["workspace"].as_table_mut() {
        workspace.remove("default-members");
        workspace.remove("exclude");
    }
    Ok(manifest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_only_tests_need_is_left() -> io::Result<()> {
        let manifest = "\
[package]
name = \"one\"

[dependencies]
kept = \"1\"

[dev-dependencies]
lost = { path = \"../lost\" }

[dev-dependencies.also]
version = \"2\"

[target.'cfg(unix)'.dependencies]
kept-too = \"1\"

[target.'cfg(unix)'.dev-dependencies]
lost-too = \"1\"

[[test]]
name = \"suite\"
";
        let left = without_tests(manifest)?;
        assert!(
            left.contains("kept = ") && left.contains("kept-too = "),
            "{left}"
        );
        assert!(!left.contains("lost") && !left.contains("also"), "{left}");
        assert!(!left.contains("suite"), "{left}");
        Ok(())
    }

    #[test]
    fn members_are_the_packages() -> io::Result<()> {
        let manifest = "[workspace]\nmembers = [\"crates/*\"]\nexclude = [\"more\"]\n";
        let one = Package {
            name: "one".into(),
            version: "0.1.0".into(),
            directory: "crates/one".into(),
        };
        let left = with_members(manifest, &[one])?;
        assert_eq!(left, "[workspace]\nmembers = [\"crates/one\"]\n");
        Ok(())
    }
}
