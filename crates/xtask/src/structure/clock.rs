//! Where the system clock may be read.

use super::{Finding, Workspace, tokens};

/// The one file that reads it; everything else is handed a clock.
const CLOCK: &str = "crates/ringyo-limit/src/clock.rs";

/// How code reads the system clock, or gives a clock another name to read it by.
const READS: [&[&str]; 8] = [
    &["Instant", ":", ":", "now"],
    &["SystemTime", ":", ":", "now"],
    &["UNIX_EPOCH", ".", "elapsed"],
    &["Instant", "as"],
    &["SystemTime", "as"],
    // rustix and libc.
    &["clock_gettime"],
    // governor's own clocks.
    &["MonotonicClock"],
    &["QuantaClock"],
];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in workspace.shipped_files().filter(|file| file.path != CLOCK) {
        for read in READS {
            for token in tokens::occurrences(&file.tokens, read) {
                findings.push(Finding::new(
                    format!("{}:{}", file.path, token.line),
                    format!("reads the system clock through `{}`", written(read)),
                ));
            }
        }
    }
    findings
}

fn written(read: &[&str]) -> String {
    read.join(" ").replace(" : : ", "::").replace(" . ", ".")
}
