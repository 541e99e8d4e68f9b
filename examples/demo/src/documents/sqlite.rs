//! Documents in SQLite.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ringyo::{AccountId, Timestamp};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, params};

use super::shelf::{Change, Drawer, Fault, OutOfReach, Sheet, Shelf};
use super::{Claim, DayOfCalls};

/// A connection that writes and one that reads, so that nobody who looks at something waits for a
/// lock that another process holds.
#[derive(Debug, Clone)]
pub(super) struct Sqlite {
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

impl Sqlite {
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
    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        run(&self.writer, |connection| {
            let behavior = rusqlite::TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(behavior)?;
            let done = job(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
        .await
    }

    /// Looks at something.
    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        run(&self.reader, |connection| job(connection)).await
    }
}

#[async_trait]
impl Shelf for Sqlite {
    async fn insert(&self, into: Drawer, sheet: Sheet) -> Result<Option<String>, Fault> {
        self.write(move |database| {
            insert(database, &into, &sheet)?;
            find(database, &into, &sheet.id)
        })
        .await
    }

    async fn insert_unless_any(&self, into: Drawer, sheets: Vec<Sheet>) -> Result<(), Fault> {
        self.write(move |database| {
            let has_any = database
                .prepare_cached("SELECT 1 FROM demo_documents WHERE account = ?1 AND kind = ?2")?
                .exists(params![into.account.as_str(), into.kind])?;
            if !has_any {
                for sheet in &sheets {
                    insert(database, &into, sheet)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn find(&self, from: Drawer, id: String) -> Result<Option<String>, Fault> {
        self.read(move |database| find(database, &from, &id)).await
    }

    async fn list(
        &self,
        from: Drawer,
        before: i64,
        most: usize,
    ) -> Result<Vec<(i64, String)>, Fault> {
        self.read(move |database| {
            let rows = database
                .prepare_cached(
                    "SELECT place, body FROM demo_documents
                     WHERE account = ?1 AND kind = ?2 AND place < ?3
                     ORDER BY place DESC LIMIT ?4",
                )?
                .query_map(
                    params![from.account.as_str(), from.kind, before, most as i64],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )?
                .collect::<Result<_, _>>()?;
            Ok(rows)
        })
        .await
    }

    async fn in_status(
        &self,
        kind: &'static str,
        status: &'static str,
    ) -> Result<Vec<(String, String)>, Fault> {
        self.read(move |database| {
            let rows = database
                .prepare_cached(
                    "SELECT account, body FROM demo_documents
                     WHERE kind = ?1 AND body ->> '$.status' = ?2",
                )?
                .query_map([kind, status], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            Ok(rows)
        })
        .await
    }

    async fn update(
        &self,
        from: Drawer,
        id: String,
        change: Change,
    ) -> Result<Option<String>, Fault> {
        self.write(move |database| {
            let Some(body) = find(database, &from, &id)? else {
                return Ok(None);
            };
            let body = change(&body)?;
            database
                .prepare_cached("UPDATE demo_documents SET body = ?2 WHERE id = ?1")?
                .execute(params![id, body])?;
            Ok(Some(body))
        })
        .await
    }

    async fn remove(&self, from: Drawer, id: String) -> Result<bool, Fault> {
        self.write(move |database| {
            let removed = database
                .prepare_cached(
                    "DELETE FROM demo_documents WHERE account = ?1 AND kind = ?2 AND id = ?3",
                )?
                .execute(params![from.account.as_str(), from.kind, id])?;
            Ok(removed > 0)
        })
        .await
    }

    async fn find_claim(&self, scope: String, key: String) -> Result<Option<Claim>, Fault> {
        self.read(move |database| find_claim(database, &scope, &key))
            .await
    }

    async fn claim(&self, scope: String, key: String, claim: Claim) -> Result<Claim, Fault> {
        self.write(move |database| {
            database
                .prepare_cached(
                    "INSERT INTO demo_claims (scope, key, request, document)
                     VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                )?
                .execute(params![scope, key, claim.request, claim.document])?;
            find_claim(database, &scope, &key)?.ok_or("a claim is gone".into())
        })
        .await
    }

    async fn calls_by_day(
        &self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<Vec<DayOfCalls>, Fault> {
        self.read(move |database| {
            let days = database
                .prepare_cached(
                    "SELECT substr(body ->> '$.created_at', 1, 10) AS day,
                            sum(NOT body ->> '$.simulated'),
                            sum(body ->> '$.simulated'),
                            sum(body ->> '$.credits')
                     FROM demo_documents
                     WHERE account = ?1 AND kind = 'call' AND body ->> '$.created_at' >= ?2
                     GROUP BY day ORDER BY day",
                )?
                .query_map(params![account.as_str(), since.to_string()], |row| {
                    Ok(DayOfCalls {
                        date: row.get(0)?,
                        live: row.get(1)?,
                        simulated: row.get(2)?,
                        credits: row.get(3)?,
                    })
                })?
                .collect::<Result<_, _>>()?;
            Ok(days)
        })
        .await
    }

    async fn ready(&self) -> Result<(), Fault> {
        self.read(|database| {
            let one = "SELECT 1 FROM demo_documents LIMIT 1";
            database.query_row(one, [], |_| Ok(())).optional()?;
            Ok(())
        })
        .await
    }

    async fn close(&self) {
        for place in [self.reader.clone(), self.writer.clone()] {
            let close = move || drop(place.lock().unwrap_or_else(PoisonError::into_inner).take());
            // The only way to fail is a panic, and then it is let go as well.
            let _ = tokio::task::spawn_blocking(close).await;
        }
    }
}

fn insert(database: &Connection, into: &Drawer, sheet: &Sheet) -> Result<(), Fault> {
    database
        .prepare_cached(
            "INSERT INTO demo_documents (account, kind, id, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            into.account.as_str(),
            into.kind,
            sheet.id,
            sheet.body
        ])?;
    Ok(())
}

fn find(database: &Connection, from: &Drawer, id: &str) -> Result<Option<String>, Fault> {
    Ok(database
        .prepare_cached(
            "SELECT body FROM demo_documents WHERE account = ?1 AND kind = ?2 AND id = ?3",
        )?
        .query_row(params![from.account.as_str(), from.kind, id], |row| {
            row.get(0)
        })
        .optional()?)
}

fn find_claim(database: &Connection, scope: &str, key: &str) -> Result<Option<Claim>, Fault> {
    let claim = |row: &Row<'_>| {
        Ok(Claim {
            request: row.get(0)?,
            document: row.get(1)?,
        })
    };
    Ok(database
        .prepare_cached("SELECT request, document FROM demo_claims WHERE scope = ?1 AND key = ?2")?
        .query_row(params![scope, key], claim)
        .optional()?)
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
    .map_err(|fault| match fault.downcast::<rusqlite::Error>() {
        Ok(error) if passes(&error) => Fault::from(OutOfReach(error)),
        Ok(error) => error,
        Err(fault) => fault,
    })
}

/// Another process holds the file, or the disk is full.
fn passes(error: &rusqlite::Error) -> bool {
    use ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull, SystemIoFailure};
    let code = error.sqlite_error_code();
    code.is_some_and(|code| {
        matches!(
            code,
            DatabaseBusy | DatabaseLocked | DiskFull | SystemIoFailure
        )
    })
}
