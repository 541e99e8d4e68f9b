//! The steps that bring the servers, before the tests that need them.

use std::cell::RefCell;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::thread::{self, JoinHandle};

use tempfile::NamedTempFile;

use super::ahead;
use super::debian::{CHROMIUM, POSTGRESQL, PYTHON, Program, REDIS, VALKEY};
use super::for_tests::{self, is_without};
use super::postgres::{Postgres, PostgresOptions};
use super::process::{NOT_FOUND, can_be_found};
use super::valkey;
use crate::axe_core;
use crate::cargo::Cargo;
use crate::python::Python;
use crate::step::{Outcome, Step};

/// Where the tests are that need servers; a workspace without it needs none.
pub(super) const NEEDED_BY: &str = "crates/xtask/src/servers";

/// What is tested on Valkey as well.
const VALKEY_NEEDED_BY: &str = "crates/ringyo-redis";

/// Where the tests are that need a browser.
pub(super) const BROWSER_NEEDED_BY: &str = "examples/demo/tests/browser";

/// What the steps have found out and started, for the tests that come after them. When the last
/// clone is dropped the servers are stopped.
#[derive(Clone, Debug, Default)]
pub struct Servers(Rc<RefCell<Found>>);

#[derive(Debug, Default)]
struct Found {
    /// One server for all tests, since making a cluster takes longer than most of them.
    postgres: Option<Postgres>,
    without: Vec<&'static str>,
    /// What installs all that is missing meanwhile.
    ahead: Option<JoinHandle<()>>,
}

impl Drop for Found {
    /// A program that is being installed is not left half there when all ends early.
    fn drop(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            let _ = ahead.join();
        }
    }
}

/// What a step brings.
#[derive(Clone, Copy, Debug)]
struct Brought {
    name: &'static str,
    /// The command that brings it, with others of its kind.
    alone: &'static str,
    /// The folder without which nobody needs it.
    needed_by: &'static str,
}

impl Servers {
    /// A step that only begins to install what is missing: downloads need no processor, and what
    /// compiles next does. The steps of [`steps`](Self::steps) and
    /// [`browser_steps`](Self::browser_steps) wait for it, and say what could not be installed.
    pub fn install_ahead(&self) -> Step {
        let servers = self.clone();
        Step::new("installations", "cargo xtask browser", move |root, _| {
            let root = root.to_owned();
            let ahead = thread::spawn(move || ahead::install(&root));
            servers.0.borrow_mut().ahead = Some(ahead);
            Ok(Outcome::Passed)
        })
    }

    /// The steps: each installs one program if it is missing, and PostgreSQL's starts one server
    /// for all tests unless the environment names one.
    pub fn steps(&self) -> Vec<Step> {
        let start = self.clone();
        vec![
            self.step(
                PYTHON,
                |root, out| Python::install(root, out).map(drop),
                no_server,
            ),
            self.step(POSTGRESQL, install(POSTGRESQL), move |out| {
                if env::var_os(for_tests::POSTGRES).is_none() {
                    let postgres = PostgresOptions::new().start()?;
                    writeln!(out, "PostgreSQL listens on port {}", postgres.port())?;
                    start.0.borrow_mut().postgres = Some(postgres);
                }
                Ok(())
            }),
            self.step(REDIS, install(REDIS), no_server),
            self.step(VALKEY, valkey::install, no_server),
        ]
    }

    /// The steps that install a browser, and what audits pages in it.
    pub fn browser_steps(&self) -> Vec<Step> {
        let step = Brought {
            name: CHROMIUM.name,
            alone: "cargo xtask browser",
            needed_by: BROWSER_NEEDED_BY,
        };
        let audit = Brought {
            name: axe_core::NAME,
            ..step
        };
        vec![
            self.bring(step, install(CHROMIUM), no_server),
            self.bring(audit, axe_core::install, no_server),
        ]
    }

    fn step(
        &self,
        program: Program,
        bring: impl FnOnce(&Path, &mut dyn Write) -> io::Result<()> + 'static,
        start: impl FnOnce(&mut dyn Write) -> io::Result<()> + 'static,
    ) -> Step {
        let brought = Brought {
            name: program.name,
            alone: "cargo xtask servers",
            needed_by: NEEDED_BY,
        };
        self.bring(brought, bring, start)
    }

    /// What cannot be brought is skipped; what does not start has failed.
    fn bring(
        &self,
        brought: Brought,
        bring: impl FnOnce(&Path, &mut dyn Write) -> io::Result<()> + 'static,
        start: impl FnOnce(&mut dyn Write) -> io::Result<()> + 'static,
    ) -> Step {
        let servers = self.clone();
        let Brought {
            name,
            alone,
            needed_by,
        } = brought;
        Step::new(name, alone, move |root, out| {
            if !root.join(needed_by).is_dir() {
                return Ok(Outcome::Skipped(format!("there is no {needed_by} here")));
            }
            let ahead = servers.0.borrow_mut().ahead.take();
            if let Some(ahead) = ahead {
                // Had it panicked: the same is done once more here.
                let _ = ahead.join();
            }
            let why = if is_without(name) {
                format!("{} says so", for_tests::WITHOUT)
            } else if let Err(error) = bring(root, out) {
                error.to_string()
            } else {
                start(out)?;
                return Ok(Outcome::Passed);
            };
            servers.0.borrow_mut().without.push(name);
            Ok(Outcome::Skipped(why))
        })
    }

    /// The same call of cargo, with what the tests must be told.
    pub(crate) fn tell(&self, mut cargo: Cargo) -> Cargo {
        for (name, value) in self.environment() {
            cargo = cargo.env(name, value);
        }
        cargo
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let found = self.0.borrow();
        let mut environment = Vec::new();
        if let Some(postgres) = &found.postgres {
            environment.push((for_tests::POSTGRES, postgres.url("postgres")));
        }
        // What was not to be had before these steps still is not.
        let mut without = for_tests::without();
        for name in &found.without {
            if !without.iter().any(|known| known == name) {
                without.push((*name).to_owned());
            }
        }
        if !without.is_empty() {
            environment.push((for_tests::WITHOUT, without.join(",")));
        }
        environment
    }

    /// A step that runs tests with what these servers offer, and says which of them had nothing
    /// to test.
    pub fn test(&self, name: &str, cargo: Cargo) -> Step {
        let servers = self.clone();
        Step::new(name, cargo.to_string(), move |root, out| {
            servers.run_tests(cargo, root, out)
        })
    }

    fn run_tests(&self, cargo: Cargo, root: &Path, out: &mut dyn Write) -> io::Result<Outcome> {
        let skipped = NamedTempFile::new()?;
        let path = skipped.path().to_string_lossy().into_owned();
        let status = self.tell(cargo).env(for_tests::SKIPPED, path).run(root)?;
        write!(out, "{}", fs::read_to_string(skipped.path())?)?;
        Ok(Outcome::from(status))
    }

    fn lacks(&self, program: Program) -> bool {
        self.0.borrow().without.contains(&program.name)
    }

    /// The same, with a Valkey in the place of Redis; skipped where there is none.
    pub fn test_on_valkey(&self, name: &str, cargo: Cargo) -> Step {
        let cargo = cargo.env(for_tests::FLAVOUR, VALKEY.name);
        let servers = self.clone();
        Step::new(name, cargo.to_string(), move |root, out| {
            let missing = match root.join(VALKEY_NEEDED_BY).is_dir() {
                false => Some(format!("there is no {VALKEY_NEEDED_BY} here")),
                true => servers
                    .lacks(VALKEY)
                    .then(|| "there is no valkey".to_owned()),
            };
            match missing {
                Some(why) => Ok(Outcome::Skipped(why)),
                None => servers.run_tests(cargo, root, out),
            }
        })
    }

    /// A step that runs any command with these servers.
    pub fn command(&self, words: Vec<String>) -> Step {
        let servers = self.clone();
        let alone = format!("cargo xtask servers {}", words.join(" "));
        Step::new("command", alone, move |root: &Path, _| {
            let [program, arguments @ ..] = words.as_slice() else {
                return Ok(Outcome::Passed);
            };
            let mut command = Command::new(program);
            command.args(arguments).current_dir(root);
            Ok(Outcome::from(command.envs(servers.environment()).status()?))
        })
    }
}

fn install(program: Program) -> impl FnOnce(&Path, &mut dyn Write) -> io::Result<()> {
    move |_, out| match can_be_found() {
        true => program.install(out),
        false => Err(io::Error::other(NOT_FOUND)),
    }
}

fn no_server(_: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
