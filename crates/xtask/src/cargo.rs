//! Calls of cargo, which can be run and be shown as a line for a shell.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// One call of cargo: its arguments and what it adds to the environment.
///
/// `Display` gives the line that does the same in a shell.
///
/// ```
/// use xtask::cargo::Cargo;
///
/// let docs = Cargo::new("doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings");
/// assert_eq!(
///     docs.to_string(),
///     r#"RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps"#,
/// );
/// let some = Cargo::new("nextest run --filterset package(ringyo)");
/// assert_eq!(some.to_string(), "cargo nextest run --filterset 'package(ringyo)'");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cargo {
    arguments: String,
    environment: Vec<(String, String)>,
}

impl Cargo {
    /// A call with these arguments, separated by white space; none can itself contain any.
    pub fn new(arguments: impl Into<String>) -> Self {
        Self {
            arguments: arguments.into(),
            environment: Vec::new(),
        }
    }

    /// The same call with one more environment variable, such as the address of a server that
    /// the tests need.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs the call in `root`; its output goes where ours goes.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started. A call that ran and failed is a status, not an error.
    pub fn run(&self, root: &Path) -> io::Result<ExitStatus> {
        self.command().current_dir(root).status()
    }

    /// Runs the call in `root`, and gives also what it prints to standard output; standard error goes
    /// where ours goes.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn printed(&self, root: &Path) -> io::Result<(ExitStatus, String)> {
        self.printed_and_shown(root, &mut io::sink())
    }

    /// The same, and shows it line by line as it comes.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and when `out` cannot be written to.
    pub fn printed_and_shown(
        &self,
        root: &Path,
        out: &mut dyn Write,
    ) -> io::Result<(ExitStatus, String)> {
        let mut command = self.command();
        let mut child = command.current_dir(root).stdout(Stdio::piped()).spawn()?;
        let mut printed = String::new();
        if let Some(stdout) = child.stdout.take() {
            let mut lines = BufReader::new(stdout);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line)? > 0 {
                out.write_all(&line)?;
                out.flush()?;
                printed.push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        Ok((child.wait()?, printed))
    }

    /// Runs the call in `root`, and keeps all that it prints.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started.
    pub fn run_into(&self, root: &Path, kept: File) -> io::Result<ExitStatus> {
        let both = kept.try_clone()?;
        let mut command = self.command();
        command.current_dir(root).stdout(both).stderr(kept).status()
    }

    /// Whether the subcommand of this call is installed: `cargo SUBCOMMAND --version` succeeds.
    pub fn is_installed(&self) -> bool {
        let Some(subcommand) = self.arguments.split_whitespace().next() else {
            return false;
        };
        Command::new("cargo")
            .args([subcommand, "--version"])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn command(&self) -> Command {
        let mut command = Command::new("cargo");
        command
            .args(self.arguments.split_whitespace())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl fmt::Display for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={value:?} ")?;
        }
        write!(f, "cargo")?;
        for argument in self.arguments.split_whitespace() {
            // What a shell would read as its own.
            match argument.contains(['(', ')']) {
                true => write!(f, " '{argument}'")?,
                false => write!(f, " {argument}")?,
            }
        }
        Ok(())
    }
}

/// The root of the workspace that the current directory belongs to.
///
/// # Errors
///
/// When cargo cannot be started, or finds no workspace here.
pub fn workspace_root() -> io::Result<PathBuf> {
    let manifest = answer(
        Path::new("."),
        "locate-project --workspace --message-format plain",
    )?;
    Path::new(manifest.trim_end())
        .parent()
        .map(Path::to_owned)
        .ok_or_else(|| io::Error::other("cargo named no directory for the workspace"))
}

/// Where cargo puts what it builds for the workspace at `root`.
pub(crate) fn target_directory(root: &Path) -> io::Result<PathBuf> {
    let metadata = answer(root, "metadata --format-version 1 --no-deps")?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other("cargo named no directory for what it builds"))
}

/// The name of the platform that this runs on, as cargo has it.
pub(crate) fn host(root: &Path) -> io::Result<String> {
    let version = answer(root, "version --verbose")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| io::Error::other("cargo named no platform"))
}

/// What cargo prints for these arguments in `root`.
pub(crate) fn answer(root: &Path, arguments: &str) -> io::Result<String> {
    let cargo = Cargo::new(arguments);
    let (status, printed) = cargo.printed(root)?;
    if !status.success() {
        return Err(io::Error::other(format!("`{cargo}` failed: {status}")));
    }
    Ok(printed)
}

/// Whether a program is there and starts.
pub(crate) fn runs(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
