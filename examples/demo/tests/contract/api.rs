//! Agents, phone numbers and webhooks.

use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{Answer, Demo, Place};

#[tokio::test]
async fn agents_are_made_changed_and_taken_away() {
    let demo = Demo::start(Place::Memory);
    let (_, key) = demo
        .log_in("acct_agency")
        .await
        .issue("live", &["agents"])
        .await;
    let made = demo
        .post(
            &key,
            "/v1/agents",
            json!({ "name": " Anna ", "language": "pt-BR" }),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let agent = made.data();
    assert_eq!(
        (&agent["name"], &agent["language"]),
        (&json!("Anna"), &json!("pt-BR"))
    );
    let id = agent["id"].as_str().unwrap();
    assert!(id.starts_with("agent_"));
    let path = format!("/v1/agents/{id}");
    assert_eq!(demo.get(&key, &path).await.data(), agent);
    let other = demo
        .post(&key, "/v1/agents", json!({ "name": "Ben" }))
        .await
        .data();
    assert_eq!(other["language"], "en");
    assert_eq!(
        demo.get(&key, "/v1/agents").await.data(),
        json!([other, agent])
    );

    let patched = demo
        .call(&key, Method::PATCH, &path, Some(json!({ "name": "Eva" })))
        .await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    assert_eq!(patched.data()["name"], "Eva");
    assert_eq!(patched.data()["language"], "pt-BR");

    let removed = demo.call(&key, Method::DELETE, &path, None).await;
    assert_eq!((removed.status, removed.text.as_str()), (204, ""));
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(demo.call(&key, method, &path, None).await.status, 404);
    }
    let late = demo
        .call(&key, Method::PATCH, &path, Some(json!({ "name": "Eva" })))
        .await;
    assert_eq!(late.status, 404);
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said_field_by_field() {
    let demo = Demo::start(Place::Memory);
    let (_, key) = demo.log_in("acct_agency").await.issue("live", &["*"]).await;
    let cases: [(&str, Value, &[&str]); 18] = [
        ("/v1/agents", json!({}), &["name"]),
        ("/v1/agents", json!({ "name": " " }), &["name"]),
        ("/v1/agents", json!({ "name": "x".repeat(101) }), &["name"]),
        ("/v1/agents", json!({ "name": "a\u{7}" }), &["name"]),
        (
            "/v1/agents",
            json!({ "name": 5, "language": "-" }),
            &["language", "name"],
        ),
        ("/v1/agents", json!({ "name": "A", "size": 1 }), &["size"]),
        ("/v1/agents", json!([]), &["body"]),
        ("/v1/webhooks", json!({}), &["events", "url"]),
        (
            "/v1/webhooks",
            json!({ "url": "http://a.example", "events": ["a"] }),
            &["url"],
        ),
        (
            "/v1/webhooks",
            json!({ "url": "https://u:p@a.example", "events": ["a"] }),
            &["url"],
        ),
        (
            "/v1/webhooks",
            json!({ "url": "https://", "events": ["a"] }),
            &["url"],
        ),
        (
            "/v1/webhooks",
            json!({ "url": "https://a.example:123456", "events": ["a"] }),
            &["url"],
        ),
        (
            "/v1/webhooks",
            json!({ "url": "https://a b.example/", "events": ["a"] }),
            &["url"],
        ),
        (
            "/v1/webhooks",
            json!({ "url": "https://a.example/#x", "events": ["a"] }),
            &["url"],
        ),
        (
            "/v1/webhooks",
            json!({ "url": "https://a.example", "events": [] }),
            &["events"],
        ),
        (
            "/v1/webhooks",
            json!({ "url": "https://a.example", "events": [""] }),
            &["events"],
        ),
        ("/v1/calls", json!({}), &["agent_id", "phone_number"]),
        (
            "/v1/calls",
            json!({ "phone_number": "0151 1234567", "agent_id": "agent_1" }),
            &["phone_number"],
        ),
    ];
    for (path, body, fields) in cases {
        let answer = demo.post(&key, path, body.clone()).await;
        assert_eq!(answer.refused_fields(), fields, "{path} {body}");
    }
    // The controls.
    assert_eq!(
        demo.post(&key, "/v1/agents", json!({ "name": "x".repeat(100) }))
            .await
            .status,
        201
    );
    let webhook = json!({ "url": "https://a.example/x?y", "events": ["call.completed"] });
    assert_eq!(demo.post(&key, "/v1/webhooks", webhook).await.status, 201);
}

#[tokio::test]
async fn bodies_that_are_no_json_stay_in_the_envelope() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (_, key) = visitor.issue("live", &["agents"]).await;
    let (_, reader) = visitor.issue("live", &["read_only"]).await;
    let send = async |key: &str, content_type: &str, body: String| {
        let request = demo.request(Method::POST, "/v1/agents").bearer_auth(key);
        Answer::of(request.header("Content-Type", content_type).body(body)).await
    };
    let json = "application/json";
    let cases = [
        (json, "{".to_owned(), 400, "invalid_request"),
        (json, String::new(), 400, "invalid_request"),
        (json, "\"text\"".to_owned(), 422, "invalid_request"),
        (json, "[".repeat(10_000), 400, "invalid_request"),
        (json, " ".repeat(70_000), 413, "payload_too_large"),
        (
            "text/plain",
            r#"{"name":"A"}"#.to_owned(),
            415,
            "unsupported_media_type",
        ),
        (
            "application/json; charset=utf-8",
            r#"{"name":"A"}"#.to_owned(),
            201,
            "",
        ),
    ];
    for (content_type, body, status, code) in cases {
        let answer = send(&key, content_type, body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{}",
            answer.text
        );
        assert!(answer.header("x-ratelimit-limit").is_some());
    }
    // Who may not do it is told that, whatever the body.
    let refused = send(&reader, json, "{".to_owned()).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "insufficient_permissions")
    );
}

#[tokio::test]
async fn lists_are_paged_newest_first() {
    let demo = Demo::start(Place::Memory);
    let (_, key) = demo.log_in("acct_agency").await.issue("live", &["*"]).await;
    let mut made = Vec::new();
    for number in 0..7 {
        let body = json!({ "name": format!("Agent {number}") });
        made.push(demo.post(&key, "/v1/agents", body).await.data()["id"].clone());
    }
    made.reverse();
    let mut seen = Vec::new();
    let mut path = "/v1/agents?limit=3&cursor=".to_owned();
    loop {
        let page = demo.get(&key, &path).await.json();
        seen.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|agent| agent["id"].clone()),
        );
        assert_eq!(page["has_more"], !page["next_cursor"].is_null());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        // What comes in between does not shift the rest.
        demo.post(&key, "/v1/agents", json!({ "name": "Late" }))
            .await;
        path = format!("/v1/agents?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, made);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("cursor=nonsense", "cursor"),
    ] {
        let answer = demo.get(&key, &format!("/v1/agents?{query}")).await;
        assert_eq!(answer.refused_fields(), [field], "{query}");
    }
    assert_eq!(demo.get(&key, "/v1/agents?limit=100").await.status, 200);
}

#[tokio::test]
async fn a_key_for_one_agent_changes_that_agent_only() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (_, key) = visitor.issue("live", &["agents"]).await;
    let make = async |name: &str| {
        let made = demo.post(&key, "/v1/agents", json!({ "name": name })).await;
        made.data()["id"].as_str().unwrap().to_owned()
    };
    let (own, other) = (make("Own").await, make("Other").await);
    let (_, narrow) = visitor
        .issue("live", &[&format!("agents:update@{own}")])
        .await;
    let patch = async |id: &str| {
        let body = Some(json!({ "name": "New" }));
        demo.call(&narrow, Method::PATCH, &format!("/v1/agents/{id}"), body)
            .await
            .status
    };
    assert_eq!(patch(&own).await, 200);
    assert_eq!(patch(&other).await, 403);
    assert_eq!(patch("agent_none").await, 403);
    assert_eq!(
        demo.get(&narrow, &format!("/v1/agents/{own}")).await.status,
        403
    );
    let removed = demo
        .call(&narrow, Method::DELETE, &format!("/v1/agents/{own}"), None)
        .await;
    assert_eq!(removed.status, 403);
}

#[tokio::test]
async fn read_only_keys_change_nothing() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (_, key) = visitor
        .issue("live", &["read_only", "agents", "phone_numbers"])
        .await;
    for (path, status) in [
        ("/v1/agents", 200),
        ("/v1/phone-numbers", 200),
        ("/v1/calls", 403),
    ] {
        assert_eq!(demo.get(&key, path).await.status, status, "{path}");
    }
    let refused = demo.post(&key, "/v1/agents", json!({ "name": "A" })).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn phone_numbers_are_there_and_can_be_labelled() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (_, key) = visitor.issue("live", &["phone_numbers"]).await;
    let numbers = demo.get(&key, "/v1/phone-numbers").await.data();
    assert_eq!(numbers.as_array().unwrap().len(), 2);
    let id = numbers[0]["id"].as_str().unwrap();
    assert!(id.starts_with("pn_"));
    let path = format!("/v1/phone-numbers/{id}");
    for (label, expected) in [(json!("Desk"), json!("Desk")), (Value::Null, Value::Null)] {
        let body = json!({ "label": label });
        let patched = demo.call(&key, Method::PATCH, &path, Some(body)).await;
        assert_eq!((patched.status, &patched.data()["label"]), (200, &expected));
        assert_eq!(demo.get(&key, &path).await.data(), patched.data());
    }
    let wrong = demo
        .call(&key, Method::PATCH, &path, Some(json!({ "label": 1 })))
        .await;
    assert_eq!(wrong.refused_fields(), ["label"]);
}

#[tokio::test]
async fn what_belongs_to_another_account_is_not_there() {
    let demo = Demo::start(Place::Memory);
    let (_, key) = demo.log_in("acct_agency").await.issue("live", &["*"]).await;
    let (_, stranger) = demo.log_in("acct_pro").await.issue("live", &["*"]).await;
    let webhook = json!({ "url": "https://a.example", "events": ["call.completed"] });
    let agent = demo
        .post(&key, "/v1/agents", json!({ "name": "A" }))
        .await
        .data();
    let webhook = demo.post(&key, "/v1/webhooks", webhook).await.data();
    let number = demo.get(&key, "/v1/phone-numbers").await.data()[0].clone();
    for (kind, object) in [
        ("agents", agent),
        ("webhooks", webhook),
        ("phone-numbers", number),
    ] {
        let path = format!("/v1/{kind}/{}", object["id"].as_str().unwrap());
        for method in [Method::GET, Method::PATCH] {
            let body = (method == Method::PATCH).then(|| json!({}));
            let own = demo.call(&key, method.clone(), &path, body.clone()).await;
            assert_eq!(own.status, 200, "{}", own.text);
            let foreign = demo.call(&stranger, method, &path, body).await;
            assert_eq!(
                (foreign.status, foreign.code().as_str()),
                (404, "not_found")
            );
        }
        // An id of one kind is none of another.
        let elsewhere = format!("/v1/calls/{}", object["id"].as_str().unwrap());
        assert_eq!(demo.get(&key, &elsewhere).await.status, 404);
    }
}

#[tokio::test]
async fn webhooks_are_made_changed_and_taken_away() {
    let demo = Demo::start(Place::Memory);
    let (_, key) = demo
        .log_in("acct_agency")
        .await
        .issue("live", &["webhooks"])
        .await;
    let body = json!({ "url": "https://a.example/in", "events": ["call.completed"] });
    let webhook = demo.post(&key, "/v1/webhooks", body).await.data();
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    assert!(path.starts_with("/v1/webhooks/wh_"));
    assert_eq!(
        demo.get(&key, "/v1/webhooks").await.data(),
        json!([webhook])
    );
    let change = json!({ "events": ["call.failed", "call.completed"] });
    let changed = demo
        .call(&key, Method::PATCH, &path, Some(change.clone()))
        .await
        .data();
    assert_eq!(
        (&changed["events"], &changed["url"]),
        (&change["events"], &webhook["url"])
    );
    let insecure = json!({ "url": "http://a.example/in" });
    let refused = demo.call(&key, Method::PATCH, &path, Some(insecure)).await;
    assert_eq!(refused.refused_fields(), ["url"]);
    assert_eq!(
        demo.call(&key, Method::DELETE, &path, None).await.status,
        204
    );
    assert_eq!(demo.get(&key, &path).await.status, 404);
}
