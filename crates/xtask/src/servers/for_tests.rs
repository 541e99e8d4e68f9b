//! How a test comes by a server.
//!
//! Each function gives what was asked for, installing and starting what is missing. Where the
//! environment says in [`WITHOUT`] that there is none to be had, it says so in one line that no
//! runner swallows, and gives nothing: then the test has nothing to test, and returns.

use std::env;
use std::fs::File;
use std::io::{self, Write as _};
use std::panic::Location;
use std::sync::OnceLock;

use super::database::Database;
use super::debian::{POSTGRESQL, PYTHON, Program};
use super::postgres::{Postgres, PostgresOptions};
use super::redis::{Redis, RedisOptions};
use crate::cargo;
use crate::python::Python;

/// The variable that names a PostgreSQL server on which tests may make databases.
pub const POSTGRES: &str = "RINGYO_TEST_POSTGRES";

/// The variable that names a Redis server that tests may fill and empty.
pub const REDIS: &str = "RINGYO_TEST_REDIS";

/// The variable that chooses `redis`, which is meant without it, or `valkey` for all tests that ask
/// for either.
pub const FLAVOUR: &str = "RINGYO_TEST_FLAVOUR";

/// The variable that lists what is not to be had on this machine, such as `valkey,postgresql`.
pub const WITHOUT: &str = "RINGYO_TEST_WITHOUT";

/// The variable that names a file for a line from each test that had nothing to test: a runner
/// shows what a test prints only when it fails.
pub const SKIPPED: &str = "RINGYO_TEST_SKIPPED";

/// A database that nobody else uses: on the server that [`POSTGRES`] names, or on one that the
/// tests of this process share.
///
/// # Panics
///
/// When there is no server, and [`WITHOUT`] has not said so.
#[track_caller]
pub fn database() -> Option<Database> {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    follow_log();
    if !program(&POSTGRESQL) {
        return None;
    }
    Some(done(match env::var(POSTGRES) {
        Ok(server) => Database::create(&server),
        Err(_) => SHARED
            .get_or_init(|| done(PostgresOptions::new().start()))
            .create_database(),
    }))
}

/// A PostgreSQL server that the test may stop, freeze and kill.
///
/// # Panics
///
/// When it does not start, and [`WITHOUT`] has not said so.
#[track_caller]
pub fn postgres(options: PostgresOptions) -> Option<Postgres> {
    follow_log();
    program(&POSTGRESQL).then(|| done(options.start()))
}

/// A Redis or Valkey server that the test may stop, freeze and kill.
///
/// # Panics
///
/// When it does not start, and [`WITHOUT`] has not said so.
#[track_caller]
pub fn redis(options: RedisOptions) -> Option<Redis> {
    follow_log();
    flavour(&options).then(|| done(options.start()))
}

/// The address of a Redis that other tests use at the same time: the one that [`REDIS`] names,
/// or one that the tests of this process share. A test keeps to keys of its own.
///
/// # Panics
///
/// When there is no server, and [`WITHOUT`] has not said so.
#[track_caller]
pub fn shared_redis() -> Option<String> {
    static SHARED: OnceLock<Redis> = OnceLock::new();
    follow_log();
    if let Ok(server) = env::var(REDIS) {
        return Some(server);
    }
    let options = RedisOptions::default();
    flavour(&options).then(|| SHARED.get_or_init(|| done(options.start())).url())
}

/// What speaks to a server logs most.
fn follow_log() {
    #[cfg(feature = "log")]
    crate::log::follow();
}

/// A Python with urllib3, in an environment of the workspace's own.
///
/// # Panics
///
/// When it cannot be installed, and [`WITHOUT`] has not said so.
#[track_caller]
pub fn python() -> Option<Python> {
    if is_without(PYTHON.name) {
        skip(PYTHON.name, Location::caller());
        return None;
    }
    let root = done(cargo::workspace_root());
    Some(done(Python::install(&root, &mut io::stderr())))
}

/// Whether the test can have this program, which is installed if need be.
///
/// # Panics
///
/// When it is not there and cannot be installed, and [`WITHOUT`] has not said so.
#[track_caller]
pub fn program(program: &Program) -> bool {
    available(program.name, || program.install(&mut io::stderr()))
}

#[track_caller]
fn flavour(options: &RedisOptions) -> bool {
    let flavour = options.flavour();
    available(flavour.name(), || flavour.install(&mut io::stderr()))
}

/// The same for something else that has a name and can be installed.
///
/// # Panics
///
/// When it cannot be installed, and [`WITHOUT`] has not said so.
#[track_caller]
pub fn available(name: &str, install: impl FnOnce() -> io::Result<()>) -> bool {
    if is_without(name) {
        skip(name, Location::caller());
        return false;
    }
    if let Err(why) = install() {
        panic!("this test needs {name}: {why}, or set {WITHOUT}={name} to do without the test");
    }
    true
}

/// What the environment says is not to be had.
pub(super) fn without() -> Vec<String> {
    let names = env::var(WITHOUT).unwrap_or_default();
    let names = names.split(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Whether this is one of [them](without).
pub(super) fn is_without(name: &str) -> bool {
    without().iter().any(|without| without == name)
}

fn skip(name: &str, caller: &Location<'_>) {
    let thread = std::thread::current();
    let line = format!(
        "SKIPPED: {} ({caller}) because {name} is not to be had here\n",
        thread.name().unwrap_or("a test"),
    );
    // Not `eprint`, which the runner would catch.
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(path) = env::var_os(SKIPPED) {
        let file = File::options().append(true).create(true).open(path);
        done(file.and_then(|mut file| file.write_all(line.as_bytes())));
    }
}

#[track_caller]
fn done<T>(outcome: io::Result<T>) -> T {
    outcome.unwrap_or_else(|error| panic!("{error}"))
}
