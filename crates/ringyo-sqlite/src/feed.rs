//! The change feed: the events table read as a log.

use std::str::FromStr;

use async_trait::async_trait;
use ringyo_store::{ChangeFeed, ChangeSet, Changed, Changes, Cursor, StoreError, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use crate::SqliteStore;
use crate::columns::{Columns, column};
use crate::failure::Failure;

/// The newest event of a file, and which file it is: a place in the feed.
///
/// Identity, number and time together tell apart what a number alone does not: another file, and
/// this file after an older copy of it was put back and has gone another way since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    store: Box<str>,
    pub(crate) revision: i64,
    at: i64,
}

impl Head {
    /// The head as of now.
    pub(crate) fn read(database: &Connection) -> Result<Self, Failure> {
        database
            .prepare_cached(
                "SELECT meta.value, coalesce(events.revision, 0), events.at
                 FROM meta
                 LEFT JOIN events ON events.revision = (SELECT max(revision) FROM events)
                 WHERE meta.name = 'store_id'",
            )?
            .query_and_then([], |row| {
                let mut columns = Columns::of(row);
                let store = columns.text(column!("meta.value"))?.into();
                let revision = columns.number(column!("events.revision"))?;
                let at = columns.parse_optional::<Timestamp>(column!("events.at"))?;
                Ok(Self {
                    store,
                    revision,
                    at: at.map_or(0, Timestamp::as_unix_millis),
                })
            })?
            .next()
            .unwrap_or(Err(rusqlite::Error::QueryReturnedNoRows.into()))
    }

    /// Whether the log that ends in `newest` also contains this place.
    fn is_behind(&self, newest: &Self, database: &Connection) -> Result<bool, Failure> {
        if self.store != newest.store || self.revision > newest.revision {
            return Ok(false);
        }
        if self.revision == 0 || self == newest {
            return Ok(true);
        }
        let at: Option<String> = database
            .prepare_cached("SELECT at FROM events WHERE revision = ?1")?
            .query_row([self.revision], |row| row.get(0))
            .optional()?;
        let at = at.and_then(|at| at.parse().ok());
        Ok(at.map(Timestamp::as_unix_millis) == Some(self.at))
    }

    fn to_cursor(&self) -> Cursor {
        Cursor::new(format!("{}.{}.{}", self.store, self.revision, self.at))
    }
}

impl FromStr for Head {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(());
        let head = Self {
            store: part()?.into(),
            revision: part()?.parse().map_err(|_| ())?,
            at: part()?.parse().map_err(|_| ())?,
        };
        match parts.next() {
            None if head.revision >= 0 => Ok(head),
            _ => Err(()),
        }
    }
}

#[async_trait]
impl ChangeFeed for SqliteStore {
    async fn changes_since(&self, cursor: Option<&Cursor>) -> Result<Changes, StoreError> {
        let seen = cursor.map(|cursor| cursor.as_str().parse::<Head>().ok());
        let (newest, changed) = self
            .read(move |database| {
                // One moment for head and rows.
                let snapshot = database.unchecked_transaction()?;
                let newest = Head::read(&snapshot)?;
                let changed = match seen {
                    None => ChangeSet::These(Vec::new()),
                    Some(Some(seen)) if seen.is_behind(&newest, &snapshot)? => {
                        ChangeSet::These(rows_behind(&snapshot, seen.revision)?)
                    }
                    Some(_) => ChangeSet::Everything,
                };
                Ok((newest, changed))
            })
            .await?;
        let cursor = newest.to_cursor();
        // Otherwise `changed` would return at once until the watcher has seen it too.
        self.news().raise(newest);
        Ok(Changes { cursor, changed })
    }

    async fn changed(&self, cursor: &Cursor) {
        if let Ok(seen) = cursor.as_str().parse::<Head>() {
            self.news().other_than(&seen).await;
        }
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.read(Head::read).await.map(|_| ())
    }
}

fn rows_behind(database: &Connection, revision: i64) -> Result<Vec<Changed>, Failure> {
    database
        .prepare_cached(
            "SELECT DISTINCT key, iif(key IS NULL, account, NULL) FROM events WHERE revision > ?1",
        )?
        .query_and_then([revision], |row| {
            let mut columns = Columns::of(row);
            match columns.parse_optional(column!("events.key"))? {
                Some(key) => Ok(Changed::Key(key)),
                None => columns
                    .parse(column!("events.account"))
                    .map(Changed::Account),
            }
        })?
        .collect()
}
