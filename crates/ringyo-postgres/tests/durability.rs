//! Somebody lets the server forget while a store is open: it is said, once.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::time::{Duration, Instant};

use fixture::{insert_account, insert_key, key_id, patient, value};
use ringyo_postgres::{DurabilityRisk, PostgresStore};
use ringyo_store::KeyStore;
use tokio::time::sleep;
use tokio_postgres::Client;
use xtask::log::Captured;
use xtask::servers::{PostgresOptions, for_tests};

/// Until a store has looked, on a busy machine.
const LOOKED: Duration = Duration::from_secs(15);

fn count(log: &Captured, level: &str, text: &str) -> usize {
    let log = log.text();
    let lines = log.lines();
    let lines = lines.filter(|line| line.contains(level) && line.contains(text));
    lines.count()
}

async fn until(store: &PostgresStore, expected: &[DurabilityRisk]) {
    let start = Instant::now();
    while store.durability_risks() != expected {
        let found = store.durability_risks();
        assert!(start.elapsed() < LOOKED, "{found:?} and not {expected:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// New sessions, of which each looks.
async fn look_again_and_again(store: &PostgresStore, client: &Client) {
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE application_name = 'ringyo'";
    for _ in 0..5 {
        assert_ne!(value(client, end).await, "0");
        store.load_key(key_id(1)).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_later_is_reported_once() {
    let log = Captured::default();
    let writer = log.clone();
    // Before the server: whoever listens first is the one who does.
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let Some(server) = for_tests::postgres(PostgresOptions::new().fsync()) else {
        return;
    };
    let url = server.url("postgres");
    let store = patient().connect(&url).await.unwrap();
    insert_account(&store).await;
    insert_key(&store, 1).await;
    let client = fixture::by_hand(&url).await;
    look_again_and_again(&store, &client).await;
    assert_eq!(store.durability_risks(), [], "the control");
    assert_eq!(count(&log, "WARN", "is off"), 0, "the control");

    // For the whole server, and noticed though nobody asks for anything.
    for statement in ["ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"] {
        client.batch_execute(statement).await.unwrap();
    }
    let (fsync, commit) = (
        DurabilityRisk::FsyncOff,
        DurabilityRisk::SynchronousCommitOff,
    );
    until(&store, &[fsync]).await;
    // For the role alone, which no session that is there could see.
    client
        .batch_execute("ALTER ROLE postgres SET synchronous_commit = off")
        .await
        .unwrap();
    until(&store, &[fsync, commit]).await;
    look_again_and_again(&store, &client).await;
    for risk in [fsync, commit] {
        assert_eq!(count(&log, "WARN", &risk.to_string()), 1, "{risk}");
    }

    for statement in [
        "ALTER ROLE postgres RESET synchronous_commit",
        "ALTER SYSTEM SET fsync = on",
        "SELECT pg_reload_conf()",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    until(&store, &[]).await;
    look_again_and_again(&store, &client).await;
    for setting in ["fsync", "synchronous_commit"] {
        let on = format!("`{setting}` is on again");
        assert_eq!(count(&log, "INFO", &on), 1, "{setting}");
    }
}
