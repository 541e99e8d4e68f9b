//! Steps: the numbered parts of a task, run one after another, with a report at the end.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::cargo::Cargo;

/// How one step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should.
    Passed,
    /// It did not; the text says how it ended, such as `exit status: 101`.
    Failed(String),
    /// It was not tried; the text says why, and completes a sentence that ends in "because".
    Skipped(String),
}

impl From<ExitStatus> for Outcome {
    /// How a step ended that is one program.
    fn from(status: ExitStatus) -> Self {
        if status.success() {
            Self::Passed
        } else {
            Self::Failed(status.to_string())
        }
    }
}

/// Whether later steps still make sense after a step has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterFailure {
    GoOn,
    Stop,
}

type Work = Box<dyn FnOnce(&Path, &mut dyn Write) -> io::Result<Outcome>>;

/// One part of a task: a name, the command that does it alone, and the work.
pub struct Step {
    name: String,
    alone: String,
    after_failure: AfterFailure,
    work: Work,
}

impl Step {
    /// A step that passes when `work` says so. The work is given the workspace root and the
    /// place to print to; `alone` is the shell line that repeats just this step.
    pub fn new(
        name: impl Into<String>,
        alone: impl Into<String>,
        work: impl FnOnce(&Path, &mut dyn Write) -> io::Result<Outcome> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            alone: alone.into(),
            after_failure: AfterFailure::GoOn,
            work: Box::new(work),
        }
    }

    /// A step that is one call of cargo, and passes when that succeeds.
    pub fn cargo(name: impl Into<String>, cargo: Cargo) -> Self {
        Self::new(name, cargo.to_string(), move |root, _| {
            outcome(&cargo, root)
        })
    }

    /// A step that is one call of a cargo subcommand which a toolchain may lack; it is skipped
    /// where `component`, the rustup component that brings it, is not installed.
    pub fn component(name: impl Into<String>, cargo: Cargo, component: &'static str) -> Self {
        Self::new(name, cargo.to_string(), move |root, _| {
            if cargo.is_installed() {
                outcome(&cargo, root)
            } else {
                Ok(Outcome::Skipped(format!(
                    "{component} is not installed (rustup component add {component})"
                )))
            }
        })
    }

    /// The same step, but when it fails the steps after it are skipped.
    #[must_use]
    pub fn or_stop(mut self) -> Self {
        self.after_failure = AfterFailure::Stop;
        self
    }

    /// What the step is called in the output.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shell line that repeats just this step.
    pub fn alone(&self) -> &str {
        &self.alone
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("name", &self.name)
            .field("alone", &self.alone)
            .field("after_failure", &self.after_failure)
            .finish_non_exhaustive()
    }
}

/// Runs the steps in order in `root`, printing to `out` as it goes. A failure does not keep the
/// later steps from running, unless the failed step [stops](Step::or_stop) them.
///
/// # Errors
///
/// When `out` cannot be written to. A step that cannot be started has failed; that is no error.
pub fn run(root: &Path, steps: Vec<Step>, out: &mut dyn Write) -> io::Result<Report> {
    let start = Instant::now();
    let total = steps.len();
    let mut stopped_by = None;
    let mut rows = Vec::with_capacity(total);
    for (index, step) in steps.into_iter().enumerate() {
        let label = format!("[{}/{total}] {}", index + 1, step.name);
        let step_start = Instant::now();
        let outcome = if let Some(gate) = &stopped_by {
            Outcome::Skipped(format!("{gate} failed"))
        } else {
            writeln!(
                out,
                "{label} … {} (started at {})",
                step.alone,
                Took(start.elapsed())
            )?;
            // The step's own process writes to the same place without passing through `out`.
            out.flush()?;
            (step.work)(root, out)
                .unwrap_or_else(|error| Outcome::Failed(format!("could not run: {error}")))
        };
        let took = step_start.elapsed();
        match &outcome {
            Outcome::Passed => writeln!(out, "{label}: passed in {}\n", Took(took))?,
            Outcome::Failed(how) => {
                writeln!(out, "{label}: FAILED after {} ({how})\n", Took(took))?;
                if step.after_failure == AfterFailure::Stop {
                    stopped_by = Some(step.name.clone());
                }
            }
            Outcome::Skipped(why) => writeln!(out, "SKIPPED: {} because {why}\n", step.name)?,
        }
        rows.push(Row {
            name: step.name,
            alone: step.alone,
            outcome,
            took,
        });
    }
    Ok(Report {
        rows,
        took: start.elapsed(),
    })
}

/// How the steps of a task ended. `Display` gives a table of them and, last, the verdict: for
/// each failed step the command that repeats it alone.
#[derive(Clone, Debug)]
pub struct Report {
    rows: Vec<Row>,
    took: Duration,
}

#[derive(Clone, Debug)]
struct Row {
    name: String,
    alone: String,
    outcome: Outcome,
    took: Duration,
}

impl Report {
    /// Whether no step failed. A skipped step is no failure, but the verdict names it.
    pub fn passed(&self) -> bool {
        !self
            .rows
            .iter()
            .any(|row| matches!(row.outcome, Outcome::Failed(_)))
    }

    /// How long all of it took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// How the step of that name ended, if there was one.
    pub fn outcome(&self, name: &str) -> Option<&Outcome> {
        self.rows
            .iter()
            .find(|row| row.name == name)
            .map(|row| &row.outcome)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .rows
            .iter()
            .map(|row| row.name.len())
            .max()
            .unwrap_or(0);
        for row in &self.rows {
            let result = match row.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed(_) => "FAILED",
                Outcome::Skipped(_) => "SKIPPED",
            };
            writeln!(f, "  {:width$}  {result:7}  {}", row.name, Took(row.took))?;
        }
        for row in &self.rows {
            if let Outcome::Failed(how) = &row.outcome {
                writeln!(
                    f,
                    "FAILED: {} ({how}); run it alone with: {}",
                    row.name, row.alone
                )?;
            }
        }
        let skipped: Vec<&str> = self
            .rows
            .iter()
            .filter(|row| matches!(row.outcome, Outcome::Skipped(_)))
            .map(|row| row.name.as_str())
            .collect();
        let verdict = if self.passed() { "PASSED" } else { "FAILED" };
        write!(f, "{verdict} in {}", Took(self.took))?;
        if !skipped.is_empty() {
            write!(f, ", SKIPPED: {}", skipped.join(", "))?;
        }
        Ok(())
    }
}

struct Took(Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds < 60 {
            write!(f, "{:.1} s", self.0.as_secs_f64())
        } else {
            write!(f, "{} min {:02} s", seconds / 60, seconds % 60)
        }
    }
}

pub(crate) fn outcome(cargo: &Cargo, root: &Path) -> io::Result<Outcome> {
    cargo.run(root).map(Outcome::from)
}
