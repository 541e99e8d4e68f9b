//! A network loses everything for a while, and with it the connections that there were: nobody is
//! told. A second after it is back, all is well.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fixture::{insert_account, insert_key, key_id};
use ringyo_postgres::PostgresStore;
use ringyo_store::{ChangeFeed, KeyStore, StoreErrorKind, WalletStore};
use tokio::time::sleep;
use xtask::servers::{Behaviour, Postgres, PostgresOptions, Proxy, for_tests};

/// Within which a store is to be back.
const BACK: Duration = Duration::from_secs(1);

/// What it may take beyond that on a busy machine.
const SLACK: Duration = Duration::from_millis(400);

const CONNECTIONS: usize = 10;

/// A store with the deadlines that it has unless told otherwise, whose connections have all been
/// made.
async fn stage() -> Option<(Postgres, Proxy, PostgresStore)> {
    let server = for_tests::postgres(PostgresOptions::new())?;
    let (proxy, url) = fixture::proxy(&server);
    let options = PostgresStore::options().max_connections(CONNECTIONS);
    let mut store = None;
    for _ in 0..20 {
        store = options.connect(&url).await.ok();
        if store.is_some() {
            break;
        }
    }
    let store = store.unwrap();
    insert_account(&store).await;
    insert_key(&store, 1).await;
    let client = fixture::by_hand(&server.url("postgres")).await;
    // Calls that wait for one another need a connection each.
    client
        .batch_execute("BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let calls: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.ready().await })
        })
        .collect();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    while fixture::value(&client, waiting).await != CONNECTIONS.to_string() {
        assert!(calls.iter().all(|call| !call.is_finished()));
        sleep(Duration::from_millis(10)).await;
    }
    client.batch_execute("COMMIT").await.unwrap();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    Some((server, proxy, store))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_finds_out_for_all_connections() {
    let Some((_server, proxy, store)) = stage().await else {
        return;
    };
    proxy.behave(Behaviour::Lose);
    // The control: that is how long one connection that leads nowhere costs.
    let start = Instant::now();
    let error = store.ready().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    assert!(start.elapsed() > BACK, "{:?}", start.elapsed());
    proxy.behave(Behaviour::Pass);
    let start = Instant::now();
    for _ in 0..CONNECTIONS {
        store.load_key(key_id(1)).await.unwrap().unwrap();
    }
    let took = start.elapsed();
    assert!(took < BACK + SLACK, "back after {took:?}");
    println!("back after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_all_the_time_is_answered_within_a_second() {
    let Some((_server, proxy, store)) = stage().await else {
        return;
    };
    for round in 0..3 {
        proxy.behave(Behaviour::Lose);
        let is_back = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..24)
            .map(|number| {
                let (store, is_back) = (store.clone(), Arc::clone(&is_back));
                tokio::spawn(async move {
                    let mut failures = 0;
                    loop {
                        // What ends after the return may have begun before it.
                        let is_over = is_back.load(Ordering::SeqCst);
                        let answer = match number % 3 {
                            0 => store.load_key(key_id(1)).await.map(|_| ()),
                            1 => store.ready().await,
                            _ => store.balance(&fixture::account_id()).await.map(|_| ()),
                        };
                        match answer {
                            Ok(()) => return (Instant::now(), failures),
                            Err(error) => {
                                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                                assert!(!is_over, "fails after the return: {error:?}");
                                failures += 1;
                                sleep(Duration::from_millis(5 * number)).await;
                            }
                        }
                    }
                })
            })
            .collect();
        sleep(Duration::from_millis(4_500 + 400 * round)).await;
        proxy.behave(Behaviour::Pass);
        is_back.store(true, Ordering::SeqCst);
        let back = Instant::now();
        let (mut slowest, mut failed) = (Duration::ZERO, 0);
        for caller in callers {
            let (answered, failures) = caller.await.unwrap();
            slowest = slowest.max(answered.duration_since(back));
            failed += failures;
        }
        assert!(failed > 0, "the control: there was an outage");
        assert!(slowest < BACK + SLACK, "back after {slowest:?}");
        println!("{failed} calls failed, the last is back after {slowest:?}");
    }
}
