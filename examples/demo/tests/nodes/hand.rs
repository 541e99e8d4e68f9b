//! What somebody does with the credits by SQL, past the services.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::spenders::CREDITS;

/// What can be done past the services.
pub(crate) enum Hand {
    Postgres(Client),
    File(PathBuf),
}

impl Hand {
    /// An account of its own for each trial: it has a rate to keep to.
    pub(crate) async fn open_account(&self, account: &str) {
        self.execute(&format!(
            "INSERT INTO accounts (id, plan, created_at)
             VALUES ('{account}', 'agency', '2026-01-02T03:04:05.678Z')"
        ))
        .await;
        self.grant(account, CREDITS).await;
    }

    pub(crate) async fn grant(&self, account: &str, credits: u32) {
        self.execute(&format!(
            "UPDATE wallets SET balance = balance + {credits} WHERE account = '{account}'"
        ))
        .await;
    }

    /// What was paid by the ledger, and what is left.
    pub(crate) async fn spent(&self, account: &str) -> (u32, u32) {
        let paid = format!(
            "SELECT coalesce(sum(amount), 0) FROM wallet_operations
             WHERE account = '{account}' AND kind = 'debit' AND state = 'committed'"
        );
        let left = format!("SELECT balance FROM wallets WHERE account = '{account}'");
        (self.number(&paid).await, self.number(&left).await)
    }

    /// What is left, held or paid.
    pub(crate) async fn there_are(&self, account: &str) -> u32 {
        self.number(&format!(
            "SELECT balance + (SELECT coalesce(sum(amount), 0) FROM wallet_operations
                WHERE account = '{account}' AND kind = 'debit' AND state <> 'refunded')
             FROM wallets WHERE account = '{account}'"
        ))
        .await
    }

    /// What is held, whoever's it is.
    pub(crate) async fn held(&self) -> u32 {
        let held =
            "SELECT coalesce(sum(amount), 0) FROM wallet_operations WHERE state = 'reserved'";
        self.number(held).await
    }

    /// How many calls are pending, whoever's they are.
    pub(crate) async fn pending(&self) -> u32 {
        let documents = self.documents();
        self.number(&format!(
            "SELECT count(*) FROM {documents} WHERE kind = 'call' AND body ->> 'status' = 'pending'"
        ))
        .await
    }

    /// What the calls of an account say that they cost.
    pub(crate) async fn called_for(&self, account: &str) -> u32 {
        let documents = self.documents();
        // Text in the one, a number in the other.
        self.number(&format!(
            "SELECT coalesce(sum(CAST(body ->> 'credits' AS bigint)), 0) FROM {documents}
             WHERE account = '{account}' AND kind = 'call'"
        ))
        .await
    }

    /// What has become of a charge.
    pub(crate) async fn state(&self, account: &str, operation: &str) -> String {
        self.value(&format!(
            "SELECT state FROM wallet_operations
             WHERE account = '{account}' AND operation = '{operation}'"
        ))
        .await
    }

    const fn documents(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "ringyo_demo.documents",
            Self::File(_) => "demo_documents",
        }
    }

    pub(crate) async fn execute(&self, sql: &str) {
        match self {
            Self::Postgres(client) => client.batch_execute(sql).await.unwrap(),
            Self::File(path) => open(path).execute_batch(sql).unwrap(),
        }
    }

    async fn number(&self, sql: &str) -> u32 {
        self.value(sql).await.parse().unwrap()
    }

    /// The first column of the first row, as text.
    async fn value(&self, sql: &str) -> String {
        match self {
            Self::Postgres(client) => {
                let messages = client.simple_query(sql).await.unwrap();
                let row = messages.iter().find_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                row.unwrap().get(0).unwrap().to_owned()
            }
            Self::File(path) => {
                let sql = format!("SELECT CAST(({sql}) AS TEXT)");
                open(path).query_row(&sql, [], |row| row.get(0)).unwrap()
            }
        }
    }
}

fn open(path: &Path) -> Connection {
    let database = Connection::open(path).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    database
}
