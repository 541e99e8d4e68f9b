//! axe-core, which audits pages for what keeps people out: one script, from the npm registry.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo;
use crate::servers::debian::NPM;
use crate::servers::for_tests;

/// What it is called here, and in `RINGYO_TEST_WITHOUT`.
pub const NAME: &str = "axe-core";

/// The one version, with what npm checks it by, so that it is the same script everywhere.
const PACKAGE: &str = include_str!("axe_core/package.json");
const LOCK: &str = include_str!("axe_core/package-lock.json");

/// Where it is, from the root of the workspace.
const FOLDER: &str = "target/axe-core";
const SCRIPT: &str = "node_modules/axe-core/axe.min.js";

/// The script for a test, which is installed if need be. `None` where the environment says that
/// it is not to be had, which is said loudly.
///
/// # Panics
///
/// When it is not there and cannot be installed, and the environment has not said so.
#[track_caller]
pub fn for_tests() -> Option<String> {
    let mut script = String::new();
    for_tests::available(NAME, || {
        let root = cargo::workspace_root()?;
        install(&root, &mut io::stderr())?;
        script = fs::read_to_string(path(&root))?;
        Ok(())
    })
    .then_some(script)
}

/// Installs it below `target` unless it is there, and says so on `out`. Whoever asks at the same
/// time waits.
///
/// # Errors
///
/// When it is not there and cannot be installed. The error completes a sentence that ends in
/// "because".
pub fn install(root: &Path, out: &mut dyn Write) -> io::Result<()> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let turn = File::create(folder.with_extension("lock"))?;
    turn.lock()?;
    let note = folder.join("installed.txt");
    let installed = fs::read_to_string(&note).unwrap_or_default();
    if installed == LOCK && path(root).is_file() {
        return Ok(());
    }
    NPM.install(out)?;
    writeln!(out, "installing {NAME} in {FOLDER}")?;
    out.flush()?;
    fs::write(folder.join("package.json"), PACKAGE)?;
    fs::write(folder.join("package-lock.json"), LOCK)?;
    let options = "ci --ignore-scripts --no-audit --no-fund --loglevel=error";
    let status = Command::new("npm")
        .args(options.split(' '))
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        // What is in the way there is worth reading.
        .stderr(Stdio::inherit())
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!(
            "npm cannot install {NAME} (is a package registry reachable?)"
        )));
    }
    fs::write(note, LOCK)
}

fn path(root: &Path) -> PathBuf {
    root.join(FOLDER).join(SCRIPT)
}
