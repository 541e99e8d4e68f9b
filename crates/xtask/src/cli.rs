//! What the person asked for.

use std::fmt;
use std::time::Duration;

use crate::bench_report::Manner;
use crate::coverage;
use crate::libfuzzer;
use crate::test::Runner;

/// The text that `cargo xtask help` prints.
pub const USAGE: &str = "\
cargo xtask test [--runner nextest|cargo]   build, fuzz, run all tests and documentation tests
cargo xtask ci [--runner nextest|cargo]     format, clippy, documentation, structure, test, fuzzing
cargo xtask deep [WORDS]                    prove all of docs/promises.md, with what takes a night
cargo xtask structure                       check the shape of the workspace
cargo xtask instructions                    count the instructions of a warm decision
cargo xtask bench-report [page] [--quick]   run every bench, write the page and pictures of them
cargo xtask fuzz [--seed N]                 send the demo requests drawn from its OpenAPI document
cargo xtask scanners                        let secret scanners look for keys, by the rules in the docs
cargo xtask libfuzzer [--seconds N]         fuzz what reads texts, N seconds for each target (10)
cargo xtask promises [WORDS]                prove what docs/promises.md says, or the rows with these words
cargo xtask features                        compile the crates with each choice of their features
cargo xtask minimal-versions                compile them with the oldest dependencies they allow
cargo xtask package                         make the packages that are published, and compile them
cargo xtask coverage [--least N]            which lines of the core crates are tested, N % at least (95)
cargo xtask mutants [CRATE]                 change the core crates in every place, to see the tests fail
cargo xtask suite-log [--runner nextest|cargo]
                                            run all tests with a log of everything, and search it for keys
cargo xtask servers [COMMAND ...]           install the servers that tests need, run COMMAND with them
cargo xtask browser [--runner nextest|cargo]
                                            install a browser and run the tests that use it
cargo xtask help                            print this

Without --runner, nextest is used where it is installed, else cargo test.";

/// One thing that `cargo xtask` can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// All tests of the workspace, with this runner.
    Test(Runner),
    /// All that a merge needs: the checks, then the tests with this runner.
    Ci(Runner),
    /// What is too slow for every change: the promises whose words contain these.
    Deep(String),
    /// The structure rules alone.
    Structure,
    /// The count of instructions alone.
    Instructions,
    /// Every bench, and the page of what came out.
    BenchReport(Manner),
    /// The page alone, of what was measured last.
    BenchPage(Manner),
    /// The fuzzing alone, with the requests that this seed draws, or the usual ones.
    Fuzz(Option<u32>),
    /// The secret scanners alone.
    Scanners,
    /// The fuzzing of what reads texts, so long for each target.
    Libfuzzer(Duration),
    /// The promises whose words contain these.
    Promises(String),
    /// The crates with each choice of their features alone.
    Features,
    /// The crates with the oldest dependencies alone.
    MinimalVersions,
    /// The mutants of the crates whose names contain this.
    Mutants(String),
    /// The suite with a log of everything, with this runner.
    SuiteLog(Runner),
    /// The packages alone.
    Package,
    /// The coverage of the core crates alone, and how many percent are enough.
    Coverage(u32),
    /// The tests in a browser alone, with this runner.
    Browser(Runner),
    /// The servers alone, and a command that finds them in its environment, if there is one.
    Servers(Vec<String>),
    /// The usage text.
    Help,
}

/// Arguments that name no task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n{USAGE}", self.0)
    }
}

impl std::error::Error for UsageError {}

/// Reads the arguments that follow the program's name.
///
/// # Errors
///
/// [`UsageError`] for no task, an unknown task, an unknown runner, a seed or a time that is
/// no number, or anything left over.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Task, UsageError> {
    let arguments: Vec<String> = arguments.into_iter().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test", rest @ ..] => Ok(Task::Test(runner(rest)?)),
        ["ci", rest @ ..] => Ok(Task::Ci(runner(rest)?)),
        ["deep", words @ ..] => Ok(Task::Deep(words.join(" "))),
        ["mutants", words @ ..] => Ok(Task::Mutants(words.join(" "))),
        ["suite-log", rest @ ..] => Ok(Task::SuiteLog(runner(rest)?)),
        ["structure"] => Ok(Task::Structure),
        ["instructions"] => Ok(Task::Instructions),
        ["bench-report", "page", rest @ ..] => Ok(Task::BenchPage(manner(rest)?)),
        ["bench-report", rest @ ..] => Ok(Task::BenchReport(manner(rest)?)),
        ["fuzz", rest @ ..] => Ok(Task::Fuzz(seed(rest)?)),
        ["scanners"] => Ok(Task::Scanners),
        ["libfuzzer", rest @ ..] => Ok(Task::Libfuzzer(seconds(rest)?)),
        ["features"] => Ok(Task::Features),
        ["minimal-versions"] => Ok(Task::MinimalVersions),
        ["package"] => Ok(Task::Package),
        ["coverage", rest @ ..] => {
            let least = number(rest, "--least")?;
            Ok(Task::Coverage(least.unwrap_or(coverage::LEAST)))
        }
        ["browser", rest @ ..] => Ok(Task::Browser(runner(rest)?)),
        ["promises", words @ ..] => Ok(Task::Promises(words.join(" "))),
        ["servers", ..] => Ok(Task::Servers(arguments[1..].to_vec())),
        ["help" | "--help" | "-h"] => Ok(Task::Help),
        [] => Err(UsageError("expected a task".into())),
        other => Err(UsageError(format!(
            "expected a task, found `{}`",
            other.join(" ")
        ))),
    }
}

fn runner(options: &[&str]) -> Result<Runner, UsageError> {
    match options {
        [] => Ok(Runner::installed()),
        ["--runner", "nextest"] | ["--runner=nextest"] => Ok(Runner::Nextest),
        ["--runner", "cargo"] | ["--runner=cargo"] => Ok(Runner::CargoTest),
        other => Err(UsageError(format!(
            "expected `--runner nextest` or `--runner cargo`, found `{}`",
            other.join(" ")
        ))),
    }
}

fn manner(options: &[&str]) -> Result<Manner, UsageError> {
    match options {
        [] => Ok(Manner::Full),
        ["--quick"] => Ok(Manner::Quick),
        other => Err(UsageError(format!(
            "expected `page`, `--quick` or nothing, found `{}`",
            other.join(" ")
        ))),
    }
}

fn seed(options: &[&str]) -> Result<Option<u32>, UsageError> {
    number(options, "--seed")
}

fn seconds(options: &[&str]) -> Result<Duration, UsageError> {
    let seconds = number(options, "--seconds")?;
    Ok(seconds.map_or(libfuzzer::SHORT, |seconds| {
        Duration::from_secs(seconds.into())
    }))
}

fn number(options: &[&str], name: &str) -> Result<Option<u32>, UsageError> {
    let number = match options {
        [] => return Ok(None),
        [option, number] if *option == name => number.parse().ok(),
        [option] => option
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('='))
            .and_then(|number| number.parse().ok()),
        _ => None,
    };
    number.map(Some).ok_or_else(|| {
        let found = options.join(" ");
        UsageError(format!(
            "expected `{name}` and a number below 2^32, found `{found}`"
        ))
    })
}
