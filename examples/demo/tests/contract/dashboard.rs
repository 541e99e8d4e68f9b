//! How keys are managed.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{Demo, Place};

const FIELDS: [&str; 11] = [
    "id",
    "name",
    "description",
    "mode",
    "scopes",
    "hint",
    "state",
    "created_at",
    "last_used_at",
    "expires_at",
    "replaced_by",
];

fn names(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn an_account_is_shown_with_its_plan_and_credits() {
    let demo = Demo::start(Place::Memory);
    for (id, plan, api_access, credits, limit) in [
        ("acct_pro", "pro", true, 100, json!(60)),
        ("acct_agency", "agency", true, 1_000, json!(300)),
        ("acct_starter", "starter", false, 100, Value::Null),
    ] {
        let account = demo.log_in(id).await.get("/api/account").await;
        let expected = json!({
            "id": id, "plan": plan, "api_access": api_access, "credits": credits,
            "limit_per_minute": limit,
        });
        assert_eq!((account.status, account.data()), (200, expected));
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_then_by_its_hint() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let answer = visitor
        .post(
            "/api/keys",
            json!({
                "name": " Production Server ", "description": "For the shop", "mode": "live",
                "permissions": ["calls:read", "agents"], "expires_in_seconds": 3600,
                "quota_per_minute": 10, "allowed_networks": ["127.0.0.0/8", "::1"],
            }),
        )
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut issued = answer.data();
    let key = issued["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("rg_live_") && key.len() == 64);
    issued.as_object_mut().unwrap().remove("key");
    assert_eq!(names(&issued), BTreeSet::from(FIELDS));
    let id = issued["id"].as_str().unwrap();
    assert_eq!(id, &key[8..20]);
    assert_eq!(issued["hint"], format!("rg_live_{id}…"));
    assert_eq!(issued["name"], "Production Server");
    assert_eq!(issued["description"], "For the shop");
    assert_eq!(issued["scopes"], json!(["agents", "calls:read"]));
    assert_eq!(
        (&issued["mode"], &issued["state"]),
        (&json!("live"), &json!("active"))
    );
    assert_eq!(issued["last_used_at"], Value::Null);
    assert!(issued["expires_at"].as_str().unwrap() > issued["created_at"].as_str().unwrap());

    let list = visitor.get("/api/keys").await;
    assert_eq!(list.data(), json!([issued]));
    let events = visitor.get(&format!("/api/keys/{id}/events")).await;
    // The secret, or a part of it, is in no other answer.
    for answer in [&list, &events] {
        assert!(!answer.text.contains(&key[20..26]), "{}", answer.text);
    }

    // The key's own limit is the tighter one, and the key is good from here.
    let used = demo.get(&key, "/v1/agents").await;
    assert_eq!(
        (used.status, used.header("x-ratelimit-limit")),
        (200, Some("10"))
    );
    let last_used = visitor.get("/api/keys").await.data()[0]["last_used_at"].clone();
    assert!(last_used.as_str().unwrap() >= issued["created_at"].as_str().unwrap());
}

#[tokio::test]
async fn every_bad_field_of_a_new_key_is_named() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let good = json!({ "name": "A", "mode": "live", "permissions": ["agents"] });
    let all_bad = json!({
        "name": "", "description": "\u{7}", "mode": "prod", "permissions": ["agents:fly"],
        "expires_in_seconds": 0, "quota_per_minute": 0, "allowed_networks": ["everywhere"],
        "colour": "red",
    });
    let answer = visitor.post("/api/keys", all_bad.clone()).await;
    let refused: BTreeSet<String> = answer.refused_fields().into_iter().collect();
    assert_eq!(
        refused,
        names(&all_bad).into_iter().map(String::from).collect()
    );
    let empty = visitor.post("/api/keys", json!({})).await;
    assert_eq!(empty.refused_fields(), ["mode", "name", "permissions"]);

    for (field, value) in [
        ("name", json!("x".repeat(101))),
        ("name", json!(1)),
        ("description", json!("x".repeat(1_001))),
        ("mode", json!("LIVE")),
        ("permissions", json!("agents")),
        ("permissions", json!([])),
        ("permissions", json!(["agents", "nothing:read"])),
        ("expires_in_seconds", json!(-1)),
        ("expires_in_seconds", json!(u64::MAX)),
        ("quota_per_minute", json!(1.5)),
        ("allowed_networks", json!(["10.0.0.0/33"])),
        ("allowed_networks", json!(["010.0.0.0/8"])),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let answer = visitor.post("/api/keys", body.clone()).await;
        assert_eq!(answer.refused_fields(), [field], "{body}");
    }
    assert_eq!(visitor.get("/api/keys?state=all").await.data(), json!([]));
    // The control: as it stands it is good.
    assert_eq!(visitor.post("/api/keys", good).await.status, 201);
}

#[tokio::test]
async fn a_key_is_renamed_and_given_other_permissions() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (id, key) = visitor.issue("test", &["agents:read"]).await;
    let path = format!("/api/keys/{id}");
    let edit = async |body: Value| visitor.call(Method::PATCH, &path, Some(body)).await;

    let renamed = edit(json!({ "name": "Staging", "description": "Old" })).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    assert_eq!(renamed.data()["name"], "Staging");
    assert_eq!(
        edit(json!({ "description": null })).await.data()["description"],
        Value::Null
    );
    assert_eq!(demo.get(&key, "/v1/webhooks").await.status, 403);
    let widened = edit(json!({ "permissions": ["webhooks"] })).await;
    assert_eq!(widened.data()["scopes"], json!(["webhooks"]));
    assert_eq!(demo.get(&key, "/v1/webhooks").await.status, 200);
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 403);

    assert_eq!(edit(json!({ "name": "" })).await.refused_fields(), ["name"]);
    assert_eq!(
        edit(json!({ "mode": "live" })).await.refused_fields(),
        ["mode"]
    );
    assert_eq!(
        edit(json!({ "permissions": ["fly"] }))
            .await
            .refused_fields(),
        ["permissions"]
    );
    assert_eq!(edit(json!({})).await.data()["name"], "Staging");

    let events = visitor.get(&format!("{path}/events")).await;
    assert_eq!(events.status, 200);
    let events = events.data();
    let kinds: Vec<&str> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "key.scopes_changed",
            "key.renamed",
            "key.renamed",
            "key.issued"
        ]
    );
    assert_eq!(
        names(&events[0]),
        BTreeSet::from(["at", "kind", "actor", "detail"])
    );
    assert_eq!(events[0]["actor"], "user:acct_agency");
    assert!(events[2]["detail"].as_str().unwrap().contains("Staging"));
    let page = visitor.get(&format!("{path}/events?limit=3")).await.json();
    let rest = format!(
        "{path}/events?cursor={}",
        page["next_cursor"].as_str().unwrap()
    );
    assert_eq!(visitor.get(&rest).await.data(), json!([events[3]]));
}

#[tokio::test]
async fn a_disabled_key_sleeps() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (id, key) = visitor.issue("test", &["agents"]).await;
    let act = async |action: &str| {
        visitor
            .call(Method::POST, &format!("/api/keys/{id}/{action}"), None)
            .await
    };
    for _ in 0..2 {
        let disabled = act("disable").await;
        assert_eq!(
            (disabled.status, &disabled.data()["state"]),
            (200, &json!("disabled"))
        );
    }
    let refused = demo.get(&key, "/v1/agents").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (401, "api_key_disabled")
    );
    let regenerated = act("regenerate").await;
    assert_eq!(
        (regenerated.status, regenerated.code().as_str()),
        (409, "key_disabled")
    );
    assert_eq!(visitor.get("/api/keys").await.data(), json!([]));
    for _ in 0..2 {
        let enabled = act("enable").await;
        assert_eq!(
            (enabled.status, &enabled.data()["state"]),
            (200, &json!("active"))
        );
    }
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 200);
}

#[tokio::test]
async fn the_key_of_another_account_is_not_there() {
    let demo = Demo::start(Place::Memory);
    let owner = demo.log_in("acct_agency").await;
    let (id, key) = owner.issue("test", &["agents"]).await;
    let stranger = demo.log_in("acct_pro").await;
    let calls = [
        (Method::PATCH, "", Some(json!({ "name": "Mine" }))),
        (Method::POST, "/revoke", None),
        (Method::POST, "/disable", None),
        (Method::POST, "/enable", None),
        (Method::POST, "/regenerate", None),
        (Method::GET, "/events", None),
    ];
    for (method, rest, body) in &calls {
        for id in [id.as_str(), "000000000000", "nonsense"] {
            let path = format!("/api/keys/{id}{rest}");
            let answer = stranger.call(method.clone(), &path, body.clone()).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (404, "not_found"),
                "{path}"
            );
        }
    }
    let listed = stranger.get("/api/keys?state=all").await;
    assert!(!listed.text.contains(&id));
    // The controls: nothing has happened to the key, and its owner can do all of it.
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 200);
    for (method, rest, body) in &calls {
        let path = format!("/api/keys/{id}{rest}");
        let answer = owner.call(method.clone(), &path, body.clone()).await;
        assert_ne!(answer.status, 404, "{path}");
    }
}

#[tokio::test]
async fn keys_are_filtered_and_paged() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let mode = if number % 2 == 0 { "live" } else { "test" };
        let body = json!({
            "name": format!("Server {number}"), "mode": mode, "permissions": ["agents"],
        });
        ids.push(
            visitor.post("/api/keys", body).await.data()["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    visitor
        .call(Method::POST, &format!("/api/keys/{}/revoke", ids[0]), None)
        .await;
    let listed = async |query: &str| -> BTreeSet<usize> {
        let page = visitor.get(&format!("/api/keys?{query}")).await;
        assert_eq!(page.status, 200, "{query}: {}", page.text);
        let position = |key: &Value| ids.iter().position(|id| key["id"] == **id).unwrap();
        page.data()
            .as_array()
            .unwrap()
            .iter()
            .map(position)
            .collect()
    };
    assert_eq!(listed("").await, BTreeSet::from([1, 2, 3, 4]));
    assert_eq!(
        listed("state=active&mode=&q=&limit=&cursor=").await.len(),
        4
    );
    assert_eq!(listed("state=all").await, BTreeSet::from([0, 1, 2, 3, 4]));
    assert_eq!(
        listed("state=all&mode=live").await,
        BTreeSet::from([0, 2, 4])
    );
    assert_eq!(listed("mode=test").await, BTreeSet::from([1, 3]));
    assert_eq!(listed("q=server%203").await, BTreeSet::from([3]));
    assert_eq!(listed("q=%25").await, BTreeSet::new());

    let first = visitor.get("/api/keys?limit=3").await.json();
    assert_eq!(first["has_more"], true);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = visitor
        .get(&format!("/api/keys?limit=3&cursor={cursor}"))
        .await
        .json();
    assert_eq!(
        (&second["has_more"], &second["next_cursor"]),
        (&json!(false), &Value::Null)
    );
    let count = |page: &Value| page["data"].as_array().unwrap().len();
    assert_eq!((count(&first), count(&second)), (3, 1));

    for (query, field) in [
        ("state=dead", "state"),
        ("mode=both", "mode"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
    ] {
        let answer = visitor.get(&format!("/api/keys?{query}")).await;
        assert_eq!(answer.refused_fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn a_key_for_other_networks_or_other_times_is_refused() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let issue = async |field: &str, value: Value| {
        let mut body = json!({ "name": "A", "mode": "live", "permissions": ["agents"] });
        body[field] = value;
        visitor.post("/api/keys", body).await.data()["key"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let elsewhere = issue("allowed_networks", json!(["203.0.113.0/24"])).await;
    let here = issue("allowed_networks", json!(["203.0.113.0/24", "127.0.0.1"])).await;
    let short = issue("expires_in_seconds", json!(1)).await;
    let refused = demo.get(&elsewhere, "/v1/agents").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "ip_not_allowed")
    );
    assert_eq!(demo.get(&here, "/v1/agents").await.status, 200);
    tokio::time::sleep(std::time::Duration::from_millis(1_001)).await;
    let refused = demo.get(&short, "/v1/agents").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (401, "api_key_expired")
    );
}

#[tokio::test]
async fn what_json_schema_takes_for_an_integer_or_for_nothing_is_taken() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let body = |quota: f64| {
        json!({
            "name": "A key", "mode": "test", "permissions": ["*"], "quota_per_minute": quota,
        })
    };
    let issued = visitor.post("/api/keys", body(60.0)).await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    let path = format!(
        "/api/keys/{}/regenerate",
        issued.data()["id"].as_str().unwrap()
    );
    assert_eq!(visitor.post(&path, Value::Null).await.status, 201);

    // The controls.
    for quota in [60.5, -60.0, 0.0, 1e300] {
        let refused = visitor.post("/api/keys", body(quota)).await;
        assert_eq!(refused.refused_fields(), ["quota_per_minute"], "{quota}");
    }
    let refused = visitor.post(&path, json!([])).await;
    assert_eq!(refused.refused_fields(), ["body"]);
}
