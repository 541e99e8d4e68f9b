//! What holds for every request: it has an id, and it gets an answer.

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ringyo::tower::{RequestId, X_REQUEST_ID};
use ringyo::{Refusal, Rejection, Ringyo};
use std::net::{IpAddr, SocketAddr};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::answer::Problem;
use crate::app::App;

/// The request that the current task answers.
#[derive(Debug, Clone)]
struct Current {
    id: RequestId,
    ringyo: Ringyo,
    tasks: TaskTracker,
}

tokio::task_local! {
    static CURRENT: Current;
}

/// The outermost middleware: gives the request an id, which every answer carries and every layer
/// inside keeps to.
pub(crate) async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let current = Current {
        id: id.clone(),
        ringyo: app.ringyo,
        tasks: app.tasks,
    };
    let method = request.method().clone();
    // Without the query, where people have been known to put keys.
    let path = without_keys(request.uri().path());

    let mut response = CURRENT.scope(current, next.run(request)).await;
    let status = response.status().as_u16();
    tracing::debug!(request_id = id.as_str(), %method, path, status, "answered");
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id.header_value());
    // Answers are for one account, and some hold a key; what is for everybody says so itself.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

/// The innermost middleware: answers in a task of its own. A panic there becomes an answer, and a
/// client that hangs up does not stop a call half-way between its credits and its record. Such
/// tasks are tracked, since a service that ends waits for connections only.
pub(crate) async fn contain(request: Request, next: Next) -> Response {
    let current = CURRENT.with(Clone::clone);
    let tasks = current.tasks.clone();
    let answer = CURRENT.scope(current, next.run(request));
    tasks
        .spawn(answer.in_current_span())
        .await
        .unwrap_or_else(|_| Problem::internal("a handler panicked").into_response())
}

/// The id of the request that the current task answers.
pub(crate) fn current_id() -> RequestId {
    CURRENT.with(|current| current.id.clone())
}

/// A refusal by the library as HTTP.
pub(crate) fn reject(refusal: &impl Refusal) -> Rejection {
    CURRENT.with(|Current { ringyo, .. }| ringyo.http().reject(refusal, ringyo.now()))
}

/// A refusal of the service's own as HTTP.
pub(crate) fn refuse(status: StatusCode, code: &'static str, message: &str) -> Rejection {
    CURRENT.with(|Current { ringyo, .. }| ringyo.http().refuse(status, code, message))
}

/// The address that the request came from. Behind a proxy it is the proxy's; a service that has
/// one reads the header which that proxy, and nobody else, can set.
pub(crate) fn peer(request: &Request) -> Option<IpAddr> {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map(|ConnectInfo(peer)| peer.ip())
}

/// A path for the log: somebody may have put a key where an id belongs.
fn without_keys(path: &str) -> String {
    // Ids and names of ours are shorter.
    let is_like_a_key =
        |part: &str| part.len() > 40 || part.contains("_live_") || part.contains("_test_");
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| if is_like_a_key(part) { "…" } else { part })
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::middleware::{from_fn, from_fn_with_state};
    use axum::routing::get;

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let app = App::for_test().await;
        let router = Router::new()
            .route("/fine", get(async || "fine"))
            .route("/panics", get(async || -> &str { panic!("a secret") }))
            .layer(from_fn(contain))
            .layer(from_fn_with_state(app, identify));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });

        // The control: what does not panic is answered as it is.
        let fine = reqwest::get(format!("{url}/fine")).await.unwrap();
        assert_eq!(fine.status(), 200);

        let panicked = reqwest::get(format!("{url}/panics")).await.unwrap();
        assert_eq!(panicked.status(), 500);
        let id = panicked.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let body: serde_json::Value = panicked.json().await.unwrap();
        assert_eq!(body["error"]["code"], "internal_error");
        assert_eq!(body["meta"]["request_id"], id);
        assert!(!body.to_string().contains("secret"));
    }
}
