//! The database below the documents.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::Fault;

/// A connection that writes and one that reads, so that nobody who looks at something waits for a
/// lock that another process holds.
#[derive(Debug, Clone)]
pub(super) struct Database {
    writer: Place,
    reader: Place,
}

/// Where a connection is; empty once it was closed.
type Place = Arc<Mutex<Option<Connection>>>;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS demo_documents (
        place   INTEGER PRIMARY KEY AUTOINCREMENT,
        account TEXT NOT NULL,
        kind    TEXT NOT NULL,
        id      TEXT NOT NULL UNIQUE,
        body    TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS demo_documents_in_order ON demo_documents (account, kind, place);
    CREATE INDEX IF NOT EXISTS demo_documents_by_time
        ON demo_documents (account, kind, body ->> '$.created_at');
    CREATE TABLE IF NOT EXISTS demo_claims (
        scope    TEXT NOT NULL,
        key      TEXT NOT NULL,
        request  TEXT NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (scope, key)
    ) STRICT, WITHOUT ROWID;";

impl Database {
    pub(super) fn in_memory() -> Result<Self, Fault> {
        let writer = place(prepare(Connection::open_in_memory()?)?);
        // A database in memory has one connection, and nobody else has it.
        let reader = writer.clone();
        Ok(Self { writer, reader })
    }

    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || Connection::open_with_flags(path, flags);
        Ok(Self {
            writer: place(prepare(open()?)?),
            reader: place(open()?),
        })
    }

    /// Does something in one transaction.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        run(&self.writer, |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = job(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
        .await
    }

    /// Looks at something.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        run(&self.reader, |connection| job(connection)).await
    }

    /// Lets go of the file, once what is being done is done.
    pub(super) async fn close(&self) {
        for place in [self.reader.clone(), self.writer.clone()] {
            let close = move || drop(place.lock().unwrap_or_else(PoisonError::into_inner).take());
            // The only way to fail is a panic, and then it is let go as well.
            let _ = tokio::task::spawn_blocking(close).await;
        }
    }
}

fn place(connection: Connection) -> Place {
    Arc::new(Mutex::new(Some(connection)))
}

fn prepare(connection: Connection) -> Result<Connection, Fault> {
    connection.busy_timeout(Duration::from_secs(5))?;
    // What was answered survives a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// Does something away from the threads that answer requests.
async fn run<T: Send + 'static>(
    place: &Place,
    job: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let place = place.clone();
    tokio::task::spawn_blocking(move || {
        let mut connection = place.lock().unwrap_or_else(PoisonError::into_inner);
        job(connection
            .as_mut()
            .ok_or("the documents have been closed")?)
    })
    .await?
}
