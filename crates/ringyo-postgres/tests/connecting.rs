//! Connecting is slow. What succeeds late succeeds, and a server that is slow under load is not
//! given several times the load.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::time::{Duration, Instant};

use fixture::{insert_account, insert_key, key_id};
use ringyo_postgres::PostgresStore;
use ringyo_store::KeyStore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use xtask::servers::{Behaviour, Postgres, PostgresOptions, Proxy, for_tests};

/// How long a call waits for a connection; a quarter of it later there is another attempt.
const CONNECT: Duration = Duration::from_secs(8);

/// In each direction. A connection takes some five round trips, so a quarter of the above has
/// passed then, and it is far from late.
const DELAY: Duration = Duration::from_millis(400);

const CONNECTIONS: usize = 10;

/// A store that has hardly any connections, and the network before its server.
async fn stage() -> Option<(Postgres, Proxy, PostgresStore)> {
    let server = for_tests::postgres(PostgresOptions::new())?;
    let (proxy, url) = fixture::proxy(&server);
    let options = PostgresStore::options()
        .connect_timeout(CONNECT)
        .statement_timeout(CONNECT)
        .max_connections(CONNECTIONS);
    let store = options.connect(&url).await.unwrap();
    insert_account(&store).await;
    insert_key(&store, 1).await;
    Some((server, proxy, store))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_connection_is_not_given_up_for_another_that_fails() {
    let Some((_server, mut proxy, store)) = stage().await else {
        return;
    };
    proxy.cut();
    proxy.behave(Behaviour::Delay(DELAY));
    let start = Instant::now();
    let loading = {
        let store = store.clone();
        tokio::spawn(async move { store.load_key(key_id(1)).await })
    };
    sleep(CONNECT / 16).await;
    // From here on whoever comes is refused; who is on the way is carried.
    proxy.refuse();
    loading.await.unwrap().unwrap().unwrap();
    // The control: another attempt has begun meanwhile.
    assert!(start.elapsed() > CONNECT / 4, "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_is_not_flooded_with_attempts() {
    let Some((_server, proxy, store)) = stage().await else {
        return;
    };
    proxy.cut();
    proxy.behave(Behaviour::Delay(DELAY));
    let start = Instant::now();
    let mut loading = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let store = store.clone();
        loading.spawn(async move { store.load_key(key_id(1)).await });
    }
    let mut most = 0;
    while !loading.is_empty() {
        most = most.max(proxy.connections());
        while let Some(loaded) = loading.try_join_next() {
            loaded.unwrap().unwrap().unwrap();
        }
        sleep(Duration::from_millis(5)).await;
    }
    // The control: there was time for more.
    assert!(start.elapsed() > CONNECT / 4, "{:?}", start.elapsed());
    // All that calls may have, one that listens, one that looks, two attempts more, and those of
    // these that are still being closed, which takes as long as anything else here. Four attempts
    // for each would be twice as many and more.
    println!("{most} connections at once");
    assert!(most >= CONNECTIONS, "the control: {most}");
    assert!(most <= 2 * CONNECTIONS + 2, "{most}");
}
