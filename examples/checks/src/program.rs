use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::Surprise;

/// An example that runs, in an empty folder of its own. It ends when this is dropped.
pub struct Program {
    /// Where it listens.
    pub url: String,
    /// The key that it has shown, if any.
    pub key: Option<String>,
    /// Its folder.
    pub place: TempDir,
    child: Child,
}

impl Program {
    /// Starts a program on a free port and reads what it prints, until it says where it listens.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or ends before.
    pub fn start(path: &str) -> Result<Self, Surprise> {
        let place = tempfile::tempdir()?;
        let mut child = Command::new(path)
            .env("ADDR", "127.0.0.1:0")
            .current_dir(&place)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("it has no output")?;
        let mut key = None;
        for line in BufReader::new(output).lines() {
            let line = line?;
            if let Some((_, url)) = line.split_once("listening on ") {
                return Ok(Self {
                    url: url.to_owned(),
                    key,
                    place,
                    child,
                });
            }
            let shown = line.split_whitespace().find(|word| word.starts_with("rg_"));
            key = shown.map(str::to_owned).or(key);
        }
        Err(format!("it has ended: {}", child.wait()?).into())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself, which its test has noticed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the key.
        write!(f, "Program({})", self.url)
    }
}
