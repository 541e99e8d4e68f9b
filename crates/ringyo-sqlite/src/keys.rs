//! The records of keys.

mod list;
mod row;

use async_trait::async_trait;
use ringyo_key::{KeyId, PepperId};
use ringyo_store::{
    KeyQuery, KeyRecord, KeyStore, LoadedKey, NewEvent, Page, Revision, StoreError, StoreErrorKind,
    Timestamp,
};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::columns::{Columns, column};
use crate::failure::Failure;
use crate::{accounts, events};

/// [`KeyRecord::is_current_at`] in SQL.
macro_rules! is_current {
    ($at:literal) => {
        concat!(
            "status IN ('active', 'disabled')",
            " AND (expires_at IS NULL OR expires_at > ",
            $at,
            ") AND (superseded_at IS NULL OR superseded_at > ",
            $at,
            ")",
        )
    };
}

#[async_trait]
impl KeyStore for SqliteStore {
    async fn insert_key(
        &self,
        key: &KeyRecord,
        max_keys: Option<u32>,
        event: &NewEvent,
    ) -> Result<KeyRecord, StoreError> {
        let (key, event) = (key.clone(), event.clone());
        self.write(move |database| {
            check_new(database, &key)?;
            if let Some(max) = max_keys {
                check_room(database, &key, i64::from(max), event.at)?;
            }
            add(database, key, &event)
        })
        .await
    }

    async fn find_key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        self.read(move |database| find(database, id)).await
    }

    async fn load_key(&self, id: KeyId) -> Result<Option<LoadedKey>, StoreError> {
        self.read(move |database| load(database, id)).await
    }

    async fn update_key(&self, key: &KeyRecord, event: &NewEvent) -> Result<KeyRecord, StoreError> {
        let (key, event) = (key.clone(), event.clone());
        self.write(move |database| {
            let stored = check_change(database, &key)?;
            change(database, stored, key, &event)
        })
        .await
    }

    async fn replace_key(
        &self,
        old: &KeyRecord,
        old_event: &NewEvent,
        new: &KeyRecord,
        new_event: &NewEvent,
        max_keys: Option<u32>,
    ) -> Result<(KeyRecord, KeyRecord), StoreError> {
        let (old, old_event) = (old.clone(), old_event.clone());
        let (new, new_event) = (new.clone(), new_event.clone());
        self.write(move |database| {
            let stored = check_change(database, &old)?;
            check_new(database, &new)?;
            let old = change(database, stored, old, &old_event)?;
            if let Some(max) = max_keys {
                check_room(database, &new, i64::from(max) + 1, new_event.at)?;
            }
            Ok((old, add(database, new, &new_event)?))
        })
        .await
    }

    async fn list_keys(&self, query: &KeyQuery) -> Result<Page<KeyRecord>, StoreError> {
        let query = query.clone();
        self.read(move |database| list::list(database, &query))
            .await
    }

    async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        let used = used.to_vec();
        self.write(move |database| touch(database, &used)).await
    }

    async fn count_by_pepper(
        &self,
        at: Timestamp,
    ) -> Result<Vec<(Option<PepperId>, u64)>, StoreError> {
        self.read(move |database| count_by_pepper(database, at))
            .await
    }
}

fn find(database: &Connection, id: KeyId) -> Result<Option<KeyRecord>, Failure> {
    const FIND: &str = row::select!("" "WHERE keys.id = ?1");
    database
        .prepare_cached(FIND)?
        .query_and_then([id.as_str()], |row| row::decode(&mut Columns::of(row)))?
        .next()
        .transpose()
}

fn load(database: &Connection, id: KeyId) -> Result<Option<LoadedKey>, Failure> {
    const LOAD: &str = row::select!(
        ", accounts.id, accounts.plan, accounts.created_at, accounts.revision"
        "LEFT JOIN accounts ON accounts.id = keys.account WHERE keys.id = ?1"
    );
    database
        .prepare_cached(LOAD)?
        .query_and_then([id.as_str()], |row| {
            let mut columns = Columns::of(row);
            let key = row::decode(&mut columns)?;
            // A database in which foreign keys were once off may lack the account.
            let account = if columns.is_null()? {
                None
            } else {
                Some(accounts::columns(&mut columns)?)
            };
            Ok(LoadedKey { key, account })
        })?
        .next()
        .transpose()
}

fn check_new(database: &Connection, key: &KeyRecord) -> Result<(), Failure> {
    if !accounts::exists(database, &key.account)? {
        return Err(accounts::unknown());
    }
    let taken = database
        .prepare_cached("SELECT 1 FROM keys WHERE id = ?1")?
        .exists([key.id.as_str()])?;
    if taken {
        return Err(Failure::new(
            StoreErrorKind::AlreadyExists,
            "the key id has been used before",
        ));
    }
    Ok(())
}

fn check_change(database: &Connection, key: &KeyRecord) -> Result<KeyRecord, Failure> {
    let stored = find(database, key.id)?.ok_or(Failure::new(
        StoreErrorKind::NotFound,
        "there is no key of that id",
    ))?;
    stored.check_write(key)?;
    Ok(stored)
}

/// Refuses a key that would be one more than `room` of its account.
fn check_room(
    database: &Connection,
    key: &KeyRecord,
    room: i64,
    now: Timestamp,
) -> Result<(), Failure> {
    let count: i64 = database
        .prepare_cached(concat!(
            "SELECT count(*) FROM keys WHERE account = ?1 AND ",
            is_current!("?2"),
        ))?
        .query_row(params![key.account.as_str(), now.to_string()], |row| {
            row.get(0)
        })?;
    if count >= room {
        return Err(Failure::new(
            StoreErrorKind::TooManyKeys,
            "the account has as many keys as it may have",
        ));
    }
    Ok(())
}

fn add(database: &Connection, key: KeyRecord, event: &NewEvent) -> Result<KeyRecord, Failure> {
    let key = KeyRecord {
        last_used_at: None,
        revision: events::record(database, event)?,
        ..key
    };
    row::insert(database, &key)?;
    Ok(key)
}

fn change(
    database: &Connection,
    stored: KeyRecord,
    key: KeyRecord,
    event: &NewEvent,
) -> Result<KeyRecord, Failure> {
    let revision: Revision = events::record(database, event)?;
    let key = stored.written_over(key, revision);
    row::update(database, &key)?;
    Ok(key)
}

fn touch(database: &Connection, used: &[(KeyId, Timestamp)]) -> Result<(), Failure> {
    let mut upsert = database.prepare_cached(
        "INSERT INTO key_usage (key, last_used_at) SELECT id, ?2 FROM keys WHERE id = ?1
         ON CONFLICT (key) DO UPDATE SET last_used_at = excluded.last_used_at
         WHERE excluded.last_used_at > key_usage.last_used_at",
    )?;
    for (key, at) in used {
        upsert.execute(params![key.as_str(), at.to_string()])?;
    }
    Ok(())
}

fn count_by_pepper(
    database: &Connection,
    at: Timestamp,
) -> Result<Vec<(Option<PepperId>, u64)>, Failure> {
    database
        .prepare_cached(concat!(
            "SELECT pepper, count(*) FROM keys WHERE ",
            is_current!("?1"),
            " GROUP BY pepper ORDER BY pepper",
        ))?
        .query_and_then([at.to_string()], |row| {
            let mut columns = Columns::of(row);
            let pepper = row::pepper(&mut columns)?;
            Ok((pepper, columns.count(column!("count"))?))
        })?
        .collect()
}
