//! The file: how it is made, opened and connected to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ringyo_store::{StoreError, StoreErrorKind};
use rusqlite::{Connection, OpenFlags};

use crate::failure::Failure;
use crate::schema;

/// SQLite up to 3.51.2 can damage a WAL file that two connections use at once.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Statements that a connection keeps prepared; more than the library has.
const PREPARED: usize = 64;

/// A store's file on the disk.
#[derive(Debug, Clone)]
pub(crate) struct File {
    path: PathBuf,
    busy_timeout: Duration,
}

impl File {
    /// Names a file without touching it.
    pub(crate) fn new(path: &Path, busy_timeout: Duration) -> Result<Self, Failure> {
        // An absolute path is never taken for `:memory:` or a URI.
        let path = std::path::absolute(path).map_err(cannot_open)?;
        Ok(Self { path, busy_timeout })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The one connection that writes, on a file that exists and has the newest schema.
    pub(crate) fn connect_writer(&self) -> Result<Connection, Failure> {
        check_version(rusqlite::version_number())?;
        self.create()?;
        self.prepare_writer().map_err(|failure| {
            if failure.cannot_open() {
                self.why_not(failure)
            } else {
                failure
            }
        })
    }

    /// A connection that only reads. The writer must be connected before.
    pub(crate) fn connect_reader(&self) -> Result<Connection, Failure> {
        let database = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        database.pragma_update(None, "query_only", true)?;
        Ok(database)
    }

    fn prepare_writer(&self) -> Result<Connection, Failure> {
        let mut database = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        schema::check_identity(&database)?;
        // SQLite opens a file without right to write for reading, and does not say so.
        if database.is_readonly(rusqlite::MAIN_DB)? {
            return Err(Failure::new(
                StoreErrorKind::ReadOnly,
                "the database file is not writable",
            ));
        }
        self.switch_to_wal(&database)?;
        database.pragma_update(None, "synchronous", "FULL")?;
        // On macOS an ordinary sync stops at the cache of the disk; elsewhere this is ignored.
        database.pragma_update(None, "fullfsync", true)?;
        database.pragma_update(None, "foreign_keys", true)?;
        // A log that one long read let grow gives its space back.
        database.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
        schema::migrate(&mut database)?;
        Ok(database)
    }

    fn connect(&self, access: OpenFlags) -> Result<Connection, Failure> {
        // Every connection belongs to one thread.
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(&self.path, flags)?;
        database.busy_timeout(self.busy_timeout)?;
        database.set_prepared_statement_cache_capacity(PREPARED);
        database.pragma_update(None, "trusted_schema", false)?;
        database.pragma_update(None, "cell_size_check", true)?;
        Ok(database)
    }

    /// Another process that opens the same new file holds a lock that SQLite does not wait for.
    fn switch_to_wal(&self, database: &Connection) -> Result<(), Failure> {
        const PAUSE: Duration = Duration::from_millis(10);
        let mut patience = self.busy_timeout;
        loop {
            let switched: Result<String, Failure> = database
                .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
                .map_err(Failure::from);
            match switched {
                Err(failure) if failure.is_busy() && !patience.is_zero() => {
                    std::thread::sleep(PAUSE);
                    patience = patience.saturating_sub(PAUSE);
                }
                Err(failure) => return Err(failure),
                Ok(mode) if mode == "wal" => return Ok(()),
                Ok(_) => {
                    return Err(Failure::new(
                        StoreErrorKind::Unavailable,
                        "the file system does not allow a write-ahead log",
                    ));
                }
            }
        }
    }

    /// Makes an empty file if there is none, for its owner only: it tells who calls from where.
    /// SQLite gives the files beside it the same rights.
    fn create(&self) -> Result<(), Failure> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            created => created
                .and_then(|file| file.sync_all())
                .and_then(|()| self.sync_directory())
                .map_err(cannot_open),
        }
    }

    /// Makes the name of a new file survive a loss of power.
    fn sync_directory(&self) -> io::Result<()> {
        match self.path.parent() {
            Some(directory) if cfg!(unix) => fs::File::open(directory)?.sync_all(),
            _ => Ok(()),
        }
    }

    /// SQLite says of a directory without right to write only that a file cannot be opened.
    fn why_not(&self, failure: Failure) -> Failure {
        let mut probe = self.path.clone().into_os_string();
        probe.push(format!(".{}.probe", std::process::id()));
        let created = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&probe)
            .and_then(|_| fs::remove_file(&probe));
        match created {
            Err(error) if is_refusal(&error) => cannot_open(error),
            _ => failure,
        }
    }
}

fn check_version(sqlite: i32) -> Result<(), Failure> {
    if sqlite < OLDEST_SQLITE {
        return Err(Failure::new(
            StoreErrorKind::Unavailable,
            "the SQLite library is older than 3.51.3 and can damage a file that it shares",
        ));
    }
    Ok(())
}

fn cannot_open(error: io::Error) -> Failure {
    let (kind, context) = if is_refusal(&error) {
        (
            StoreErrorKind::ReadOnly,
            "the database file or its directory is not writable",
        )
    } else {
        (
            StoreErrorKind::Unavailable,
            "the database file cannot be opened",
        )
    };
    StoreError::with_source(kind, context, error).into()
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_sqlite_is_refused() {
        let error = StoreError::from(check_version(3_051_002).unwrap_err());
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        check_version(3_051_003).unwrap();
        check_version(rusqlite::version_number()).unwrap();
    }

    #[test]
    fn connections_are_as_promised() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.db");
        let file = File::new(&path, Duration::from_secs(5)).unwrap();
        let writer = file.connect_writer().unwrap();
        let reader = file.connect_reader().unwrap();
        let number = |database: &Connection, pragma: &str| -> i64 {
            database
                .pragma_query_value(None, pragma, |row| row.get(0))
                .unwrap()
        };
        let mode: String = writer
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
        assert_eq!(number(&writer, "synchronous"), 2, "FULL");
        assert_eq!(number(&writer, "foreign_keys"), 1);
        for database in [&writer, &reader] {
            assert_eq!(number(database, "busy_timeout"), 5_000);
            assert_eq!(number(database, "trusted_schema"), 0);
        }
        assert_eq!(number(&reader, "query_only"), 1);
        // How safely it is written is no property of the file: what another program chose for
        // itself is not what this one gets.
        let careless = Connection::open(&path).unwrap();
        careless.pragma_update(None, "synchronous", "OFF").unwrap();
        assert_eq!(number(&careless, "synchronous"), 0);
        assert_eq!(number(&file.connect_writer().unwrap(), "synchronous"), 2);
        let write = "INSERT INTO meta (name, value) VALUES ('a', 'b')";
        assert!(reader.execute(write, []).is_err());
        writer.execute(write, []).unwrap();
    }
}
