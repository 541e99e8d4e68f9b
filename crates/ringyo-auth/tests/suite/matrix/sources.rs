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
    let mut rest = source;
    while let Some((line, after)) = rest.split_once('\n') {
        if let Some(implemented) = line.strip_prefix("impl ") {
            of = implemented.split(['<', ' ']).next().unwrap();
        }
        let public = line.trim_start().strip_prefix("pub ");
        let method = public.and_then(|text| match text.strip_prefix("async ") {
            Some(method) => Some(method),
            // Or one that gives a future, as its signature says.
            None => rest
                .split('{')
                .next()?
                .contains("impl Future")
                .then_some(text),
        });
        if let Some(name) = method.and_then(|method| method.strip_prefix("fn ")) {
            let name = name.split(['<', '(']).next().unwrap();
            methods.insert(format!("{of}::{name}"));
        }
        rest = after;
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

    for planted in [
        "pub async fn burn(&self) {}",
        "pub fn burn(\n        &self,\n    ) -> impl Future<Output = ()> {}",
    ] {
        let planted = format!("impl KeyManager {{\n    /// Ends it.\n    {planted}\n}}\n");
        let found = methods(&format!("{sources}{planted}"));
        assert_eq!(differences(&found), ["KeyManager::burn".to_owned()].into());
    }
    let lost = methods(&sources.replace("pub async fn revoke", "async fn revoke"));
    let missing = differences(&lost);
    assert_eq!(missing, ["KeyManager::revoke".to_owned()].into());
}
