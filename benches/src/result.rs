use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::json;

/// The file that results are added to; without it they are only printed.
const FILE: &str = "RINGYO_BENCH_RESULTS";

/// One number that came of a bench, as `cargo xtask bench-report` reads it.
#[derive(Debug, Clone, Copy)]
pub struct Result<'a> {
    question: &'a str,
    case: &'a str,
    unit: &'a str,
    value: f64,
}

impl<'a> Result<'a> {
    /// The number that answers a question in a case, in a unit.
    #[must_use]
    pub fn new(question: &'a str, case: &'a str, unit: &'a str, value: f64) -> Self {
        Self {
            question,
            case,
            unit,
            value,
        }
    }

    /// Adds it, as a line of JSON, to the file that `RINGYO_BENCH_RESULTS` names.
    ///
    /// # Panics
    ///
    /// When that file cannot be written to: a report would lack it.
    pub fn write(self) {
        // What a filter on the command line has left out is no result.
        if !self.value.is_finite() {
            return;
        }
        if let Some(path) = std::env::var_os(FILE) {
            let added = self.add(Path::new(&path));
            added.expect("a file for the results");
        }
    }

    fn add(self, path: &Path) -> io::Result<()> {
        let Self {
            question,
            case,
            unit,
            value,
        } = self;
        let line = json!({"question": question, "case": case, "unit": unit, "value": value});
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "{line}")
    }
}
