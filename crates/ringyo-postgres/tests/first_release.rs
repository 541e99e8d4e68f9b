//! Databases that the first release has written are in the field: what they hold is read as it was
//! meant, and is written like that still.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

#[path = "../../ringyo-store/tests/first_release/mod.rs"]
mod first_release;
mod fixture;

use first_release::{everything, fill, forgets_what_it_does_not_know};
use fixture::{Place, patient, value};
use ringyo_store::{ChangeFeed, MemoryStore, StoreErrorKind};

/// Frozen: the rows of a store of version 0.1.0. A column that a migration adds is added here; what
/// stands here does not change. Transactions are numbered anew, in whatever database they are put.
const ROWS: &str = include_str!("first_release/rows.sql");

/// Each statement of this gives the rows of one table as statements.
const AS_STATEMENTS: &str = include_str!("first_release/as_statements.sql");

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_what_was() {
    let Some(place) = Place::new() else {
        return;
    };
    fill(&place.open().await).await;
    let client = place.by_hand().await;
    client.batch_execute("SET TimeZone = 'UTC'").await.unwrap();
    let mut rows = String::new();
    for sql in AS_STATEMENTS.split_terminator(";\n") {
        rows += &(value(&client, sql).await + "\n");
    }
    assert_eq!(rows, ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_read_as_it_was_meant() {
    let (Some(place), Some(other)) = (Place::new(), Place::new()) else {
        return;
    };
    let meant = MemoryStore::new();
    fill(&meant).await;
    let meant = everything(&meant).await;

    let store = place.open().await;
    // One transaction: a revision is the number of an event of its own transaction.
    place.by_hand().await.batch_execute(ROWS).await.unwrap();
    assert_eq!(everything(&store).await, meant);

    // The control: a row that says something else is read as something else.
    let store = other.open().await;
    let rows = ROWS.replace("'disabled'", "'active'");
    other.by_hand().await.batch_execute(&rows).await.unwrap();
    assert_ne!(everything(&store).await, meant);
}

/// While nodes are updated one after the other, those of before go on, until they are started again.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_version_may_add_to_the_tables_while_this_one_runs() {
    let Some(place) = Place::new() else {
        return;
    };
    let store = place.open().await;
    fill(&store).await;
    let before = everything(&store).await;
    let cursor = store.changes_since(None).await.unwrap().cursor;

    let client = place.by_hand().await;
    let migration = "
        ALTER TABLE keys ADD COLUMN region text NOT NULL DEFAULT '';
        CREATE TABLE regions (name text PRIMARY KEY);
        UPDATE meta SET value = '2' WHERE name = 'schema_version'";
    client.batch_execute(migration).await.unwrap();
    assert_eq!(everything(&store).await, before);
    let event = "
        INSERT INTO events (at, kind, actor, account, key)
        VALUES ('2026-01-01T00:00:15Z', 'key.moved', 'user:42', 'acct_1', '0a1B2c3D4e5F')";
    client.batch_execute(event).await.unwrap();
    forgets_what_it_does_not_know(&store, &cursor).await;

    let again = patient().connect(&place.url()).await;
    assert_eq!(again.unwrap_err().kind(), StoreErrorKind::NewerSchema);
}
