//! Who spends the credits of an account, on all nodes at once.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::service::{Answer, Demo};

pub(crate) const NODES: usize = 3;
pub(crate) const CREDITS: u32 = 70;
const SPENDERS: usize = 200;

/// How many of the spenders send each request twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// None, and they name it to nobody.
    Once,
    /// All, to two nodes at once, under one idempotency key.
    Twice,
}

/// What all spenders of an account call with.
pub(crate) struct Line {
    key: String,
    agent: String,
}

impl Line {
    pub(crate) async fn open(demo: &Demo, account: &str) -> Self {
        let visitor = demo.log_in(account).await;
        let (_, key) = visitor.issue("live", &["agents", "calls"]).await;
        let agent = demo
            .post(&key, "/v1/agents", json!({ "name": "Anna" }))
            .await;
        let agent = agent.data()["id"].as_str().unwrap().to_owned();
        Self { key, agent }
    }

    pub(crate) async fn place(&self, demo: &Demo, name: Option<&str>) -> reqwest::Result<Answer> {
        let body = json!({ "phone_number": "+14155550123", "agent_id": self.agent });
        let request = demo.request(Method::POST, "/v1/calls");
        let mut request = request.bearer_auth(&self.key).json(&body);
        if let Some(name) = name {
            request = request.header("Idempotency-Key", name);
        }
        Answer::try_of(request).await
    }

    /// Asks again where a busy machine was late.
    async fn settle(&self, demo: &Demo, name: &str) -> Answer {
        let mut answer = self.place(demo, Some(name)).await.unwrap();
        for _ in 0..10 {
            if answer.status != 503 {
                break;
            }
            answer = self.place(demo, Some(name)).await.unwrap();
        }
        answer
    }

    /// All at once; one answer for each of them.
    pub(crate) async fn spend(
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
                let (one, other) =
                    tokio::join!(line.settle(here, &name), line.settle(there, &name));
                assert_eq!(one.without_request_id(), other.without_request_id());
                Ok(one)
            });
        }
        spending.join_all().await
    }
}
