//! The demo with `--store memory`: all of it works, and nothing of it stays.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod service;

use reqwest::Method;
use serde_json::json;
use service::{Demo, Place, program};

#[tokio::test]
async fn a_service_without_a_file_does_the_same() {
    let demo = Demo::start(Place::Memory);
    let first_key = demo.first_key().unwrap();
    assert_eq!(demo.get(first_key, "/v1/agents").await.status, 200);
    let visitor = demo.log_in("acct_agency").await;
    let (id, key) = visitor.issue("live", &["agents", "calls"]).await;

    let agent = demo
        .post(&key, "/v1/agents", json!({ "name": "Anna" }))
        .await;
    assert_eq!(agent.status, 201, "{}", agent.text);
    let order = json!({ "phone_number": "+14155550123", "agent_id": agent.data()["id"] });
    let place = || demo.place(&key, "once", order.clone());
    let (a, b, c) = tokio::join!(place(), place(), place());
    assert_eq!(a.status, 201, "{}", a.text);
    assert_eq!(a.without_request_id(), b.without_request_id());
    assert_eq!(b.without_request_id(), c.without_request_id());
    assert_eq!(visitor.credits().await, 999);

    let path = format!("/api/keys/{id}/regenerate");
    let new = visitor.call(Method::POST, &path, None).await.data();
    let new_key = new["key"].as_str().unwrap();
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 401);
    assert_eq!(
        demo.get(new_key, "/v1/agents").await.data(),
        json!([agent.data()])
    );
    let path = format!("/api/keys/{}/revoke", new["id"].as_str().unwrap());
    assert_eq!(visitor.call(Method::POST, &path, None).await.status, 200);
    assert_eq!(demo.get(new_key, "/v1/agents").await.status, 401);
}

#[tokio::test]
async fn nothing_stays() {
    let directory = tempfile::tempdir().unwrap();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let mut command = program();
        command.current_dir(directory.path());
        let demo = Demo::spawn(command, Place::Memory);
        keys.push(demo.first_key().unwrap().to_owned());
        assert_eq!(
            demo.get(&keys[0], "/v1/agents").await.status,
            if keys.len() == 1 { 200 } else { 401 }
        );
        assert!(demo.stop().success());
    }
    assert_ne!(keys[0], keys[1]);
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);

    // The control: what stays is seen there.
    let mut command = program();
    command.current_dir(directory.path());
    let demo = Demo::spawn(command, Place::File("demo.db".as_ref()));
    assert!(demo.stop().success());
    assert_eq!(directory.path().read_dir().unwrap().count(), 2);
}
