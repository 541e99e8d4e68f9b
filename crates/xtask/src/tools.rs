//! Subcommands of cargo that are programs of their own, installed below `target` where they are
//! missing.

use std::env;
use std::io::{self, Write};
use std::iter;
use std::path::Path;

use crate::cargo::{self, Cargo};

/// The versions that the steps were written for.
const VERSIONS: [(&str, &str); 4] = [
    ("cargo-hack", "0.6.46"),
    ("cargo-llvm-cov", "0.9.1"),
    ("cargo-mutants", "27.1.0"),
    ("cargo-nextest", "0.9.143"),
];

/// The search path, to be given to a [call](Cargo::env) as `PATH`, on which cargo finds `program`,
/// such as `cargo-hack`.
///
/// One that is installed already is used, whatever its version. Otherwise the version that the steps
/// were written for is built from the registry, which takes minutes and happens once.
///
/// # Errors
///
/// When it is not there and cannot be installed. The error completes a sentence that ends in
/// "because".
pub fn find(root: &Path, program: &str, out: &mut dyn Write) -> io::Result<String> {
    let place = cargo::target_directory(root)?.join("tools");
    let search = search(&place)?;
    let subcommand = program.strip_prefix("cargo-").unwrap_or(program);
    if Cargo::new(subcommand).env("PATH", &search).is_installed() {
        return Ok(search);
    }
    let install = install(program)?;
    writeln!(out, "{program}: `{install}`, below {}", place.display())?;
    out.flush()?;
    let install = install.env("CARGO_INSTALL_ROOT", place.to_string_lossy());
    let status = install.run(root)?;
    if status.success() {
        return Ok(search);
    }
    Err(io::Error::other(format!(
        "{program} is not installed and could not be: {status}"
    )))
}

fn install(program: &str) -> io::Result<Cargo> {
    let known = VERSIONS.iter().find(|(name, _)| *name == program);
    let (_, version) = known.ok_or_else(|| {
        io::Error::other(format!(
            "{program} is not installed and no version is known of it"
        ))
    })?;
    Ok(Cargo::new(format!("install --locked {program}@{version}")))
}

fn search(place: &Path) -> io::Result<String> {
    let before = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(place.join("bin")).chain(env::split_paths(&before));
    let search = env::join_paths(folders).map_err(io::Error::other)?;
    search
        .into_string()
        .map_err(|_| io::Error::other("PATH is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_is_a_named_version() {
        let hack = install("cargo-hack").map(|cargo| cargo.to_string());
        assert!(hack.is_ok_and(|line| line.starts_with("cargo install --locked cargo-hack@0.")),);
        assert!(install("cargo-nothing").is_err());
    }

    #[test]
    fn the_place_below_target_is_searched_first() -> io::Result<()> {
        let search = search(Path::new("target/tools"))?;
        let first = env::split_paths(&search).next();
        assert_eq!(first, Some("target/tools/bin".into()));
        Ok(())
    }
}
