//! `cargo xtask structure`: rules about the shape of the workspace that a machine can check.

mod clock;
mod commands;
mod imports;
mod links;
mod lua;
mod page;
mod runtime;
mod size;
mod sql;
mod tokens;
mod top_level;
mod unsafety;
mod workspace;

use std::fmt;
use std::io;

use crate::step::{Outcome, Step};

pub use workspace::{Dependency, DependencyKind, Package, SourceFile, Workspace};

/// One statement about the workspace, and how to find where it does not hold.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// One word, which stands in every violation of this rule.
    pub name: &'static str,
    /// What must hold, as a sentence.
    pub statement: &'static str,
    check: fn(&Workspace) -> Vec<Finding>,
}

/// Every rule that [`violations`] checks.
pub const RULES: [Rule; 11] = [
    Rule {
        name: "imports",
        statement: "every crate depends on the workspace crates that its layer allows, and on no other",
        check: imports::check,
    },
    Rule {
        name: "runtime",
        statement: "the key, scope and limit crates depend on no async runtime",
        check: runtime::check,
    },
    Rule {
        name: "clock",
        statement: "only the clock module of ringyo-limit reads the system clock",
        check: clock::check,
    },
    Rule {
        name: "sql",
        statement: "SQL and database drivers live in the SQL store crates alone",
        check: sql::check,
    },
    Rule {
        name: "lua",
        statement: "Lua and clients of Redis live in ringyo-redis alone",
        check: lua::check,
    },
    Rule {
        name: "unsafe",
        statement: "no code is `unsafe`",
        check: unsafety::check,
    },
    Rule {
        name: "size",
        statement: "no source file of a crate has more than 400 lines of code",
        check: size::check,
    },
    Rule {
        name: "page",
        statement: "every crate takes the lints of the workspace, and every library has a crate page with an example",
        check: page::check,
    },
    Rule {
        name: "top-level",
        statement: "the top level holds the listed entries and dotfiles, and nothing else",
        check: top_level::check,
    },
    Rule {
        name: "commands",
        statement: "every command in the documents that runs tests selects at least one, and no more than they say",
        check: commands::check,
    },
    Rule {
        name: "links",
        statement: "every labelled link from one document to another leads to a heading, and to a module as well",
        check: links::check,
    },
];

/// One place where a rule is broken; `Display` gives `place: rule: what is wrong there`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The [name](Rule::name) of the broken rule.
    pub rule: &'static str,
    /// A path from the workspace root, with `:line` where there is one, or a package name.
    pub place: String,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.rule, self.message)
    }
}

/// Every violation of every rule, rule by rule.
pub fn violations(workspace: &Workspace) -> Vec<Violation> {
    RULES
        .iter()
        .flat_map(|rule| {
            (rule.check)(workspace)
                .into_iter()
                .map(|finding| Violation {
                    rule: rule.name,
                    place: finding.place,
                    message: finding.message,
                })
        })
        .collect()
}

/// The step that checks the workspace on disk and prints each violation.
pub fn step() -> Step {
    Step::new("structure", "cargo xtask structure", |root, out| {
        let workspace = Workspace::load(root)?;
        let found = violations(&workspace);
        for violation in &found {
            writeln!(out, "{violation}")?;
        }
        io::Result::Ok(match found.len() {
            0 => {
                writeln!(
                    out,
                    "{} rules hold over {} packages and {} files",
                    RULES.len(),
                    workspace.packages.len(),
                    workspace.files.len()
                )?;
                Outcome::Passed
            }
            1 => Outcome::Failed("1 violation".into()),
            many => Outcome::Failed(format!("{many} violations")),
        })
    })
}

/// A violation before its rule is named.
struct Finding {
    place: String,
    message: String,
}

impl Finding {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }
}
