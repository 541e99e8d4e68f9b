//! Programs that Python's package registry has, in virtual environments of the workspace's own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::servers::debian::PYTHON;

/// What a virtual environment holds.
struct Contents {
    /// Where it is, from the root of the workspace.
    environment: &'static str,
    /// Everything that is installed, so that it is the same everywhere.
    requirements: &'static str,
    /// What it is called when it is installed.
    names: &'static str,
    /// The programs in it, each of which must start.
    programs: &'static [&'static str],
}

/// Schemathesis with all that it is made of, urllib3 among it.
const FUZZER: Contents = Contents {
    environment: "target/python",
    requirements: include_str!("python/requirements.txt"),
    names: "schemathesis and urllib3",
    programs: &["schemathesis"],
};

/// Scanners for secrets that their makers publish there.
const SCANNERS: Contents = Contents {
    environment: "target/scanners",
    requirements: include_str!("python/scanners.txt"),
    names: "detect-secrets and kingfisher",
    programs: &["detect-secrets", "kingfisher"],
};

/// Where it has its programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    programs: PathBuf,
}

impl Python {
    /// Makes the environment with the fuzzer below `root` unless it is there already, and says so
    /// on `out`. Whoever asks at the same time waits.
    ///
    /// # Errors
    ///
    /// When it cannot be made. The error completes a sentence that ends in "because".
    pub fn install(root: &Path, out: &mut dyn Write) -> io::Result<Self> {
        Self::install_contents(&FUZZER, root, out)
    }

    /// The same for the one with scanners for secrets.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn install_scanners(root: &Path, out: &mut dyn Write) -> io::Result<Self> {
        Self::install_contents(&SCANNERS, root, out)
    }

    fn install_contents(contents: &Contents, root: &Path, out: &mut dyn Write) -> io::Result<Self> {
        let environment = root.join(contents.environment);
        let python = Self {
            programs: environment.join("bin"),
        };
        fs::create_dir_all(&environment)?;
        let turn = File::create(environment.with_extension("lock"))?;
        turn.lock()?;
        if python.is_installed(contents, &environment) {
            return Ok(python);
        }
        PYTHON.install(out)?;
        let is_new_enough = "import sys; sys.exit(sys.version_info < (3, 11))";
        if !succeeds(quiet(Path::new("python3")).args(["-c", is_new_enough])) {
            return Err(io::Error::other("python3 is older than 3.11"));
        }
        let (names, place) = (contents.names, contents.environment);
        writeln!(out, "installing {names} in {place}")?;
        out.flush()?;
        if !make(&environment) {
            // Debian keeps what makes environments in a package of its own.
            PYTHON.install_packages(out)?;
            if !make(&environment) {
                let why = "python3 cannot make virtual environments (its venv is missing)";
                return Err(io::Error::other(why));
            }
        }
        let requirements = environment.join("requirements.txt");
        fs::write(&requirements, contents.requirements)?;
        let mut pip_install = python.pip_install();
        pip_install.args(["--no-deps", "-r"]).arg(&requirements);
        if !succeeds(&mut pip_install) {
            return Err(io::Error::other(format!(
                "pip cannot install {names} (is a package registry reachable?)"
            )));
        }
        fs::write(environment.join("installed.txt"), contents.requirements)?;
        Ok(python)
    }

    /// Installs what these requirements name, with a hash for each, into a folder of its own, and
    /// builds nothing. Tells whether that succeeded.
    pub(crate) fn install_wheels(&self, requirements: &Path, folder: &Path) -> bool {
        let options = "--no-deps --require-hashes --only-binary :all: --upgrade --target";
        let mut pip_install = self.pip_install();
        pip_install.args(options.split(' ')).arg(folder);
        succeeds(pip_install.arg("-r").arg(requirements))
    }

    fn pip_install(&self) -> Command {
        let pip = "-m pip install --quiet --disable-pip-version-check --no-input";
        let mut pip_install = quiet(&self.interpreter());
        pip_install.args(pip.split(' '));
        // What is in the way there is worth reading.
        pip_install.stderr(Stdio::inherit());
        pip_install
    }

    /// The interpreter.
    #[must_use]
    pub fn interpreter(&self) -> PathBuf {
        self.programs.join("python")
    }

    /// The fuzzer.
    #[must_use]
    pub fn schemathesis(&self) -> PathBuf {
        self.programs.join("schemathesis")
    }

    /// The folder of the programs.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// Whether all of its contents were installed to the end.
    fn is_installed(&self, contents: &Contents, environment: &Path) -> bool {
        let installed = fs::read_to_string(environment.join("installed.txt"));
        let starts = |name: &&str| succeeds(quiet(&self.programs.join(name)).arg("--version"));
        installed.is_ok_and(|installed| installed == contents.requirements)
            && contents.programs.iter().all(starts)
    }
}

/// What an earlier attempt has left is no sound base.
fn make(environment: &Path) -> bool {
    let create = ["-m", "venv", "--clear"];
    succeeds(quiet(Path::new("python3")).args(create).arg(environment))
}

fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}
