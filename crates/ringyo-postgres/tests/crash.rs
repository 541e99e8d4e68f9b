//! A server that crashes gives numbers of transactions out again whose traces had not reached the
//! log on disk. No follower of the feed that read before the crash misses a change that got one.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::collections::HashSet;
use std::process::Command;
use std::time::{Duration, Instant};

use fixture::{insert_account, insert_key, key_id, patient, revoke, value};
use ringyo_postgres::PostgresStore;
use ringyo_store::{ChangeFeed, ChangeSet, Changed, Cursor, KeyRecord, KeyStore};
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};
use xtask::servers::{Postgres, PostgresOptions, for_tests};

/// How often the server crashes, and how many keys are revoked after each crash.
const ROUNDS: usize = 5;
const KEYS: usize = 8;

/// How many transactions have had a number and left no trace on the disk.
const BURNT: usize = 40;

/// A server that takes its time to write down what nobody waits for.
fn lazy() -> Option<Postgres> {
    let options = PostgresOptions::new()
        .setting("wal_writer_delay", "10s")
        .setting("wal_writer_flush_after", "1GB")
        .setting("bgwriter_delay", "10s")
        .setting("checkpoint_timeout", "1h")
        .setting("autovacuum", "off");
    for_tests::postgres(options)
}

/// A node whose follower has read up to a place, from which on numbers are given out again.
struct BeforeTheCrash {
    keys: Vec<KeyRecord>,
    cursor: Cursor,
}

impl BeforeTheCrash {
    async fn come(store: &PostgresStore, client: &Client, round: usize) -> Self {
        let mut keys = Vec::new();
        for number in 0..KEYS {
            keys.push(insert_key(store, round * KEYS + number).await);
        }
        for _ in 0..BURNT {
            // Committed, and not waited for, since nothing was written.
            let burn = "SELECT pg_current_xact_id()";
            client.batch_execute(burn).await.unwrap();
        }
        let cursor = store.changes_since(None).await.unwrap().cursor;
        Self { keys, cursor }
    }

    /// Revokes the keys after the crash, and says which of them a follower would have missed that
    /// goes by the snapshot of its cursor alone.
    async fn revoke_all(&self, store: &PostgresStore, client: &Client) -> HashSet<String> {
        for key in &self.keys {
            revoke(store, key).await;
        }
        let (_, snapshot) = self.cursor.as_str().rsplit_once('/').unwrap();
        let hidden = format!(
            "SELECT string_agg(key, ' ') FROM events
             WHERE kind = 'key.revoked' AND key >= '{}'
               AND (xid < pg_snapshot_xmin('{snapshot}')
                    OR pg_visible_in_snapshot(xid, '{snapshot}'))",
            self.keys[0].id
        );
        let hidden = value(client, &hidden).await;
        let hidden = hidden.split(' ').filter(|key| *key != "NULL");
        hidden.map(str::to_owned).collect()
    }

    fn history(&self) -> &str {
        self.cursor.as_str().split_once('/').unwrap().0
    }
}

/// A session, as soon as the server makes any.
async fn by_hand_again(url: &str) -> Client {
    let start = Instant::now();
    while let Err(error) = tokio_postgres::connect(url, NoTls).await {
        assert!(start.elapsed() < Duration::from_secs(60), "{error}");
        sleep(Duration::from_millis(20)).await;
    }
    fixture::by_hand(url).await
}

async fn recovers(store: &PostgresStore) {
    let start = Instant::now();
    while store.ready().await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(60));
        sleep(Duration::from_millis(20)).await;
    }
}

/// Only a session is killed, and the server starts over by itself: it is the same one to all who
/// ask, by everything that a cursor says of its history.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_of_a_session_no_change_is_hidden() {
    let Some(server) = lazy() else { return };
    let url = server.url("postgres");
    let store = patient().connect(&url).await.unwrap();
    insert_account(&store).await;
    let mut at_risk = 0;
    for round in 0..ROUNDS {
        let client = fixture::by_hand(&url).await;
        let before = BeforeTheCrash::come(&store, &client, round).await;
        let bystander = fixture::by_hand(&url).await;
        let victim = value(&client, "SELECT pg_backend_pid()").await;
        let killed = Command::new("kill").args(["-KILL", &victim]).status();
        assert!(killed.unwrap().success());
        // The server ends all others, too, before it starts over.
        while bystander.simple_query("").await.is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
        let client = by_hand_again(&url).await;
        recovers(&store).await;
        let hidden = before.revoke_all(&store, &client).await;
        let changes = store.changes_since(Some(&before.cursor)).await.unwrap();
        let ChangeSet::These(these) = changes.changed else {
            panic!("it is another history, and there is nothing to show");
        };
        assert!(changes.cursor.as_str().starts_with(before.history()));
        let told: HashSet<Changed> = these.into_iter().collect();
        for key in &before.keys {
            let id = key.id;
            assert!(told.contains(&Changed::Key(id)), "{id} is hidden");
        }
        // And once only: what comes next is new again.
        let next = store.changes_since(Some(&changes.cursor)).await.unwrap();
        assert_eq!(next.changed, ChangeSet::These(Vec::new()));
        at_risk += hidden.len();
    }
    println!(
        "of {} revocations {at_risk} got a number that had been given out",
        ROUNDS * KEYS
    );
    // The control.
    assert!(at_risk > 0, "no number came again, so nothing was shown");
}

/// The server is killed with all its sessions, and started: a follower is told to forget all.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_of_the_server_no_change_is_hidden() {
    let Some(mut server) = lazy() else { return };
    let url = server.url("postgres");
    let store = patient().connect(&url).await.unwrap();
    insert_account(&store).await;
    let mut at_risk = 0;
    for round in 0..ROUNDS {
        let client = fixture::by_hand(&url).await;
        let before = BeforeTheCrash::come(&store, &client, round).await;
        server.kill().unwrap();
        server.start().unwrap();
        recovers(&store).await;
        let client = fixture::by_hand(&url).await;
        at_risk += before.revoke_all(&store, &client).await.len();
        let changes = store.changes_since(Some(&before.cursor)).await.unwrap();
        assert_eq!(changes.changed, ChangeSet::Everything);
        assert!(!changes.cursor.as_str().starts_with(before.history()));
        for key in &before.keys {
            assert!(store.find_key(key.id).await.unwrap().is_some());
        }
    }
    println!(
        "of {} revocations {at_risk} got a number that had been given out",
        ROUNDS * KEYS
    );
    // The control.
    assert!(at_risk > 0, "no number came again, so nothing was shown");
    assert!(store.find_key(key_id(0)).await.unwrap().is_some());
}
