//! Which crates stay free of async runtimes.

use super::{DependencyKind, Finding, Workspace};

const FREE: [&str; 3] = ["ringyo-key", "ringyo-scope", "ringyo-limit"];

const RUNTIMES: [&str; 3] = ["tokio", "async-std", "smol"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        if !FREE.contains(&package.name.as_str()) {
            continue;
        }
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Shipped
                && RUNTIMES.contains(&dependency.name.as_str())
            {
                findings.push(Finding::new(
                    &package.name,
                    format!("must not depend on the runtime `{}`", dependency.name),
                ));
            }
        }
    }
    findings
}
