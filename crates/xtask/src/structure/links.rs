//! That links between the documents lead somewhere on both sides.
//!
//! In the files they are links to files. Where the documents are published as modules, each label is
//! defined once more, ahead of the page: of two definitions the first counts. A label that is
//! forgotten there, or misspelt, is a dead link which rustdoc does not see.

use std::collections::BTreeSet;

use super::{Finding, SourceFile, Workspace};

/// Where the documents are made modules of.
const MODULES: &str = "crates/ringyo/src/docs.rs";

/// Where they are.
const DOCUMENTS: &str = "crates/ringyo/docs/";

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let named = |path: &str| workspace.files.iter().find(|file| file.path == path);
    let Some(modules) = named(MODULES) else {
        return Vec::new();
    };
    let mut defined = BTreeSet::new();
    let mut findings = Vec::new();
    for (line, number) in modules.text.lines().zip(1..) {
        if let Some(definition) = line.strip_prefix("/// ").and_then(definition) {
            defined.insert(definition);
        }
        if let Some(document) = included(line).and_then(|path| named(&path)) {
            findings.extend(faults(document, &defined, number));
        }
        // What is defined ahead of a page is defined for that one.
        if line.starts_with("pub mod ") {
            defined.clear();
        }
    }
    findings
}

fn faults(document: &SourceFile, defined: &BTreeSet<(&str, &str)>, line: usize) -> Vec<Finding> {
    let expected: BTreeSet<(&str, String)> = document
        .text
        .lines()
        .filter_map(definition)
        .filter_map(|(label, target)| Some((label, module(target)?)))
        .collect();
    let defined: BTreeSet<(&str, String)> = defined
        .iter()
        .map(|(label, target)| (*label, (*target).to_owned()))
        .collect();
    let missing = expected
        .difference(&defined)
        .map(|definition| (definition, "is not defined"));
    let unused = defined
        .difference(&expected)
        .map(|definition| (definition, "defines no link"));
    missing
        .chain(unused)
        .map(|((label, target), what)| {
            let place = format!("{MODULES}:{line}");
            let message = format!("`[{label}]: {target}` {what} of {}", document.path);
            Finding::new(place, message)
        })
        .collect()
}

/// Label and target of a line that defines a link.
fn definition(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix('[')?.split_once("]: ")
}

/// The document that an attribute includes.
fn included(line: &str) -> Option<String> {
    let path = line.split_once("include_str!(\"../docs/")?.1;
    Some(format!("{DOCUMENTS}{}", path.split_once('"')?.0))
}

/// A link to a document as one to its module.
fn module(target: &str) -> Option<String> {
    let (document, section) = match target.split_once('#') {
        Some((document, section)) => (document, format!("#{section}")),
        None => (target, String::new()),
    };
    let name = document
        .strip_suffix(".md")
        .filter(|name| !name.contains('/'))?;
    Some(format!("{}{section}", name.replace('-', "_")))
}
