//! Which public types there are: what the sources of the libraries declare.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

use xtask::servers::for_tests;

use crate::shown::Name;

/// Those that the tests do not print, and why not.
const EXEMPT: [(&str, &str, &str); 2] = [
    (
        "ringyo_auth",
        "Meaning",
        "cannot be had from outside: what a rejection is made from",
    ),
    (
        "ringyo_postgres",
        "TlsRoots",
        "certificates, which are public, behind a feature",
    ),
];

/// What is for tests alone.
const FOR_TESTS: [&str; 4] = ["conformance", "interleavings", "testing", "tests"];

/// The public types that were not among these.
pub(super) fn forgotten(shown: &BTreeSet<Name>) -> Vec<Name> {
    let is_exempt = |(package, name): &Name| {
        EXEMPT
            .iter()
            .any(|(of, exempt, _)| of == package && exempt == name)
    };
    // It can be had only where there is a server.
    let without = env::var(for_tests::WITHOUT).unwrap_or_default();
    let without = without.split(',').any(|name| name.trim() == "postgresql");
    let has_no_server =
        |(package, name): &Name| without && package == "ringyo_postgres" && name == "PostgresStore";
    let declared = declared();
    declared
        .into_iter()
        .filter(|name| !shown.contains(name) && !is_exempt(name) && !has_no_server(name))
        .collect()
}

/// Every `pub struct` and `pub enum` of the library crates.
fn declared() -> BTreeSet<Name> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(crates).unwrap() {
        let path = entry.unwrap().path();
        let package = path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .replace('-', "_");
        if package.starts_with("ringyo") {
            for source in sources(&path.join("src")) {
                found.extend(types(&source).map(|name| (package.clone(), name.to_owned())));
            }
        }
    }
    found
}

/// The texts of all sources below a folder, but for what is for tests.
pub(super) fn sources(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if FOR_TESTS
            .iter()
            .any(|name| path.file_stem() == Some(name.as_ref()))
        {
            continue;
        }
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next();
            texts.push(code.unwrap_or_default().to_owned());
        }
    }
    texts
}

fn types(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        let line = line.trim_start();
        let rest = line
            .strip_prefix("pub struct ")
            .or(line.strip_prefix("pub enum "))?;
        rest.split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
    })
}

#[test]
fn a_type_that_nobody_prints_is_noticed() {
    let all = declared();
    assert!(all.len() > 130, "{} types", all.len());
    assert_eq!(forgotten(&all), Vec::new());
    let mut some = all.clone();
    let key = ("ringyo_key".to_owned(), "ApiKey".to_owned());
    assert!(some.remove(&key));
    assert_eq!(forgotten(&some), [key]);
    for (package, name, why) in EXEMPT {
        let is_there = all.contains(&(package.to_owned(), name.to_owned()));
        assert!(is_there, "{name}: {why}");
    }
}
