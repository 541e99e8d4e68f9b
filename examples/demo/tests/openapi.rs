//! `/openapi.json`: it is valid, public, and says what is so.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod service;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use roas::v3_1::spec::Spec;
use roas::validation::{Options, Validate as _};
use serde_json::{Value, json};
use service::{Answer, Demo, Place};

/// One of those that GitHub has published.
const GITHUB_KEYS: &str = r#"{ "public_keys": [{
    "key_identifier": "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c",
    "key": "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\nAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n-----END PUBLIC KEY-----\n"
}] }"#;

#[tokio::test]
async fn the_document_is_public_and_valid() {
    // With everything that there is to turn on.
    let folder = tempfile::tempdir().unwrap();
    let github = folder.path().join("github.json");
    std::fs::write(&github, GITHUB_KEYS).unwrap();
    let flags = ["--github-keys", github.to_str().unwrap()];
    let demo = Demo::start_with(Place::Memory, &flags);
    let answer = Answer::of(demo.request(Method::GET, "/openapi.json")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header(CONTENT_TYPE.as_str()),
        Some("application/json")
    );
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(faults(&document), Vec::<String>::new());
    assert_eq!(answer.header("x-ratelimit-limit"), None);

    // The controls: each has one fault more.
    let list = "/paths/~1v1~1agents/get";
    let show = "/paths/~1v1~1agents~1{id}/get";
    for (place, spoilt_part) in [
        ("/info".to_owned(), json!({ "version": "1" })),
        (format!("{list}/operationId"), json!("create_agent")),
        (format!("{show}/parameters"), json!([])),
        (format!("{list}/security"), json!([{ "nothing": [] }])),
        (
            "/components/schemas/ErrorBody".to_owned(),
            json!({ "$ref": "#/components/schemas/Nothing" }),
        ),
    ] {
        let mut spoilt = document.clone();
        *spoilt.pointer_mut(&place).unwrap() = spoilt_part;
        assert_ne!(faults(&spoilt), Vec::<String>::new(), "{place}");
    }
}

fn faults(document: &Value) -> Vec<String> {
    match serde_json::from_value::<Spec>(document.clone()) {
        Ok(spec) => match spec.validate(Options::empty(), None) {
            Ok(()) => Vec::new(),
            Err(error) => vec![error.to_string()],
        },
        Err(error) => vec![error.to_string()],
    }
}

/// Each operation with its description.
fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            operations.push((method, path.clone(), operation.clone()));
        }
    }
    operations
}

#[tokio::test]
async fn every_operation_asks_for_what_it_says() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let document = Answer::of(demo.request(Method::GET, "/openapi.json")).await;
    let permissions = [
        "agents:create",
        "agents:read",
        "agents:update",
        "agents:delete",
        "calls:create",
        "calls:read",
        "phone_numbers:read",
        "phone_numbers:update",
        "webhooks:create",
        "webhooks:read",
        "webhooks:update",
        "webhooks:delete",
    ];
    let mut seen = [0; 3];
    for (method, path, operation) in operations(&document.json()) {
        let path = path.replace("{id}", "nothing");
        let security = &operation["security"][0];
        let bare = Answer::of(demo.request(method.clone(), &path)).await;
        let is_documented = |answer: &Answer| {
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.contains_key(&answer.status.to_string()),
                "{method} {path} {}",
                answer.status
            );
        };
        is_documented(&bare);
        if let Some(needed) = security.get("api_key") {
            seen[0] += 1;
            assert_eq!(bare.code(), "missing_api_key", "{method} {path}");
            let needed: Vec<&str> = serde_json::from_value(needed.clone())
                .map(|needed: Vec<String>| {
                    let known = |needed: &String| permissions.iter().find(|known| *known == needed);
                    needed
                        .iter()
                        .map(|needed| *known(needed).unwrap())
                        .collect()
                })
                .unwrap();

            // With what it says it needs, it is not the permissions that are missing.
            let enough = if needed.is_empty() {
                &permissions[..1]
            } else {
                &needed
            };
            let (_, key) = visitor.issue("test", enough).await;
            let answer = demo.call(&key, method.clone(), &path, None).await;
            assert_ne!(answer.status, 403, "{method} {path}");
            is_documented(&answer);

            // With everything else, it is what it says it needs.
            let others: Vec<&str> = permissions
                .into_iter()
                .filter(|permission| !needed.contains(permission))
                .collect();
            let (_, key) = visitor.issue("test", &others).await;
            let answer = demo.call(&key, method.clone(), &path, None).await;
            is_documented(&answer);
            match needed.is_empty() {
                true => assert_eq!(answer.status, 200, "{method} {path}"),
                false => {
                    assert_eq!(answer.code(), "insufficient_permissions", "{method} {path}");
                    assert_eq!(answer.json()["error"]["details"]["missing"], json!(needed));
                }
            }
        } else if security.get("session").is_some() {
            seen[1] += 1;
            assert_eq!(bare.code(), "login_required", "{method} {path}");
        } else {
            seen[2] += 1;
            assert_ne!(bare.status, 401, "{method} {path}");
        }
    }
    assert_eq!(seen, [17, 10, 7]);
}
