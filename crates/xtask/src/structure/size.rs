//! How long a source file may be.

use super::{Finding, Workspace};

/// The most lines of code in one file; blank lines and `//` lines do not count.
const LIMIT: usize = 400;

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &workspace.files {
        let lines = file.text.lines().map(str::trim);
        let code = lines
            .filter(|line| !line.is_empty() && !line.starts_with("//"))
            .count();
        if file.crate_in_src().is_some() && code > LIMIT {
            findings.push(Finding::new(
                &file.path,
                format!("has {code} lines of code, expected at most {LIMIT}"),
            ));
        }
    }
    findings
}
