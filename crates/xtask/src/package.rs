//! `cargo xtask package`: the crates as they would be published, each compiled from its package.
//!
//! None of them need be in a registry: cargo compiles each against the packages that it has made of
//! the others.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::as_published::{self, Package};
use crate::cargo::{self, Cargo};
use crate::step::{Outcome, Step};

/// What every package holds, so that it can be understood and used on its own.
const NEEDED: [&str; 4] = ["Cargo.toml", "LICENSE", "README.md", "src/lib.rs"];

/// What it may hold besides: what is compiled, and what documentation is made of.
const ALLOWED: [&str; 3] = ["src/", "docs/", "migrations/"];

/// What cargo adds.
const ADDED: [&str; 3] = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"];

/// What a registry shows of a package, or has documentation made by.
const TOLD: [&str; 6] = [
    "categories",
    "description",
    "keywords",
    "license",
    "repository",
    "rust_version",
];

/// How large a package may be, in bytes and compressed. The largest has some 90 KiB.
const LARGEST: u64 = 128 * 1024;

/// The step: what is in the packages first, which takes seconds, then whether they compile.
pub fn step() -> Step {
    Step::new("package", "cargo xtask package", |root, out| {
        let packages = as_published::packages(root)?;
        let mut faults = told_too_little(root)?;
        for package in &packages {
            let list = format!("package --allow-dirty --list --package {}", package.name);
            let list = cargo::answer(root, &list)?;
            let files: Vec<&str> = list.lines().collect();
            faults.extend(wrong_contents(&package.name, &files));
        }
        if faults.is_empty() {
            let target = cargo::target_directory(root)?.join("packages");
            forget(&target)?;
            let make = make(&packages).env("CARGO_TARGET_DIR", target.to_string_lossy());
            let status = make.run(root)?;
            if !status.success() {
                return Ok(Outcome::Failed(status.to_string()));
            }
            faults.extend(too_large(&target.join("package"), &packages)?);
        }
        for fault in &faults {
            writeln!(out, "{fault}")?;
        }
        Ok(match faults.len() {
            0 => {
                writeln!(out, "{} packages, made and compiled", packages.len())?;
                Outcome::Passed
            }
            count => Outcome::Failed(format!("{count} faults")),
        })
    })
}

/// Lets go of the packages that were made before. Cargo takes one of the same version for the same,
/// and would compile the others against it: what it has made of them, unpacked and compiled.
fn forget(target: &Path) -> io::Result<()> {
    remove(target, |name| name == "package")?;
    remove(&target.join("debug/.fingerprint"), is_ours)?;
    let Some(home) = cargo_home() else {
        return Ok(());
    };
    for kind in ["cache", "src"] {
        for registry in entries(&home.join("registry").join(kind))? {
            // One that is a folder of this machine has no host to be named after.
            if name(&registry).starts_with('-') {
                remove(&registry, is_ours)?;
            }
        }
    }
    Ok(())
}

/// Where cargo unpacks what it compiles.
fn cargo_home() -> Option<PathBuf> {
    let in_home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(in_home)
}

fn is_ours(name: &str) -> bool {
    name.starts_with("ringyo")
}

/// Removes what is called so in a folder, if that is there.
fn remove(folder: &Path, is_meant: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in entries(folder)? {
        if !is_meant(&name(&entry)) {
            continue;
        }
        match entry.is_dir() {
            true => fs::remove_dir_all(entry)?,
            false => fs::remove_file(entry)?,
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// All at once, so that cargo finds their order and takes each for what the next one needs.
fn make(packages: &[Package]) -> Cargo {
    let names = packages
        .iter()
        .map(|package| format!(" --package {}", package.name));
    let names: String = names.collect();
    Cargo::new(format!("package --allow-dirty{names}"))
}

/// What the manifests lack that a registry asks for.
fn told_too_little(root: &Path) -> io::Result<Vec<String>> {
    let metadata = cargo::answer(root, "metadata --format-version 1 --no-deps")?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let published = as_published::published(&metadata);
    Ok(published.flat_map(lacking).collect())
}

/// An empty list says nothing, and neither does an empty text.
fn lacking(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let empty = |value: &Value| match value {
        Value::Array(list) => list.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => true,
    };
    let lacks = |what: &str| format!("{name}: its manifest has no {what}");
    let mut faults: Vec<String> = TOLD
        .into_iter()
        .filter(|what| empty(&package[*what]))
        .map(lacks)
        .collect();
    if package["metadata"]["docs"]["rs"]["all-features"] != true {
        faults.push(lacks("`all-features` for docs.rs"));
    }
    faults
}

/// What is missing, and what has no business there: tests, which need servers and more, and which
/// nobody who depends on a package runs.
fn wrong_contents(name: &str, files: &[&str]) -> Vec<String> {
    let missing = NEEDED
        .into_iter()
        .filter(|needed| !files.contains(needed))
        .map(|needed| format!("{name}: its package has no {needed}"));
    let expected = |file: &str| {
        NEEDED.contains(&file)
            || ADDED.contains(&file)
            || ALLOWED.iter().any(|folder| file.starts_with(folder))
    };
    let unexpected = files
        .iter()
        .filter(|file| !expected(file))
        .map(|file| format!("{name}: its package has {file}"));
    missing.chain(unexpected).collect()
}

fn too_large(place: &Path, packages: &[Package]) -> io::Result<Vec<String>> {
    let mut faults = Vec::new();
    for Package { name, version, .. } in packages {
        let size = fs::metadata(place.join(format!("{name}-{version}.crate")))?.len();
        if size > LARGEST {
            faults.push(format!(
                "{name}: its package has {size} bytes, at most {LARGEST}"
            ));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_called_so_is_removed() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("ringyo-key-0.1.0.crate"), "")?;
        fs::create_dir_all(folder.path().join("ringyo-key-0.1.0/src"))?;
        fs::write(folder.path().join("other"), "")?;
        remove(folder.path(), is_ours)?;
        remove(&folder.path().join("missing"), is_ours)?;
        let left: Vec<String> = entries(folder.path())?
            .iter()
            .map(|path| name(path))
            .collect();
        assert_eq!(left, ["other"]);
        Ok(())
    }

    #[test]
    fn what_is_missing_and_what_is_too_much_is_named() {
        let sound = [
            "Cargo.toml",
            "LICENSE",
            "README.md",
            "src/lib.rs",
            "src/one.rs",
        ];
        assert!(wrong_contents("one", &sound).is_empty());
        let unsound = ["Cargo.toml", "README.md", "src/lib.rs", "tests/data.bin"];
        assert_eq!(
            wrong_contents("one", &unsound),
            [
                "one: its package has no LICENSE",
                "one: its package has tests/data.bin"
            ]
        );
    }

    #[test]
    fn what_a_manifest_does_not_tell_is_named() {
        let mut package = serde_json::json!({
            "name": "one",
            "categories": ["authentication"],
            "description": "One.",
            "keywords": ["one"],
            "license": "MIT",
            "repository": "https://example.com",
            "rust_version": "1.95",
            "metadata": { "docs": { "rs": { "all-features": true } } },
        });
        assert!(lacking(&package).is_empty());
        package["keywords"] = serde_json::json!([]);
        package["metadata"] = Value::Null;
        assert_eq!(
            lacking(&package),
            [
                "one: its manifest has no keywords",
                "one: its manifest has no `all-features` for docs.rs"
            ]
        );
    }
}
