//! What gRPC clients get. No gRPC framework: to the layer it is HTTP with a content type.

use std::sync::atomic::Ordering;

use http::Request;
use ringyo_auth::preset::ringyo::AGENTS_READ;
use ringyo_tower::{Access, AuthLayer, RouteMap};
use tower::Layer as _;

use crate::support::{get, send, setting};

const LIST: &str = "/agents.v1.Agents/List";

fn ask(path: &str, key: Option<&str>) -> Request<()> {
    let mut request = Request::post(path)
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers")
        .header("x-request-id", "r1");
    if let Some(key) = key {
        request = request.header("authorization", key);
    }
    request.body(()).unwrap()
}

#[tokio::test]
async fn only_a_post_is_refused_as_grpc() {
    let setting = setting().await;
    let layer = AuthLayer::new(setting.ringyo.clone());
    let service = layer.layer(setting.inside.service());
    for method in ["GET", "HEAD", "DELETE", "PUT"] {
        let request = Request::builder()
            .method(method)
            .uri("/agents")
            .header("content-type", "application/grpc");
        let answer = send(service.clone(), request.body(()).unwrap()).await;
        assert_eq!(answer.status, 401, "{method}");
        assert_eq!(answer.header("grpc-status"), None, "{method}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method}");
    }
    // The control, which no cache keeps either.
    let answer = send(service, ask(LIST, None)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("grpc-status"), Some("16"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn refusals_are_trailers_only() {
    let setting = setting().await;
    let good = setting.key_for(["agents:read"]).await;
    let poor = setting.key_for(["calls:read"]).await;
    let routes = RouteMap::new()
        .post(LIST, Access::Requires(&AGENTS_READ))
        .get("/web", Access::AnyKey);
    let layer = AuthLayer::new(setting.ringyo.clone()).routes(routes);
    let service = layer.layer(setting.inside.service());
    let mut twice = ask(LIST, Some(&good));
    twice
        .headers_mut()
        .append("authorization", "Bearer x".parse().unwrap());

    let answer = send(service.clone(), ask(LIST, Some(&good))).await;
    assert_eq!(answer.body, "acct_1 r1", "who is let in gets what there is");
    assert!(answer.header("grpc-status").is_none());
    assert_eq!(answer.remaining(), Some(59));

    for (what, request, status, message) in [
        (
            "no key",
            ask(LIST, None),
            "16",
            "missing_api_key: Send your API key as `Authorization: Bearer %E2%80%A6`.",
        ),
        (
            "bad key",
            ask(LIST, Some("Bearer x")),
            "16",
            "invalid_api_key: This is not a valid API key.",
        ),
        (
            "two keys",
            twice,
            "3",
            "ambiguous_credentials: Send exactly one API key.",
        ),
        (
            "the wrong permission",
            ask(LIST, Some(&poor)),
            "7",
            "insufficient_permissions: This API key lacks a permission that this call needs.",
        ),
        (
            "no such method",
            ask("/agents.v1.Agents/Fly", Some(&good)),
            "12",
            "not_found: There is nothing at this address.",
        ),
        (
            "not by POST",
            ask("/web", Some(&good)),
            "12",
            "method_not_allowed: This address does not answer to this method.",
        ),
    ] {
        let answer = send(service.clone(), request).await;
        assert_eq!(answer.status, 200, "{what}");
        assert_eq!(answer.body, "", "{what}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/grpc"),
            "{what}"
        );
        assert_eq!(answer.header("grpc-status"), Some(status), "{what}");
        assert_eq!(answer.header("grpc-message"), Some(message), "{what}");
        assert_eq!(answer.header("x-request-id"), Some("r1"), "{what}");
        assert_eq!(answer.header("content-length"), None, "{what}");
    }
    assert_eq!(setting.inside.calls(), 1);

    // The control: the same refusal to others is HTTP.
    let answer = send(service, get("/web").body(()).unwrap()).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("grpc-status").is_none());
}

#[tokio::test]
async fn limits_and_outages_are_statuses_with_metadata() {
    let setting = setting().await;
    let key = setting.key().await;
    let service = AuthLayer::new(setting.ringyo.clone()).layer(setting.inside.service());
    for _ in 0..60 {
        send(service.clone(), ask(LIST, Some(&key))).await;
    }
    let answer = send(service.clone(), ask(LIST, Some(&key))).await;
    assert_eq!(answer.header("grpc-status"), Some("8"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.remaining(), Some(0));
    assert_eq!(answer.header("ratelimit"), Some(r#""account";r=0;t=1"#));

    setting.limiter.is_far.store(true, Ordering::SeqCst);
    setting.limiter.is_down.store(true, Ordering::SeqCst);
    let answer = send(service, ask(LIST, Some(&key))).await;
    assert_eq!(answer.header("grpc-status"), Some("14"));
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn grpc_web_gets_its_own_content_type() {
    let setting = setting().await;
    let service = AuthLayer::new(setting.ringyo.clone()).layer(setting.inside.service());
    let request = Request::post(LIST).header("content-type", "application/grpc-web+proto");
    let answer = send(service, request.body(()).unwrap()).await;
    let content_type = answer.header("content-type");
    assert_eq!(content_type, Some("application/grpc-web+proto"));
    assert_eq!(answer.header("grpc-status"), Some("16"));
}
