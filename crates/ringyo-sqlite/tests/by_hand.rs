//! What the database itself allows and refuses, and what running services learn of it.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::time::{Duration, Instant};

use fixture::{Place, account_id, insert_account, insert_key, key_id, revoke, value};
use ringyo_sqlite::SqliteStore;
use ringyo_store::{
    AccountStore, ChangeFeed, ChangeSet, Changed, Cursor, Event, EventKind, EventQuery, EventStore,
    KeyStatus, KeyStore, PageSize, StoreErrorKind,
};

async fn newest_event(store: &SqliteStore) -> Event {
    let query = EventQuery {
        account: None,
        key: None,
        before: None,
        size: PageSize::DEFAULT,
    };
    store.list_events(&query).await.unwrap().items.remove(0)
}

/// Waits for the feed as a cache does, and gives what it must forget.
async fn woken(store: &SqliteStore, cursor: &Cursor) -> (Duration, ChangeSet) {
    let start = Instant::now();
    tokio::time::timeout(Duration::from_secs(30), store.changed(cursor))
        .await
        .expect("a change by hand is noticed");
    let changes = store.changes_since(Some(cursor)).await.unwrap();
    (start.elapsed(), changes.changed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_noticed_and_noted() {
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    let issued = insert_key(&store, 1).await;
    let cursor = store.changes_since(None).await.unwrap().cursor;
    // The control: nothing wakes who waits before there is a change.
    let idle = tokio::time::timeout(Duration::from_millis(150), store.changed(&cursor));
    assert!(idle.await.is_err(), "woken without a change");

    let revoke = "UPDATE keys SET status = 'revoked' WHERE id = '000000000001'";
    assert_eq!(place.by_hand().execute(revoke, []).unwrap(), 1);
    let (_, changed) = woken(&store, &cursor).await;
    assert_eq!(changed, ChangeSet::These(vec![Changed::Key(issued.id)]));

    let found = store.find_key(issued.id).await.unwrap().unwrap();
    assert_eq!(found.status, KeyStatus::Revoked);
    assert!(found.revoked_at.is_some(), "the time was filled in");
    assert!(found.revision > issued.revision);
    let event = newest_event(&store).await;
    assert_eq!(event.revision, found.revision);
    assert_eq!(event.entry.kind, EventKind::KeyEdited);
    assert_eq!(event.entry.actor, "sql");
    assert_eq!(event.entry.key, Some(issued.id));
    assert_eq!(event.entry.detail, "status active to revoked");
    // A writer who has read the old record loses, and learns why.
    let event = fixture::key_event(EventKind::KeyRenamed, issued.id);
    let error = store.update_key(&issued, &event).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_and_inserts_are_noticed_and_noted() {
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    let issued = insert_key(&store, 1).await;
    let database = place.by_hand();

    let steps = [
        (
            "UPDATE keys SET name = 'Renamed', scopes = 'calls:read' WHERE id = '000000000001'",
            Changed::Key(issued.id),
            (
                EventKind::KeyEdited,
                "name, scopes agents:read calls to calls:read",
            ),
        ),
        (
            "UPDATE accounts SET plan = 'agency' WHERE id = 'acct_1'",
            Changed::Account(account_id()),
            (EventKind::AccountEdited, "plan pro to agency"),
        ),
        (
            "INSERT INTO keys (id, account, mode, hint, digest, name, scopes, created_at)
             SELECT '000000000009', account, 'live', 'old-…', digest, 'Imported', '*', created_at
             FROM keys",
            Changed::Key(key_id(9)),
            (EventKind::KeyEdited, "inserted"),
        ),
        (
            "INSERT INTO accounts (id, plan, created_at)
             VALUES ('acct_2', 'pro', '2026-01-02T03:04:05.678Z')",
            Changed::Account("acct_2".parse().unwrap()),
            (EventKind::AccountEdited, "inserted"),
        ),
    ];
    let mut shortest = Duration::MAX;
    for (statement, expected, (kind, detail)) in steps {
        let cursor = store.changes_since(None).await.unwrap().cursor;
        database.execute(statement, []).unwrap();
        let (took, changed) = woken(&store, &cursor).await;
        shortest = shortest.min(took);
        assert_eq!(changed, ChangeSet::These(vec![expected]), "{statement}");
        let event = newest_event(&store).await;
        assert_eq!(event.entry.kind, kind, "{statement}");
        assert_eq!(event.entry.detail, detail, "{statement}");
        assert_eq!(event.entry.actor, "sql", "{statement}");
    }
    // The others may have shared the machine with somebody.
    assert!(shortest < Duration::from_secs(1), "took {shortest:?}");
    let imported = store.find_key(key_id(9)).await.unwrap().unwrap();
    assert_eq!(imported.status, KeyStatus::Active);
    assert_eq!(imported.pepper, None);
    let account = "acct_2".parse().unwrap();
    assert!(store.find_account(&account).await.unwrap().is_some());
    let balance = "SELECT balance FROM wallets WHERE account = 'acct_2'";
    assert_eq!(value(&database, balance), "0");
    // The library can go on from there.
    let renamed = store.find_key(issued.id).await.unwrap().unwrap();
    revoke(&store, &renamed).await;
}

/// Statements that the database refuses, each with the same one on a row or column where it is
/// allowed. Key 1 is active, key 2 revoked.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "UPDATE keys SET status = 'active' WHERE id = '000000000002'",
        "a revoked key stays revoked",
        "UPDATE keys SET status = 'disabled' WHERE id = '000000000001'",
    ),
    (
        "UPDATE OR REPLACE keys SET status = 'active' WHERE id = '000000000002'",
        "a revoked key stays revoked",
        "UPDATE OR REPLACE keys SET status = 'active' WHERE id = '000000000001'",
    ),
    (
        "UPDATE keys SET name = 'x' WHERE id = '000000000002'",
        "a revoked key stays revoked",
        "UPDATE keys SET name = 'x' WHERE id = '000000000001'",
    ),
    (
        "UPDATE keys SET revoked_at = NULL WHERE id = '000000000002'",
        "a revoked key stays revoked",
        "UPDATE keys SET revoked_at = NULL WHERE id = '000000000001'",
    ),
    (
        "UPDATE keys SET status = 'active', revision = (SELECT max(revision) FROM events)
         WHERE id = '000000000002'",
        "a revision is the number of an event",
        "UPDATE keys SET status = 'active' WHERE id = '000000000001'",
    ),
    (
        "UPDATE keys SET name = 'x', revision = revision + 1000 WHERE id = '000000000001'",
        "a revision is the number of an event",
        "UPDATE keys SET name = 'x', revision = revision WHERE id = '000000000001'",
    ),
    (
        "UPDATE keys SET name = 'y', revision = 1 WHERE id = '000000000001'",
        "a revision is the number of an event",
        "UPDATE keys SET name = 'y' WHERE id = '000000000001'",
    ),
    (
        "UPDATE accounts SET plan = 'x', revision = revision + 1000 WHERE id = 'acct_1'",
        "a revision is the number of an event",
        "UPDATE accounts SET plan = 'x' WHERE id = 'acct_1'",
    ),
    (
        "DELETE FROM keys WHERE id = '000000000001'",
        "keys are kept",
        "DELETE FROM key_usage",
    ),
    ("DELETE FROM keys", "keys are kept", "DELETE FROM key_usage"),
    (
        "DELETE FROM events WHERE revision = 1",
        "events are kept",
        "DELETE FROM wallet_operations",
    ),
    (
        "DELETE FROM accounts WHERE id = 'acct_1'",
        "accounts are kept",
        "DELETE FROM key_usage",
    ),
    (
        "DELETE FROM wallets WHERE account = 'acct_1'",
        "a wallet stays",
        "UPDATE wallets SET balance = 7 WHERE account = 'acct_1'",
    ),
    (
        "UPDATE wallets SET balance = -1 WHERE account = 'acct_1'",
        "balance",
        "UPDATE wallets SET balance = 0 WHERE account = 'acct_1'",
    ),
    (
        "UPDATE events SET actor = 'nobody' WHERE revision = 1",
        "events never change",
        "INSERT INTO events (at, kind, actor, account)
         VALUES ('2026-01-02T03:04:05.678Z', 'account.edited', 'me', 'acct_1')",
    ),
    (
        "INSERT OR REPLACE INTO events (revision, at, kind, actor, account)
         VALUES (1, '2026-01-02T03:04:05.678Z', 'account.edited', 'me', 'acct_1')",
        "an event is never replaced",
        "INSERT OR REPLACE INTO events (revision, at, kind, actor, account)
         VALUES (1000, '2026-01-02T03:04:05.678Z', 'account.edited', 'me', 'acct_1')",
    ),
    (
        // Behind the event 1000 of the statement before.
        "INSERT INTO events (revision, at, kind, actor, account)
         VALUES (999, '2026-01-02T03:04:05.678Z', 'account.edited', 'me', 'acct_1')",
        "events are numbered upwards",
        "INSERT INTO events (revision, at, kind, actor, account)
         VALUES (1001, '2026-01-02T03:04:05.678Z', 'account.edited', 'me', 'acct_1')",
    ),
    (
        "INSERT OR REPLACE INTO keys SELECT * FROM keys WHERE id = '000000000002'",
        "never used twice",
        "INSERT OR REPLACE INTO key_usage VALUES ('000000000001', '2026-01-02T03:04:05.678Z')",
    ),
    (
        "INSERT INTO keys (id, account, mode, hint, digest, name, scopes, created_at)
         SELECT '000000000002', account, mode, hint, digest, name, scopes, created_at
         FROM keys WHERE id = '000000000001'",
        "never used twice",
        "INSERT INTO keys (id, account, mode, hint, digest, name, scopes, created_at)
         SELECT '000000000003', account, mode, hint, digest, name, scopes, created_at
         FROM keys WHERE id = '000000000001'",
    ),
    (
        "INSERT INTO keys (id, account, mode, hint, digest, name, scopes, created_at)
         SELECT '000000000002', account, mode, hint, digest, name, scopes, created_at
         FROM keys WHERE id = '000000000001'
         ON CONFLICT (id) DO UPDATE SET status = 'active'",
        "never used twice",
        "INSERT INTO key_usage VALUES ('000000000001', '2026-01-02T03:04:05.678Z')
         ON CONFLICT (key) DO UPDATE SET last_used_at = excluded.last_used_at",
    ),
    (
        "INSERT INTO keys (id, account, mode, hint, digest, name, scopes, created_at)
         SELECT '000000000004', 'acct_0', mode, hint, digest, name, scopes, created_at
         FROM keys WHERE id = '000000000001'",
        "there is no account",
        "INSERT INTO keys (id, account, mode, hint, digest, name, scopes, created_at)
         SELECT '000000000004', account, mode, hint, digest, name, scopes, created_at
         FROM keys WHERE id = '000000000001'",
    ),
    (
        "INSERT OR REPLACE INTO accounts (id, plan, created_at)
         VALUES ('acct_1', 'agency', '2026-01-02T03:04:05.678Z')",
        "an account of that id exists",
        "INSERT OR REPLACE INTO accounts (id, plan, created_at)
         VALUES ('acct_2', 'agency', '2026-01-02T03:04:05.678Z')",
    ),
    (
        "UPDATE OR REPLACE accounts SET id = 'acct_3' WHERE id = 'acct_1'",
        "never change",
        "UPDATE OR REPLACE accounts SET plan = 'pro' WHERE id = 'acct_1'",
    ),
    (
        "UPDATE keys SET expires_at = '2026-12-31' WHERE id = '000000000001'",
        "expires_at",
        "UPDATE keys SET expires_at = '2026-12-31T00:00:00.000Z' WHERE id = '000000000001'",
    ),
    (
        "UPDATE keys SET status = 'Revoked' WHERE id = '000000000001'",
        "status",
        "UPDATE keys SET status = 'revoked' WHERE id = '000000000001'",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_is_refused() {
    // Nobody needs recursive triggers, but with them triggers fire in other places.
    for recursive in [false, true] {
        let place = Place::new();
        let store = place.open().await;
        insert_account(&store).await;
        insert_key(&store, 1).await;
        let second = insert_key(&store, 2).await;
        let revoked = revoke(&store, &second).await;
        let database = place.by_hand();
        database
            .pragma_update(None, "recursive_triggers", recursive)
            .unwrap();
        for (statement, reason, allowed) in REFUSED {
            let refused = database.execute(statement, []).expect_err(statement);
            let text = refused.to_string();
            assert!(text.contains(reason), "{statement}: {text}");
            database.execute(allowed, []).expect(allowed);
        }
        let found = store.find_key(revoked.id).await.unwrap().unwrap();
        assert_eq!(found.status, KeyStatus::Revoked);
        assert_eq!(found.revision, revoked.revision);
        let orphans = "SELECT count(*) FROM pragma_foreign_key_check";
        assert_eq!(value(&database, orphans), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_was_issued_with_never_changes() {
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    insert_key(&store, 1).await;
    let database = place.by_hand();
    database
        .execute_batch(
            "INSERT INTO accounts (id, plan, created_at)
             VALUES ('acct_2', 'pro', '2026-01-02T03:04:05.678Z')",
        )
        .unwrap();
    for change in [
        "id = '00000000000X'",
        "account = 'acct_2'",
        "mode = 'test'",
        "hint = 'x'",
        "digest = replace(digest, '0', 'f')",
        "pepper = 2",
        "pepper = NULL",
        "created_at = '2026-01-02T03:04:05.678Z'",
    ] {
        let statement = format!("UPDATE keys SET {change}");
        let refused = database.execute(&statement, []).expect_err(change);
        let text = refused.to_string();
        assert!(text.contains("never changes"), "{change}: {text}");
    }
    // The control: what may change changes, and so does a fixed column that is set to what it is.
    for change in [
        "name = 'x'",
        "description = 'x'",
        "scopes = '*'",
        "quota_per_minute = 60",
        "quota_burst = 5",
        "allowed_networks = '10.0.0.0/8'",
        "expires_at = '2026-01-02T03:04:05.678Z'",
        "replaced_by = '000000000002'",
        "superseded_at = '2026-01-02T03:04:05.678Z'",
        "status = 'disabled'",
        "pepper = 1, mode = 'live'",
    ] {
        let statement = format!("UPDATE keys SET {change}");
        assert_eq!(database.execute(&statement, []).unwrap(), 1, "{change}");
    }
}
