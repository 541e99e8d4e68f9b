//! A folder with a store in it, and commands that are run there.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Place {
    folder: TempDir,
    store: String,
}

/// What became of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self::with_store("sqlite:keys.db")
    }

    /// An empty folder, and a store that may be somewhere else.
    pub(crate) fn with_store(store: impl Into<String>) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            store: store.into(),
        }
    }

    /// A store with peppers, and `acct_1` on the plan `pro`.
    pub(crate) fn new() -> Self {
        let place = Self::empty();
        place.run("pepper new --write").done();
        place.run("account create acct_1 --plan pro").done();
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program, as the operator alice would start it in the folder.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringyoctl"));
        command
            .current_dir(self.path())
            .env_clear()
            .env("USER", "alice")
            .env("RINGYO_STORE", &self.store)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command whose words are separated by single spaces.
    pub(crate) fn run(&self, words: &str) -> Ran {
        self.command()
            .args(words.split(' '))
            .output()
            .unwrap()
            .into()
    }

    /// The same, with something on standard input.
    pub(crate) fn run_with(&self, words: &str, input: &str) -> Ran {
        let mut child = self
            .command()
            .args(words.split(' '))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let written = child.stdin.take().unwrap().write_all(input.as_bytes());
        // It may have ended without reading.
        drop(written);
        child.wait_with_output().unwrap().into()
    }

    /// A new live key of `acct_1`.
    pub(crate) fn issue(&self) -> String {
        let words = "issue --account acct_1 --name Server --mode live --scope agents,calls:read";
        self.run(words).done().trim_end().to_owned()
    }

    /// What `show` says of a key.
    pub(crate) fn show(&self, id: &str) -> Value {
        let shown = self.run(&format!("show {id} --json")).done();
        serde_json::from_str(&shown).unwrap()
    }
}

impl Ran {
    /// What it printed, if it succeeded.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{}", self.err);
        self.out
    }

    /// What it said, if it failed like that and printed nothing.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        self.err
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The id in the text of a key.
pub(crate) fn id_of(key: &str) -> &str {
    &key[8..20]
}
