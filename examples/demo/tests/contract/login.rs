//! The way into the dashboard, and what keeps others from using it.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::service::{Answer, Demo, Place};

#[tokio::test]
async fn somebody_logs_in_and_out() {
    let demo = Demo::start(Place::Memory);
    let request = || demo.request(Method::POST, "/dashboard/login");
    let answer = Answer::of(request().json(&json!({ "account": "acct_pro" }))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("ringyo_session="), "{cookie}");
    for attribute in ["; HttpOnly", "; SameSite=Strict", "; Path=/dashboard"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }

    let form = request().header("Content-Type", "application/x-www-form-urlencoded");
    let answer = Answer::of(form.body("account=acct_agency")).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(
        answer
            .header("location")
            .unwrap()
            .starts_with("/dashboard/")
    );
    assert_ne!(answer.cookie(), cookie.split(';').next().unwrap());

    for account in ["acct_none", "", "acct pro", "ACCT_PRO"] {
        let answer = Answer::of(request().json(&json!({ "account": account }))).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "not_found"),
            "{account}"
        );
        assert!(answer.header("set-cookie").is_none());
    }
    let nothing = Answer::of(request().json(&json!({}))).await;
    assert_eq!(nothing.refused_fields(), ["account"]);

    let visitor = demo.log_in("acct_pro").await;
    let other = demo.log_in("acct_pro").await;
    assert_eq!(visitor.get("/api/account").await.status, 200);
    let out = visitor.call(Method::POST, "/logout", None).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(visitor.get("/api/account").await.status, 401);
    // The control: another session goes on, until it ends by a form.
    assert_eq!(other.get("/api/account").await.status, 200);
    let form = other
        .request(Method::POST, "/logout")
        .header("Origin", &demo.url);
    let form = form.header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(Answer::of(form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(other.get("/api/account").await.status, 401);
}

#[tokio::test]
async fn the_page_says_what_it_is() {
    let demo = Demo::start(Place::Memory);
    let page = Answer::of(demo.request(Method::GET, "/dashboard/login")).await;
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(
        page.text
            .contains("A real service puts its own log-in here")
    );
    let put = Answer::of(demo.request(Method::PUT, "/dashboard/login")).await;
    assert_eq!(
        (put.status, put.code().as_str()),
        (405, "method_not_allowed")
    );
}

#[tokio::test]
async fn without_a_session_there_is_no_dashboard() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_pro").await;
    let (id, key) = visitor.issue("test", &["agents"]).await;
    let key_path = |rest: &str| format!("/dashboard/api/keys/{id}{rest}");
    let routes = [
        (Method::GET, "/dashboard/api/account".to_owned()),
        (Method::GET, "/dashboard/api/keys".to_owned()),
        (Method::POST, "/dashboard/api/keys".to_owned()),
        (Method::PATCH, key_path("")),
        (Method::POST, key_path("/revoke")),
        (Method::POST, key_path("/disable")),
        (Method::POST, key_path("/enable")),
        (Method::POST, key_path("/regenerate")),
        (Method::GET, key_path("/events")),
        (Method::POST, "/dashboard/logout".to_owned()),
        (Method::GET, "/dashboard/api/nothing".to_owned()),
    ];
    for (method, path) in &routes {
        for cookie in [
            None,
            Some("ringyo_session="),
            Some("ringyo_session=guess; a=b"),
        ] {
            let mut request = demo.request(method.clone(), path);
            request = request
                .header("Sec-Fetch-Site", "same-origin")
                .bearer_auth(&key);
            if let Some(cookie) = cookie {
                request = request.header("Cookie", cookie);
            }
            let answer = Answer::of(request).await;
            let was = (answer.status, answer.code());
            assert_eq!(was, (401, "login_required".to_owned()), "{method} {path}");
        }
    }
    // The control: the key has seen none of it, and the session opens all of it.
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 200);
    assert_eq!(visitor.get("/api/account").await.status, 200);
    assert_eq!(visitor.get("/api/nothing").await.status, 404);
}

#[tokio::test]
async fn changes_come_from_the_same_site_only() {
    let demo = Demo::start(Place::Memory);
    let visitor = demo.log_in("acct_agency").await;
    let (id, key) = visitor.issue("test", &["agents"]).await;
    let path = |rest: &str| format!("/api/keys/{id}{rest}");
    let calls = [
        (Method::POST, "/api/keys".to_owned()),
        (Method::PATCH, path("")),
        (Method::POST, path("/revoke")),
        (Method::POST, path("/disable")),
        (Method::POST, path("/enable")),
        (Method::POST, path("/regenerate")),
        (Method::POST, "/logout".to_owned()),
    ];
    let foreign: [&[(&str, &str)]; 6] = [
        &[],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "none")],
        &[
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "http://127.0.0.1:1"),
        ],
    ];
    for (method, path) in &calls {
        for headers in foreign {
            let mut request = visitor.request(method.clone(), path).json(&json!({}));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = Answer::of(request).await;
            let was = (answer.status, answer.code());
            assert_eq!(
                was,
                (403, "cross_site_request".to_owned()),
                "{method} {path} {headers:?}"
            );
        }
    }
    // Nothing was changed, and reading needs no such header.
    assert_eq!(demo.get(&key, "/v1/agents").await.status, 200);
    let events = Answer::of(visitor.request(Method::GET, &path("/events"))).await;
    assert_eq!(events.data().as_array().unwrap().len(), 1);

    // The controls: what a page of the dashboard sends, with either header.
    let own = [
        ("Origin", demo.url.as_str()),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Site", "same-site"),
    ];
    for (name, value) in own {
        let request = visitor.request(Method::PATCH, &path("")).json(&json!({}));
        assert_eq!(
            Answer::of(request.header(name, value)).await.status,
            200,
            "{name}: {value}"
        );
    }
}

#[tokio::test]
async fn a_log_in_without_password_stays_on_this_machine() {
    let log_in = async |demo: &Demo, name: &'static str, value: &str| {
        let request = demo
            .request(Method::POST, "/dashboard/login")
            .header(name, value);
        Answer::of(request.json(&json!({ "account": "acct_pro" }))).await
    };
    let demo = Demo::start(Place::Memory);
    // A page whose own name leads here, and a page that posts from elsewhere.
    let rebound = log_in(&demo, "Host", "evil.example").await;
    assert_eq!(
        (rebound.status, rebound.code().as_str()),
        (403, "demo_login_disabled")
    );
    let posted = log_in(&demo, "Origin", "https://evil.example").await;
    assert_eq!(
        (posted.status, posted.code().as_str()),
        (403, "cross_site_request")
    );
    assert_eq!(log_in(&demo, "Host", "localhost:8787").await.status, 200);

    let open = Demo::start_with(Place::Memory, &["--addr", "0.0.0.0:0"]);
    let allowed = Demo::start_with(
        Place::Memory,
        &["--addr", "0.0.0.0:0", "--allow-demo-login"],
    );
    for (demo, status) in [(open, 403), (allowed, 200)] {
        let port = demo.url.rsplit(':').next().unwrap();
        let url = format!("http://127.0.0.1:{port}/dashboard/login");
        let page = Answer::of(reqwest::Client::new().get(&url)).await;
        assert_eq!(page.status, status);
        let body = json!({ "account": "acct_pro" });
        let answer = Answer::of(reqwest::Client::new().post(&url).json(&body)).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.header("set-cookie").is_some(), status == 200);
    }
}
