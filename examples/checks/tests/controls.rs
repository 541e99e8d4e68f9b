//! The checks notice a service that answers something else.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use axum::Router;
use axum::http::StatusCode;
use ringyo_example_checks::{Program, check};

#[tokio::test]
async fn a_service_without_keys_is_noticed() {
    let surprise = surprise_at(Router::new().fallback(async || "everybody")).await;
    assert_eq!(surprise, "GET /agents: 200 OK instead of 401");
}

#[tokio::test]
async fn a_bare_401_is_noticed() {
    let fine = Router::new().route("/healthz", axum::routing::get(async || "fine"));
    let surprise = surprise_at(fine.fallback(async || StatusCode::UNAUTHORIZED)).await;
    assert_eq!(surprise, "GET /agents: `WWW-Authenticate: `");
}

#[test]
fn a_program_that_ends_at_once_is_noticed() {
    let error = Program::start("true").unwrap_err().to_string();
    assert!(error.starts_with("it has ended"), "{error}");
}

async fn surprise_at(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    check(&url, "rg_test_something")
        .await
        .unwrap_err()
        .to_string()
}
