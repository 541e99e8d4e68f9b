//! What a call answers when the server, the network or another transaction is in its way, and
//! that it goes on when that is over.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::time::{Duration, Instant};

use fixture::{
    Place, account_id, at, insert_account, insert_key, key_event, key_id, operation_id, patient,
    proxy, revoke, value,
};
use ringyo_postgres::PostgresStore;
use ringyo_store::{
    ChangeFeed, EventKind, KeyRecord, KeyStatus, KeyStore, NewDebit, Settlement, StoreError,
    StoreErrorKind, WalletStore,
};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use xtask::servers::{Behaviour, PostgresOptions, for_tests};

/// What a call may take beyond its deadline on a busy machine.
const SLACK: Duration = Duration::from_millis(700);

const CONNECT: Duration = Duration::from_millis(500);
const STATEMENT: Duration = Duration::from_millis(500);

async fn hasty(url: &str) -> PostgresStore {
    // Made while the server is well, so that it is the calls that are measured.
    let options = PostgresStore::options()
        .connect_timeout(CONNECT)
        .statement_timeout(STATEMENT)
        .max_connections(4);
    for _ in 0..20 {
        match options.connect(url).await {
            Ok(store) => return store,
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}"),
        }
    }
    panic!("the server does not answer within {CONNECT:?}");
}

/// Checks that every one of many calls at once says in time that there is no answer.
async fn assert_unavailable_in_time(store: &PostgresStore) {
    let start = Instant::now();
    let calls: Vec<_> = (0..24)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                match number % 5 {
                    4 => {
                        // All in one line.
                        let debit = NewDebit {
                            account: account_id(),
                            operation: operation_id(&format!("debit {number}")),
                            amount: 0,
                            key: key_id(1),
                            at: at(1),
                            settlement: Settlement::Commit,
                        };
                        sleep(Duration::from_millis(number * 10)).await;
                        store.debit(&debit).await.map(|_| ())
                    }
                    0 => store.load_key(key_id(1)).await.map(|_| ()),
                    1 => store.ready().await,
                    2 => store.touch_keys(&[(key_id(1), at(9))]).await,
                    _ => store.balance(&account_id()).await.map(|_| ()),
                }
            })
        })
        .collect();
    for call in calls {
        let error: StoreError = call.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
    let took = start.elapsed();
    assert!(
        took < CONNECT + STATEMENT + SLACK,
        "answered after {took:?}"
    );
}

/// Until the store answers again.
async fn recovers(store: &PostgresStore) -> Duration {
    let start = Instant::now();
    while let Err(error) = store.load_key(key_id(1)).await {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(10), "{error:?}");
        sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

async fn filled(url: &str) -> PostgresStore {
    let store = patient().connect(url).await.unwrap();
    insert_account(&store).await;
    insert_key(&store, 1).await;
    store.close();
    hasty(url).await
}

async fn sessions(client: &Client) -> String {
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE application_name = 'ringyo' AND datname = current_database()";
    value(client, count).await
}

const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                         WHERE application_name = 'ringyo' AND datname = current_database()";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_unavailable_and_one_that_is_back_is_used() {
    let Some(mut server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let store = filled(&server.url("postgres")).await;
    server.stop().unwrap();
    assert_unavailable_in_time(&store).await;
    server.start().unwrap();
    let took = recovers(&store).await;
    assert!(took < Duration::from_secs(1) + SLACK, "back after {took:?}");
    // One that was away between two calls is not even noticed.
    server.restart().unwrap();
    sleep(Duration::from_millis(50)).await;
    assert!(store.load_key(key_id(1)).await.unwrap().is_some());
    // What was answered before a crash is there after it.
    insert_key(&store, 2).await;
    server.kill().unwrap();
    server.start().unwrap();
    recovers(&store).await;
    assert!(store.find_key(key_id(2)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_unavailable_in_time() {
    let Some(server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let store = filled(&server.url("postgres")).await;
    let client = fixture::by_hand(&server.url("postgres")).await;
    server.freeze().unwrap();
    // The control: without a deadline there is no answer.
    let silent = timeout(Duration::from_secs(2), client.batch_execute("SELECT 1"));
    assert!(silent.await.is_err(), "a frozen server has answered");
    for _ in 0..3 {
        assert_unavailable_in_time(&store).await;
    }
    server.thaw().unwrap();
    let took = recovers(&store).await;
    assert!(took < Duration::from_secs(1) + SLACK, "back after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything_is_unavailable_in_time() {
    let Some(server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let (mut proxy, url) = proxy(&server);
    let store = filled(&url).await;
    proxy.behave(Behaviour::Swallow);
    assert_unavailable_in_time(&store).await;
    proxy.cut();
    proxy.behave(Behaviour::Pass);
    recovers(&store).await;
    proxy.refuse();
    proxy.cut();
    assert_unavailable_in_time(&store).await;
    proxy.accept().unwrap();
    recovers(&store).await;
    // The control: through the same proxy, when it does nothing, all is well.
    insert_key(&store, 2).await;
}

/// A server that is killed the moment a revocation was answered has it when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_was_answered_survives_a_kill_of_the_server() {
    const ROUNDS: usize = 8;
    let Some(mut server) = for_tests::postgres(PostgresOptions::new().fsync()) else {
        return;
    };
    let store = patient().connect(&server.url("postgres")).await.unwrap();
    insert_account(&store).await;
    for round in 0..ROUNDS {
        let issued = insert_key(&store, round).await;
        revoke(&store, &issued).await;
        server.kill().unwrap();
        // The control: nobody answers for it now.
        assert!(store.find_key(issued.id).await.is_err());
        server.start().unwrap();
        recovers(&store).await;
        let found = store.find_key(issued.id).await.unwrap().unwrap();
        assert_eq!(found.status, KeyStatus::Revoked, "round {round}");
    }
}

/// The connection is cut after so many bytes of the answers: whatever the call says is so, and
/// nothing is half there.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_in_the_middle_of_an_answer_tears_nothing() {
    let Some(server) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let (proxy, url) = proxy(&server);
    let store = filled(&url).await;
    let client = fixture::by_hand(&server.url("postgres")).await;
    let (mut done, mut unknown) = (0, 0);
    for round in 0..60 {
        let key = fixture::key(100 + round);
        proxy.cut_after(round * 23);
        let event = key_event(EventKind::KeyIssued, key.id);
        let inserted = store.insert_key(&key, None, &event).await;
        // A call that was repeated after a cut finds what the first attempt did, or not: never
        // half of it.
        let rows = format!("SELECT count(*) FROM keys WHERE id = '{}'", key.id);
        let events = format!("SELECT count(*) FROM events WHERE key = '{}'", key.id);
        let there = value(&client, &rows).await;
        assert_eq!(value(&client, &events).await, there, "round {round}");
        match inserted {
            Ok(_) => {
                assert_eq!(there, "1", "round {round}");
                done += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
                unknown += 1;
            }
        }
    }
    assert!(done > 0, "{unknown} of 60 calls were cut, none went on");
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_sessions_are_not_noticed() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    insert_key(&store, 1).await;
    let client = place.by_hand().await;
    for round in 2..12 {
        assert_ne!(value(&client, TERMINATE).await, "0", "the control");
        assert!(store.load_key(key_id(1)).await.unwrap().is_some());
        assert_ne!(value(&client, TERMINATE).await, "0", "the control");
        insert_key(&store, round).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_was_ended_comes_back_and_wakes_who_waits() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    insert_key(&store, 1).await;
    let client = place.by_hand().await;
    let listening = "SELECT count(*) FROM pg_stat_activity
                     WHERE query LIKE 'LISTEN%' AND datname = current_database()";
    for round in 0..5 {
        let start = Instant::now();
        while value(&client, listening).await != "1" {
            assert!(start.elapsed() < Duration::from_secs(10), "nobody listens");
            sleep(Duration::from_millis(10)).await;
        }
        let cursor = store.changes_since(None).await.unwrap().cursor;
        let waiting = {
            let (store, cursor) = (store.clone(), cursor.clone());
            tokio::spawn(async move { store.changed(&cursor).await })
        };
        sleep(Duration::from_millis(100)).await;
        assert!(!waiting.is_finished(), "woken without a change");
        // Ended before the change is committed, so that its notification finds nobody.
        let change = format!(
            "BEGIN; {};
             UPDATE keys SET name = 'round {round}'; COMMIT",
            listening.replace("count(*)", "pg_terminate_backend(pid)")
        );
        client.batch_execute(&change).await.unwrap();
        let woken = timeout(Duration::from_secs(5), waiting).await;
        woken.expect("who waits is woken").unwrap();
    }
}

/// The other transaction holds the account and wants the key, the store the other way round; the
/// store is the one that the server gives up.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_tried_again() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    let old = insert_key(&store, 1).await;
    let client = place.by_hand().await;
    client
        .batch_execute(
            "SET deadlock_timeout = '60s'; BEGIN;
             SELECT FROM accounts WHERE id = 'acct_1' FOR UPDATE",
        )
        .await
        .unwrap();
    let replacing = {
        let (store, new) = (store.clone(), fixture::key(2));
        tokio::spawn(async move {
            let event = key_event(EventKind::KeyRegenerated, old.id);
            let new_event = key_event(EventKind::KeyIssued, new.id);
            store
                .replace_key(&old, &event, &new, &new_event, Some(5))
                .await
        })
    };
    // It has the key and waits for the account.
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE application_name = 'ringyo' AND wait_event_type = 'Lock'
                   AND datname = current_database()";
    let other = place.by_hand().await;
    while value(&other, waits).await == "0" {
        sleep(Duration::from_millis(10)).await;
    }
    client
        .batch_execute("SELECT FROM keys WHERE id = '000000000001' FOR UPDATE; COMMIT")
        .await
        .unwrap();
    replacing.await.unwrap().unwrap();
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let start = Instant::now();
    // Counted a little later, by the session that ended.
    while value(&other, deadlocks).await == "0" {
        assert!(
            start.elapsed() < Duration::from_secs(15),
            "there was no deadlock"
        );
        sleep(Duration::from_millis(200)).await;
    }
}

/// A trigger stands in for whatever makes transactions fail to serialize.
#[tokio::test(flavor = "multi_thread")]
async fn serialization_failures_are_tried_again_a_few_times() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    let client = place.by_hand().await;
    client
        .batch_execute(
            "CREATE SEQUENCE attempts;
             CREATE TABLE plan AS SELECT 2 AS failures;
             CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF nextval('ringyo.attempts') <= (SELECT failures FROM ringyo.plan) THEN
                     RAISE EXCEPTION 'planted' USING ERRCODE = '40001';
                 END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER fails BEFORE INSERT ON keys FOR EACH ROW EXECUTE FUNCTION fail()",
        )
        .await
        .unwrap();
    insert_key(&store, 1).await;
    assert_eq!(value(&client, "SELECT last_value FROM attempts").await, "3");
    // And not forever.
    client
        .batch_execute("UPDATE plan SET failures = 1000000; SELECT setval('attempts', 100)")
        .await
        .unwrap();
    let event = key_event(EventKind::KeyIssued, key_id(2));
    let error = store.insert_key(&fixture::key(2), None, &event).await;
    assert_eq!(error.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(
        value(&client, "SELECT last_value FROM attempts").await,
        "103"
    );
    assert!(store.find_key(key_id(2)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_is_unavailable_in_time() {
    let Some(place) = Place::new() else { return };
    let filling = place.open().await;
    insert_account(&filling).await;
    let stored = insert_key(&filling, 1).await;
    let store = hasty(&place.url()).await;
    let client = place.by_hand().await;
    client
        .batch_execute("BEGIN; SELECT FROM keys FOR UPDATE")
        .await
        .unwrap();
    let renamed = KeyRecord {
        name: "Another".to_owned(),
        ..stored
    };
    let event = key_event(EventKind::KeyRenamed, renamed.id);
    let start = Instant::now();
    let error = store.update_key(&renamed, &event).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let took = start.elapsed();
    assert!(took < CONNECT + STATEMENT + SLACK, "gave up after {took:?}");
    // Reading goes on, and so does writing once the lock is gone.
    assert!(store.load_key(renamed.id).await.unwrap().is_some());
    client.batch_execute("ROLLBACK").await.unwrap();
    store.update_key(&renamed, &event).await.unwrap();
}

/// Statements that are each in time do not add up to more than the deadline of the call.
#[tokio::test(flavor = "multi_thread")]
async fn slow_statements_do_not_add_up() {
    let Some(place) = Place::new() else { return };
    let filling = place.open().await;
    insert_account(&filling).await;
    let old = insert_key(&filling, 1).await;
    let store = hasty(&place.url()).await;
    let client = place.by_hand().await;
    let slow = |seconds: f64| {
        format!(
            "CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$;
             CREATE OR REPLACE TRIGGER slow BEFORE INSERT OR UPDATE ON keys
             FOR EACH ROW EXECUTE FUNCTION slow();
             CREATE OR REPLACE TRIGGER slow BEFORE INSERT ON events
             FOR EACH ROW EXECUTE FUNCTION slow()"
        )
    };
    let replace = async || {
        let new = fixture::key(2);
        let event = key_event(EventKind::KeyRegenerated, old.id);
        let new_event = key_event(EventKind::KeyIssued, new.id);
        let replaced = store.replace_key(&old, &event, &new, &new_event, None);
        replaced.await.map(|_| ())
    };
    // Four of them, each shorter than the deadline of a statement.
    client.batch_execute(&slow(0.35)).await.unwrap();
    let error = replace().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    assert!(store.find_key(key_id(2)).await.unwrap().is_none());
    // The control: the same is done when they are short together.
    client.batch_execute(&slow(0.01)).await.unwrap();
    replace().await.unwrap();
}

/// A call that is given up costs its connection and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_given_up_leave_nothing_behind() {
    let Some(place) = Place::new() else { return };
    let store = patient()
        .max_connections(3)
        .connect(&place.url())
        .await
        .unwrap();
    insert_account(&store).await;
    let client = place.by_hand().await;
    client
        .batch_execute("BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    for number in 1..=20 {
        let given_up = timeout(Duration::from_millis(20), insert_key(&store, number));
        assert!(given_up.await.is_err(), "the lock did not hold");
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    insert_key(&store, 30).await;
    let start = Instant::now();
    while value(&client, "SELECT count(*) FROM pg_locks WHERE NOT granted").await != "0" {
        assert!(start.elapsed() < Duration::from_secs(30));
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(value(&client, "SELECT count(*) FROM keys").await, "1");
    // The server may not have ended all of those that were given up.
    loop {
        let open: usize = sessions(&client).await.parse().unwrap();
        if open <= 4 {
            break;
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{open} sessions of a store that may have 3 and a listener"
        );
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_answers_nothing_and_leaves_no_session() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    let clone = store.clone();
    let client = place.by_hand().await;
    assert_ne!(sessions(&client).await, "0");
    store.close();
    clone.close();
    let error = clone.load_key(key_id(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("closed"), "{error}");
    assert!(clone.ready().await.is_err());
    let start = Instant::now();
    while sessions(&client).await != "0" {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "sessions are left"
        );
        sleep(Duration::from_millis(10)).await;
    }
    // And without a word: the last clone that is dropped ends them.
    let store = place.open().await;
    insert_key(&store, 1).await;
    drop(store);
    while sessions(&client).await != "0" {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "sessions are left"
        );
        sleep(Duration::from_millis(10)).await;
    }
}
