//! The client against a real service that limits it.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ringyo::preset::ringyo::{BRAND, CATALOG};
use ringyo::{Credential, MemoryStore, NewKey, Pepper, PepperId, Plan, Preset, Quota, Ringyo};
use ringyo_client::Client;
use serde_json::json;

#[derive(Clone)]
struct Service {
    ringyo: Ringyo,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The idempotency key of a request, and what it was answered.
type Seen = (Option<String>, StatusCode);

async fn answer(State(service): State<Service>, headers: HeaderMap) -> Response {
    let caller = service
        .ringyo
        .authenticate(Credential::from_headers(&headers))
        .await;
    let response = match caller {
        Ok(_) => Json(json!({ "data": [] })).into_response(),
        Err(refusal) => {
            let http = service.ringyo.http();
            let rejection = http.reject(&refusal, service.ringyo.now());
            rejection.into_response::<axum::body::Body>("req_1")
        }
    };
    let key = headers
        .get("idempotency-key")
        .map(|key| key.to_str().unwrap().to_owned());
    service.seen.lock().unwrap().push((key, response.status()));
    response
}

/// A service that allows one request a second, and a key for it.
async fn serve() -> (Service, String, String) {
    let plan = Plan::limited("slow", Quota::per_second(1));
    let preset = Preset::new(BRAND, CATALOG.clone(), [plan], "test");
    let builder = Ringyo::builder(preset, Pepper::generate(PepperId::new(1)));
    let ringyo = builder.store(MemoryStore::new()).build().await.unwrap();
    ringyo.accounts().create("a", "slow").await.unwrap();
    let issued = ringyo
        .keys()
        .issue(NewKey::test("a", "k").scopes(["*"]))
        .await
        .unwrap();
    let service = Service {
        ringyo,
        seen: Arc::default(),
    };
    let app = Router::new()
        .route("/v1/agents", get(answer))
        .route("/v1/calls", post(answer))
        .with_state(service.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (service, base, issued.key.expose().to_owned())
}

#[tokio::test]
async fn it_waits_as_told_and_tries_with_the_same_idempotency_key() {
    let (service, base, key) = serve().await;
    let client = Client::new(base, key);
    client.agents().await.unwrap();
    let asked = Instant::now();
    client.place_call("agent_1", "+14155550123").await.unwrap();
    assert!(
        asked.elapsed() >= Duration::from_millis(900),
        "{:?}",
        asked.elapsed()
    );

    let seen = service.seen.lock().unwrap().clone();
    let statuses: Vec<u16> = seen.iter().map(|(_, status)| status.as_u16()).collect();
    assert_eq!(
        statuses,
        [200, 429, 200],
        "one refusal, one wait, one answer"
    );
    assert!(seen[1].0.is_some());
    assert_eq!(seen[1].0, seen[2].0);
}

#[tokio::test]
async fn it_does_not_try_again_what_time_cannot_mend() {
    let (service, base, key) = serve().await;
    let refused = Client::new(&base, format!("{}0", &key[..63]))
        .agents()
        .await
        .unwrap_err();
    assert_eq!(refused.status.unwrap().as_u16(), 401);
    assert_eq!(refused.code, "invalid_api_key");
    assert_eq!(service.seen.lock().unwrap().len(), 1);
    assert!(!format!("{refused} {refused:?}").contains(&key[20..40]));
}
