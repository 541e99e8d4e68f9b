//! `cargo xtask coverage`: which lines of the core crates their tests reach.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::cargo::Cargo;
use crate::servers::debian::Program;
use crate::servers::for_tests;
use crate::step::{Outcome, Step};
use crate::tools;

/// Percent of the lines of each crate that must be reached.
pub const LEAST: u32 = 95;

/// The crates that are looked at. Their tests bring the stores along that they run on.
const CRATES: [&str; 5] = [
    "ringyo-auth",
    "ringyo-key",
    "ringyo-limit",
    "ringyo-scope",
    "ringyo-store",
];

/// Modules that are tests themselves, or are there for tests.
const FOR_TESTS: [&str; 4] = ["conformance", "interleavings", "testing", "tests"];

/// What reads the counters, of the LLVM that the compiler is made with.
const LLVM: Program = Program {
    name: "llvm",
    packages: &["llvm-22"],
    binaries: &["llvm-cov-22", "llvm-profdata-22"],
    folders: &["/usr/lib/llvm-22/bin"],
};

/// What was counted, from the root of the workspace.
const COUNTS: &str = "target/coverage.lcov";

/// The step: runs the tests of the core crates with counters in the code, prints how many lines of
/// each crate they have reached, and fails where that is less than `least` percent.
///
/// Tests that need servers are left out: they are about other crates. Lines of unit tests do not
/// count. It is skipped where cargo-llvm-cov or LLVM is missing and cannot be installed.
pub fn step(least: u32) -> Step {
    let packages = CRATES.map(|name| format!("--package {name}")).join(" ");
    // The suite for stores runs on SQLite, too.
    let packages = format!("{packages} --package ringyo-sqlite");
    // Whether tests pass is for `cargo xtask test` to say, under which they are not as slow.
    let run = format!("llvm-cov test --tests --all-features --ignore-run-fail {packages}");
    let cargo = Cargo::new(format!("{run} --lcov --output-path {COUNTS}"))
        .env(for_tests::WITHOUT, "postgresql,redis,valkey");
    let alone = format!("cargo xtask coverage --least {least}");
    Step::new("coverage", alone, move |root, out| {
        if !root.join("crates").join(CRATES[0]).is_dir() {
            return Ok(Outcome::Skipped(format!("there is no {} here", CRATES[0])));
        }
        let search = match tools::find(root, "cargo-llvm-cov", out) {
            Ok(search) => search,
            Err(why) => return Ok(Outcome::Skipped(why.to_string())),
        };
        let cargo = match with_llvm(cargo.env("PATH", search), out) {
            Ok(cargo) => cargo,
            Err(why) => return Ok(Outcome::Skipped(why.to_string())),
        };
        // What is left of another run says nothing about this one.
        let _ = fs::remove_file(root.join(COUNTS));
        let status = cargo.run(root)?;
        if !status.success() {
            return Ok(Outcome::Failed(status.to_string()));
        }
        let counts = fs::read_to_string(root.join(COUNTS))?;
        judge(&reached(root, &counts)?, least, out)
    })
}

/// Names the tools, unless the toolchain or whoever runs this has their own.
fn with_llvm(cargo: Cargo, out: &mut dyn Write) -> io::Result<Cargo> {
    let is_named = |name| std::env::var_os(name).is_some();
    if is_named("LLVM_COV") && is_named("LLVM_PROFDATA") {
        return Ok(cargo);
    }
    LLVM.install(out)?;
    let path = |name| LLVM.find(name).unwrap_or_default();
    let (cov, profdata) = (path("llvm-cov-22"), path("llvm-profdata-22"));
    Ok(cargo
        .env("LLVM_COV", cov.to_string_lossy())
        .env("LLVM_PROFDATA", profdata.to_string_lossy()))
}

/// Lines that can be reached, and those that were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lines {
    reached: u32,
    all: u32,
}

impl Lines {
    fn percent(self) -> f64 {
        100.0 * f64::from(self.reached) / f64::from(self.all.max(1))
    }
}

/// The lines of each crate, from counts in the format of lcov: `SF` names a file, `DA` counts one of
/// its lines.
fn reached(root: &Path, counts: &str) -> io::Result<BTreeMap<&'static str, Lines>> {
    let mut crates: BTreeMap<&'static str, Lines> = BTreeMap::new();
    // The crate of the file, and where its unit tests begin.
    let mut file: Option<(&'static str, u32)> = None;
    for line in counts.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            let path = Path::new(path);
            file = match library(root, path) {
                Some(name) => Some((name, first_test_line(&fs::read_to_string(path)?))),
                None => None,
            };
        }
        let Some((name, tests)) = file else {
            continue;
        };
        let count = line
            .strip_prefix("DA:")
            .and_then(|rest| rest.split_once(','));
        let Some((number, count)) = count else {
            continue;
        };
        if number.parse::<u32>().is_ok_and(|number| number < tests) {
            let lines = crates.entry(name).or_default();
            lines.all += 1;
            lines.reached += u32::from(!count.starts_with('0'));
        }
    }
    Ok(crates)
}

/// Which of the crates a file is part of, unless it is for tests alone.
fn library(root: &Path, path: &Path) -> Option<&'static str> {
    let path = path.strip_prefix(root).ok()?;
    let name = CRATES
        .into_iter()
        .find(|name| path.starts_with(Path::new("crates").join(name).join("src")))?;
    let is_for_tests = path.iter().any(|part| {
        let stem = Path::new(part).file_stem();
        stem.is_some_and(|stem| FOR_TESTS.iter().any(|name| stem == *name))
    });
    (!is_for_tests).then_some(name)
}

/// Where the unit tests of a file begin, which are its end.
fn first_test_line(text: &str) -> u32 {
    let before = text.split("#[cfg(test)]\nmod tests {").next();
    let before = before.unwrap_or_default();
    match before.len() == text.len() {
        true => u32::MAX,
        false => before.lines().count() as u32 + 1,
    }
}

fn judge(
    crates: &BTreeMap<&'static str, Lines>,
    least: u32,
    out: &mut dyn Write,
) -> io::Result<Outcome> {
    let mut below = Vec::new();
    for name in CRATES {
        let lines = crates.get(name).copied().unwrap_or_default();
        let percent = lines.percent();
        let Lines { reached, all } = lines;
        writeln!(
            out,
            "{name:<14} {percent:>5.1} % of {all} lines, {reached} of them"
        )?;
        if percent < f64::from(least) {
            below.push(name);
        }
    }
    Ok(if below.is_empty() {
        writeln!(out, "{} crates, none below {least} %", CRATES.len())?;
        Outcome::Passed
    } else {
        Outcome::Failed(format!("below {least} %: {}", below.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTED: &str = "\
SF:ROOT/crates/ringyo-key/src/mint.rs\nDA:1,5\nDA:2,0\nDA:4,7\nDA:5,0\nend_of_record
SF:ROOT/crates/ringyo-auth/src/cache/interleavings/stage.rs\nDA:1,0\nend_of_record
SF:ROOT/crates/ringyo-sqlite/src/lib.rs\nDA:1,0\nend_of_record
";

    #[test]
    fn lines_are_counted_by_crate_and_without_tests() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("crates/ringyo-key/src");
        fs::create_dir_all(&folder).unwrap();
        let text = "fn a() {}\nfn b() {}\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n";
        fs::write(folder.join("mint.rs"), text).unwrap();
        let counts = COUNTED.replace("ROOT", &root.path().to_string_lossy());
        let found = reached(root.path(), &counts).unwrap();
        let lines = Lines { reached: 1, all: 2 };
        assert_eq!(found, BTreeMap::from([("ringyo-key", lines)]));
    }

    #[test]
    fn a_crate_below_the_bar_fails_and_one_that_was_not_counted_does() {
        let full = Lines {
            reached: 96,
            all: 100,
        };
        let mut crates: BTreeMap<_, _> = CRATES.into_iter().map(|name| (name, full)).collect();
        let judge = |crates: &BTreeMap<_, _>, least| judge(crates, least, &mut Vec::new());
        assert_eq!(judge(&crates, 95).unwrap(), Outcome::Passed);
        let all = format!("below 97 %: {}", CRATES.join(", "));
        assert_eq!(judge(&crates, 97).unwrap(), Outcome::Failed(all));
        crates.remove("ringyo-key");
        let one = "below 95 %: ringyo-key".to_owned();
        assert_eq!(judge(&crates, 95).unwrap(), Outcome::Failed(one));
    }
}
