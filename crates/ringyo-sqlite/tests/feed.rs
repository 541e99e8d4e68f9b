//! A cursor belongs to one file and one history.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::time::Duration;

use fixture::{Place, insert_account, insert_key, key_event, key_id};
use ringyo_sqlite::SqliteStore;
use ringyo_store::{ChangeFeed, ChangeSet, Cursor, EventKind, KeyRecord, KeyStore};

async fn since(store: &SqliteStore, cursor: &Cursor) -> ChangeSet {
    let changes = store.changes_since(Some(cursor)).await.unwrap();
    // Whatever was answered, the next question with the new cursor is about nothing.
    let next = store.changes_since(Some(&changes.cursor)).await.unwrap();
    assert_eq!(next.changed, ChangeSet::These(Vec::new()));
    changes.changed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_file_means_everything() {
    let (one, other) = (Place::new(), Place::new());
    let (one, other) = (one.open().await, other.open().await);
    for store in [&one, &other] {
        insert_account(store).await;
        insert_key(store, 1).await;
    }
    let cursor = one.changes_since(None).await.unwrap().cursor;
    assert_eq!(since(&one, &cursor).await, ChangeSet::These(Vec::new()));
    assert_eq!(since(&other, &cursor).await, ChangeSet::Everything);
    // Waiting for it ends at once.
    tokio::time::timeout(Duration::from_secs(30), other.changed(&cursor))
        .await
        .unwrap();
    for text in [
        "",
        "7",
        "x.y.z",
        "a.1.2.3",
        "…",
        "a.-1.0",
        "a.9999999999999999999.0",
    ] {
        let cursor = Cursor::new(text);
        assert_eq!(since(&one, &cursor).await, ChangeSet::Everything, "{text}");
        tokio::time::timeout(Duration::from_secs(30), one.changed(&cursor))
            .await
            .unwrap();
    }
}

/// An older copy is put back while the store is open, as `.restore` of `sqlite3` does.
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_a_lost_history_means_everything() {
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    let issued = insert_key(&store, 1).await;
    let early = store.changes_since(None).await.unwrap().cursor;
    let event = key_event(EventKind::KeyRenamed, issued.id);
    store.update_key(&issued, &event).await.unwrap();
    let late = store.changes_since(None).await.unwrap().cursor;

    // Back to where `early` was given.
    let database = place.by_hand();
    database
        .execute_batch(
            "BEGIN IMMEDIATE;
             DROP TRIGGER events_kept;
             DROP TRIGGER keys_updated_with_event;
             UPDATE keys SET revision = 2;
             DELETE FROM events WHERE revision > 2;
             UPDATE sqlite_sequence SET seq = 2 WHERE name = 'events';
             COMMIT;",
        )
        .unwrap();
    tokio::time::timeout(Duration::from_secs(30), store.changed(&late))
        .await
        .expect("the cut is noticed");
    assert_eq!(since(&store, &late).await, ChangeSet::Everything);
    assert_eq!(since(&store, &early).await, ChangeSet::These(Vec::new()));

    // And on another way, until the numbers have caught up.
    let renamed = KeyRecord {
        name: "Another".to_owned(),
        ..store.find_key(key_id(1)).await.unwrap().unwrap()
    };
    let mut event = key_event(EventKind::KeyRenamed, issued.id);
    event.at = fixture::at(77);
    let renamed = store.update_key(&renamed, &event).await.unwrap();
    assert_eq!(renamed.revision.as_u64(), 3);
    assert_eq!(since(&store, &late).await, ChangeSet::Everything);
    assert_ne!(since(&store, &early).await, ChangeSet::Everything);
}
