//! That nothing is `unsafe`, neither in crates nor in tests, examples and benches.

use super::{Finding, Workspace, tokens};

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace
        .files
        .iter()
        .flat_map(|file| {
            tokens::occurrences(&file.tokens, &["unsafe"])
                .map(|token| Finding::new(format!("{}:{}", file.path, token.line), "says `unsafe`"))
        })
        .collect()
}
