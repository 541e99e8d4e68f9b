//! Another server takes the place of the one that a store speaks to, which lives on: nobody goes
//! on with that.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::time::{Duration, Instant};

use fixture::{address, at, insert_account, insert_key, key, key_event, key_id, patient, revoke};
use ringyo_postgres::{DurabilityRisk, PostgresStore};
use ringyo_store::{ChangeFeed, ChangeSet, EventKind, KeyRecord, KeyStatus, KeyStore};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use xtask::servers::{Postgres, PostgresOptions, Proxy, for_tests};

/// Until a store has looked who is there, on a busy machine.
const LOOKED: Duration = Duration::from_secs(15);

const CONNECTIONS: usize = 6;

/// Two servers that live, of which the second is to take the place of the first: the key is active
/// at the one and revoked at the other.
struct Stage {
    old: Postgres,
    new: Postgres,
    proxy: Proxy,
    store: PostgresStore,
    at_old: Client,
    at_new: Client,
}

impl Stage {
    async fn set() -> Option<Self> {
        let old = for_tests::postgres(PostgresOptions::new().fsync())?;
        let new = for_tests::postgres(PostgresOptions::new())?;
        let other = patient().connect(&new.url("postgres")).await.unwrap();
        insert_account(&other).await;
        let issued = insert_key(&other, 1).await;
        revoke(&other, &issued).await;
        other.close();
        let (proxy, url) = fixture::proxy(&old);
        let options = patient().max_connections(CONNECTIONS);
        let store = options.connect(&url).await.unwrap();
        insert_account(&store).await;
        insert_key(&store, 1).await;
        let at_old = fixture::by_hand(&old.url("postgres")).await;
        let at_new = fixture::by_hand(&new.url("postgres")).await;
        // One password for both, as behind any address.
        let password = url.split([':', '@']).nth(2).unwrap();
        let set = format!("ALTER ROLE postgres PASSWORD '{password}'");
        at_new.batch_execute(&set).await.unwrap();
        let stage = Self {
            old,
            new,
            proxy,
            store,
            at_old,
            at_new,
        };
        // All of them speak to the old one, and one listens there.
        stage.fill_the_pool().await;
        stage.until(&stage.at_old, LISTENING, "1").await;
        Some(stage)
    }

    /// As many connections as there may be are made, by calls that wait for one another.
    async fn fill_the_pool(&self) {
        self.at_old
            .batch_execute("BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
            .await
            .unwrap();
        let calls: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let store = self.store.clone();
                tokio::spawn(async move { store.ready().await })
            })
            .collect();
        self.until(&self.at_old, WAITING, &CONNECTIONS.to_string())
            .await;
        self.at_old.batch_execute("COMMIT").await.unwrap();
        for call in calls {
            call.await.unwrap().unwrap();
        }
    }

    async fn until(&self, client: &Client, sql: &str, expected: &str) {
        let start = Instant::now();
        loop {
            let value = fixture::value(client, sql).await;
            if value == expected {
                return;
            }
            assert!(start.elapsed() < LOOKED, "{sql} gives {value}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn events_at_old(&self) -> String {
        fixture::value(&self.at_old, "SELECT count(*) FROM events").await
    }
}

const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted";

const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ringyo'";

const LISTENING: &str = "SELECT count(*) FROM pg_stat_activity
                         WHERE application_name = 'ringyo' AND query LIKE 'LISTEN%'";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_goes_on_with_the_old_server() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let cursor = stage.store.changes_since(None).await.unwrap().cursor;
    let events = stage.events_at_old().await;
    stage.proxy.redirect(address(&stage.new));
    // The control: the old one answers as ever, and is as safe.
    assert_eq!(stage.store.durability_risks(), []);
    let loaded = stage.store.load_key(key_id(1)).await.unwrap().unwrap();
    assert_eq!(loaded.key.status, KeyStatus::Active);
    // Whoever waits for changes is woken without anything having changed.
    let start = Instant::now();
    let woken = timeout(LOOKED, stage.store.changed(&cursor)).await;
    woken.expect("a follower hears that everything may have changed");
    println!("noticed after {:?}", start.elapsed());
    // From then on, with all connections at once.
    let calls: Vec<_> = (0..4 * CONNECTIONS)
        .map(|_| {
            let (store, cursor) = (stage.store.clone(), cursor.clone());
            tokio::spawn(async move {
                let changes = store.changes_since(Some(&cursor)).await.unwrap();
                assert_eq!(changes.changed, ChangeSet::Everything);
                store.load_key(key_id(1)).await.unwrap().unwrap().key.status
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), KeyStatus::Revoked);
    }
    insert_key(&stage.store, 2).await;
    assert_eq!(
        stage.events_at_old().await,
        events,
        "nothing is written there"
    );
    stage.until(&stage.at_old, SESSIONS, "0").await;
    let risks = stage.store.durability_risks();
    assert_eq!(risks, [DurabilityRisk::FsyncOff], "as the new one is set");
}

/// The pool finds it first, and the session that listens has nothing to complain of.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_to_the_old_server() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.proxy.redirect(address(&stage.new));
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE application_name = 'ringyo' AND query NOT LIKE 'LISTEN%'";
    assert_ne!(fixture::value(&stage.at_old, end).await, "0");
    assert_eq!(
        fixture::value(&stage.at_old, LISTENING).await,
        "1",
        "the control"
    );
    // As soon as somebody asks for anything, long before the next look.
    let loaded = stage.store.load_key(key_id(1)).await.unwrap().unwrap();
    assert_eq!(loaded.key.status, KeyStatus::Revoked);
    let start = Instant::now();
    stage.until(&stage.at_new, LISTENING, "1").await;
    stage.until(&stage.at_old, SESSIONS, "0").await;
    println!("listens after {:?}", start.elapsed());
    let cursor = stage.store.changes_since(None).await.unwrap().cursor;
    let waiting = {
        let store = stage.store.clone();
        tokio::spawn(async move { store.changed(&cursor).await })
    };
    sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished(), "woken without a change");
    let edit = "UPDATE accounts SET plan = 'agency'";
    stage.at_new.batch_execute(edit).await.unwrap();
    timeout(LOOKED, waiting).await.unwrap().unwrap();
}

/// A change is on its way at the old server when the new one is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_under_way_is_not_made_at_the_old_server() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    // It waits there for a lock.
    stage
        .at_old
        .batch_execute("BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let inserting = {
        let store = stage.store.clone();
        tokio::spawn(async move { insert_key(&store, 7).await })
    };
    stage.until(&stage.at_old, WAITING, "1").await;
    stage.proxy.redirect(address(&stage.new));
    // A reader that does not need what is locked finds out.
    let start = Instant::now();
    while stage
        .store
        .load_key(key_id(1))
        .await
        .unwrap()
        .unwrap()
        .key
        .status
        == KeyStatus::Active
    {
        assert!(start.elapsed() < LOOKED);
        sleep(Duration::from_millis(10)).await;
    }
    stage.at_old.batch_execute("COMMIT").await.unwrap();
    let inserted: KeyRecord = inserting.await.unwrap();
    let there = "SELECT count(*) FROM keys WHERE id = '000000000007'";
    assert_eq!(fixture::value(&stage.at_old, there).await, "0");
    assert_eq!(fixture::value(&stage.at_new, there).await, "1");
    assert_eq!(inserted.name, key(7).name);
    // The control: whoever goes on with the old one could have written it there.
    let stubborn = patient().connect(&stage.old.url("postgres")).await.unwrap();
    let mut event = key_event(EventKind::KeyIssued, key_id(7));
    event.at = at(7);
    stubborn.insert_key(&key(7), None, &event).await.unwrap();
    assert_eq!(fixture::value(&stage.at_old, there).await, "1");
}
