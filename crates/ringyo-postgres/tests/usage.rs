//! What must cost little: times of use and credits notify nobody, times of use do not wait for the
//! disk, and nodes that note them at once do not wait for each other in a ring.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::future::poll_fn;
use std::time::{Duration, Instant};

use fixture::{
    Place, account_id, at, insert_account, insert_key, key_id, operation_id, revoke, value,
};
use ringyo_key::KeyId;
use ringyo_store::{KeyStore, NewDebit, Settlement, Timestamp, WalletStore};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Client, NoTls};

#[tokio::test(flavor = "multi_thread")]
async fn only_events_notify_and_they_carry_nothing() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    let issued = insert_key(&store, 1).await;
    let (client, mut connection) = tokio_postgres::connect(&place.url(), NoTls).await.unwrap();
    let (sender, mut notified) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                let said = (
                    notification.channel().to_owned(),
                    notification.payload().to_owned(),
                );
                sender.send(said).unwrap();
            }
        }
    });
    client.batch_execute("LISTEN ringyo").await.unwrap();

    store.touch_keys(&[(issued.id, at(5))]).await.unwrap();
    let (account, grant) = (account_id(), operation_id("g"));
    store.grant(&account, &grant, 10, at(0)).await.unwrap();
    let debit = NewDebit {
        account,
        operation: operation_id("d"),
        amount: 4,
        key: issued.id,
        at: at(0),
        settlement: Settlement::Reserve,
    };
    store.debit(&debit).await.unwrap();
    let refund = Settlement::Refund;
    store
        .settle(&account_id(), &debit.operation, refund, at(1))
        .await
        .unwrap();
    let quiet = timeout(Duration::from_millis(300), notified.recv()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    // The control: a change does, once.
    revoke(&store, &issued).await;
    let said = timeout(Duration::from_secs(5), notified.recv())
        .await
        .unwrap();
    assert_eq!(said, Some(("ringyo".to_owned(), String::new())));
    let quiet = timeout(Duration::from_millis(300), notified.recv()).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

/// A trigger notes the setting that a change is committed with.
#[tokio::test(flavor = "multi_thread")]
async fn times_of_use_alone_do_not_wait_for_the_disk() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    insert_key(&store, 1).await;
    let client = place.by_hand().await;
    client
        .batch_execute(
            "CREATE TABLE noted (what text, setting text);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO ringyo.noted
                 VALUES (TG_TABLE_NAME, current_setting('synchronous_commit'));
                 RETURN NULL;
             END $$;
             CREATE TRIGGER note AFTER INSERT ON key_usage EXECUTE FUNCTION note();
             CREATE TRIGGER note AFTER UPDATE ON keys EXECUTE FUNCTION note();
             CREATE TRIGGER note AFTER UPDATE ON wallets EXECUTE FUNCTION note()",
        )
        .await
        .unwrap();
    // On one connection, where a setting that stayed would be seen.
    let single = fixture::patient().max_connections(1);
    let store = single.connect(&place.url()).await.unwrap();
    store.touch_keys(&[(key_id(1), at(5))]).await.unwrap();
    let stored = store.find_key(key_id(1)).await.unwrap().unwrap();
    revoke(&store, &stored).await;
    store.touch_keys(&[(key_id(1), at(6))]).await.unwrap();
    store
        .grant(&account_id(), &operation_id("g"), 10, at(0))
        .await
        .unwrap();
    let noted =
        "SELECT string_agg(DISTINCT what || ' ' || setting, ', ' ORDER BY what || ' ' || setting)
                 FROM noted";
    assert_eq!(
        value(&client, noted).await,
        "key_usage off, keys on, wallets on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_note_the_same_keys_in_another_order_do_not_block_each_other() {
    const KEYS: usize = 300;
    let Some(place) = Place::new() else { return };
    let nodes = [place.open().await, place.open().await];
    insert_account(&nodes[0]).await;
    for number in 0..KEYS {
        insert_key(&nodes[0], number).await;
    }
    let rising: Vec<KeyId> = (0..KEYS).map(key_id).collect();
    let falling: Vec<KeyId> = rising.iter().rev().copied().collect();
    let noting: Vec<_> = nodes
        .into_iter()
        .zip([rising, falling])
        .map(|(node, keys)| {
            tokio::spawn(async move {
                for round in 0..40 {
                    let used: Vec<(KeyId, Timestamp)> =
                        keys.iter().map(|key| (*key, at(round))).collect();
                    node.touch_keys(&used).await.unwrap();
                }
            })
        })
        .collect();
    for node in noting {
        node.await.unwrap();
    }
    let client = place.by_hand().await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let latest = "SELECT min(last_used_at) = max(last_used_at) FROM key_usage";
    assert_eq!(value(&client, latest).await, "t");
    // A session reports what it met when it ends, at the latest.
    let sessions = "SELECT count(*) FROM pg_stat_activity
                    WHERE application_name = 'ringyo' AND datname = current_database()";
    until(&client, sessions, "0").await;
    assert_eq!(value(&client, deadlocks).await, "0");
    // The control: in another order, one by one, they do.
    let other = place.by_hand().await;
    let touch = |number: usize| {
        format!(
            "UPDATE key_usage SET last_used_at = now() WHERE key = '{}'",
            key_id(number)
        )
    };
    client
        .batch_execute(&format!("BEGIN; {}", touch(1)))
        .await
        .unwrap();
    other
        .batch_execute(&format!("BEGIN; {}", touch(2)))
        .await
        .unwrap();
    let (first, second) = (touch(2), touch(1));
    let (one, two) = tokio::join!(client.batch_execute(&first), other.batch_execute(&second));
    assert!(one.is_err() || two.is_err(), "no deadlock");
    drop((client, other));
    until(&place.by_hand().await, deadlocks, "1").await;
}

async fn until(client: &Client, sql: &str, expected: &str) {
    let start = Instant::now();
    while value(client, sql).await != expected {
        assert!(start.elapsed() < Duration::from_secs(20), "{sql}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// More than go in one statement.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_of_uses_is_noted_whole() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    insert_key(&store, 1).await;
    let client = place.by_hand().await;
    client
        .batch_execute(
            "INSERT INTO keys (id, account, mode, hint, digest, name, scopes, created_at)
             SELECT lpad(n::text, 12, '0'), account, mode, hint, digest, name, scopes, created_at
             FROM keys, generate_series(2, 10000) AS n",
        )
        .await
        .unwrap();
    let used: Vec<(KeyId, Timestamp)> = (0..=10_001).map(|n| (key_id(n), at(n as i64))).collect();
    store.touch_keys(&used).await.unwrap();
    let right = "SELECT count(*) FROM key_usage
                 WHERE last_used_at = '2026-01-01Z'::timestamptz + key::int * interval '1 second'";
    assert_eq!(
        value(&client, right).await,
        "10000",
        "and the two that are unknown are not there"
    );
    assert_eq!(
        value(&client, "SELECT count(*) FROM key_usage").await,
        "10000"
    );
}
