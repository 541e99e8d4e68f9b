//! The client against a real service that limits it.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod service;

use std::time::{Duration, Instant};

use ringyo::Quota;
use ringyo_client::Client;
use service::Service;

#[tokio::test]
async fn it_waits_as_told_and_tries_with_the_same_idempotency_key() {
    let service = Service::start(Quota::per_second(1)).await;
    let client = Client::new(&service.base, &service.key);
    client.agents().await.unwrap();
    let asked = Instant::now();
    client.place_call("agent_1", "+14155550123").await.unwrap();
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_millis(900), "{waited:?}");

    let statuses = service.statuses();
    assert_eq!(
        statuses,
        [200, 429, 200],
        "one refusal, one wait, one answer"
    );
    let seen = service.seen();
    assert!(seen[1].0.is_some());
    assert_eq!(seen[1].0, seen[2].0);
}

#[tokio::test]
async fn it_comes_again_when_the_service_is_out_of_order() {
    let service = Service::start(Quota::per_second(9)).await;
    let client = Client::new(&service.base, &service.key);
    service.break_down_once().await;
    let asked = Instant::now();
    client.place_call("agent_1", "+14155550123").await.unwrap();
    // Retry-After: 1
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    assert_eq!(service.statuses(), [503, 200]);
    let seen = service.seen();
    assert_eq!(seen[0].0, seen[1].0);
}

#[tokio::test]
async fn it_heeds_a_proxy_that_speaks_no_json() {
    let service = Service::start(Quota::per_second(9)).await;
    service.stand_behind_a_proxy_that_is_busy_once();
    let client = Client::new(&service.base, &service.key);
    let asked = Instant::now();
    client.place_call("agent_1", "+14155550123").await.unwrap();
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    assert_eq!(service.statuses(), [503, 200]);
}

#[tokio::test]
async fn it_does_not_try_again_what_time_cannot_mend() {
    let service = Service::start(Quota::per_second(1)).await;
    let key = &service.key;
    let last = if key.ends_with('0') { "1" } else { "0" };
    let client = Client::new(&service.base, format!("{}{last}", &key[..63]));
    let refused = client.agents().await.unwrap_err();
    assert_eq!(refused.status.unwrap().as_u16(), 401);
    assert_eq!(refused.code, "invalid_api_key");
    assert_eq!(service.seen().len(), 1);
    assert!(!format!("{refused} {refused:?}").contains(&key[20..40]));
}
