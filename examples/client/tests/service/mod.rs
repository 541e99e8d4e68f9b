//! A real service that limits its callers and may be out of order, and what it has been asked.

#![allow(dead_code, reason = "every test uses its part of it")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ringyo::preset::ringyo::{BRAND, CATALOG};
use ringyo::{Credential, NewKey, PepperRing, Plan, Preset, Quota, Ringyo, SqliteStore};
use serde_json::json;
use tempfile::TempDir;

/// A service that listens.
pub(crate) struct Service {
    /// Where.
    pub(crate) base: String,
    /// A key of its only account.
    pub(crate) key: String,
    desk: Arc<Desk>,
    quota: Quota,
    place: TempDir,
}

/// Where requests are answered.
struct Desk {
    ringyo: Mutex<Ringyo>,
    /// Whether a proxy answers the next request, in words of its own.
    is_proxy_busy: AtomicBool,
    seen: Mutex<Vec<Seen>>,
}

/// The idempotency key of a request, and what it was answered.
pub(crate) type Seen = (Option<String>, StatusCode);

impl Service {
    /// Starts one whose account has that rate limit.
    pub(crate) async fn start(quota: Quota) -> Self {
        let place = tempfile::tempdir().unwrap();
        let ringyo = open(&place, quota).await.0;
        ringyo.accounts().create("a", "slow").await.unwrap();
        let new = NewKey::test("a", "k").scopes(["*"]);
        let issued = ringyo.keys().issue(new).await.unwrap();
        let desk = Arc::new(Desk {
            ringyo: Mutex::new(ringyo),
            is_proxy_busy: AtomicBool::new(false),
            seen: Mutex::default(),
        });
        let app = Router::new()
            .route("/v1/agents", get(answer))
            .route("/v1/calls", post(answer))
            .with_state(desk.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            base,
            key: issued.key.expose().to_owned(),
            desk,
            quota,
            place,
        }
    }

    /// Answers the next request as a proxy does whose service is busy.
    pub(crate) fn stand_behind_a_proxy_that_is_busy_once(&self) {
        self.desk.is_proxy_busy.store(true, Ordering::Relaxed);
    }

    /// Takes the store away until the answer to one request has shown it.
    pub(crate) async fn break_down_once(&self) {
        let (ringyo, store) = open(&self.place, self.quota).await;
        store.close().await.unwrap();
        *self.desk.ringyo.lock().unwrap() = ringyo;
        let asked = self.seen().len();
        let (desk, repaired) = (self.desk.clone(), open(&self.place, self.quota).await.0);
        tokio::spawn(async move {
            while desk.seen.lock().unwrap().len() == asked {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            *desk.ringyo.lock().unwrap() = repaired;
        });
    }

    /// What it has been asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.desk.seen.lock().unwrap().clone()
    }

    /// The status codes of its answers so far.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        let seen = self.seen();
        seen.iter().map(|(_, status)| status.as_u16()).collect()
    }
}

async fn open(place: &TempDir, quota: Quota) -> (Ringyo, SqliteStore) {
    let plan = Plan::limited("slow", quota);
    let preset = Preset::new(BRAND, CATALOG.clone(), [plan], "test");
    let peppers = PepperRing::from_file_or_create(place.path().join("peppers")).unwrap();
    let store = SqliteStore::open(place.path().join("keys.db"))
        .await
        .unwrap();
    let builder = Ringyo::builder(preset, peppers).store(store.clone());
    (builder.build().await.unwrap(), store)
}

async fn answer(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    if desk.is_proxy_busy.swap(false, Ordering::Relaxed) {
        let busy = StatusCode::SERVICE_UNAVAILABLE;
        desk.seen.lock().unwrap().push((None, busy));
        return (busy, [("retry-after", "1")], "<h1>Come again</h1>").into_response();
    }
    let ringyo = desk.ringyo.lock().unwrap().clone();
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
    desk.seen.lock().unwrap().push((key, response.status()));
    response
}
