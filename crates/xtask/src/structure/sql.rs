//! Where SQL may stand, and who may hold a database driver.

use super::tokens::Kind;
use super::{DependencyKind, Finding, Workspace};

const SQL_CRATES: [&str; 2] = ["ringyo-sqlite", "ringyo-postgres"];

const DRIVERS: [&str; 7] = [
    "deadpool-postgres",
    "diesel",
    "postgres",
    "rusqlite",
    "sqlite",
    "sqlx",
    "tokio-postgres",
];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let is_bound = package.directory.starts_with("crates/")
            && !SQL_CRATES.contains(&package.name.as_str());
        for dependency in &package.dependencies {
            if is_bound
                && dependency.kind != DependencyKind::Development
                && DRIVERS.contains(&dependency.name.as_str())
            {
                findings.push(Finding::new(
                    &package.name,
                    format!("must not depend on the driver `{}`", dependency.name),
                ));
            }
        }
    }
    for file in workspace.shipped_files() {
        if file
            .crate_in_src()
            .is_some_and(|name| SQL_CRATES.contains(&name))
        {
            continue;
        }
        if file.path.ends_with(".sql") {
            findings.push(Finding::new(&file.path, "is an SQL file"));
        }
        for token in &file.tokens {
            if token.kind == Kind::Literal && holds_statement(&token.text) {
                findings.push(Finding::new(
                    format!("{}:{}", file.path, token.line),
                    "holds an SQL statement",
                ));
            }
        }
    }
    findings
}

/// Whether a literal, as written in the source, holds the beginning of a statement. Judged by
/// the first words, so that a message that merely mentions a table is none.
fn holds_statement(literal: &str) -> bool {
    let Some(start) = literal.find('"') else {
        return false;
    };
    literal[start..]
        .trim_matches(|c| c == '"' || c == '#')
        .replace("\\n", " ")
        .replace(['\\', '('], " ")
        .to_uppercase()
        .split(';')
        .any(is_statement)
}

fn is_statement(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [verb, second, rest @ ..] = words.as_slice() else {
        return false;
    };
    match *verb {
        "SELECT" => rest.contains(&"FROM"),
        "INSERT" | "REPLACE" => ["INTO", "OR"].contains(second),
        "UPDATE" => rest.contains(&"SET"),
        "DELETE" => *second == "FROM",
        "WITH" => rest.contains(&"AS") && rest.contains(&"SELECT"),
        "CREATE" | "ALTER" | "DROP" => [
            "TABLE",
            "INDEX",
            "UNIQUE",
            "VIEW",
            "TRIGGER",
            "TEMP",
            "TEMPORARY",
            "SCHEMA",
        ]
        .contains(second),
        "BEGIN" => ["IMMEDIATE", "EXCLUSIVE", "DEFERRED", "TRANSACTION"].contains(second),
        "PRAGMA" => true,
        _ => false,
    }
}
