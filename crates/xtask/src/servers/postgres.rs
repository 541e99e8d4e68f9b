//! A private PostgreSQL cluster.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, chown};
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use super::database::Database;
use super::debian::POSTGRESQL;
use super::process::{self, Process};
use super::user::User;

/// What is wanted of a [`Postgres`].
///
/// # Why `fsync` is off unless asked for
///
/// A commit is still in the kernel's hands before it is answered, so it survives
/// [`kill`](Postgres::kill): only the loss of the machine's power could lose it, and no test
/// brings that about. Waiting for the disk is slow on a disk that others keep busy. Whole pages
/// are still logged, since a process that is killed may have written half of one.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    fsync: bool,
    settings: Vec<(String, String)>,
}

impl PostgresOptions {
    /// A cluster that is quick rather than safe from the loss of power.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes through to the disk, as a server that matters does.
    #[must_use]
    pub fn fsync(mut self) -> Self {
        self.fsync = true;
        self
    }

    /// One more line for `postgresql.conf`, such as `max_prepared_transactions` and `10`.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Makes the cluster on a free port of the loopback address and starts it.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not installed, or does not start; then the error holds its log.
    pub fn start(self) -> io::Result<Postgres> {
        let mut server = Postgres {
            process: Process::new("postgres", User::instead_of_root("postgres")?)?,
            password: process::password()?,
            port: 0,
            options: self,
        };
        server.make_cluster()?;
        process::on_free_port(|port| {
            server.port = port;
            server.start()
        })?;
        Ok(server)
    }
}

/// A PostgreSQL server of one's own, in a temporary folder. When it is dropped, or the process
/// that started it ends in whatever way, it is killed and its folder removed.
pub struct Postgres {
    process: Process,
    password: String,
    port: u16,
    options: PostgresOptions,
}

impl Postgres {
    /// The port that it listens on, on 127.0.0.1; the same for its whole life.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of one of its databases, for the superuser. `postgres` is there from the
    /// start.
    pub fn url(&self, database: &str) -> String {
        let Self { password, port, .. } = self;
        format!("postgres://postgres:{password}@127.0.0.1:{port}/{database}")
    }

    /// Makes a database that nobody else uses.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub fn create_database(&self) -> io::Result<Database> {
        Database::create(&self.url("postgres"))
    }

    /// Where the server's program of that name is, such as `pg_dump`.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    pub fn program(&self, name: &str) -> io::Result<PathBuf> {
        binary(name)
    }

    /// The folder of the cluster, for `pg_basebackup` and the like.
    pub fn data(&self) -> PathBuf {
        self.process.folder().data()
    }

    /// The ids of all its processes.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn processes(&self) -> io::Result<Vec<i32>> {
        self.process.folder().processes()
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), on its port and with
    /// its data.
    ///
    /// # Errors
    ///
    /// When it runs already, or does not start; then the error holds its log.
    pub fn start(&mut self) -> io::Result<()> {
        let mut command = self.process.command(&binary("postgres")?);
        command.arg("-D").arg(self.data());
        command.arg("-p").arg(self.port.to_string());
        // Connections, or those that only read, where it is a standby.
        self.process
            .start(command, "database system is ready to accept")
    }

    /// Stops it in good order: open connections are told, and end.
    ///
    /// # Errors
    ///
    /// When it does not stop; then it has been killed.
    pub fn stop(&mut self) -> io::Result<()> {
        // The fast shutdown of the manual.
        self.process.stop(Signal::INT)
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

    /// Kills all its processes at once, so that nobody says good-bye to anybody.
    ///
    /// # Errors
    ///
    /// When the system does not tell which they are.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Stops all its processes from running: connections stay open, new ones are even accepted
    /// by the kernel, and nothing is answered. A connection whose client goes meanwhile is only
    /// missed after [`thaw`](Self::thaw).
    ///
    /// # Errors
    ///
    /// When the system does not tell which they are.
    pub fn freeze(&self) -> io::Result<()> {
        self.process.freeze()
    }

    /// Lets them run on, as if no time had passed.
    ///
    /// # Errors
    ///
    /// When the system does not tell which they are.
    pub fn thaw(&self) -> io::Result<()> {
        self.process.thaw()
    }

    /// Puts another, empty cluster in its place: with the same address and password, but with
    /// another identity.
    ///
    /// # Errors
    ///
    /// When the new one does not start.
    pub fn replace(&mut self) -> io::Result<()> {
        self.process.kill()?;
        self.process.clear()?;
        self.make_cluster()?;
        self.start()
    }

    fn make_cluster(&self) -> io::Result<()> {
        // On the command line others would see it.
        let password = self.process.folder().path().join("password");
        let mut file = fs::File::options();
        let mut file = file
            .mode(0o600)
            .write(true)
            .create_new(true)
            .open(&password)?;
        io::Write::write_all(&mut file, self.password.as_bytes())?;
        if let Some(User { uid, gid }) = self.process.user() {
            chown(&password, Some(uid), Some(gid))?;
        }
        let mut initdb = self.process.command(&binary("initdb")?);
        initdb.args(["--username=postgres", "--auth=scram-sha-256"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.arg("--pwfile").arg(&password);
        initdb.arg("-D").arg(self.data());
        run(&mut initdb)?;
        fs::remove_file(&password)?;
        fs::write(
            self.data().join("postgresql.auto.conf"),
            self.configuration(),
        )
    }

    fn configuration(&self) -> String {
        let on = if self.options.fsync { "on" } else { "off" };
        let ours = [
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", ""),
            ("max_connections", "200"),
            ("shared_buffers", "32MB"),
            ("fsync", on),
        ];
        let settings = self.options.settings.iter();
        let settings = settings.map(|(name, value)| (name.as_str(), value.as_str()));
        // The last line for a name counts.
        ours.into_iter()
            .chain(settings)
            .map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''")))
            .collect()
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("port", &self.port)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Where this one of PostgreSQL's executables is.
pub(super) fn binary(name: &str) -> io::Result<PathBuf> {
    POSTGRESQL
        .find(name)
        .ok_or_else(|| io::Error::other(format!("PostgreSQL's {name} is not installed")))
}

/// Runs a helper to its end; what it says is worth reading only when it fails.
pub(super) fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let program = command.get_program().display();
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program} failed: {said}")))
}
