//! Credits that are spent on all nodes at once are spent once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use rusqlite::Connection;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_postgres::{Client, SimpleQueryMessage};
use xtask::servers::PostgresOptions;

use crate::service::{Answer, Demo, Place, kill, new_place};
use crate::site::Site;
use crate::trials;

const NODES: usize = 3;
const CREDITS: u32 = 70;
const SPENDERS: usize = 200;

/// How many of the spenders send each request twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// None, and they name it to nobody.
    Once,
    /// All, to two nodes at once, under one idempotency key.
    Twice,
}

/// What can be done past the services.
enum Hand {
    Postgres(Client),
    File(PathBuf),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_on_postgres_charge_as_often_as_there_are_credits() {
    let Some(site) = Site::new(PostgresOptions::new()) else {
        return;
    };
    let nodes = Arc::new(std::array::from_fn(|_| site.start(&[])));
    let hand = Hand::Postgres(site.by_hand().await);
    spend(&nodes, &hand, trials(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_on_one_file_charge_as_often_as_there_are_credits() {
    let (_directory, file) = new_place();
    let nodes = Arc::new(std::array::from_fn(|_| Demo::start(Place::File(&file))));
    spend(&nodes, &Hand::File(file), trials(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_amid_charges_makes_no_credit() {
    let Some(mut site) = Site::new(PostgresOptions::new()) else {
        return;
    };
    let (mut paid_for, mut cut_off) = (0, 0);
    for trial in 0..2 * trials(3) {
        let nodes = Arc::new(std::array::from_fn(|_| site.start(&[])));
        let hand = Hand::Postgres(site.by_hand().await);
        let account = format!("acct_crash_{trial}");
        hand.open_account(&account).await;
        let line = Arc::new(Line::open(&nodes[0], &account).await);
        let spending = tokio::spawn({
            let (line, nodes) = (line.clone(), nodes.clone());
            async move { line.spend(&nodes, Manner::Once).await }
        });
        while hand.spent(&account).await.0 < 20 {
            tokio::task::yield_now().await;
        }
        if trial % 2 == 0 {
            kill(nodes[2].process_id());
        } else {
            site.postgres.kill().unwrap();
            site.postgres.start().unwrap();
        }
        let answers = spending.await.unwrap();

        let hand = Hand::Postgres(site.by_hand().await);
        for answer in answers {
            match answer {
                // Answered, so it is paid for, whatever happened then.
                Ok(answer) if answer.status == 201 => {
                    let call = answer.data()["id"].as_str().unwrap().to_owned();
                    assert_eq!(hand.state(&account, &call).await, "committed");
                    paid_for += 1;
                }
                Ok(answer) if answer.status == 402 => {}
                Ok(_) | Err(_) => cut_off += 1,
            }
        }
        assert_eq!(hand.there_are(&account).await, CREDITS);
        // The control: one that came from nowhere is counted.
        hand.grant(&account, 1).await;
        assert_eq!(hand.there_are(&account).await, CREDITS + 1);
    }
    // It was amid charges.
    assert!(paid_for > 0 && cut_off > 0, "{paid_for}, {cut_off}");
    eprintln!("{paid_for} charges were answered, {cut_off} were not");
}

async fn spend(nodes: &Arc<[Demo; NODES]>, hand: &Hand, trials: usize) {
    for trial in 0..trials {
        for manner in [Manner::Once, Manner::Twice] {
            let account = format!("acct_{manner:?}_{trial}");
            hand.open_account(&account).await;
            let line = Arc::new(Line::open(&nodes[0], &account).await);
            let answers = line.spend(nodes, manner).await;
            check(answers.into_iter().map(Result::unwrap));
            assert_eq!(hand.spent(&account).await, (CREDITS, 0));

            // The control: one credit more is one call more.
            hand.grant(&account, 1).await;
            for (node, name, status) in [(1, "one-more", 201), (2, "too-many", 402)] {
                let late = line.place(&nodes[node], Some(name)).await.unwrap();
                assert_eq!(late.status, status, "{}", late.text);
            }
            assert_eq!(hand.spent(&account).await, (CREDITS + 1, 0));
        }
    }
}

/// As many calls as there were credits, and the others told that there are none.
fn check(answers: impl Iterator<Item = Answer>) {
    let mut calls = 0;
    for answer in answers {
        match (answer.status, answer.code().as_str()) {
            (201, _) => {
                assert_eq!(answer.data()["credits"], 1);
                calls += 1;
            }
            (402, "insufficient_credits") => {}
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(calls, CREDITS);
}

/// What all spenders of an account call with.
struct Line {
    key: String,
    agent: String,
}

impl Line {
    async fn open(demo: &Demo, account: &str) -> Self {
        let visitor = demo.log_in(account).await;
        let (_, key) = visitor.issue("live", &["agents", "calls"]).await;
        let agent = demo
            .post(&key, "/v1/agents", json!({ "name": "Anna" }))
            .await;
        let agent = agent.data()["id"].as_str().unwrap().to_owned();
        Self { key, agent }
    }

    async fn place(&self, demo: &Demo, name: Option<&str>) -> reqwest::Result<Answer> {
        let body = json!({ "phone_number": "+14155550123", "agent_id": self.agent });
        let request = demo.request(Method::POST, "/v1/calls");
        let mut request = request.bearer_auth(&self.key).json(&body);
        if let Some(name) = name {
            request = request.header("Idempotency-Key", name);
        }
        Answer::try_of(request).await
    }

    /// All at once; one answer for each of them.
    async fn spend(
        self: &Arc<Self>,
        nodes: &Arc<[Demo; NODES]>,
        manner: Manner,
    ) -> Vec<reqwest::Result<Answer>> {
        let mut spending = JoinSet::new();
        for spender in 0..SPENDERS {
            let (line, nodes) = (self.clone(), nodes.clone());
            spending.spawn(async move {
                let here = &nodes[spender % NODES];
                if manner == Manner::Once {
                    return line.place(here, None).await;
                }
                let (there, name) = (&nodes[(spender + 1) % NODES], spender.to_string());
                let (one, other) = tokio::join!(
                    line.place(here, Some(&name)),
                    line.place(there, Some(&name)),
                );
                let (one, other) = (one.unwrap(), other.unwrap());
                assert_eq!(one.without_request_id(), other.without_request_id());
                Ok(one)
            });
        }
        spending.join_all().await
    }
}

impl Hand {
    /// An account of its own for each trial: it has a rate to keep to.
    async fn open_account(&self, account: &str) {
        self.execute(&format!(
            "INSERT INTO accounts (id, plan, created_at)
             VALUES ('{account}', 'agency', '2026-01-02T03:04:05.678Z')"
        ))
        .await;
        self.grant(account, CREDITS).await;
    }

    async fn grant(&self, account: &str, credits: u32) {
        self.execute(&format!(
            "UPDATE wallets SET balance = balance + {credits} WHERE account = '{account}'"
        ))
        .await;
    }

    /// What was paid by the ledger, and what is left.
    async fn spent(&self, account: &str) -> (u32, u32) {
        let paid = format!(
            "SELECT coalesce(sum(amount), 0) FROM wallet_operations
             WHERE account = '{account}' AND kind = 'debit' AND state = 'committed'"
        );
        let left = format!("SELECT balance FROM wallets WHERE account = '{account}'");
        (self.number(&paid).await, self.number(&left).await)
    }

    /// What is left, held or paid.
    async fn there_are(&self, account: &str) -> u32 {
        self.number(&format!(
            "SELECT balance + (SELECT coalesce(sum(amount), 0) FROM wallet_operations
                WHERE account = '{account}' AND kind = 'debit' AND state <> 'refunded')
             FROM wallets WHERE account = '{account}'"
        ))
        .await
    }

    /// What has become of a charge.
    async fn state(&self, account: &str, operation: &str) -> String {
        self.value(&format!(
            "SELECT state FROM wallet_operations
             WHERE account = '{account}' AND operation = '{operation}'"
        ))
        .await
    }

    async fn execute(&self, sql: &str) {
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
