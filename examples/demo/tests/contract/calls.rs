//! Calls and what they cost.

use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{Answer, Demo, Place, new_place};

/// The number at which nobody ever answers.
const UNREACHABLE: &str = "+15005550001";

async fn make_agent(demo: &Demo, key: &str) -> String {
    let made = demo
        .post(key, "/v1/agents", json!({ "name": "Anna" }))
        .await;
    made.data()["id"].as_str().unwrap().to_owned()
}

fn order(agent: &str, number: &str) -> Value {
    json!({ "phone_number": number, "agent_id": agent })
}

async fn calls_of(demo: &Demo, key: &str) -> usize {
    demo.get(key, "/v1/calls?limit=100")
        .await
        .data()
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_test_call_is_simulated_and_free_a_live_one_costs_a_credit() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (_, test) = visitor.issue("test", &["agents", "calls"]).await;
    let (_, live) = visitor.issue("live", &["calls"]).await;
    let agent = make_agent(&demo, &test).await;
    for (key, simulated, left) in [(&test, true, 1_000), (&live, false, 999)] {
        let answer = demo
            .post(key, "/v1/calls", order(&agent, "+14155550123"))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let call = answer.data();
        assert_eq!(call["simulated"], simulated);
        assert_eq!(call["phone_number"], "+14155550123");
        assert_eq!(call["agent_id"], agent);
        let id = call["id"].as_str().unwrap();
        assert!(id.starts_with("call_"));
        assert_eq!(demo.get(key, &format!("/v1/calls/{id}")).await.data(), call);
        assert_eq!(visitor.credits().await, left);
    }
    // Without an idempotency key every request is a call.
    demo.post(&live, "/v1/calls", order(&agent, "+14155550123"))
        .await;
    assert_eq!(visitor.credits().await, 998);
    assert_eq!(calls_of(&demo, &live).await, 3);
}

#[tokio::test]
async fn three_times_one_idempotency_key_is_one_call_and_one_credit() {
    for file in [false, true] {
        let (_directory, path) = new_place();
        let demo = Demo::start(if file {
            Place::File(&path)
        } else {
            Place::Memory
        });
        let visitor = demo.log_in("acct_agency").await;
        let (_, key) = visitor.issue("live", &["agents", "calls"]).await;
        let agent = make_agent(&demo, &key).await;
        let order = order(&agent, "+14155550123");

        let first = demo.place(&key, "one-after-the-other", order.clone()).await;
        assert_eq!(first.status, 201, "{}", first.text);
        for _ in 0..2 {
            let again = demo.place(&key, "one-after-the-other", order.clone()).await;
            assert_eq!(again.without_request_id(), first.without_request_id());
            assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
        }
        assert_eq!(visitor.credits().await, 999);

        for round in 0..10 {
            let name = format!("at-once-{round}");
            let place = || demo.place(&key, &name, order.clone());
            let (a, b, c) = tokio::join!(place(), place(), place());
            assert_eq!(a.status, 201, "{}", a.text);
            assert_eq!(a.without_request_id(), b.without_request_id());
            assert_eq!(b.without_request_id(), c.without_request_id());
        }
        assert_eq!(visitor.credits().await, 989);
        assert_eq!(calls_of(&demo, &key).await, 11);
        // The control: another idempotency key is another call.
        assert_eq!(demo.place(&key, "another", order).await.status, 201);
        assert_eq!(visitor.credits().await, 988);
    }
}

#[tokio::test]
async fn an_idempotency_key_stands_for_one_body_of_one_account_in_one_mode() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (_, live) = visitor.issue("live", &["agents", "calls"]).await;
    let (_, test) = visitor.issue("test", &["calls"]).await;
    let agent = make_agent(&demo, &live).await;
    let first = demo
        .place(&live, "key", order(&agent, "+14155550123"))
        .await;

    let conflict = demo
        .place(&live, "key", order(&agent, "+14155550124"))
        .await;
    assert_eq!(
        (conflict.status, conflict.code().as_str()),
        (422, "idempotency_conflict")
    );
    assert_eq!(visitor.credits().await, 999);

    let simulated = demo
        .place(&test, "key", order(&agent, "+14155550124"))
        .await;
    assert_eq!(
        (simulated.status, &simulated.data()["simulated"]),
        (201, &json!(true))
    );
    let pro = demo.log_in("acct_pro").await;
    let (_, stranger) = pro.issue("live", &["agents", "calls"]).await;
    let foreign = demo
        .place(&stranger, "key", order(&agent, "+14155550123"))
        .await;
    assert_eq!(foreign.refused_fields(), ["agent_id"]);
    let own_agent = make_agent(&demo, &stranger).await;
    let own = demo
        .place(&stranger, "key", order(&own_agent, "+14155550123"))
        .await;
    assert_eq!(own.status, 201);
    assert_ne!(own.data()["id"], first.data()["id"]);

    // The agent is gone, the answer stays.
    let path = format!("/v1/agents/{agent}");
    assert_eq!(
        demo.call(&live, Method::DELETE, &path, None).await.status,
        204
    );
    let again = demo
        .place(&live, "key", order(&agent, "+14155550123"))
        .await;
    assert_eq!(again.without_request_id(), first.without_request_id());
    let new = demo
        .place(&live, "new", order(&agent, "+14155550123"))
        .await;
    assert_eq!(new.refused_fields(), ["agent_id"]);
}

#[tokio::test]
async fn an_idempotency_key_is_1_to_255_visible_characters() {
    let demo = Demo::start(Place::Memory);
    let (_, key) = demo
        .log_in("acct_agency")
        .await
        .issue("live", &["agents", "calls"])
        .await;
    let agent = make_agent(&demo, &key).await;
    let order = order(&agent, "+14155550123");
    for (text, status) in [
        ("", 422),
        ("a b", 422),
        (&"k".repeat(256), 422),
        (&"~".repeat(255), 201),
    ] {
        let answer = demo.place(&key, text, order.clone()).await;
        assert_eq!(answer.status, status, "{text:?}: {}", answer.text);
        if status == 422 {
            assert_eq!(answer.refused_fields(), ["idempotency-key"]);
        }
    }
    let request = demo
        .request(Method::POST, "/v1/calls")
        .bearer_auth(&key)
        .json(&order);
    let two = request
        .header("Idempotency-Key", "a")
        .header("Idempotency-Key", "b");
    assert_eq!(Answer::of(two).await.refused_fields(), ["idempotency-key"]);
}

#[tokio::test]
async fn a_call_that_does_not_connect_costs_nothing() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (_, key) = visitor.issue("live", &["agents", "calls"]).await;
    let agent = make_agent(&demo, &key).await;
    let place = || demo.place(&key, "key", order(&agent, UNREACHABLE));
    let (a, b) = tokio::join!(place(), place());
    assert_eq!((a.status, &a.data()["status"]), (201, &json!("failed")));
    assert_eq!(a.data()["credits"], 0);
    assert_eq!(a.without_request_id(), b.without_request_id());
    assert_eq!(visitor.credits().await, 1_000);
}

#[tokio::test]
async fn without_credits_there_are_no_live_calls() {
    let (_directory, file) = new_place();
    let demo = Demo::start(Place::File(&file));
    let visitor = demo.log_in("acct_pro").await;
    let (_, live) = visitor.issue("live", &["agents", "calls"]).await;
    let (_, test) = visitor.issue("test", &["calls"]).await;
    let agent = make_agent(&demo, &live).await;
    let order = order(&agent, "+14155550123");
    let set_balance = |credits: u32| {
        let database = rusqlite::Connection::open(&file).unwrap();
        let update = "UPDATE wallets SET balance = ?1 WHERE account = 'acct_pro'";
        assert_eq!(database.execute(update, [credits]).unwrap(), 1);
    };
    set_balance(1);
    assert_eq!(demo.place(&live, "last", order.clone()).await.status, 201);
    let refused = demo.place(&live, "broke", order.clone()).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (402, "insufficient_credits")
    );
    assert!(refused.header("x-ratelimit-remaining").is_some());
    assert_eq!(visitor.credits().await, 0);
    assert_eq!(calls_of(&demo, &live).await, 1);
    // The controls: what is simulated needs none, and with new credits the same request goes on.
    assert_eq!(demo.place(&test, "test", order.clone()).await.status, 201);
    set_balance(5);
    assert_eq!(demo.place(&live, "broke", order).await.status, 201);
    assert_eq!(visitor.credits().await, 4);
}
