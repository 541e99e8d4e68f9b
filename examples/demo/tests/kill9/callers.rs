//! Programs that place calls, one after the other, each with an idempotency key; and what they
//! know of them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::service::{Answer, Demo};
use crate::{ACCOUNT, Line};

/// The number at which nobody ever answers: such a call is given back.
const UNREACHABLE: &str = "+15005550001";

/// Calls of one caller between two restarts: the account may make 300 requests a minute.
const MAX_CALLS: usize = 40;

pub(crate) struct Caller {
    number: usize,
    asked: usize,
    /// What was answered, by idempotency key.
    answers: HashMap<String, (u16, Value)>,
    /// Answered since the last restart.
    fresh: Vec<String>,
    /// What was asked for when the service was killed.
    unanswered: Option<Order>,
}

#[derive(Debug, Clone)]
struct Order {
    key: String,
    phone_number: &'static str,
}

impl Caller {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            number,
            asked: 0,
            answers: HashMap::new(),
            fresh: Vec::new(),
            unanswered: None,
        }
    }

    pub(crate) fn answered(&self) -> usize {
        self.answers.len()
    }

    /// What the answered calls cost, by what the answers say.
    pub(crate) fn charged(&self) -> u64 {
        let cost = |(_, body): &(u16, Value)| body["data"]["credits"].as_u64().unwrap();
        self.answers.values().map(cost).sum()
    }

    /// Places calls until there is nobody left to ask.
    pub(crate) async fn work(&mut self, demo: &Demo, line: &Line, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        while self.fresh.len() < MAX_CALLS {
            self.asked += 1;
            let unreachable = rng.random_ratio(1, 6);
            let order = Order {
                key: format!("caller-{}-{}", self.number, self.asked),
                phone_number: if unreachable {
                    UNREACHABLE
                } else {
                    "+14155550123"
                },
            };
            // Some ask twice at once, as an impatient client does.
            let answer = if rng.random_ratio(1, 4) {
                let (one, other) = tokio::join!(order.send(demo, line), order.send(demo, line));
                if let (Ok(one), Ok(other)) = (&one, &other) {
                    assert_eq!(one.without_request_id(), other.without_request_id());
                }
                one.or(other)
            } else {
                order.send(demo, line).await
            };
            match answer {
                Ok(answer) => {
                    self.fresh.push(order.key.clone());
                    self.keep(order.key, &answer);
                }
                Err(_) => {
                    self.unanswered = Some(order);
                    return;
                }
            }
        }
    }

    /// After a restart: what was answered is there, what was not is asked for again, twice.
    pub(crate) async fn settle(&mut self, demo: &Demo, line: &Line) {
        for key in std::mem::take(&mut self.fresh) {
            let answered = &self.answers[&key].1["data"];
            let path = format!("/v1/calls/{}", answered["id"].as_str().unwrap());
            assert_eq!(demo.get(&line.key, &path).await.data(), *answered);
        }
        let Some(order) = self.unanswered.take() else {
            return;
        };
        let first = order.send(demo, line).await.unwrap();
        let second = order.send(demo, line).await.unwrap();
        assert_eq!(first.without_request_id(), second.without_request_id());
        self.keep(order.key, &first);
    }

    fn keep(&mut self, key: String, answer: &Answer) {
        assert_eq!(answer.status, 201, "{key}: {}", answer.text);
        let data = answer.data();
        let failed = data["phone_number"] == UNREACHABLE;
        let expected = if failed {
            (json!(0), json!("failed"))
        } else {
            (json!(1), json!("completed"))
        };
        assert_eq!((data["credits"].clone(), data["status"].clone()), expected);
        self.answers.insert(key, answer.without_request_id());
    }
}

impl Order {
    async fn send(&self, demo: &Demo, line: &Line) -> Result<Answer, reqwest::Error> {
        let body = json!({ "phone_number": self.phone_number, "agent_id": line.agent });
        let request = demo
            .request(Method::POST, "/v1/calls")
            .bearer_auth(&line.key);
        Answer::try_of(request.header("Idempotency-Key", &self.key).json(&body)).await
    }
}

/// Compares the ledger, as it stands before anything is asked for again, with what the callers
/// know: every answered call is settled as it was answered, and only a call that was not answered
/// may have taken a credit beside.
pub(crate) fn check_ledger(callers: &[Caller], path: &Path, granted: u64) {
    let database = Connection::open(path).unwrap();
    let mut ledger = rows(
        &database,
        "SELECT operation, state FROM wallet_operations WHERE account = ?1 AND kind = 'debit'",
    );
    let claims = rows(
        &database,
        "SELECT key, document FROM demo_claims WHERE scope = ?1 || ' live'",
    );

    let taken = ledger.values().filter(|state| *state != "refunded").count() as u64;
    let balance: i64 = database
        .query_row(
            "SELECT balance FROM wallets WHERE account = ?1",
            [ACCOUNT],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(balance.unsigned_abs(), granted - taken);

    for (status, body) in callers.iter().flat_map(|caller| caller.answers.values()) {
        let call = &body["data"];
        let state = ledger.remove(call["id"].as_str().unwrap());
        let expected = if call["credits"] == 1 {
            "committed"
        } else {
            "refunded"
        };
        assert_eq!((*status, state.as_deref()), (201, Some(expected)), "{call}");
    }
    let open = callers
        .iter()
        .filter_map(|caller| caller.unanswered.as_ref());
    let open: HashSet<&String> = open.filter_map(|order| claims.get(&order.key)).collect();
    for operation in ledger.keys() {
        assert!(
            open.contains(operation),
            "a credit was taken for no call: {operation}"
        );
    }
}

/// Puts credits into the wallet, past the service.
pub(crate) fn top_up(path: &Path, credits: u64) {
    let database = Connection::open(path).unwrap();
    database
        .busy_timeout(std::time::Duration::from_secs(5))
        .unwrap();
    let update = "UPDATE wallets SET balance = balance + ?1 WHERE account = ?2";
    database
        .execute(update, rusqlite::params![credits as i64, ACCOUNT])
        .unwrap();
}

fn rows(database: &Connection, query: &str) -> HashMap<String, String> {
    let mut statement = database.prepare(query).unwrap();
    let rows = statement.query_map([ACCOUNT], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}
