//! `cargo xtask bench-report`: runs every bench and writes the page that tells what ringyo costs.
//!
//! Every bench that measures time runs several times, each time in a process of its own, and each
//! number is told as the middle one of those runs with the least and the greatest beside it.

mod goals;
mod machine;
mod page;
mod picture;
mod pictures;
mod questions;
mod results;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use crate::cargo::{self, Cargo};
use crate::instructions::{self, Counts};
use crate::step::{Outcome, Step};

pub use results::{Figure, Results};

/// How thorough it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Five runs and a million keys: some forty minutes on a machine with nothing else to do.
    Full,
    /// Two short runs over fewer keys, to see that it works; the page goes below `target`.
    Quick,
}

/// The benches, in the order of the page.
const BENCHES: [(&str, &str); 11] = [
    ("ringyo-bench", "key"),
    ("ringyo-bench", "scope"),
    ("ringyo-bench", "limit"),
    ("ringyo-bench", "stages"),
    ("ringyo-bench", "authenticate"),
    ("ringyo-bench", "working_set"),
    ("ringyo-bench", "memory"),
    ("ringyo-bench", "http"),
    ("ringyo-bench", "stores"),
    ("ringyo-bench", "end_to_end"),
    ("ringyo-contenders", "contenders"),
];

/// What says by itself how it compares; it is shown as it is.
const REDIS: &str = "bench --package ringyo-bench --bench redis_limit -- --test";

const RESULTS: &str = "target/bench-report/results.jsonl";

/// What counts, and counts the same every time.
const COUNTS: &str = "memory";

impl Manner {
    fn runs(self, bench: &str) -> usize {
        match self {
            _ if bench == COUNTS => 1,
            Self::Full => 5,
            Self::Quick => 2,
        }
    }

    /// Where the page goes, and its pictures into a folder beside it.
    fn folder(self) -> &'static str {
        match self {
            Self::Full => "crates/ringyo/docs",
            Self::Quick => "target/bench-report",
        }
    }

    fn bench(self, package: &str, bench: &str) -> Cargo {
        let short = match self {
            Self::Full => "",
            Self::Quick => " -- --sample-size 10 --warm-up-time 0.1 --measurement-time 0.2",
        };
        // What others cost is measured in a workspace of its own.
        let manifest = match package {
            "ringyo-contenders" => "benches/contenders/Cargo.toml",
            _ => "benches/Cargo.toml",
        };
        let cargo = Cargo::new(format!(
            "bench --manifest-path {manifest} --bench {bench}{short}"
        ));
        match self {
            Self::Full => cargo.env("MILLION", "1"),
            Self::Quick => cargo.env("QUICK", "1"),
        }
    }
}

/// The steps: one to each bench, with all its runs, and then the page.
pub fn steps(manner: Manner) -> Vec<Step> {
    let mut steps = vec![
        Step::new("results", "rm -f target/bench-report/*", start).or_stop(),
        Step::new("instructions", "cargo xtask instructions", count),
    ];
    steps.extend(BENCHES.map(|(package, bench)| {
        let alone = manner.bench(package, bench).to_string();
        Step::new(bench, alone, move |root, out| {
            let runs = manner.runs(bench);
            for run in 1..=runs {
                writeln!(out, "run {run} of {runs}")?;
                out.flush()?;
                let results = root.join(RESULTS).to_string_lossy().into_owned();
                let cargo = manner.bench(package, bench);
                let status = cargo.env("RINGYO_BENCH_RESULTS", results).run(root)?;
                if !status.success() {
                    return Ok(Outcome::Failed(status.to_string()));
                }
            }
            Ok(Outcome::Passed)
        })
    }));
    steps.push(Step::new(
        "redis_limit",
        format!("cargo {REDIS}"),
        |root, _| {
            fs::write(redis_file(root), cargo::answer(root, REDIS)?)?;
            Ok(Outcome::Passed)
        },
    ));
    let alone = match manner {
        Manner::Full => "cargo xtask bench-report page",
        Manner::Quick => "cargo xtask bench-report page --quick",
    };
    steps.push(Step::new("page", alone, move |root, out| {
        write_page(root, manner, out)
    }));
    steps
}

/// The page alone, of what the last report has measured.
pub fn page_step(manner: Manner) -> Step {
    steps(manner).pop().unwrap_or_else(|| {
        Step::new("page", "", |_, _| {
            Ok(Outcome::Skipped("nothing makes it".into()))
        })
    })
}

fn start(root: &Path, _: &mut dyn Write) -> io::Result<Outcome> {
    let file = root.join(RESULTS);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, "")?;
    fs::write(redis_file(root), "")?;
    Ok(Outcome::Passed)
}

/// Instructions, which do not differ from run to run.
fn count(root: &Path, _: &mut dyn Write) -> io::Result<Outcome> {
    if !cargo::runs("valgrind") {
        return Ok(Outcome::Skipped("valgrind is not installed".into()));
    }
    let Counts {
        decision,
        malformed,
        mistyped,
        ..
    } = instructions::counts(root)?;
    let mut lines = String::new();
    for (case, value) in [
        ("a decision, beside its HMAC", decision),
        ("a malformed key refused", malformed),
        ("a bad checksum refused", mistyped),
    ] {
        let line = json!({
            "question": "instructions", "case": case, "unit": "instructions", "value": value,
        });
        lines.push_str(&format!("{line}\n"));
    }
    fs::write(root.join(RESULTS), lines)?;
    Ok(Outcome::Passed)
}

fn redis_file(root: &Path) -> std::path::PathBuf {
    root.join(RESULTS).with_file_name("redis.txt")
}

fn write_page(root: &Path, manner: Manner, out: &mut dyn Write) -> io::Result<Outcome> {
    let results = Results::parse(&fs::read_to_string(root.join(RESULTS))?)?;
    let redis = fs::read_to_string(redis_file(root)).unwrap_or_default();
    let folder = root.join(manner.folder());
    let pictures = folder.join("speed");
    fs::create_dir_all(&pictures)?;
    let mut names = Vec::new();
    for (name, svg) in pictures::all(&results) {
        fs::write(pictures.join(format!("{name}.svg")), &svg)?;
        names.push((name, svg));
    }
    fs::write(pictures.join("pictures.md"), pictures::definitions(&names))?;
    let page = folder.join("speed.md");
    let before = fs::read_to_string(&page).unwrap_or_default();
    let machine = machine::describe(root)?;
    let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    fs::write(
        &page,
        page::page(&results, &redis, &machine, &names, &before),
    )?;
    writeln!(out, "written: {}", page.display())?;
    Ok(Outcome::Passed)
}
