//! A real service that limits its callers, and what it has been asked.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ringyo::preset::ringyo::{BRAND, CATALOG};
use ringyo::{Credential, MemoryStore, NewKey, Pepper, PepperId, Plan, Preset, Quota, Ringyo};
use serde_json::json;

/// A service that listens.
pub(crate) struct Service {
    /// Where.
    pub(crate) base: String,
    /// A key of its only account.
    pub(crate) key: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The idempotency key of a request, and what it was answered.
pub(crate) type Seen = (Option<String>, StatusCode);

impl Service {
    /// Starts one whose account has that rate limit.
    pub(crate) async fn start(quota: Quota) -> Self {
        let plan = Plan::limited("slow", quota);
        let preset = Preset::new(BRAND, CATALOG.clone(), [plan], "test");
        let builder = Ringyo::builder(preset, Pepper::generate(PepperId::new(1)));
        let ringyo = builder.store(MemoryStore::new()).build().await.unwrap();
        ringyo.accounts().create("a", "slow").await.unwrap();
        let new = NewKey::test("a", "k").scopes(["*"]);
        let issued = ringyo.keys().issue(new).await.unwrap();
        let seen = Arc::default();
        let app = Router::new()
            .route("/v1/agents", get(answer))
            .route("/v1/calls", post(answer))
            .with_state((ringyo, Arc::clone(&seen)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            base,
            key: issued.key.expose().to_owned(),
            seen,
        }
    }

    /// What it has been asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The status codes of its answers so far.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        let seen = self.seen();
        seen.iter().map(|(_, status)| status.as_u16()).collect()
    }
}

async fn answer(
    State((ringyo, seen)): State<(Ringyo, Arc<Mutex<Vec<Seen>>>)>,
    headers: HeaderMap,
) -> Response {
    let credential = Credential::from_headers(&headers);
    let response = match ringyo.authenticate(credential).await {
        Ok(_) => Json(json!({ "data": [] })).into_response(),
        Err(refusal) => {
            let rejection = ringyo.http().reject(&refusal, ringyo.now());
            rejection.into_response::<axum::body::Body>("req_1")
        }
    };
    let key = headers.get("idempotency-key");
    let key = key.map(|key| key.to_str().unwrap().to_owned());
    seen.lock().unwrap().push((key, response.status()));
    response
}
