//! What may stand beside `crates`.

use super::{Finding, Workspace};

const ENTRIES: [&str; 8] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "crates",
    "examples",
    // Where cargo builds; git ignores it, but a copy of the tree may be without git.
    "target",
];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace
        .top_level
        .iter()
        .filter(|name| !name.starts_with('.') && !ENTRIES.contains(&name.as_str()))
        .map(|name| {
            Finding::new(
                name,
                "does not belong at the top level: programs live in `crates/xtask`, \
                 prose in `crates/ringyo/docs`",
            )
        })
        .collect()
}
