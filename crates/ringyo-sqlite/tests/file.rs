//! The file: what survives, who may share it, and which files are refused.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::fs;
use std::time::{Duration, Instant};

use fixture::{
    Place, account_id, at, bytes_of, insert_account, insert_key, key_event, key_id, revoke, value,
};
use ringyo_sqlite::SqliteStore;
use ringyo_store::{
    AccountStore, ChangeFeed, ChangeSet, Changed, EventKind, EventQuery, EventStore, KeyFilter,
    KeyQuery, KeyStore, NewDebit, PageSize, Settlement, StoreErrorKind, WalletStore,
};
use rusqlite::Connection;

/// All that a store holds, as text.
async fn everything(store: &SqliteStore) -> Result<String, ringyo_store::StoreError> {
    let every_key = KeyQuery {
        filter: KeyFilter::All,
        size: PageSize::MAX,
        ..KeyQuery::active_at(at(0))
    };
    let every_event = EventQuery {
        account: None,
        key: None,
        before: None,
        size: PageSize::MAX,
    };
    let keys = store.list_keys(&every_key).await?;
    let digests: Vec<String> = keys.items.iter().map(|key| key.digest.to_hex()).collect();
    Ok(format!(
        "{keys:?} {digests:?} {:?} {:?} {:?}",
        store.list_events(&every_event).await?,
        store.list_accounts(None, 100).await?,
        store.balance(&account_id()).await?,
    ))
}

async fn fill(store: &SqliteStore) {
    insert_account(store).await;
    for number in 1..=20 {
        insert_key(store, number).await;
    }
    let second = store.find_key(key_id(2)).await.unwrap().unwrap();
    revoke(store, &second).await;
    store.touch_keys(&[(key_id(1), at(99))]).await.unwrap();
    let operation = |text: &str| text.parse().unwrap();
    let (account, granted) = (account_id(), operation("grant"));
    store.grant(&account, &granted, 100, at(1)).await.unwrap();
    let debit = NewDebit {
        account,
        operation: operation("call"),
        amount: 7,
        key: key_id(1),
        at: at(2),
        settlement: Settlement::Reserve,
    };
    store.debit(&debit).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn reopening_keeps_everything() {
    let place = Place::new();
    let store = place.open().await;
    fill(&store).await;
    let before = everything(&store).await.unwrap();
    let cursor = store.changes_since(None).await.unwrap().cursor;
    let clone = store.clone();
    store.close().await.unwrap();
    assert!(!place.beside("-wal").exists(), "the log is written back");
    // Closing twice is fine; a closed store answers nothing, through any clone.
    clone.close().await.unwrap();
    let error = everything(&clone).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(clone.ready().await.is_err());

    let store = place.open().await;
    assert_eq!(everything(&store).await.unwrap(), before);
    assert!(before.ends_with("Some(93)"), "100 credits less 7");
    // A follower goes on where it was.
    insert_key(&store, 21).await;
    let changes = store.changes_since(Some(&cursor)).await.unwrap();
    assert_eq!(
        changes.changed,
        ChangeSet::These(vec![Changed::Key(key_id(21))])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_and_stores_share_a_file() {
    let place = Place::new();
    let (first, second) = (place.open().await, place.open().await);
    insert_account(&first).await;
    let cursor = second.changes_since(None).await.unwrap().cursor;
    let mut writers = Vec::new();
    for (offset, store) in [
        (100, first.clone()),
        (200, second.clone()),
        (300, first.clone()),
    ] {
        writers.push(tokio::spawn(async move {
            for number in offset..offset + 30 {
                insert_key(&store, number).await;
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    // A read that starts after a write has returned sees it, whoever wrote.
    for number in (100..130).chain(200..230).chain(300..330) {
        for store in [&first, &second] {
            assert!(store.find_key(key_id(number)).await.unwrap().is_some());
        }
    }
    tokio::time::timeout(Duration::from_secs(30), second.changed(&cursor))
        .await
        .unwrap();
    let ChangeSet::These(changed) = second.changes_since(Some(&cursor)).await.unwrap().changed
    else {
        panic!("the feed reaches back");
    };
    assert_eq!(changed.len(), 90);
    first.close().await.unwrap();
    insert_key(&second, 999).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_is_unavailable_in_time() {
    let place = Place::new();
    let store = SqliteStore::options()
        .busy_timeout(Duration::from_millis(300))
        .open(&place.path)
        .await
        .unwrap();
    insert_account(&store).await;
    let other = place.by_hand();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();

    let start = Instant::now();
    let mut waiting = Vec::new();
    for number in 1..=10 {
        let store = store.clone();
        waiting.push(tokio::spawn(async move {
            let event = key_event(EventKind::KeyIssued, key_id(number));
            let result = store.insert_key(&fixture::key(number), None, &event).await;
            result.map_err(|error| error.kind())
        }));
    }
    for result in waiting {
        let result = result.await.unwrap();
        assert_eq!(result.unwrap_err(), StoreErrorKind::Unavailable);
    }
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(250), "gave up after {took:?}");
    // One after the other would take ten times as long as one.
    assert!(took < Duration::from_secs(3), "waited for {took:?}");
    // Reading goes on, and so does writing once the lock is gone.
    assert!(store.find_account(&account_id()).await.unwrap().is_some());
    other.execute_batch("ROLLBACK").unwrap();
    insert_key(&store, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_lock_is_done_when_it_goes() {
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    let other = place.by_hand();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waiting = Vec::new();
    for number in 0..200 {
        let store = store.clone();
        waiting.push(tokio::spawn(async move {
            // Every id twice: half of the calls are refused, in groups with those that are not.
            let id = key_id(number / 2);
            let event = key_event(EventKind::KeyIssued, id);
            let key = fixture::key(number / 2);
            store.insert_key(&key, None, &event).await.is_ok()
        }));
    }
    // One whose caller gives up after it was sent is done all the same.
    let given_up = tokio::time::timeout(Duration::from_millis(100), insert_key(&store, 500));
    assert!(given_up.await.is_err(), "the lock did not hold");
    other.execute_batch("COMMIT").unwrap();
    let mut done = 0;
    for result in waiting {
        done += usize::from(result.await.unwrap());
    }
    assert_eq!(done, 100);
    let database = place.by_hand();
    // Nobody says when that one is done.
    let start = Instant::now();
    while value(&database, "SELECT count(*) FROM keys") == "100" {
        assert!(start.elapsed() < Duration::from_secs(30), "it is not done");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(value(&database, "SELECT count(*) FROM keys"), "101");
    assert_eq!(value(&database, "SELECT count(*) FROM events"), "102");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_files_are_refused_and_left_alone() {
    let place = Place::new();
    for (name, content) in [
        ("text", "This is a letter, no database. ".repeat(100)),
        ("short text", "hello".to_owned()),
    ] {
        fs::write(&place.path, &content).unwrap();
        assert_eq!(place.refusal().await, StoreErrorKind::Corrupt, "{name}");
        assert_eq!(fs::read_to_string(&place.path).unwrap(), content, "{name}");
    }
    for setup in [
        "CREATE TABLE bread (id)",
        "CREATE TABLE keys (id); PRAGMA user_version = 1",
        "PRAGMA application_id = 77",
        "PRAGMA user_version = 3",
    ] {
        fs::remove_file(&place.path).unwrap();
        place.by_hand().execute_batch(setup).unwrap();
        let before = fs::read(&place.path).unwrap();
        assert_eq!(place.refusal().await, StoreErrorKind::Corrupt, "{setup}");
        assert!(before == fs::read(&place.path).unwrap(), "{setup}: touched");
        assert!(!place.beside("-wal").exists(), "{setup}: touched");
    }
    // The control: an empty file and an empty database are not foreign.
    for setup in ["", "VACUUM"] {
        fs::remove_file(&place.path).unwrap();
        fs::write(&place.path, "").unwrap();
        place.by_hand().execute_batch(setup).unwrap();
        place.open().await.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_files_are_refused_and_left_alone() {
    let place = Place::new();
    let store = place.open().await;
    store.close().await.unwrap();
    let version = value(&place.by_hand(), "PRAGMA user_version");
    assert_eq!(version, "1");
    place
        .by_hand()
        .execute_batch("PRAGMA user_version = 2")
        .unwrap();
    assert_eq!(place.refusal().await, StoreErrorKind::NewerSchema);
    assert_eq!(value(&place.by_hand(), "PRAGMA user_version"), "2");
    place
        .by_hand()
        .execute_batch("PRAGMA user_version = 1")
        .unwrap();
    place.open().await;
}

/// Overwrites one page after the other: each time the store says that it is damaged, or gives the
/// right answers because nothing that it reads is.
#[tokio::test(flavor = "multi_thread")]
async fn damage_is_reported_and_never_believed() {
    let place = Place::new();
    let store = place.open().await;
    fill(&store).await;
    let right = everything(&store).await.unwrap();
    store.close().await.unwrap();
    let sound = fs::read(&place.path).unwrap();
    let (mut refused, mut unharmed) = (0, 0);
    for (number, _) in sound.chunks(4096).enumerate() {
        let mut damaged = sound.clone();
        for (place, byte) in damaged[number * 4096..][..4096].iter_mut().enumerate() {
            *byte = (place * 31 + 7) as u8;
        }
        fs::write(&place.path, &damaged).unwrap();
        let read = match SqliteStore::open(&place.path).await {
            Ok(store) => {
                let read = everything(&store).await;
                store.close().await.unwrap();
                read
            }
            Err(error) => Err(error),
        };
        match read {
            Ok(read) => {
                assert!(read == right, "page {number}: damage was believed");
                unharmed += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Corrupt, "page {number}");
                refused += 1;
            }
        }
        for ending in ["-wal", "-shm"] {
            let _ = fs::remove_file(place.beside(ending));
        }
    }
    assert!(refused > unharmed, "{refused} refused, {unharmed} unharmed");
    // The control: the file as it was is fine.
    fs::write(&place.path, &sound).unwrap();
    let store = place.open().await;
    assert_eq!(everything(&store).await.unwrap(), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_makes_no_sense_is_named_but_not_shown() {
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    insert_key(&store, 1).await;
    assert!(store.load_key(key_id(1)).await.is_ok());
    let database = place.by_hand();
    database
        .execute("UPDATE keys SET scopes = 'NO SUCH %%'", [])
        .unwrap();
    let error = store.load_key(key_id(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("keys.scopes"), "{shown}");
    assert!(!shown.contains("SUCH"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_cannot_be() {
    let place = Place::new();
    let missing = place.directory.path().join("missing").join("keys.db");
    for path in [place.directory.path(), missing.as_path()] {
        let error = SqliteStore::open(path).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
    assert_eq!(fs::read_dir(place.directory.path()).unwrap().count(), 0);
    // A name that SQLite would take for something else is a name.
    for name in ["file:a.db?mode=memory", "a b?c#d%20.db"] {
        let path = place.directory.path().join(name);
        let store = SqliteStore::open(&path).await.unwrap();
        insert_account(&store).await;
        assert_eq!(store.path(), path);
        store.close().await.unwrap();
        assert!(path.exists(), "{name}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn new_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    for ending in ["", "-wal", "-shm"] {
        let metadata = fs::metadata(place.beside(ending)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{ending}");
    }
    // The control: rights that were given are left as they are.
    store.close().await.unwrap();
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o640)).unwrap();
    let _store = place.open().await;
    let metadata = fs::metadata(&place.path).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_everybody_makes_at_once_is_made_once() {
    for _ in 0..20 {
        let place = Place::new();
        let opening: Vec<_> = (0..8)
            .map(|_| {
                let path = place.path.clone();
                tokio::spawn(async move { SqliteStore::open(path).await })
            })
            .collect();
        let mut stores = Vec::new();
        for store in opening {
            stores.push(store.await.unwrap().unwrap());
        }
        insert_account(&stores[0]).await;
        for store in &stores {
            assert!(store.find_account(&account_id()).await.unwrap().is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_part_of_the_data() {
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    insert_key(&store, 1).await;
    // What the crate page warns of: the first file alone is not all.
    let copy = Place::new();
    fs::write(&copy.path, bytes_of(&place.path)).unwrap();
    let count = |copy: &Place| {
        let database = Connection::open(&copy.path).unwrap();
        database
            .query_row("SELECT count(*) FROM keys", [], |row| row.get(0))
            .unwrap_or(-1)
    };
    assert_ne!(count(&copy), 1);
    // And what it advises instead.
    let backup = place.directory.path().join("backup.db");
    let vacuum = format!("VACUUM INTO '{}'", backup.display());
    place.by_hand().execute_batch(&vacuum).unwrap();
    let restored = SqliteStore::open(&backup).await.unwrap();
    assert_eq!(
        everything(&restored).await.unwrap(),
        everything(&store).await.unwrap()
    );
}
