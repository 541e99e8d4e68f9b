//! Programs that tests need and that Debian has packages for.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// PostgreSQL: the server and `psql`.
pub const POSTGRESQL: Program = Program {
    name: "postgresql",
    packages: &["postgresql"],
    binaries: &["initdb", "postgres", "psql"],
    // Debian keeps the server's own binaries away from the PATH, and puts a wrapper there.
    folders: &["/usr/lib/postgresql/*/bin"],
};

/// Redis.
pub const REDIS: Program = Program {
    name: "redis",
    packages: &["redis-server"],
    binaries: &["redis-server"],
    folders: &[],
};

/// Valkey, which Debian has from version 13 on.
pub const VALKEY: Program = Program {
    name: "valkey",
    packages: &["valkey-server"],
    binaries: &["valkey-server"],
    folders: &[],
};

/// Chromium with its WebDriver, and letters for it to draw.
pub const CHROMIUM: Program = Program {
    name: "chromium",
    packages: &["chromium", "chromium-driver", "fonts-liberation"],
    binaries: &["chromium", "chromedriver"],
    folders: &[],
};

/// npm, for what is on its registry alone.
pub const NPM: Program = Program {
    name: "npm",
    packages: &["npm"],
    binaries: &["npm"],
    folders: &[],
};

/// Python, with what makes virtual environments.
pub const PYTHON: Program = Program {
    name: "python",
    packages: &["python3", "python3-venv"],
    binaries: &["python3"],
    folders: &[],
};

/// A program, and how to come by it.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// What it is called here, and in `RINGYO_TEST_WITHOUT`.
    pub name: &'static str,
    /// The Debian packages that bring it.
    pub packages: &'static [&'static str],
    /// The executables that must be there.
    pub binaries: &'static [&'static str],
    /// Where to look before the `PATH`. A `*` stands for every version, the highest first.
    pub folders: &'static [&'static str],
}

impl Program {
    /// Where this executable is.
    pub fn find(&self, binary: &str) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = self.folders.iter().flat_map(|folder| versions(folder));
        folders
            .chain(env::split_paths(&path))
            .map(|folder| folder.join(binary))
            .find(|candidate| candidate.is_file())
    }

    /// Whether all its executables are there.
    pub fn is_installed(&self) -> bool {
        self.binaries
            .iter()
            .all(|binary| self.find(binary).is_some())
    }

    /// Installs it unless it is there, and says so on `out`. Processes that ask at the same time
    /// take turns, and the later ones find it installed.
    ///
    /// # Errors
    ///
    /// When it is not there and cannot be installed. The error completes a sentence that ends
    /// in "because".
    pub fn install(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.is_installed() {
            return Ok(());
        }
        let _turn = take_turn()?;
        if self.is_installed() {
            return Ok(());
        }
        self.install_packages(out)
    }

    /// Installs its packages, whether or not its executables are there.
    pub(crate) fn install_packages(&self, out: &mut dyn Write) -> io::Result<()> {
        let packages = self.packages.join(" ");
        let failed = |why: String| {
            io::Error::other(format!(
                "{} is not installed and {why} (install {packages})",
                self.name
            ))
        };
        let apt = Apt::permitted().map_err(&failed)?;
        writeln!(
            out,
            "installing {packages} with apt-get; this may take minutes"
        )?;
        out.flush()?;
        let mut outcome = apt.run(&["install", "--no-install-recommends"], self.packages);
        if outcome.is_err() {
            // The lists of packages may be missing or old.
            outcome = apt
                .run(&["update"], &[])
                .and_then(|()| apt.run(&["install", "--no-install-recommends"], self.packages));
        }
        outcome.map_err(&failed)?;
        if self.is_installed() {
            writeln!(out, "installed {packages}")?;
            Ok(())
        } else {
            Err(failed("its packages do not bring it".to_owned()))
        }
    }
}

/// One process after the other, until this is dropped.
fn take_turn() -> io::Result<File> {
    let path = env::temp_dir().join("ringyo-apt-get.lock");
    // One that is there may be another user's: the system refuses to open that for making it.
    let turn =
        File::open(&path).or_else(|_| File::options().create(true).append(true).open(&path))?;
    turn.lock()?;
    Ok(turn)
}

/// The right to run apt-get.
struct Apt {
    sudo: bool,
}

impl Apt {
    fn permitted() -> Result<Self, String> {
        let quiet = |command: &mut Command| {
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        if !quiet(Command::new("apt-get").arg("--version")) {
            return Err("there is no apt-get here".to_owned());
        }
        let sudo = !rustix::process::geteuid().is_root();
        if sudo && !quiet(Command::new("sudo").args(["-n", "true"])) {
            return Err("neither root nor sudo without a password is to be had".to_owned());
        }
        Ok(Self { sudo })
    }

    fn run(&self, action: &[&str], packages: &[&str]) -> Result<(), String> {
        let mut command = Command::new(if self.sudo { "sudo" } else { "env" });
        if self.sudo {
            command.args(["-n", "env"]);
        }
        let output = command
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            // Somebody else may be installing something: wait for them.
            .args(["-qq", "-y", "-o", "DPkg::Lock::Timeout=300"])
            .args(action)
            .args(packages)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("apt-get does not start: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let printed = String::from_utf8_lossy(&output.stderr);
        let last = printed.lines().rfind(|line| !line.trim().is_empty());
        Err(format!(
            "apt-get {} failed: {}",
            action[0],
            last.unwrap_or("it did not say why")
        ))
    }
}

/// The folders that `pattern` stands for.
fn versions(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(before)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| {
            let name = entry.file_name();
            let version = name.to_string_lossy().parse().unwrap_or(0);
            let rest = Path::new(after.trim_start_matches('/'));
            (version, entry.path().join(rest))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}
