//! That crates are documented, and hold themselves to the lints of the workspace.

use super::{Finding, Workspace};

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        if !takes_workspace_lints(&package.manifest) {
            findings.push(Finding::new(
                format!("{}/Cargo.toml", package.directory),
                "expected `workspace = true` under `[lints]`",
            ));
        }
        let Some(crate_root) = &package.crate_root else {
            continue;
        };
        let has_page = workspace
            .files
            .iter()
            .any(|file| file.path == *crate_root && holds_page(&file.text));
        if package.directory.starts_with("crates/") && !has_page {
            findings.push(Finding::new(
                crate_root,
                "expected a crate page (`//!` or `#![doc = include_str!(…)]`) with an example",
            ));
        }
    }
    findings
}

fn takes_workspace_lints(manifest: &str) -> bool {
    let mut table = "";
    manifest.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            table = line;
        }
        let assignment: String = line.split_whitespace().collect();
        match table {
            "[lints]" => assignment == "workspace=true",
            "" => assignment == "lints.workspace=true",
            _ => false,
        }
    })
}

fn holds_page(text: &str) -> bool {
    text.lines().any(|line| {
        line.strip_prefix("//!")
            .is_some_and(|page| page.trim_start().starts_with("```"))
            || line.starts_with("#![doc = include_str!(")
    })
}
