//! What a restart leaves as it was.

use reqwest::Method;
use serde_json::json;

use crate::service::{Answer, Demo, Place, new_place};

#[tokio::test]
async fn everything_still_stands_after_a_restart() {
    let (_directory, file) = new_place();
    let demo = Demo::start(Place::File(&file));
    let first_key = demo.first_key().unwrap().to_owned();
    let visitor = demo.log_in("acct_agency").await;
    let everything = ["agents", "calls", "webhooks", "phone_numbers"];
    let (_, key) = visitor.issue("live", &everything).await;
    let (revoked_id, revoked) = visitor.issue("live", &everything).await;
    let (old_id, old) = visitor.issue("live", &everything).await;
    let (disabled_id, disabled) = visitor.issue("live", &everything).await;
    let act = async |id: &str, action: &str| {
        visitor
            .call(Method::POST, &format!("/api/keys/{id}/{action}"), None)
            .await
    };
    act(&revoked_id, "revoke").await;
    act(&disabled_id, "disable").await;
    let new = act(&old_id, "regenerate").await.data()["key"]
        .as_str()
        .unwrap()
        .to_owned();

    let agent = demo
        .post(&key, "/v1/agents", json!({ "name": "Anna" }))
        .await
        .data();
    let order = json!({ "phone_number": "+14155550123", "agent_id": agent["id"] });
    let call = demo.place(&key, "before", order.clone()).await;
    assert_eq!(call.status, 201, "{}", call.text);
    let numbers = demo.get(&key, "/v1/phone-numbers").await.data();
    demo.get(&new, "/v1/agents").await;

    let lists = ["/api/keys?state=all", "/api/account"];
    let mut before = Vec::new();
    for path in lists {
        before.push(visitor.get(path).await.data());
    }
    let used = before[0]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| !key["last_used_at"].is_null());
    assert_eq!(used.count(), 2);
    let cookie = visitor.cookie.clone();
    assert!(demo.stop().success());

    let demo = Demo::start(Place::File(&file));
    assert_eq!(
        demo.first_key(),
        None,
        "the key is shown once: {}",
        demo.introduction
    );
    // Sessions are not kept; keys are.
    let stale = demo
        .request(Method::GET, "/dashboard/api/account")
        .header("Cookie", cookie);
    assert_eq!(stale.send().await.unwrap().status(), 401);
    let visitor = demo.log_in("acct_agency").await;
    for (path, before) in lists.iter().zip(before) {
        assert_eq!(visitor.get(path).await.data(), before, "{path}");
    }
    for (key, status, code) in [
        (&first_key, 200, ""),
        (&key, 200, ""),
        (&new, 200, ""),
        (&revoked, 401, "api_key_revoked"),
        (&old, 401, "api_key_revoked"),
        (&disabled, 401, "api_key_disabled"),
    ] {
        let answer = demo.get(key, "/v1/agents").await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
    }
    assert_eq!(demo.get(&key, "/v1/agents").await.data(), json!([agent]));
    assert_eq!(demo.get(&key, "/v1/phone-numbers").await.data(), numbers);
    let again = demo.place(&key, "before", order.clone()).await;
    assert_eq!(again.without_request_id(), call.without_request_id());
    assert_eq!(visitor.credits().await, 999);
    // The control: a call that is new is charged.
    assert_eq!(demo.place(&key, "after", order).await.status, 201);
    assert_eq!(visitor.credits().await, 998);
}

#[tokio::test]
async fn a_start_that_was_cut_short_is_finished_by_the_next() {
    let (_directory, file) = new_place();
    // A store that has the first of the accounts and nothing else.
    let mut demo = Demo::start(Place::File(&file));
    demo.kill();
    let database = rusqlite::Connection::open(&file).unwrap();
    let undo = "
        DROP TRIGGER keys_kept; DROP TRIGGER accounts_kept; DROP TRIGGER wallets_kept;
        DELETE FROM keys; DELETE FROM demo_documents;
        DELETE FROM wallet_operations WHERE account <> 'acct_pro';
        UPDATE wallets SET balance = 0 WHERE account <> 'acct_pro';
        DELETE FROM wallets WHERE account = 'acct_starter';
        DELETE FROM accounts WHERE id = 'acct_starter';";
    database.execute_batch(undo).unwrap();
    drop(database);

    let demo = Demo::start(Place::File(&file));
    let key = demo.first_key().unwrap();
    assert_eq!(demo.get(key, "/v1/agents").await.status, 200);
    for (account, credits) in [
        ("acct_pro", 100),
        ("acct_agency", 1_000),
        ("acct_starter", 100),
    ] {
        assert_eq!(
            demo.log_in(account).await.credits().await,
            credits,
            "{account}"
        );
    }
}

#[tokio::test]
async fn a_store_with_accounts_of_its_own_is_left_alone() {
    let (_directory, file) = new_place();
    let demo = Demo::start(Place::File(&file));
    let visitor = demo.log_in("acct_pro").await;
    let database = rusqlite::Connection::open(&file).unwrap();
    let foreign = "DROP TRIGGER keys_kept; DELETE FROM keys;
        INSERT INTO accounts (id, plan, created_at)
        VALUES ('customer', 'pro', '2026-01-02T03:04:05.678Z');";
    assert_eq!(
        visitor
            .get("/api/keys")
            .await
            .data()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    database.execute_batch(foreign).unwrap();
    drop(database);
    assert!(demo.stop().success());

    let demo = Demo::start(Place::File(&file));
    assert_eq!(demo.first_key(), None);
    let visitor = demo.log_in("acct_pro").await;
    assert_eq!(visitor.get("/api/keys?state=all").await.data(), json!([]));
}

#[tokio::test]
async fn a_broken_store_is_reported_without_details() {
    let (_directory, file) = new_place();
    let demo = Demo::start(Place::File(&file));
    let key = demo.first_key().unwrap();
    let health = async || Answer::of(demo.request(Method::GET, "/healthz")).await;
    assert_eq!(health().await.status, 200);
    assert_eq!(demo.get(key, "/v1/agents").await.status, 200);

    let database = rusqlite::Connection::open(&file).unwrap();
    let broken = "ALTER TABLE demo_documents RENAME TO elsewhere";
    database.execute_batch(broken).unwrap();
    let sick = health().await;
    assert_eq!((sick.status, sick.code().as_str()), (503, "unavailable"));
    assert!(
        sick.json()["error"]["details"]["store"].is_string(),
        "{}",
        sick.text
    );
    let failed = demo.get(key, "/v1/agents").await;
    assert_eq!(
        (failed.status, failed.code().as_str()),
        (500, "internal_error")
    );
    assert!(failed.header("x-ratelimit-remaining").is_some());
    assert!(!failed.text.contains("demo_documents"), "{}", failed.text);

    database
        .execute_batch("ALTER TABLE elsewhere RENAME TO demo_documents")
        .unwrap();
    assert_eq!(health().await.status, 200);
    assert_eq!(demo.get(key, "/v1/agents").await.status, 200);
}
