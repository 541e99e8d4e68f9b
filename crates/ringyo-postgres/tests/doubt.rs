//! No new session can be made, so nobody sees which server is there. It is not believed for ever
//! that it is the one of before; but where it is, and only has no room, all goes on.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::time::{Duration, Instant};

use fixture::{address, by_hand, insert_account, insert_key, key_id, revoke};
use ringyo_postgres::PostgresStore;
use ringyo_store::{ChangeFeed, KeyStatus, KeyStore, StoreError};
use tokio::time::sleep;
use tokio_postgres::Client;
use xtask::servers::{Postgres, PostgresOptions, Proxy, for_tests};

/// For how long a server is believed that nobody has seen.
const TRUSTED: Duration = Duration::from_secs(15);

/// What comes on top of that: the time to the next look, and a busy machine.
const SLACK: Duration = Duration::from_secs(7);

/// A server whose sessions can be counted, a network before it, and a store that has made some.
struct Stage {
    server: Postgres,
    proxy: Proxy,
    store: PostgresStore,
    client: Client,
}

impl Stage {
    async fn set() -> Option<Self> {
        Self::set_with(PostgresStore::options()).await
    }

    /// One that hangs up on nobody where a busy machine is late.
    async fn patient() -> Option<Self> {
        Self::set_with(fixture::patient()).await
    }

    async fn set_with(options: ringyo_postgres::PostgresOptions) -> Option<Self> {
        let few = PostgresOptions::new().setting("max_connections", "24");
        let server = for_tests::postgres(few)?;
        let (proxy, url) = fixture::proxy(&server);
        let client = by_hand(&server.url("postgres")).await;
        let mut store = options.connect(&url).await;
        for _ in 0..20 {
            if store.is_ok() {
                break;
            }
            store = options.connect(&url).await;
        }
        let store = store.unwrap();
        insert_account(&store).await;
        insert_key(&store, 1).await;
        let stage = Self {
            server,
            proxy,
            store,
            client,
        };
        let listens = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
        while fixture::value(&stage.client, listens).await != "1" {
            sleep(Duration::from_millis(10)).await;
        }
        Some(stage)
    }

    /// Asks again and again, as a follower does too, and says for how long there were answers.
    async fn answers(&self, longest: Duration) -> Option<(Duration, StoreError)> {
        let start = Instant::now();
        while start.elapsed() < longest {
            let changes = self.store.changes_since(None).await;
            let loaded = self.store.load_key(key_id(1)).await;
            match changes.and(loaded) {
                Ok(loaded) => assert_eq!(loaded.unwrap().key.status, KeyStatus::Active),
                Err(error) => return Some((start.elapsed(), error)),
            }
            sleep(Duration::from_millis(100)).await;
        }
        None
    }

    /// As many sessions as there is room for.
    async fn fill(&self) -> Vec<Client> {
        let mut all = Vec::new();
        loop {
            let url = self.server.url("postgres");
            let connecting = tokio_postgres::connect(&url, tokio_postgres::NoTls);
            match connecting.await {
                Ok((client, connection)) => {
                    tokio::spawn(async move { drop(connection.await) });
                    all.push(client);
                }
                Err(error) => {
                    let code = error.as_db_error().unwrap().code().code().to_owned();
                    assert_eq!(code, "53300", "{error:?}");
                    return all;
                }
            }
        }
    }
}

/// What the other server has of it, before it takes nobody any more.
async fn take_over(stage: &Stage, other: &Postgres) {
    let store = fixture::patient().connect(&other.url("postgres")).await;
    let store = store.unwrap();
    insert_account(&store).await;
    let key = insert_key(&store, 1).await;
    revoke(&store, &key).await;
    store.close();
    let maintenance = by_hand(&other.url("template1")).await;
    let refuse = "ALTER DATABASE postgres ALLOW_CONNECTIONS false";
    maintenance.batch_execute(refuse).await.unwrap();
    stage.proxy.redirect(address(other));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_nobody_ends_the_belief_in_the_one_of_before() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let Some(other) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    take_over(&stage, &other).await;
    let ended = stage.answers(TRUSTED + SLACK).await;
    let (ended, error) = ended.expect("the old server is believed for ever");
    println!("believed for {ended:?}: {error:?}");
    // The control: it goes on answering, and is not believed before it is known why.
    assert!(ended > Duration::from_secs(5), "{ended:?}");
    let there = "SELECT status FROM keys";
    assert_eq!(fixture::value(&stage.client, there).await, "active");
    // And for good.
    sleep(Duration::from_secs(2)).await;
    assert!(stage.store.load_key(key_id(1)).await.is_err());
    // Once the new one takes sessions, it is the one.
    let maintenance = by_hand(&other.url("template1")).await;
    let allow = "ALTER DATABASE postgres ALLOW_CONNECTIONS true";
    maintenance.batch_execute(allow).await.unwrap();
    let password = stage.server.url("postgres");
    let password = password.split([':', '@']).nth(2).unwrap();
    let set = format!("ALTER ROLE postgres PASSWORD '{password}'");
    maintenance.batch_execute(&set).await.unwrap();
    let loaded = stage.store.load_key(key_id(1)).await.unwrap().unwrap();
    assert_eq!(loaded.key.status, KeyStatus::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_where_nobody_is_ends_the_belief_too() {
    let Some(mut stage) = Stage::set().await else {
        return;
    };
    stage.proxy.refuse();
    let ended = stage.answers(TRUSTED + SLACK).await;
    println!("believed for {:?}", ended.expect("believed for ever"));
    stage.proxy.accept().unwrap();
    let loaded = stage.store.load_key(key_id(1)).await.unwrap().unwrap();
    assert_eq!(loaded.key.status, KeyStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_full_is_still_the_one() {
    let Some(stage) = Stage::patient().await else {
        return;
    };
    let sessions = stage.fill().await;
    assert!(!sessions.is_empty());
    let ended = stage.answers(TRUSTED + SLACK).await;
    assert!(
        ended.is_none(),
        "a node is down that could go on: {ended:?}"
    );
    // The control: nobody could look.
    assert!(stage.fill().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_nobody_is_still_the_one() {
    let Some(stage) = Stage::patient().await else {
        return;
    };
    let maintenance = by_hand(&stage.server.url("template1")).await;
    let refuse = "ALTER DATABASE postgres ALLOW_CONNECTIONS false";
    maintenance.batch_execute(refuse).await.unwrap();
    let ended = stage.answers(TRUSTED + SLACK).await;
    assert!(
        ended.is_none(),
        "a node is down that could go on: {ended:?}"
    );
}
