//! The database below the documents.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::Fault;

/// One connection, which is enough for a demo. Its place is empty once it was closed.
#[derive(Debug, Clone)]
pub(super) struct Database(Arc<Mutex<Option<Connection>>>);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS demo_documents (
        place   INTEGER PRIMARY KEY AUTOINCREMENT,
        account TEXT NOT NULL,
        kind    TEXT NOT NULL,
        id      TEXT NOT NULL UNIQUE,
        body    TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS demo_documents_in_order ON demo_documents (account, kind, place);
    CREATE TABLE IF NOT EXISTS demo_claims (
        scope    TEXT NOT NULL,
        key      TEXT NOT NULL,
        request  TEXT NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (scope, key)
    ) STRICT, WITHOUT ROWID;";

impl Database {
    pub(super) fn in_memory() -> Result<Self, Fault> {
        Self::new(Connection::open_in_memory()?)
    }

    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::new(Connection::open_with_flags(path, flags)?)
    }

    /// Does something in one transaction.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.run(|connection| {
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
        self.run(|connection| job(connection)).await
    }

    /// Lets go of the file, once what is being done is done.
    pub(super) async fn close(&self) {
        let place = self.0.clone();
        let close = move || drop(place.lock().unwrap_or_else(PoisonError::into_inner).take());
        // The only way to fail is a panic, and then it is let go as well.
        let _ = tokio::task::spawn_blocking(close).await;
    }

    fn new(connection: Connection) -> Result<Self, Fault> {
        connection.busy_timeout(Duration::from_secs(5))?;
        // What was answered survives a power cut.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(Some(connection)))))
    }

    /// Does something away from the threads that answer requests.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let place = self.0.clone();
        tokio::task::spawn_blocking(move || {
            let mut connection = place.lock().unwrap_or_else(PoisonError::into_inner);
            job(connection
                .as_mut()
                .ok_or("the documents have been closed")?)
        })
        .await?
    }
}
