//! `cargo xtask instructions`: a warm decision takes no more instructions than it used to.
//!
//! Those of refused keys are told beside it, and not judged. In time a decision takes no more than
//! two HMACs, each timed in turns with the other.
//!
//! Times differ from run to run and from machine to machine; how many instructions a program
//! executes hardly does. They are counted by valgrind, with and without a number of decisions. Of
//! that the HMAC is taken off, which valgrind has to do without the instructions made for it and
//! which would drown the rest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo::{self, Cargo, runs};
use crate::step::{Outcome, Step};

/// Where the count is that was last agreed on.
const COMMITTED: &str = "benches/instructions.txt";

const SOURCE: &str = "benches/service/examples/decisions.rs";
/// Below the directory of what cargo builds.
const PROGRAM: &str = "release/examples/decisions";

const FEW: u64 = 1_000;
const MANY: u64 = 11_000;

/// How many HMACs a warm decision may be worth. On a quiet machine it is one and a half.
const MOST_FLOORS: f64 = 2.0;

/// Decisions that are timed, and how often: a busy machine makes the one or the other slower, and
/// nothing makes one faster.
const TIMED: u64 = 100_000;
const TRIES: usize = 3;

/// Instructions of what takes none of its own besides.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// A warm decision, beside its HMAC.
    pub decision: u64,
    /// One that reads its key twice, likewise: the control.
    pub clumsy: u64,
    /// A malformed key that is refused.
    pub malformed: u64,
    /// One with a wrong checksum.
    pub mistyped: u64,
}

/// The step: skipped where valgrind is not installed.
pub fn step() -> Step {
    Step::new("instructions", "cargo xtask instructions", |root, out| {
        if !runs("valgrind") {
            return Ok(Outcome::Skipped(
                "valgrind is not installed (apt-get install valgrind)".into(),
            ));
        }
        if !root.join(SOURCE).exists() {
            return Ok(Outcome::Skipped(format!("there is no {SOURCE}")));
        }
        let committed = committed(&fs::read_to_string(root.join(COMMITTED))?)?;
        let program = program(root)?;
        let Counts {
            decision,
            clumsy,
            malformed,
            mistyped,
        } = count_all(&program)?;
        writeln!(
            out,
            "a warm decision: {decision} instructions beside its HMAC, committed are {committed}; \
             one that reads its key twice: {clumsy}"
        )?;
        writeln!(
            out,
            "refused: a malformed key {malformed}, a wrong checksum {mistyped}"
        )?;
        let (once, twice) = (floors(&program, "floors")?, floors(&program, "twice")?);
        writeln!(
            out,
            "in time a decision is worth {once:.2} HMACs, made twice {twice:.2}"
        )?;
        if judge(clumsy, committed) == Outcome::Passed || is_in_time(twice) {
            return Ok(Outcome::Failed("a slower decision went unseen".into()));
        }
        if !is_in_time(once) {
            let worth = format!("a decision is worth {once:.2} HMACs, more than {MOST_FLOORS}");
            return Ok(Outcome::Failed(worth));
        }
        Ok(judge(decision, committed))
    })
}

/// What is counted on its own, for the report.
///
/// # Errors
///
/// When it cannot be built, or valgrind does not count.
pub fn counts(root: &Path) -> io::Result<Counts> {
    count_all(&program(root)?)
}

/// Builds what decides. It is in a package apart, of what a decision needs: the benches need much that
/// takes long to build.
fn program(root: &Path) -> io::Result<PathBuf> {
    let build = "build --release --package ringyo-bench-service --example decisions";
    let build = Cargo::new(build);
    let built = build.run(root)?;
    if !built.success() {
        return Err(io::Error::other(format!("`{build}`: {built}")));
    }
    Ok(cargo::target_directory(root)?.join(PROGRAM))
}

fn count_all(program: &Path) -> io::Result<Counts> {
    let hmac = per_call(program, "hmac")?;
    let beside = |what| io::Result::Ok(per_call(program, what)?.saturating_sub(hmac));
    Ok(Counts {
        decision: beside("decide")?,
        clumsy: beside("clumsy")?,
        malformed: per_call(program, "malformed")?,
        mistyped: per_call(program, "mistyped")?,
    })
}

/// How many HMACs a decision is worth, at the best of a few tries.
fn floors(program: &Path, what: &str) -> io::Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..TRIES {
        let output = Command::new(program)
            .args([&TIMED.to_string(), what])
            .stdin(Stdio::null())
            .output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        let told = told.trim().parse().ok().filter(|_| output.status.success());
        least = least.min(told.ok_or_else(|| io::Error::other("no time was told"))?);
    }
    Ok(least)
}

fn is_in_time(floors: f64) -> bool {
    floors <= MOST_FLOORS
}

/// Passes up to one part in twenty above the committed count. Far below it, too, something is to
/// be done: the count is out of date, and would let the next growth through.
///
/// ```
/// use xtask::instructions::judge;
/// use xtask::step::Outcome;
///
/// assert_eq!(judge(1_050, 1_000), Outcome::Passed);
/// assert!(matches!(judge(1_051, 1_000), Outcome::Failed(_)));
/// assert!(matches!(judge(949, 1_000), Outcome::Failed(_)));
/// ```
pub fn judge(counted: u64, committed: u64) -> Outcome {
    let tolerance = committed / 20;
    if counted > committed + tolerance {
        return Outcome::Failed(format!("{counted} instructions, {committed} are committed"));
    }
    if counted + tolerance < committed {
        return Outcome::Failed(format!(
            "{counted} instructions are fewer than the {committed} in {COMMITTED}: write them there"
        ));
    }
    Outcome::Passed
}

/// The number in the file; lines that start with `#` say what it is.
fn committed(text: &str) -> io::Result<u64> {
    let number = text.lines().find(|line| !line.starts_with('#'));
    number
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("{COMMITTED} holds no number")))
}

/// Instructions of one call, without what the program does once.
fn per_call(program: &Path, what: &str) -> io::Result<u64> {
    let difference = count(program, MANY, what)?.saturating_sub(count(program, FEW, what)?);
    Ok(difference / (MANY - FEW))
}

fn count(program: &Path, calls: u64, what: &str) -> io::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([&calls.to_string(), what])
        .stdin(Stdio::null())
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(io::Error::other(format!(
            "valgrind: {}\n{told}",
            output.status
        )));
    }
    collected(&told).ok_or_else(|| io::Error::other("valgrind told no count"))
}

fn collected(told: &str) -> Option<u64> {
    let line = told.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_what_valgrind_says() {
        let told = "==7== Events    : Ir\n==7== Collected : 187083160\n==7== \n";
        assert_eq!(collected(told), Some(187_083_160));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }

    #[test]
    fn the_committed_count_stands_below_what_it_is() {
        assert_eq!(committed("# What it is.\n1234\n").ok(), Some(1_234));
        assert!(committed("# What it is.\n").is_err());
        assert!(committed("many\n").is_err());
    }
}
