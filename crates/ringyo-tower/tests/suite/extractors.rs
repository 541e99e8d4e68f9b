//! In an axum application.

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use http::Request;
use ringyo_auth::NewKey;
use ringyo_auth::preset::ringyo::{AGENTS_READ, CALLS_READ};
use ringyo_tower::axum::{Caller, LiveCaller, RequestId};
use ringyo_tower::{Access, AuthLayer, RouteMap};
use tower::ServiceExt as _;

use crate::support::{bearer, send, setting};

async fn whoami(caller: Caller, id: RequestId) -> String {
    format!("{} {} {id}", caller.account(), caller.mode())
}

async fn dial(caller: LiveCaller) -> String {
    // What the wallet asks for.
    let live: &ringyo_auth::LiveCaller = &caller;
    live.account().to_string()
}

fn ask(method: &str, path: &str, key: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", key);
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_route_that_the_map_lacks_is_not_served_as_another() {
    let setting = setting().await;
    let key = setting.key().await;
    let routes = RouteMap::new()
        .get("/agents/{id}", Access::RequiresOn(&AGENTS_READ, "id"))
        .get("/files/{*path}", Access::Public);
    let auth = AuthLayer::new(setting.ringyo.clone()).routes(routes);
    let inside = Router::new()
        .route("/agents/{agent}", get(async || "an agent"))
        .route("/agents/export", get(async || "all of them"))
        .route("/files/{*rest}", get(async || "a file"))
        .route("/files/admin", get(async || "not for everybody"))
        .layer(auth);
    // Also below a prefix that axum takes off.
    for (router, prefix) in [
        (inside.clone(), ""),
        (Router::new().nest_service("/v1", inside), "/v1"),
    ] {
        for (path, status) in [
            ("/agents/agent_1", 200),
            ("/files/a/b", 200),
            ("/agents/export", 404),
            ("/files/admin", 404),
        ] {
            let path = format!("{prefix}{path}");
            let answer = send(router.clone(), ask("GET", &path, &key)).await;
            assert_eq!(answer.status, status, "{path}");
        }
        let path = format!("{prefix}/files/admin");
        let answer = send(router, ask("GET", &path, "Bearer x")).await;
        assert_eq!(answer.status, 401, "{path}");
    }
}

#[tokio::test]
async fn handlers_learn_who_calls() {
    let setting = setting().await;
    let live = setting.key().await;
    let test = bearer(
        &setting
            .issue(NewKey::test("acct_1", "t").scopes(["*"]))
            .await,
    );
    let auth = AuthLayer::new(setting.ringyo.clone());
    let app = Router::new()
        .route("/whoami", get(whoami))
        .route("/calls", post(dial))
        .route("/agents", get(whoami).layer(auth.require(&AGENTS_READ)))
        .route_layer(auth);

    let answer = send(app.clone(), ask("GET", "/whoami", &live)).await;
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(answer.body, format!("acct_1 live {id}"));
    assert_eq!(
        send(app.clone(), ask("POST", "/calls", &live)).await.body,
        "acct_1"
    );

    let answer = send(app.clone(), ask("GET", "/agents", &live)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.remaining()),
        (200, Some(57))
    );

    let answer = send(app.clone(), ask("POST", "/calls", &test)).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.code(), "live_key_required");
    assert_eq!(
        answer.remaining(),
        Some(59),
        "test keys have a bucket of their own"
    );
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(answer.json()["meta"]["request_id"], id);

    let answer = send(app.clone(), ask("HEAD", "/whoami", &live)).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, ""));
    assert_eq!(send(app, ask("GET", "/nowhere", "")).await.status, 404);
}

#[tokio::test]
async fn requirements_on_single_routes_hold() {
    let setting = setting().await;
    let key = setting.key_for(["agents:read"]).await;
    let auth = AuthLayer::new(setting.ringyo.clone());
    let app = Router::new()
        .route("/agents", get(whoami).layer(auth.require(&AGENTS_READ)))
        .route("/calls", get(whoami).layer(auth.require(&CALLS_READ)))
        .layer(auth);
    assert_eq!(
        send(app.clone(), ask("GET", "/agents", &key)).await.status,
        200
    );
    let answer = send(app.clone(), ask("GET", "/calls", &key)).await;
    assert_eq!(answer.code(), "insufficient_permissions");
    // Around everything, so what is not there asks for a key as well.
    assert_eq!(send(app, ask("GET", "/nowhere", "")).await.status, 401);
}

#[tokio::test]
async fn without_the_layer_nobody_gets_in() {
    let setting = setting().await;
    let key = setting.key().await;
    let routes = RouteMap::new()
        .get("/whoami", Access::Public)
        .post("/calls", Access::Public);
    let public = AuthLayer::new(setting.ringyo.clone()).routes(routes);
    let app = Router::new()
        .route("/whoami", get(whoami))
        .route("/calls", post(dial))
        .route("/id", get(async |id: RequestId| id.to_string()));
    let declared_public = app.clone().layer(public);
    for (app, method, path) in [
        (&app, "GET", "/whoami"),
        (&app, "POST", "/calls"),
        (&app, "GET", "/id"),
        (&declared_public, "GET", "/whoami"),
        (&declared_public, "POST", "/calls"),
    ] {
        let answer = send(app.clone(), ask(method, path, &key)).await;
        assert_eq!(answer.status, 500, "{path}");
        assert_eq!(answer.code(), "internal_error", "{path}");
    }
}

/// What tonic's server and a bare hyper ask of a layered service, as far as types go.
#[tokio::test]
async fn the_service_is_what_servers_ask_for() {
    fn serves<S, R>(service: S) -> S
    where
        S: tower::Service<
                Request<Body>,
                Response = http::Response<R>,
                Error = std::convert::Infallible,
                Future: Send + 'static,
            > + Clone
            + Send
            + Sync
            + 'static,
        R: http_body::Body<Data = bytes::Bytes, Error: Into<tower::BoxError>> + Send + 'static,
    {
        service
    }
    let setting = setting().await;
    let routes = Router::new().route("/", get(async || "in")).into_service();
    let auth = AuthLayer::new(setting.ringyo.clone());
    let service = serves(tower::Layer::layer(&auth, routes));
    let response = service.oneshot(ask("GET", "/", "")).await.unwrap();
    assert_eq!(response.status(), 401);
}
