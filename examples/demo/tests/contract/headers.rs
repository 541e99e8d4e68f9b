//! Whatever comes as `Authorization`, the answer is an answer.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};

use crate::service::{Answer, Demo, Place};

#[tokio::test]
async fn odd_credentials_are_refused_and_good_ones_are_not() {
    let demo = Demo::start(Place::Memory);
    let (_, key) = demo
        .log_in("acct_agency")
        .await
        .issue("test", &["agents:read"])
        .await;
    let long = format!("Bearer rg_test_{}", "A".repeat(10_000));
    let mut forged = key.clone();
    forged.replace_range(30..31, if &key[30..31] == "A" { "B" } else { "A" });

    let bytes = |text: String| text.into_bytes();
    let cases: [(Vec<Vec<u8>>, u16, &str); 18] = [
        (vec![], 401, "missing_api_key"),
        (vec![b"".into()], 401, "missing_api_key"),
        (vec![b"Bearer".into()], 401, "missing_api_key"),
        (vec![b"Bearer ".into()], 401, "missing_api_key"),
        (vec![bytes(key.clone())], 401, "missing_api_key"),
        (vec![b"Basic dXNlcjpwYXNz".into()], 401, "missing_api_key"),
        (
            vec![bytes(format!("Bearer\t{key}"))],
            401,
            "missing_api_key",
        ),
        (
            vec![bytes(format!("Bearer {key}")); 2],
            400,
            "ambiguous_credentials",
        ),
        (
            vec![bytes(format!("Bearer {key}, Bearer {key}"))],
            400,
            "ambiguous_credentials",
        ),
        (vec![b"Bearer nonsense".into()], 401, "invalid_api_key"),
        (
            vec![bytes(format!("Bearer {forged}"))],
            401,
            "invalid_api_key",
        ),
        (
            vec![bytes(format!("Bearer {key}A"))],
            401,
            "invalid_api_key",
        ),
        (
            vec![bytes(format!("Bearer {}", key.to_uppercase()))],
            401,
            "invalid_api_key",
        ),
        (
            vec![b"Bearer rg_test_\xff\xfe".into()],
            401,
            "invalid_api_key",
        ),
        (vec![bytes(long)], 401, "invalid_api_key"),
        // The controls.
        (vec![bytes(format!("Bearer {key}"))], 200, ""),
        (vec![bytes(format!("bEARER {key}"))], 200, ""),
        (vec![bytes(format!("Bearer   {key}"))], 200, ""),
    ];
    for (values, status, code) in cases {
        let mut request = demo.request(Method::GET, "/v1/agents");
        for value in &values {
            request = request.header(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        let answer = Answer::of(request).await;
        let sent: Vec<_> = values
            .iter()
            .map(|value| String::from_utf8_lossy(value))
            .collect();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{sent:?}"
        );
        let id = answer.header("x-request-id").unwrap();
        assert!(id.starts_with("req_") && id.len() == 24, "{id}");
        assert_eq!(answer.json()["meta"]["request_id"], id);
        assert_eq!(
            answer.header("www-authenticate").is_some(),
            status != 200,
            "{sent:?}"
        );
        assert_eq!(
            answer.header("x-ratelimit-limit").is_some(),
            status == 200,
            "{sent:?}"
        );
        assert!(!answer.text.contains(&key), "{sent:?}");
    }
}

#[tokio::test]
async fn without_a_key_there_is_nothing_under_v1() {
    let demo = Demo::start(Place::Memory);
    let (_, key) = demo.log_in("acct_agency").await.issue("test", &["*"]).await;
    let cases = [
        (Method::GET, "/v1", 404),
        (Method::GET, "/v1/", 404),
        (Method::GET, "/v1/nothing", 404),
        (Method::GET, "/v1/agents/a/b", 404),
        (Method::GET, "/v1/agents/%ff", 404),
        (Method::PUT, "/v1/agents", 405),
        (Method::DELETE, "/v1/whoami", 405),
        (Method::OPTIONS, "/v1/calls", 405),
        (Method::GET, "/v1/whoami", 200),
    ];
    for (method, path, status) in cases {
        let without = Answer::of(demo.request(method.clone(), path)).await;
        assert_eq!(
            (without.status, without.code().as_str()),
            (401, "missing_api_key"),
            "{path}"
        );
        assert_eq!(without.header("allow"), None, "{path}");
        let with = demo.call(&key, method, path, None).await;
        assert_eq!(with.status, status, "{path}");
        assert!(with.header("x-ratelimit-remaining").is_some(), "{path}");
        assert_eq!(with.header("allow").is_some(), status == 405, "{path}");
        match status {
            404 => assert_eq!(with.code(), "not_found"),
            405 => assert_eq!(with.code(), "method_not_allowed"),
            _ => assert_eq!(with.data()["account"], "acct_agency"),
        }
    }
    // Outside it there is nothing to protect.
    let nothing = Answer::of(demo.request(Method::GET, "/nothing")).await;
    assert_eq!(
        (nothing.status, nothing.code().as_str()),
        (404, "not_found")
    );
    let health = Answer::of(demo.request(Method::GET, "/healthz")).await;
    assert_eq!(
        (health.status, health.data()["status"].as_str()),
        (200, Some("ok"))
    );
}
