//! The matrix has a row for each method that changes something, or it does not pass.

use std::collections::BTreeSet;
use std::fs;

use super::operation::Operation;
use crate::seam::sources;

/// What changes nothing that a decision goes by.
const READERS: [&str; 14] = [
    "Authenticator::authenticate",
    "Authenticator::decide",
    "Authenticator::inspect",
    "Ringyo::authenticate",
    "Ringyo::ready",
    "Ringyo::shutdown",
    "Builder::build",
    "KeyManager::list",
    "KeyManager::find",
    "KeyManager::events",
    "KeyManager::pepper_usage",
    "Accounts::find",
    "Accounts::list",
    "Wallet::balance",
];

/// The public methods of a source that ask the store: `Type::method`.
pub(crate) fn methods(source: &str) -> BTreeSet<String> {
    let mut methods = BTreeSet::new();
    let mut of = "";
    for line in source.lines() {
        if let Some(rest) = line.strip_prefix("impl ") {
            of = rest.split(['<', ' ']).next().unwrap();
        }
        if let Some(rest) = line.trim_start().strip_prefix("pub async fn ") {
            let name = rest.split(['<', '(']).next().unwrap();
            methods.insert(format!("{of}::{name}"));
        }
    }
    methods
}

/// The methods that stand on one side only.
fn differences(found: &BTreeSet<String>) -> BTreeSet<String> {
    let rows = Operation::ALL.iter().map(|operation| operation.method());
    let listed = rows.chain(READERS).map(str::to_owned).collect();
    found.symmetric_difference(&listed).cloned().collect()
}

#[test]
fn every_method_that_changes_something_has_a_row() {
    let sources: String = sources()
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let found = methods(&sources);
    assert_eq!(differences(&found), BTreeSet::new());
    assert_eq!(found.len(), Operation::ALL.len() + READERS.len());

    let planted = "impl KeyManager {\n    /// Ends it.\n    pub async fn burn(&self) {}\n}\n";
    let found = methods(&format!("{sources}{planted}"));
    assert_eq!(differences(&found), ["KeyManager::burn".to_owned()].into());
    let lost = methods(&sources.replace("pub async fn revoke", "async fn revoke"));
    let missing = differences(&lost);
    assert_eq!(missing, ["KeyManager::revoke".to_owned()].into());
}
