//! What a stranger does in the first five minutes.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::service::{Demo, Place, new_place};

#[tokio::test]
async fn the_printed_line_works_and_its_key_ends_where_its_scopes_do() {
    let (_directory, file) = new_place();
    let demo = Demo::start(Place::File(&file));
    let key = demo.first_key().unwrap();
    assert!(key.starts_with("rg_test_") && key.len() == 64);
    let curl = format!(
        "curl -H 'Authorization: Bearer {key}' {}/v1/agents\n",
        demo.url
    );
    assert!(demo.introduction.contains(&curl), "{}", demo.introduction);
    let dashboard = format!("{}/dashboard", demo.url);
    assert!(
        demo.introduction.contains(&dashboard),
        "{}",
        demo.introduction
    );

    let agents = demo.get(key, "/v1/agents").await;
    assert_eq!(agents.status, 200, "{}", agents.text);
    assert_eq!(agents.json()["data"], json!([]));
    assert_eq!(agents.json()["has_more"], false);

    let refused = demo
        .post(key, "/v1/agents", json!({ "name": "Anna" }))
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "insufficient_permissions")
    );
    assert_eq!(
        refused.json()["error"]["details"]["missing"],
        json!(["agents:create"])
    );
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains(r#"error="insufficient_scope", scope="agents:create""#));
    assert_eq!(demo.get(key, "/v1/webhooks").await.status, 403);

    let whoami = demo.get(key, "/v1/whoami").await.data();
    assert_eq!(whoami["mode"], "test");
    assert_eq!(whoami["account"], "acct_pro");
    assert_eq!(whoami["plan"], "pro");
    assert_eq!(whoami["credits"], 100);
    assert_eq!(whoami["scopes"], json!(["agents:read", "calls"]));
    assert_eq!(whoami["key_id"], key[8..20]);
    assert_eq!(whoami["name"], "First key");
}

#[tokio::test]
async fn the_61st_request_is_one_too_many() {
    let demo = Demo::start(Place::Memory);
    let key = demo.first_key().unwrap();
    let start = Instant::now();
    let mut let_through = 0;
    let refused = loop {
        let answer = demo.get(key, "/v1/agents").await;
        for header in [
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
        ] {
            assert!(
                answer.header(header).is_some(),
                "{header} at {}",
                answer.status
            );
        }
        match answer.status {
            200 => let_through += 1,
            _ => break answer,
        }
    };
    // One comes back every second.
    let seconds = start.elapsed().as_secs();
    assert!(
        (60..=60 + seconds).contains(&let_through),
        "{let_through} in {seconds} s"
    );

    assert_eq!(
        (refused.status, refused.code().as_str()),
        (429, "rate_limit_exceeded")
    );
    assert_eq!(refused.header("x-ratelimit-limit"), Some("60"));
    assert_eq!(refused.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(refused.header("retry-after"), Some("1"));

    // The control: who waits as long as was said is let through, and live keys have a bucket of
    // their own.
    let (_, live) = demo
        .log_in("acct_pro")
        .await
        .issue("live", &["agents"])
        .await;
    assert_eq!(demo.get(&live, "/v1/agents").await.status, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(demo.get(key, "/v1/agents").await.status, 200);
}

#[tokio::test]
async fn a_revoked_key_is_dead_at_once_and_for_good() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (id, key) = visitor.issue("live", &["agents:read"]).await;
    let (_, other) = visitor.issue("live", &["agents:read"]).await;
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 200);

    let revoked = visitor
        .call(Method::POST, &format!("/api/keys/{id}/revoke"), None)
        .await;
    assert_eq!(
        (revoked.status, &revoked.data()["state"]),
        (200, &json!("revoked"))
    );
    let refused = demo.get(&key, "/v1/agents").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (401, "api_key_revoked")
    );
    assert!(
        refused
            .header("www-authenticate")
            .unwrap()
            .contains(r#"error="invalid_token""#)
    );

    for (action, status) in [
        ("enable", 409),
        ("disable", 409),
        ("regenerate", 409),
        ("revoke", 200),
    ] {
        let answer = visitor
            .call(Method::POST, &format!("/api/keys/{id}/{action}"), None)
            .await;
        assert_eq!(answer.status, status, "{action}: {}", answer.text);
        if status == 409 {
            assert_eq!(answer.code(), "key_revoked");
        }
    }
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 401);
    // The control: it is the revocation that did it.
    assert_eq!(demo.get(&other, "/v1/agents").await.status, 200);
}

#[tokio::test]
async fn regenerate_makes_a_new_key_and_ends_the_old_one() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (id, key) = visitor.issue("live", &["agents:read"]).await;
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 200);

    let path = format!("/api/keys/{id}/regenerate");
    let answer = visitor.call(Method::POST, &path, None).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let new = answer.data();
    let new_key = new["key"].as_str().unwrap();
    assert_eq!(new["name"], "A key");
    assert_eq!(new["scopes"], json!(["agents:read"]));
    assert_eq!(demo.get(new_key, "/v1/agents").await.status, 200);
    let refused = demo.get(&key, "/v1/agents").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (401, "api_key_revoked")
    );

    let all = visitor.get("/api/keys?state=all").await.data();
    let old = all
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["id"] == id)
        .unwrap();
    assert_eq!(old["state"], "superseded");
    assert_eq!(old["replaced_by"], new["id"]);
    let again = visitor.call(Method::POST, &path, None).await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (409, "key_superseded")
    );
}

#[tokio::test]
async fn with_an_overlap_both_keys_work_until_it_ends() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (id, key) = visitor.issue("live", &["agents:read"]).await;
    let path = format!("/api/keys/{id}/regenerate");

    let too_long = visitor
        .post(&path, json!({ "overlap_seconds": 2_592_001 }))
        .await;
    assert_eq!(too_long.refused_fields(), ["overlap_seconds"]);
    let started = Instant::now();
    let answer = visitor.post(&path, json!({ "overlap_seconds": 3 })).await;
    let answered = Instant::now();
    assert_eq!(answer.status, 201, "{}", answer.text);
    let new = answer.data()["key"].as_str().unwrap().to_owned();
    let listed = visitor.get("/api/keys").await.data();
    let old = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["id"] == id)
        .unwrap();
    let both_work = [
        demo.get(&key, "/v1/agents").await,
        demo.get(&new, "/v1/agents").await,
    ];
    if started.elapsed() < Duration::from_secs(3) {
        assert_eq!(
            (&old["state"], &old["replaced_by"]),
            (&json!("active"), &answer.data()["id"])
        );
        assert_eq!(both_work.map(|answer| answer.status), [200, 200]);
    }
    tokio::time::sleep(Duration::from_secs(3).saturating_sub(answered.elapsed())).await;
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 401);
    assert_eq!(demo.get(&new, "/v1/agents").await.status, 200);
}

#[tokio::test]
async fn a_plan_without_api_access_has_no_keys() {
    let demo = Demo::start(Place::Memory);
    let new = json!({ "name": "Key", "mode": "test", "permissions": ["agents"] });
    let starter = demo.log_in("acct_starter").await;
    let refused = starter.post("/api/keys", new.clone()).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "plan_required")
    );
    assert_eq!(starter.get("/api/keys?state=all").await.data(), json!([]));
    // The control: the same key for another plan.
    let pro = demo.log_in("acct_pro").await;
    assert_eq!(pro.post("/api/keys", new).await.status, 201);
}
