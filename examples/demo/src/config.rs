use std::ffi::OsStr;
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;

/// How to run the demo. Every flag can be set by an environment variable instead.
///
/// The peppers themselves can be given in `RINGYO_PEPPER`, as `id:base64[,id:base64…]` with the
/// active one first. There is no flag for that, since everybody on a machine can read the
/// arguments of a process.
#[derive(Debug, Clone, clap::Parser)]
#[command(
    name = "ringyo-demo",
    version,
    about = env!("CARGO_PKG_DESCRIPTION"),
    long_about = None,
    after_help = "RINGYO_PEPPER, if set, holds the peppers: id:base64[,id:base64…], the active one first."
)]
pub struct Config {
    /// Listen address; port 0 picks a free one, which is printed
    #[arg(long, env = "RINGYO_ADDR", default_value = "127.0.0.1:8787")]
    pub addr: SocketAddr,

    /// Where keys and everything else are kept: `memory`, `sqlite:PATH` or `postgres://…`
    #[arg(
        long,
        env = "RINGYO_STORE",
        hide_env_values = true,
        default_value = "sqlite:ringyo-demo.db",
        value_parser = Location::<StoreLocation>(PhantomData)
    )]
    pub store: StoreLocation,

    /// Who counts requests: `local` or `redis://…`
    #[arg(
        long,
        env = "RINGYO_LIMITER",
        hide_env_values = true,
        default_value = "local",
        value_parser = Location::<LimiterLocation>(PhantomData)
    )]
    pub limiter: LimiterLocation,

    /// File of `id:base64` lines, the first one active; created when missing. Unless named it is
    /// beside the SQLite file; with PostgreSQL it has to be named
    #[arg(long, env = "RINGYO_PEPPER_FILE")]
    pub pepper_file: Option<PathBuf>,

    /// How long a cached key is believed without confirmation from the store
    #[arg(
        long,
        env = "RINGYO_MAX_STALENESS",
        default_value = "5s",
        value_parser = humantime::parse_duration
    )]
    pub max_staleness: Duration,

    /// File with what <https://api.github.com/meta/public_keys/secret_scanning> answers; turns on
    /// `POST /integrations/github/secret-scanning`, and is read again when it changes
    #[arg(long, env = "RINGYO_GITHUB_KEYS")]
    pub github_keys: Option<PathBuf>,

    /// Let anybody who reaches the service log in, even when it listens on more than loopback
    #[arg(
        long,
        env = "RINGYO_ALLOW_DEMO_LOGIN",
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub allow_demo_login: bool,
}

/// Reads the name of a place. Unlike clap's own it never repeats what it refuses: that may hold a
/// password.
#[derive(Debug, Clone, Copy)]
struct Location<T>(PhantomData<fn() -> T>);

impl<T> TypedValueParser for Location<T>
where
    T: FromStr<Err = LocationError> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        flag: Option<&clap::Arg>,
        text: &OsStr,
    ) -> Result<T, clap::Error> {
        // What is no text names no place, as nothing does.
        let parsed = text.to_str().unwrap_or_default().parse();
        parsed.map_err(|error: LocationError| {
            let flag = flag.map(ToString::to_string).unwrap_or_default();
            let message = format!("{flag} makes no sense: {error}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

impl Config {
    /// Where the peppers are, unless the environment holds them: the file that was named, or the
    /// one beside the SQLite file. `None`: with the store in memory they need not outlive the
    /// process; with PostgreSQL there is no place that all nodes would look at.
    #[must_use]
    pub fn pepper_path(&self) -> Option<PathBuf> {
        let beside = || match &self.store {
            StoreLocation::Memory | StoreLocation::Postgres(_) => None,
            StoreLocation::Sqlite(path) => {
                let mut path = path.clone().into_os_string();
                path.push(".peppers");
                Some(path.into())
            }
        };
        self.pepper_file.clone().or_else(beside)
    }
}

/// Where keys, accounts and the demo's own objects are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// In this process, gone with it.
    Memory,
    /// In one SQLite file.
    Sqlite(PathBuf),
    /// In a PostgreSQL database, which several nodes can share.
    Postgres(Address),
}

/// Who counts requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimiterLocation {
    /// This process.
    Local,
    /// A Redis or Valkey server, which several nodes can share.
    Redis(Address),
}

/// The address of a server. It may hold a password, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// The address, with whatever is in it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A text that names no place this build knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// None of the stores there are.
    #[error("a store is `memory`, `sqlite:PATH` or `postgres://…`")]
    UnknownStore,
    /// None of the limiters there are.
    #[error("a limiter is `local`, `redis://…` or `rediss://…`")]
    UnknownLimiter,
}

impl FromStr for StoreLocation {
    type Err = LocationError;
    fn from_str(text: &str) -> Result<Self, LocationError> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            // To SQLite `:memory:` is no file; whoever means that says `memory`.
            Some(("sqlite", ":memory:")) => Err(LocationError::UnknownStore),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(Address(text.to_owned())))
            }
            _ => Err(LocationError::UnknownStore),
        }
    }
}

impl FromStr for LimiterLocation {
    type Err = LocationError;
    fn from_str(text: &str) -> Result<Self, LocationError> {
        match text.split_once(':') {
            None if text == "local" => Ok(Self::Local),
            Some(("redis" | "rediss", rest)) if rest.starts_with("//") => {
                Ok(Self::Redis(Address(text.to_owned())))
            }
            _ => Err(LocationError::UnknownLimiter),
        }
    }
}
