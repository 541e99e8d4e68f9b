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
        if let Some((label, target)) = line.strip_prefix("/// ").and_then(definition) {
            defined.insert((label, target.to_owned()));
        }
        if let Some(document) = included(line).and_then(|path| named(&path)) {
            let place = format!("{MODULES}:{number}");
            let faults = faults(document, &defined);
            findings.extend(faults.into_iter().map(|fault| Finding::new(&place, fault)));
            findings.extend(lost(document, workspace));
        }
        // What is defined ahead of a page is defined for that one.
        if line.starts_with("pub mod ") {
            defined.clear();
        }
    }
    findings
}

/// What the definitions ahead of a page lack, and have too much.
fn faults(document: &SourceFile, defined: &BTreeSet<(&str, String)>) -> Vec<String> {
    let expected: BTreeSet<(&str, String)> = document
        .text
        .lines()
        .filter_map(definition)
        .filter_map(|(label, target)| Some((label, module(target)?)))
        .collect();
    let differing = expected.symmetric_difference(defined);
    differing
        .map(|differing| {
            let what = match defined.contains(differing) {
                true => "defines no link of",
                false => "is not defined for",
            };
            let (label, target) = differing;
            format!("`[{label}]: {target}` {what} {}", document.path)
        })
        .collect()
}

/// Links of a document to a document or a heading that does not exist.
fn lost(document: &SourceFile, workspace: &Workspace) -> Vec<Finding> {
    let leads_somewhere = |target: &str| {
        let (name, section) = target.split_once('#').unwrap_or((target, ""));
        let path = format!("{DOCUMENTS}{name}");
        let found = workspace.files.iter().find(|file| file.path == path);
        found.is_some_and(|file| section.is_empty() || headings(file).any(|one| one == section))
    };
    let lines = document.text.lines().zip(1..);
    lines
        .filter_map(|(line, number)| Some((definition(line)?.1, number)))
        .filter(|(target, _)| module(target).is_some() && !leads_somewhere(target))
        .map(|(target, number)| {
            let place = format!("{}:{number}", document.path);
            Finding::new(place, format!("`{target}` is not there"))
        })
        .collect()
}

/// The names by which the headings of a document are linked to.
fn headings(document: &SourceFile) -> impl Iterator<Item = String> {
    let lines = document.text.lines();
    let titles = lines.filter_map(|line| {
        line.trim_start_matches('#')
            .strip_prefix(' ')
            .filter(|_| line.starts_with('#'))
    });
    titles.map(|title| {
        let kept = title
            .trim()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    })
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
