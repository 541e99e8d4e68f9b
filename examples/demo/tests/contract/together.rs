//! Two services on one file.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::service::{Demo, Place, new_place};

#[tokio::test]
async fn two_services_share_keys_calls_and_credits() {
    let (_directory, file) = new_place();
    let one = Demo::start(Place::File(&file));
    let other = Demo::start(Place::File(&file));
    assert!(one.first_key().is_some() && other.first_key().is_none());
    let visitor = one.log_in("acct_agency").await;
    let (id, key) = visitor.issue("live", &["agents", "calls"]).await;
    let agent = other
        .post(&key, "/v1/agents", json!({ "name": "Anna" }))
        .await;
    assert_eq!(agent.status, 201, "{}", agent.text);

    let order = json!({ "phone_number": "+14155550123", "agent_id": agent.data()["id"] });
    for round in 0..10 {
        let name = format!("round-{round}");
        let (here, there) = tokio::join!(
            one.place(&key, &name, order.clone()),
            other.place(&key, &name, order.clone()),
        );
        assert_eq!(here.status, 201, "{}", here.text);
        assert_eq!(here.without_request_id(), there.without_request_id());
    }
    assert_eq!(visitor.credits().await, 990);

    let revoke = format!("/api/keys/{id}/revoke");
    assert_eq!(visitor.call(Method::POST, &revoke, None).await.status, 200);
    let revoked = Instant::now();
    assert_eq!(one.get(&key, "/v1/agents").await.status, 401);
    // The other hears of it, and would ask at the latest after the 5 s that are the default.
    while other.get(&key, "/v1/agents").await.status == 200 {
        assert!(revoked.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        other.get(&key, "/v1/agents").await.code(),
        "api_key_revoked"
    );
}
