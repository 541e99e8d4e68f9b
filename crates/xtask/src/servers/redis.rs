//! A private Redis or Valkey.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use rustix::process::Signal;

use super::debian::{REDIS, VALKEY};
use super::for_tests::FLAVOUR;
use super::process::{self, Process};
use super::valkey;
use crate::cargo::workspace_root;

/// Which of the two servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// `redis-server`.
    #[default]
    Redis,
    /// `valkey-server`.
    Valkey,
}

impl Flavour {
    /// What it is called here, and in `RINGYO_TEST_WITHOUT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => REDIS.name,
            Self::Valkey => VALKEY.name,
        }
    }

    /// Where the server is, which takes `--sentinel` as well.
    pub fn find(self) -> Option<PathBuf> {
        match self {
            Self::Redis => REDIS.find(REDIS.binaries[0]),
            Self::Valkey => valkey::find(&workspace_root().ok()?),
        }
    }

    /// Installs it unless it is there, and says so on `out`.
    ///
    /// # Errors
    ///
    /// When it is not there and cannot be installed. The error completes a sentence that ends in
    /// "because".
    pub fn install(self, out: &mut dyn io::Write) -> io::Result<()> {
        match self {
            Self::Redis => REDIS.install(out),
            Self::Valkey => valkey::install(&workspace_root()?, out),
        }
    }

    /// The one that [`FLAVOUR`](super::for_tests::FLAVOUR) names, else Redis.
    fn of_tests() -> Self {
        match env::var(FLAVOUR) {
            Ok(name) if name == VALKEY.name => Self::Valkey,
            _ => Self::Redis,
        }
    }
}

/// What is wanted of a [`Redis`]: without more, a server of the flavour that the environment names
/// in [`FLAVOUR`](super::for_tests::FLAVOUR), which keeps nothing on disk.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    flavour: Flavour,
    settings: Vec<(String, String)>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self::new(Flavour::of_tests())
    }
}

impl RedisOptions {
    /// A server of this flavour.
    pub fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            settings: Vec::new(),
        }
    }

    /// Which of the two servers it will be.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// One more line for the configuration file, such as `appendonly` and `yes`, or
    /// `cluster-enabled` and `yes`.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Starts the server on a free port of the loopback address.
    ///
    /// # Errors
    ///
    /// When it is not installed, or does not start; then the error holds its log.
    pub fn start(self) -> io::Result<Redis> {
        let mut server = Redis {
            process: Process::new("redis", None)?,
            password: process::password()?,
            port: 0,
            options: self,
        };
        process::on_free_port(|port| {
            server.port = port;
            server.start()
        })?;
        Ok(server)
    }
}

/// A Redis or Valkey server of one's own, in a temporary folder. When it is dropped, or the
/// process that started it ends in whatever way, it is killed and its folder removed.
pub struct Redis {
    process: Process,
    password: String,
    port: u16,
    options: RedisOptions,
}

impl Redis {
    /// The port that it listens on, on 127.0.0.1; the same for its whole life.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, with the password that it asks for.
    pub fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}", self.password, self.port)
    }

    /// The password that it asks for.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The ids of all its processes.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn processes(&self) -> io::Result<Vec<i32>> {
        self.process.folder().processes()
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), on its port. Without
    /// `appendonly` it is empty.
    ///
    /// # Errors
    ///
    /// When it runs already, or does not start; then the error holds its log.
    pub fn start(&mut self) -> io::Result<()> {
        let configuration = self.configure()?;
        let mut command = self.process.command(&self.binary()?);
        command.arg(configuration);
        self.process.start(command, "eady to accept connections")
    }

    /// Stops it in good order.
    ///
    /// # Errors
    ///
    /// When it does not stop; then it has been killed.
    pub fn stop(&mut self) -> io::Result<()> {
        self.process.stop(Signal::TERM)
    }

    /// [Stops](Self::stop) and [starts](Self::start) it.
    ///
    /// # Errors
    ///
    /// Those of the two.
    pub fn restart(&mut self) -> io::Result<()> {
        self.stop()?;
        self.start()
    }

    /// Kills it, without a word to anybody.
    ///
    /// # Errors
    ///
    /// When the system does not tell which its processes are.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Stops it from running: connections stay open, new ones are even accepted by the kernel,
    /// and nothing is answered.
    ///
    /// # Errors
    ///
    /// When the system does not tell which its processes are.
    pub fn freeze(&self) -> io::Result<()> {
        self.process.freeze()
    }

    /// Lets it run on, as if no time had passed.
    ///
    /// # Errors
    ///
    /// When the system does not tell which its processes are.
    pub fn thaw(&self) -> io::Result<()> {
        self.process.thaw()
    }

    /// Puts an empty server in its place, with the same address and password.
    ///
    /// # Errors
    ///
    /// When the new one does not start.
    pub fn replace(&mut self) -> io::Result<()> {
        self.process.kill()?;
        self.process.clear()?;
        self.start()
    }

    fn binary(&self) -> io::Result<PathBuf> {
        let flavour = self.options.flavour;
        flavour
            .find()
            .ok_or_else(|| io::Error::other(format!("{} is not installed", flavour.name())))
    }

    /// Writes the configuration to a file: on the command line others would see the password.
    fn configure(&self) -> io::Result<PathBuf> {
        let path = self.process.folder().path().join("configuration");
        let mut options = File::options();
        options.mode(0o600).write(true).create(true).truncate(true);
        let mut file = options.open(&path)?;
        let (port, data) = (self.port, self.process.folder().data());
        write!(
            file,
            "bind 127.0.0.1\nport {port}\ndir \"{}\"\nrequirepass {}\n\
             daemonize no\nlogfile \"\"\nsave \"\"\nappendonly no\n",
            data.display(),
            self.password,
        )?;
        // The last line for a name counts.
        for (name, value) in &self.options.settings {
            writeln!(file, "{name} {value}")?;
        }
        Ok(path)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("port", &self.port)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
