//! What can go wrong below, and what a caller can do about it.

use std::fmt;
use std::io;

use ringyo_store::{StoreError, StoreErrorKind};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An answer of this library.
    Store(StoreError),
    /// What the server or the connection to it said.
    Below(Error),
    /// No answer in time. Whether the server goes on with it is unknown.
    Late,
    /// It was asked of a server that is no longer the one.
    Moved,
}

impl Failure {
    pub(crate) const fn new(kind: StoreErrorKind, context: &'static str) -> Self {
        Self::Store(StoreError::new(kind, context))
    }

    /// Whether the server has undone the work for the sake of another transaction: done again, it
    /// may well pass.
    pub(crate) fn is_collision(&self) -> bool {
        let codes = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ];
        self.code().is_some_and(|code| codes.contains(code))
    }

    /// Whether the connection is gone, or is about to go.
    pub(crate) fn is_loss(&self) -> bool {
        match self {
            Self::Store(_) | Self::Late => false,
            Self::Moved => true,
            Self::Below(error) => match error.code() {
                Some(code) => {
                    // The server shuts down, or somebody ended the session.
                    let ends = [
                        SqlState::ADMIN_SHUTDOWN,
                        SqlState::CRASH_SHUTDOWN,
                        SqlState::CANNOT_CONNECT_NOW,
                    ];
                    ends.contains(code) || code.code().starts_with("08")
                }
                None => meaning_below(error).0 == StoreErrorKind::Unavailable,
            },
        }
    }

    /// Whether a row of that key is there already.
    pub(crate) fn is_duplicate(&self, constraint: &str) -> bool {
        matches!(self, Self::Below(error) if error.as_db_error().is_some_and(|error| {
            *error.code() == SqlState::UNIQUE_VIOLATION && error.constraint() == Some(constraint)
        }))
    }

    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Below(error) => error.code(),
            Self::Store(_) | Self::Late | Self::Moved => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Below(error)
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
            Failure::Below(error) => match Said::by(&error) {
                Some(said) => {
                    let (kind, context) = meaning(&said.code);
                    Self::with_source(kind, context, said)
                }
                None => {
                    let (kind, context) = meaning_below(&error);
                    Self::with_source(kind, context, error)
                }
            },
            Failure::Late => Self::new(
                StoreErrorKind::Unavailable,
                "the database did not answer in time",
            ),
            Failure::Moved => Self::new(
                StoreErrorKind::Unavailable,
                "another server has taken the place of the one that was asked",
            ),
        }
    }
}

/// What the server said, without the details that it adds: they may show a whole row.
#[derive(Debug)]
struct Said {
    code: String,
    message: String,
}

impl Said {
    fn by(error: &Error) -> Option<Self> {
        error.as_db_error().map(|error| Self {
            code: error.code().code().to_owned(),
            message: error.message().to_owned(),
        })
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.code)
    }
}

impl std::error::Error for Said {}

/// What an error means by its SQLSTATE: the first line whose text begins the code.
const MEANINGS: &[(&str, StoreErrorKind, &str)] = {
    use StoreErrorKind::{Conflict, Corrupt, ReadOnly, Unavailable};
    &[
        (
            "0A",
            Corrupt,
            "the server is too old, or the schema was changed",
        ),
        ("22", Conflict, "the database refused a value"),
        ("23", Conflict, "the database refused the change"),
        (
            "25006",
            ReadOnly,
            "the server is a standby or does not allow writing",
        ),
        (
            "28",
            Unavailable,
            "the server refused the role or its password",
        ),
        ("3D", Unavailable, "the server has no database of that name"),
        ("3F", Corrupt, "the database lacks the schema"),
        (
            "40",
            Unavailable,
            "the change collided with another one, again and again",
        ),
        (
            "42P07",
            Corrupt,
            "the schema holds tables that are not of this library",
        ),
        (
            "42501",
            ReadOnly,
            "the role lacks a right that the store needs",
        ),
        (
            "42",
            Corrupt,
            "the database lacks a table, a column or a function",
        ),
        (
            "53",
            Unavailable,
            "the server has run out of connections, memory or disk",
        ),
        // Asked of a standby for its place in the log.
        (
            "55000",
            ReadOnly,
            "the server is a standby or does not allow writing",
        ),
        (
            "55P03",
            Unavailable,
            "what is to be changed is locked by another transaction",
        ),
        ("57014", Unavailable, "the server did not finish in time"),
        ("57", Unavailable, "the server ended the connection"),
        (
            "58",
            Unavailable,
            "the server's disk or system reported an error",
        ),
        ("P0001", Conflict, "the database refused the change"),
        ("XX001", Corrupt, "the database is damaged"),
        ("XX002", Corrupt, "the database is damaged"),
        ("", Unavailable, "the database did not answer"),
    ]
};

fn meaning(code: &str) -> (StoreErrorKind, &'static str) {
    MEANINGS
        .iter()
        .find(|(start, ..)| code.starts_with(start))
        .map_or((StoreErrorKind::Unavailable, ""), |&(_, kind, context)| {
            (kind, context)
        })
}

/// The meaning of what no server said.
fn meaning_below(error: &Error) -> (StoreErrorKind, &'static str) {
    use std::error::Error as _;
    let io = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    match io {
        // The driver's own words for a session that may only read, not the system's.
        Some(io) if io.kind() == io::ErrorKind::PermissionDenied && io.raw_os_error().is_none() => {
            (
                StoreErrorKind::ReadOnly,
                "the server is a standby or does not allow writing",
            )
        }
        Some(io) if io.kind() == io::ErrorKind::InvalidData => (
            StoreErrorKind::Unavailable,
            "the server's certificate, or what it says, is not accepted",
        ),
        Some(_) => (StoreErrorKind::Unavailable, "the server cannot be reached"),
        None => (
            StoreErrorKind::Unavailable,
            "the connection to the server was lost",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_kind() {
        use StoreErrorKind::{Conflict, Corrupt, ReadOnly, Unavailable};
        for (code, kind) in [
            (SqlState::CONNECTION_FAILURE, Unavailable),
            (SqlState::INVALID_PASSWORD, Unavailable),
            (SqlState::INVALID_CATALOG_NAME, Unavailable),
            (SqlState::TOO_MANY_CONNECTIONS, Unavailable),
            (SqlState::DISK_FULL, Unavailable),
            (SqlState::OUT_OF_MEMORY, Unavailable),
            (SqlState::IO_ERROR, Unavailable),
            (SqlState::LOCK_NOT_AVAILABLE, Unavailable),
            (SqlState::QUERY_CANCELED, Unavailable),
            (SqlState::ADMIN_SHUTDOWN, Unavailable),
            (SqlState::CANNOT_CONNECT_NOW, Unavailable),
            (SqlState::T_R_SERIALIZATION_FAILURE, Unavailable),
            (SqlState::T_R_DEADLOCK_DETECTED, Unavailable),
            (SqlState::INTERNAL_ERROR, Unavailable),
            (SqlState::READ_ONLY_SQL_TRANSACTION, ReadOnly),
            (SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, ReadOnly),
            (SqlState::INSUFFICIENT_PRIVILEGE, ReadOnly),
            (SqlState::UNDEFINED_TABLE, Corrupt),
            (SqlState::UNDEFINED_COLUMN, Corrupt),
            (SqlState::UNDEFINED_FUNCTION, Corrupt),
            (SqlState::DUPLICATE_TABLE, Corrupt),
            (SqlState::INVALID_SCHEMA_NAME, Corrupt),
            (SqlState::DATA_CORRUPTED, Corrupt),
            (SqlState::INDEX_CORRUPTED, Corrupt),
            (SqlState::UNIQUE_VIOLATION, Conflict),
            (SqlState::CHECK_VIOLATION, Conflict),
            (SqlState::FOREIGN_KEY_VIOLATION, Conflict),
            (SqlState::CHARACTER_NOT_IN_REPERTOIRE, Conflict),
            (SqlState::RAISE_EXCEPTION, Conflict),
        ] {
            assert_eq!(meaning(code.code()).0, kind, "{}", code.code());
        }
    }

    #[test]
    fn no_line_of_the_table_is_hidden_by_one_above() {
        for (place, (code, ..)) in MEANINGS.iter().enumerate() {
            let found = MEANINGS
                .iter()
                .position(|(start, ..)| code.starts_with(start));
            assert_eq!(found, Some(place), "{code}");
        }
    }
}
