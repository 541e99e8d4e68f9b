//! Which workspace crate may depend on which.

use super::{DependencyKind, Finding, Package, Workspace};

/// The layers: each package under `crates`, and the workspace packages that it may depend on.
/// A package that is not listed has no place yet, which is a violation too.
const LAYERS: [(&str, &[&str]); 12] = [
    (
        "ringyo",
        &[
            "ringyo-auth",
            "ringyo-key",
            "ringyo-leak",
            "ringyo-limit",
            "ringyo-postgres",
            "ringyo-redis",
            "ringyo-scope",
            "ringyo-sqlite",
            "ringyo-store",
            "ringyo-tower",
        ],
    ),
    ("ringyo-tower", &["ringyo-auth", "ringyo-scope"]),
    ("ringyo-leak", &["ringyo-auth"]),
    (
        "ringyo-auth",
        &["ringyo-key", "ringyo-limit", "ringyo-scope", "ringyo-store"],
    ),
    (
        "ringyo-postgres",
        &["ringyo-key", "ringyo-scope", "ringyo-store"],
    ),
    (
        "ringyo-sqlite",
        &["ringyo-key", "ringyo-scope", "ringyo-store"],
    ),
    ("ringyo-redis", &["ringyo-limit"]),
    ("ringyo-store", &["ringyo-key", "ringyo-scope"]),
    ("ringyo-key", &[]),
    ("ringyo-scope", &[]),
    ("ringyo-limit", &[]),
    ("xtask", &[]),
];

/// What examples may depend on: the face, as every user does.
const PROGRAMS: &[&str] = &["ringyo"];

/// What benches may depend on: the service that they measure as well.
const BENCHES: &[&str] = &["ringyo", "ringyo-bench-service"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let Some(allowed) = allowed(package) else {
            findings.push(Finding::new(
                &package.name,
                "has no place in the layers: expected a listed crate under `crates`, \
                 or a program under `examples` or `benches`",
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(target) = workspace
                .packages
                .iter()
                .find(|other| other.name == dependency.name)
            else {
                continue;
            };
            let permitted = match dependency.kind {
                DependencyKind::Shipped | DependencyKind::Optional => {
                    allowed.contains(&target.name.as_str())
                }
                DependencyKind::Development => !is_crate(package) || is_crate(target),
            };
            if !permitted {
                findings.push(Finding::new(
                    &package.name,
                    format!("must not depend on `{}`", target.name),
                ));
            }
        }
    }
    findings
}

fn allowed(package: &Package) -> Option<&'static [&'static str]> {
    if is_crate(package) {
        return LAYERS
            .iter()
            .find(|(name, _)| *name == package.name)
            .map(|(_, allowed)| *allowed);
    }
    match package.directory.split('/').next() {
        Some("examples") => Some(PROGRAMS),
        Some("benches") => Some(BENCHES),
        _ => None,
    }
}

fn is_crate(package: &Package) -> bool {
    package.directory.starts_with("crates/")
}
