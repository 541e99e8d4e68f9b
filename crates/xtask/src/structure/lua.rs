//! Where Lua may stand, and who may hold a client of Redis.

use super::tokens::Kind;
use super::{DependencyKind, Finding, Workspace};

const LUA_CRATE: &str = "ringyo-redis";

const CLIENTS: [&str; 5] = ["deadpool-redis", "bb8-redis", "fred", "redis", "rustis"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        for dependency in &package.dependencies {
            if package.directory.starts_with("crates/")
                && package.name != LUA_CRATE
                && dependency.kind != DependencyKind::Development
                && CLIENTS.contains(&dependency.name.as_str())
            {
                findings.push(Finding::new(
                    &package.name,
                    format!("must not depend on the client `{}`", dependency.name),
                ));
            }
        }
    }
    for file in workspace.shipped_files() {
        if file.crate_in_src() == Some(LUA_CRATE) {
            continue;
        }
        if file.path.ends_with(".lua") {
            findings.push(Finding::new(&file.path, "is a Lua file"));
        }
        for token in &file.tokens {
            // What every script does that does anything.
            if token.kind == Kind::Literal && token.text.contains("redis.call(") {
                findings.push(Finding::new(
                    format!("{}:{}", file.path, token.line),
                    "holds a Lua script",
                ));
            }
        }
    }
    findings
}
