//! `cargo xtask libfuzzer`: inputs that nobody has thought of, for what reads what strangers write.
//!
//! The targets are the package in `crates/xtask/fuzz`. It is built here with the counters that
//! libFuzzer steers by, which any toolchain can put into code; sanitizers, which need a nightly
//! one, would find nothing in code without `unsafe`.

use std::fs;
use std::io;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::cargo::{self, Cargo, runs};
use crate::step::{Outcome, Step};

/// How long a target is fuzzed where many wait.
pub const SHORT: Duration = Duration::from_secs(10);

/// How long a planted fault may stay hidden.
const PATIENCE: Duration = Duration::from_secs(120);

/// How libFuzzer names the empty input: by its SHA-1.
const EMPTY: &str = "-da39a3ee5e6b4b0d3255bfef95601890afd80709";

const PACKAGE: &str = "crates/xtask/fuzz";

const TARGETS: [&str; 7] = [
    "header",
    "key",
    "peppers",
    "rate",
    "requirement",
    "row",
    "scope",
];

/// As `cargo fuzz` has them.
const COUNTERS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1";

/// The step: builds the targets and gives each so long, as many at a time as there are cores. First
/// each has to find its planted fault.
///
/// It is skipped where there are no targets, where there is no C++ compiler, and on other systems
/// than Linux.
pub fn step(each: Duration) -> Step {
    let alone = format!("cargo xtask libfuzzer --seconds {}", each.as_secs());
    Step::new("libfuzzer", alone, move |root, out| {
        if !root.join(PACKAGE).is_dir() {
            return Ok(Outcome::Skipped(format!("there is no {PACKAGE} here")));
        }
        if !cfg!(target_os = "linux") {
            return Ok(Outcome::Skipped("it was only tried on Linux".into()));
        }
        if !runs("c++") {
            return Ok(Outcome::Skipped(
                "a C++ compiler is not installed (apt-get install g++)".into(),
            ));
        }
        let place = match build(root)? {
            Ok(place) => place,
            Err(failed) => return Ok(failed),
        };
        let mut found = Vec::new();
        for hunted in hunt_all(root, &place, each)? {
            write!(out, "{}", hunted.told)?;
            found.extend(hunted.fault);
        }
        Ok(match found[..] {
            [] => {
                writeln!(out, "{} targets, nothing found", TARGETS.len())?;
                Outcome::Passed
            }
            _ => Outcome::Failed(found.join(", ")),
        })
    })
}

/// Where the built targets are.
fn build(root: &Path) -> io::Result<Result<PathBuf, Outcome>> {
    let host = cargo::host(root)?;
    let directory = cargo::target_directory(root)?.join("fuzz");
    // With a target named, programs that run while building are spared the counters.
    let build = Cargo::new(format!(
        "build --release --locked --manifest-path {PACKAGE}/Cargo.toml --target {host}"
    ));
    let build = build
        .env("CARGO_TARGET_DIR", directory.to_string_lossy())
        .env("RUSTFLAGS", COUNTERS);
    let built = build.run(root)?;
    Ok(if built.success() {
        Ok(directory.join(host).join("release"))
    } else {
        Err(Outcome::Failed(format!("building the targets: {built}")))
    })
}

/// What came out for one target.
struct Hunted {
    target: &'static str,
    told: String,
    /// Why the step fails, if it does.
    fault: Option<String>,
}

/// All targets, one on each core.
fn hunt_all(root: &Path, place: &Path, each: Duration) -> io::Result<Vec<Hunted>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let waiting = Mutex::new(TARGETS.iter());
    let take = || {
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
    };
    let mut all = thread::scope(|scope| {
        let hunters: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    let hunt = |target| {
                        Hunt {
                            root,
                            place,
                            target,
                        }
                        .run(each)
                    };
                    std::iter::from_fn(take)
                        .map(|target| hunt(*target))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let hunted = hunters.into_iter().flat_map(|hunter| match hunter.join() {
            Ok(hunted) => hunted,
            Err(panic) => resume_unwind(panic),
        });
        hunted.collect::<io::Result<Vec<_>>>()
    })?;
    all.sort_by_key(|hunted| hunted.target);
    Ok(all)
}

#[derive(Clone, Copy)]
struct Hunt<'a> {
    root: &'a Path,
    place: &'a Path,
    target: &'static str,
}

impl Hunt<'_> {
    fn run(self, each: Duration) -> io::Result<Hunted> {
        let target = self.target;
        let Some(took) = self.finds_planted_fault()? else {
            return Ok(Hunted {
                target,
                told: String::new(),
                fault: Some(format!(
                    "{target} does not find its planted fault in {PATIENCE:?}"
                )),
            });
        };
        let (passed, told) = self.goes_on(each)?;
        Ok(Hunted {
            target,
            told: format!("{target}: finds its planted fault in {took:.1?}\n{target}: {told}\n"),
            fault: (!passed).then(|| format!("a fault was found by {target}")),
        })
    }

    /// How long it took; nothing if it was not found.
    fn finds_planted_fault(self) -> io::Result<Option<Duration>> {
        let start = Instant::now();
        let mut command = self.command(PATIENCE)?;
        let output = command
            .env("RINGYO_FUZZ_FAULT", "planted")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        // One that could not even begin has found nothing, and has no input to write or only the
        // empty one, which libFuzzer tries before all others.
        let input = told
            .lines()
            .find_map(|line| line.split_once("Test unit written to "));
        let is_found = !output.status.success()
            && told.contains("panicked at")
            && input.is_some_and(|(_, path)| !path.ends_with(EMPTY));
        Ok(is_found.then(|| start.elapsed()))
    }

    /// Whether it found nothing, and what it said.
    fn goes_on(self, each: Duration) -> io::Result<(bool, String)> {
        let output = self.command(each)?.stderr(Stdio::piped()).output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        let told = if output.status.success() {
            let runs = told.lines().find(|line| line.starts_with("Done "));
            runs.unwrap_or("done").to_owned()
        } else {
            let end = told.floor_char_boundary(told.len().saturating_sub(4_000));
            format!("{}\n{}", output.status, &told[end..])
        };
        Ok((output.status.success(), told))
    }

    /// Starts from the inputs that are kept and puts new ones where git does not look; what makes
    /// a target fail stays there too.
    fn command(self, time: Duration) -> io::Result<Command> {
        let new = self.place.join("corpus").join(self.target);
        let failures = self.place.join("failures").join(self.target);
        fs::create_dir_all(&new)?;
        fs::create_dir_all(&failures)?;
        let mut command = Command::new(self.place.join(self.target));
        command
            .arg(new)
            .arg(self.root.join(PACKAGE).join("corpus").join(self.target))
            .arg(format!("-max_total_time={}", time.as_secs()))
            .arg(format!("-artifact_prefix={}/", failures.display()))
            .args(["-max_len=4096", "-timeout=20", "-print_final_stats=0"])
            .current_dir(self.root)
            .stdin(Stdio::null());
        Ok(command)
    }
}
