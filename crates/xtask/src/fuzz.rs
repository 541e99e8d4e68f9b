//! `cargo xtask fuzz`: requests drawn from the demo's own OpenAPI document, by schemathesis.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crate::cargo::{self, Cargo};
use crate::step::{Outcome, Step};

/// Everything that schemathesis is made of, so that it is the same program everywhere.
const REQUIREMENTS: &str = include_str!("fuzz/requirements.txt");

/// The virtual environment, from the root of the workspace.
const ENVIRONMENT: &str = "target/schemathesis";

/// The program in it, from the root as well.
const PROGRAM: &str = if cfg!(windows) {
    "target/schemathesis/Scripts/schemathesis.exe"
} else {
    "target/schemathesis/bin/schemathesis"
};

const PYTHON: &str = if cfg!(windows) {
    "target/schemathesis/Scripts/python.exe"
} else {
    "target/schemathesis/bin/python"
};

/// Where the program is that fuzzes the demo and, as a control, the demo with planted holes.
const FUZZER: &str = "examples/demo/examples/fuzz";

/// The step: installs schemathesis below `target` unless it is there, then fuzzes the demo.
///
/// Another `seed` draws other requests; `None` is always the same one, but what is drawn depends
/// on the answers as well, and ids in those are random. The step is skipped where there is no
/// demo, no Python with `venv`, or no package registry.
pub fn step(seed: Option<u32>) -> Step {
    let option = seed.map_or(String::new(), |seed| format!(" --seed {seed}"));
    let alone = format!("cargo xtask fuzz{option}");
    Step::new("fuzz", alone, move |root, out| {
        if !root.join(FUZZER).is_dir() {
            return Ok(Outcome::Skipped(format!("there is no {FUZZER} here")));
        }
        if !is_installed(root) {
            writeln!(out, "installing schemathesis in {ENVIRONMENT}")?;
            if let Err(why) = install(root) {
                return Ok(Outcome::Skipped(why));
            }
        }
        // As the tests are built: for a package alone cargo would compile most of it once more.
        let build = Cargo::new("build --workspace --all-features --example fuzz");
        let mut status = build.run(root)?;
        if status.success() {
            let program = cargo::target_directory(root)?.join("debug/examples/fuzz");
            status = Command::new(program)
                .args(["--schemathesis", PROGRAM])
                .args(option.split_whitespace())
                .current_dir(root)
                .status()?;
        }
        Ok(if status.success() {
            Outcome::Passed
        } else {
            Outcome::Failed(status.to_string())
        })
    })
}

/// Whether all of these requirements were installed to the end.
fn is_installed(root: &Path) -> bool {
    let installed = fs::read_to_string(root.join(ENVIRONMENT).join("installed.txt"));
    installed.is_ok_and(|installed| installed == REQUIREMENTS)
        && succeeds(command(&root.join(PROGRAM)).arg("--version"))
}

/// Why it could not be installed completes a sentence that ends in "because".
fn install(root: &Path) -> Result<(), String> {
    let environment = root.join(ENVIRONMENT);
    let is_new_enough = "import sys; sys.exit(sys.version_info < (3, 11))";
    if !succeeds(command(Path::new("python3")).args(["-c", is_new_enough])) {
        return Err("python3, 3.11 or newer, is not installed".to_owned());
    }
    // What an earlier attempt has left is no sound base.
    let create = ["-m", "venv", "--clear"];
    if !succeeds(command(Path::new("python3")).args(create).arg(&environment)) {
        return Err("python3 cannot make virtual environments (its venv is missing)".to_owned());
    }
    let requirements = environment.join("requirements.txt");
    let write = |path: &Path| fs::write(path, REQUIREMENTS).map_err(|error| error.to_string());
    write(&requirements)?;
    let pip = "-m pip install --quiet --disable-pip-version-check --no-input --no-deps -r";
    let mut pip_install = command(&root.join(PYTHON));
    pip_install.args(pip.split(' ')).arg(&requirements);
    // What is in the way there is worth reading.
    pip_install.stderr(Stdio::inherit());
    if !succeeds(&mut pip_install) {
        return Err(
            "pip cannot install schemathesis (is a package registry reachable?)".to_owned(),
        );
    }
    write(&environment.join("installed.txt"))
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn succeeds(command: &mut Command) -> bool {
    let status: io::Result<ExitStatus> = command.status();
    status.is_ok_and(|status| status.success())
}
