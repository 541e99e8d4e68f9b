//! Files that the first release has written are in the field: what they hold is read as it was
//! meant, and is written like that still.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

#[path = "../../ringyo-store/tests/first_release/mod.rs"]
mod first_release;
mod fixture;

use first_release::{everything, fill, forgets_what_it_does_not_know};
use fixture::{Place, value};
use ringyo_store::{ChangeFeed, MemoryStore, StoreErrorKind};
use rusqlite::Connection;

/// Frozen: the rows of a store of version 0.1.0. A column that a migration adds is added here; what
/// stands here does not change.
const ROWS: &str = include_str!("first_release/rows.sql");

/// Each statement of this gives the rows of one table as statements.
const AS_STATEMENTS: &str = include_str!("first_release/as_statements.sql");

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_what_was() {
    let place = Place::new();
    fill(&place.open().await).await;
    assert_eq!(rows(&place.by_hand()), ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_read_as_it_was_meant() {
    let meant = MemoryStore::new();
    fill(&meant).await;
    let meant = everything(&meant).await;

    let place = Place::new();
    let store = place.open().await;
    place.by_hand().execute_batch(ROWS).unwrap();
    assert_eq!(everything(&store).await, meant);

    // The control: a row that says something else is read as something else.
    let other = Place::new();
    let store = other.open().await;
    let rows = ROWS.replace("'disabled'", "'active'");
    other.by_hand().execute_batch(&rows).unwrap();
    assert_ne!(everything(&store).await, meant);
}

/// While nodes are updated one after the other, those of before go on, until they are started again.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_version_may_add_to_the_tables_while_this_one_runs() {
    let place = Place::new();
    let store = place.open().await;
    fill(&store).await;
    let before = everything(&store).await;
    let cursor = store.changes_since(None).await.unwrap().cursor;

    let migration = "
        ALTER TABLE keys ADD COLUMN region TEXT NOT NULL DEFAULT '';
        CREATE TABLE regions (name TEXT PRIMARY KEY) STRICT;
        PRAGMA user_version = 2;";
    place.by_hand().execute_batch(migration).unwrap();
    assert_eq!(everything(&store).await, before);
    let event = "
        INSERT INTO events (at, kind, actor, account, key)
        VALUES ('2026-01-01T00:00:15.000Z', 'key.moved', 'user:42', 'acct_1', '0a1B2c3D4e5F')";
    place.by_hand().execute_batch(event).unwrap();
    forgets_what_it_does_not_know(&store, &cursor).await;

    assert_eq!(place.refusal().await, StoreErrorKind::NewerSchema);
}

fn rows(database: &Connection) -> String {
    let tables = AS_STATEMENTS.split_terminator(";\n");
    tables.map(|sql| value(database, sql) + "\n").collect()
}
