//! What can go wrong below, and what a caller can do about it.

use std::sync::Arc;

use ringyo_store::{StoreError, StoreErrorKind};
use rusqlite::{Error, ErrorCode};

/// Why a job failed: an answer of this library, or one of SQLite that is yet to be translated.
#[derive(Debug)]
pub(crate) enum Failure {
    Store(StoreError),
    Sqlite(Error),
}

impl Failure {
    pub(crate) const fn new(kind: StoreErrorKind, context: &'static str) -> Self {
        Self::Store(StoreError::new(kind, context))
    }

    pub(crate) fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Sqlite(Error::SqliteFailure(error, _))
                if matches!(error.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }

    pub(crate) fn cannot_open(&self) -> bool {
        matches!(
            self,
            Self::Sqlite(Error::SqliteFailure(error, _)) if error.code == ErrorCode::CannotOpen
        )
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Sqlite(error) => {
                let (kind, context) = meaning(&error);
                Self::with_source(kind, context, error)
            }
        }
    }
}

/// One error for several callers: of the same kind for each, with the one cause shared.
pub(crate) fn shared(error: &Arc<Error>) -> StoreError {
    let (kind, context) = meaning(error);
    StoreError::with_source(kind, context, Arc::clone(error))
}

/// The same where it is unknown whether the changes were made.
pub(crate) fn shared_unknown(error: &Arc<Error>) -> StoreError {
    StoreError::with_source(
        StoreErrorKind::Unavailable,
        "the change could not be made durable",
        Arc::clone(error),
    )
}

fn meaning(error: &Error) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Conflict, Corrupt, ReadOnly, Unavailable};
    let code = match error {
        Error::SqliteFailure(error, _) => error.code,
        Error::SqlInputError { error, .. } => error.code,
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..)
        | Error::QueryReturnedNoRows => {
            return (Corrupt, "a row does not hold what it should");
        }
        _ => return (Unavailable, "the database did not answer"),
    };
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            (Unavailable, "the database is locked by another process")
        }
        ErrorCode::DatabaseCorrupt => (Corrupt, "the database file is damaged"),
        ErrorCode::NotADatabase => (Corrupt, "the file is not a store of this library"),
        ErrorCode::ReadOnly => (
            ReadOnly,
            "the database file or its directory is not writable",
        ),
        ErrorCode::CannotOpen => (Unavailable, "the database file cannot be opened"),
        ErrorCode::DiskFull => (Unavailable, "the disk is full"),
        ErrorCode::SystemIoFailure => (Unavailable, "the disk reported an error"),
        ErrorCode::ConstraintViolation => (Conflict, "the database refused the change"),
        // The statements of this library are right, so the schema is not.
        ErrorCode::Unknown => (Corrupt, "the database lacks a table or column"),
        _ => (Unavailable, "the database did not answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn every_code_has_its_kind() {
        use StoreErrorKind::{Conflict, Corrupt, ReadOnly, Unavailable};
        for (code, kind) in [
            (ffi::SQLITE_BUSY, Unavailable),
            (ffi::SQLITE_BUSY_SNAPSHOT, Unavailable),
            (ffi::SQLITE_LOCKED, Unavailable),
            (ffi::SQLITE_CORRUPT, Corrupt),
            (ffi::SQLITE_CORRUPT_INDEX, Corrupt),
            (ffi::SQLITE_NOTADB, Corrupt),
            (ffi::SQLITE_READONLY, ReadOnly),
            (ffi::SQLITE_READONLY_DIRECTORY, ReadOnly),
            (ffi::SQLITE_READONLY_DBMOVED, ReadOnly),
            (ffi::SQLITE_CANTOPEN, Unavailable),
            (ffi::SQLITE_IOERR, Unavailable),
            (ffi::SQLITE_IOERR_FSYNC, Unavailable),
            (ffi::SQLITE_FULL, Unavailable),
            (ffi::SQLITE_NOMEM, Unavailable),
            (ffi::SQLITE_CONSTRAINT_TRIGGER, Conflict),
        ] {
            let below = || Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(StoreError::from(Failure::from(below())).kind(), kind);
            let one_of_many = Arc::new(below());
            assert_eq!(shared(&one_of_many).kind(), kind, "code {code}");
            assert_eq!(shared_unknown(&one_of_many).kind(), Unavailable);
        }
    }

    #[test]
    fn a_missing_table_is_a_damaged_store() {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        let error = database.prepare("SELECT * FROM keys").unwrap_err();
        let error = StoreError::from(Failure::from(error));
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        // The control: with the table the same statement is no error.
        database
            .execute_batch("CREATE TABLE keys (id TEXT)")
            .unwrap();
        assert!(database.prepare("SELECT * FROM keys").is_ok());
    }
}
