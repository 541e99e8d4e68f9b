//! A PostgreSQL server of one's own, and services that share a database on it.

use std::process::Command;

use reqwest::Method;
use serde_json::json;
use tokio_postgres::{Client, NoTls};
use xtask::servers::{Database, Postgres, PostgresOptions, Proxy, for_tests};

use crate::service::{Answer, Demo, Place, Visitor, wait_until_frozen};

/// What all nodes prove keys with.
pub(crate) const PEPPER: &str = "1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

/// Sessions of the services, all of them.
const OURS: &str = "datname = current_database() AND application_name = 'ringyo'";

/// Of those, the ones that listen for hints: that is what they said last, or nothing, to see
/// whether somebody is there.
const LISTENING: &str = "(query LIKE 'LISTEN%' OR query = '')";

pub(crate) struct Site {
    // Dropped before its server.
    database: Database,
    pub(crate) postgres: Postgres,
}

/// A key, and what is kept of it.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) text: String,
}

impl Site {
    /// `None` where there is no PostgreSQL to be had, which has been said then.
    #[track_caller]
    pub(crate) fn new(options: PostgresOptions) -> Option<Self> {
        let postgres = for_tests::postgres(options)?;
        let database = postgres.create_database().unwrap();
        Some(Self { database, postgres })
    }

    pub(crate) fn url(&self) -> String {
        self.database.url()
    }

    pub(crate) fn start(&self, flags: &[&str]) -> Demo {
        start(&self.url(), flags)
    }

    /// Starts a service that reaches the server over this network.
    pub(crate) fn start_through(&self, proxy: &Proxy, flags: &[&str]) -> Demo {
        let (server, network) = (self.postgres.port(), proxy.port());
        let url = self.url();
        let url = url.replace(&format!(":{server}/"), &format!(":{network}/"));
        start(&url, flags)
    }

    /// A network in front of the server.
    pub(crate) fn network(&self) -> Proxy {
        let server = ([127, 0, 0, 1], self.postgres.port());
        Proxy::start(server.into()).unwrap()
    }

    /// A session as `psql` would have it.
    pub(crate) async fn by_hand(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
        // It ends with the session, one way or the other.
        tokio::spawn(async move { drop(connection.await) });
        let path = "SET search_path = ringyo";
        client.batch_execute(path).await.unwrap();
        client
    }
}

fn start(url: &str, flags: &[&str]) -> Demo {
    Demo::start_in(Place::Database(url), flags, &[("RINGYO_PEPPER", PEPPER)])
}

/// Issues so many keys to an account. They may manage webhooks and nothing else.
pub(crate) async fn issue(demo: &Demo, account: &str, count: usize) -> Vec<Key> {
    let visitor = demo.log_in(account).await;
    let mut keys = Vec::with_capacity(count);
    for _ in 0..count {
        let (id, text) = visitor.issue("live", &["webhooks"]).await;
        keys.push(Key { id, text });
    }
    keys
}

/// Revokes a key as the page of the dashboard does.
pub(crate) async fn revoke(visitor: &Visitor<'_>, key: &Key) {
    let answer = try_revoke(visitor, key).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// The same where it may not be possible.
pub(crate) async fn try_revoke(visitor: &Visitor<'_>, key: &Key) -> Answer {
    let path = format!("/api/keys/{}/revoke", key.id);
    visitor.call(Method::POST, &path, Some(json!({}))).await
}

/// Revokes a key as somebody with `psql` does.
pub(crate) async fn revoke_by_hand(client: &Client, key: &Key) {
    let update = "UPDATE keys SET status = 'revoked' WHERE id = $1";
    assert_eq!(client.execute(update, &[&key.id]).await.unwrap(), 1);
}

/// The processes of the server in which the services listen for hints.
pub(crate) async fn listening(client: &Client) -> Vec<i32> {
    backends(client, &format!("{OURS} AND {LISTENING}")).await
}

/// The processes of the server that work for the services.
pub(crate) async fn working(client: &Client) -> Vec<i32> {
    backends(client, OURS).await
}

/// Ends the sessions in which the services listen for hints, and says how many those were.
pub(crate) async fn end_listening(client: &Client) -> usize {
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS} AND {LISTENING}"
    );
    client.query(&end, &[]).await.unwrap().len()
}

/// Ends the sessions in which services are changing wallets, or have done so last.
pub(crate) async fn end_charging(client: &Client) {
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE {OURS} AND query LIKE '%wallet\\_%'"
    );
    client.query(&end, &[]).await.unwrap();
}

/// Stops processes of the server from running.
pub(crate) fn pause(processes: &[i32]) {
    signal("-STOP", processes);
    for process in processes {
        wait_until_frozen(process.unsigned_abs());
    }
}

/// Lets them run on.
pub(crate) fn resume(processes: &[i32]) {
    signal("-CONT", processes);
}

fn signal(signal: &str, processes: &[i32]) {
    if !processes.is_empty() {
        let processes = processes.iter().map(i32::to_string);
        let sent = Command::new("kill").arg(signal).args(processes).status();
        assert!(sent.unwrap().success());
    }
}

async fn backends(client: &Client, which: &str) -> Vec<i32> {
    let select = format!("SELECT pid FROM pg_stat_activity WHERE {which}");
    let rows = client.query(&select, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
