//! Routes that are declared once: what they ask, and that nothing else is served.

use http::{Method, Request};
use ringyo_auth::preset::ringyo::{AGENTS_READ, AGENTS_UPDATE, CALLS_CREATE, CATALOG};
use ringyo_auth::{BodyStyle, Preset};
use ringyo_tower::{Access, AuthLayer, AuthService, RouteMap};
use tower::Layer as _;

use crate::support::{Inner, Setting, send, setting, setting_of};

fn map() -> RouteMap {
    RouteMap::new()
        .get("/healthz", Access::Public)
        .get("/whoami", Access::AnyKey)
        .get("/agents", Access::Requires(&AGENTS_READ))
        .get("/agents/{id}", Access::RequiresOn(&AGENTS_READ, "id"))
        .patch("/agents/{id}", Access::RequiresOn(&AGENTS_UPDATE, "id"))
        .get("/agents/new", Access::AnyKey)
        .post("/calls", Access::Requires(&CALLS_CREATE))
        .get("/files/{*rest}", Access::Public)
}

fn service(setting: &Setting) -> AuthService<Inner> {
    let layer = AuthLayer::new(setting.ringyo.clone()).routes(map());
    layer.layer(setting.inside.service())
}

fn ask(method: &str, path: &str, key: Option<&str>) -> Request<()> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        request = request.header("authorization", key);
    }
    request.body(()).unwrap()
}

#[tokio::test]
async fn every_route_asks_what_the_map_says() {
    let setting = setting().await;
    let all = setting.key().await;
    let reader = setting.key_for(["agents:read"]).await;
    let one = setting
        .key_for(["agents:update@agent_1", "agents:read@agent_1"])
        .await;
    let service = service(&setting);
    for (method, path, key, status) in [
        ("GET", "/healthz", None, 200),
        ("HEAD", "/healthz", None, 200),
        ("GET", "/healthz", Some("Bearer nonsense"), 200),
        ("GET", "/files/a/b", None, 200),
        ("GET", "/whoami", None, 401),
        ("GET", "/whoami", Some(&*one), 200),
        ("GET", "/agents", None, 401),
        ("GET", "/agents", Some(&*one), 403),
        ("GET", "/agents", Some(&*reader), 200),
        ("GET", "/agents?500", Some(&*reader), 500),
        ("HEAD", "/agents", Some(&*reader), 200),
        ("HEAD", "/agents", Some(&*one), 403),
        ("GET", "/agents/agent_1", Some(&*one), 200),
        ("GET", "/agents/agent_2", Some(&*one), 403),
        ("GET", "/agents/agent_2", Some(&*reader), 200),
        ("PATCH", "/agents/agent_1", Some(&*one), 200),
        ("PATCH", "/agents/agent_2", Some(&*one), 403),
        ("PATCH", "/agents/agent_1", Some(&*reader), 403),
        // The instance is the decoded one, as the service inside will see it.
        ("PATCH", "/agents/agent%5F1", Some(&*one), 200),
        ("PATCH", "/agents/agent%5f1", Some(&*one), 200),
        ("PATCH", "/agents/agent%5F2", Some(&*one), 403),
        ("PATCH", "/agents/agent_1%2F", Some(&*one), 403),
        ("PATCH", "/agents/agent_1%", Some(&*one), 403),
        ("PATCH", "/agents/%FF", Some(&*one), 403),
        ("PATCH", "/agents/%FF", Some(&*all), 200),
        ("GET", "/agents/new", Some(&*one), 200),
        // What is not in the map is not served, whoever asks.
        ("GET", "/", Some(&*all), 404),
        ("GET", "/agents/", Some(&*all), 404),
        ("GET", "//agents", Some(&*all), 404),
        ("GET", "/AGENTS", Some(&*all), 404),
        ("GET", "/%61gents", Some(&*all), 404),
        ("GET", "/healthz/", Some(&*all), 404),
        ("GET", "/agents/agent_1/x", Some(&*all), 404),
        ("GET", "/nowhere", None, 401),
        ("GET", "/nowhere", Some("Bearer nonsense"), 401),
        ("OPTIONS", "*", Some(&*all), 404),
        ("POST", "/healthz", None, 401),
        ("POST", "/healthz", Some(&*all), 405),
        ("DELETE", "/agents/agent_1", Some(&*all), 405),
        ("OPTIONS", "/agents", None, 401),
        ("HEAD", "/calls", Some(&*all), 405),
    ] {
        let calls = setting.inside.calls();
        // More requests than a minute allows are no subject here.
        setting.clock.advance(std::time::Duration::from_secs(1));
        let answer = send(service.clone(), ask(method, path, key)).await;
        assert_eq!(answer.status, status, "{method} {path}");
        let reached = matches!(status, 200 | 500);
        let now = setting.inside.calls();
        assert_eq!(now, calls + u64::from(reached), "{method} {path}");
        assert!(answer.header("x-request-id").is_some(), "{method} {path}");
    }
}

#[tokio::test]
async fn public_routes_look_at_no_key_and_charge_nothing() {
    let setting = setting().await;
    let key = setting.key().await;
    let service = service(&setting);
    for _ in 0..70 {
        let answer = send(service.clone(), ask("GET", "/healthz", Some(&key))).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.remaining(), None);
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(answer.body, format!("nobody {id}"));
    }
    // The control: what is not public is charged, a route that is not there too.
    let answer = send(service.clone(), ask("GET", "/whoami", Some(&key))).await;
    assert_eq!(answer.remaining(), Some(59));
    let answer = send(service, ask("GET", "/nowhere", Some(&key))).await;
    assert_eq!(answer.remaining(), Some(58));
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_style_of_the_service() {
    for style in [BodyStyle::Envelope, BodyStyle::Problem] {
        let mut preset = Preset::ringyo();
        preset.http.body = style;
        let setting = setting_of(preset).await;
        let key = setting.key().await;
        let service = service(&setting);
        let refused = send(service.clone(), ask("GET", "/whoami", None)).await;
        for (method, path, code, allow) in [
            ("GET", "/nowhere", "not_found", None),
            (
                "DELETE",
                "/agents/a",
                "method_not_allowed",
                Some("GET, PATCH, HEAD"),
            ),
            ("PUT", "/calls", "method_not_allowed", Some("POST")),
        ] {
            let answer = send(service.clone(), ask(method, path, Some(&key))).await;
            assert_eq!(answer.header("allow"), allow, "{method} {path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(answer.remaining().is_some());
            let content_type = answer.header("content-type");
            assert_eq!(content_type, refused.header("content-type"));
            // The same members in the same order as in a refusal that the mapping words.
            assert_eq!(members(&answer.body), members(&refused.body));
            let body = answer.json();
            let id = answer.header("x-request-id").unwrap();
            match style {
                BodyStyle::Envelope => {
                    assert_eq!(body["error"]["code"], code);
                    assert_eq!(body["meta"]["request_id"], id);
                }
                BodyStyle::Problem => {
                    assert_eq!(body["code"], code);
                    assert_eq!(body["request_id"], id);
                    assert_eq!(body["status"], answer.status.as_u16());
                    let title = answer.status.canonical_reason().unwrap();
                    assert_eq!(body["title"], title);
                }
            }
        }
    }
}

/// The names of the members of a JSON text, as they stand in it.
fn members(json: &str) -> Vec<&str> {
    let names = json.split("\":").filter_map(|part| part.rsplit('"').next());
    let mut names: Vec<&str> = names.collect();
    names.pop();
    names
}

#[test]
fn the_map_lists_what_is_in_it() {
    let map = map();
    assert_eq!(map.routes().count(), 8);
    assert_eq!(
        map.describe(&CATALOG),
        "GET    /healthz: public\n\
         GET    /whoami: any key\n\
         GET    /agents: agents:read\n\
         GET    /agents/{id}: agents:read on {id}\n\
         PATCH  /agents/{id}: agents:update on {id}\n\
         GET    /agents/new: any key\n\
         POST   /calls: calls:create\n\
         GET    /files/{*rest}: public\n"
    );
    let asked: Vec<_> = map
        .routes()
        .map(|route| route.access.requirement())
        .collect();
    assert_eq!(asked[0], None);
    assert_eq!(asked[2], Some(&AGENTS_READ));
    assert_eq!(asked[4], Some(&AGENTS_UPDATE));
}

#[test]
fn routes_that_nobody_declared_are_found() {
    let map = map();
    let mut served: Vec<(String, String)> = map
        .routes()
        .map(|route| (route.method.to_string(), route.path.to_owned()))
        .collect();
    assert_eq!(map.undeclared(served.clone()), [""; 0]);
    assert_eq!(map.unserved(served.clone()), [""; 0]);

    // The planted faults: a route too many, one too few, another method.
    served.push(("get".into(), "/export".into()));
    served.push(("delete".into(), "/agents/{id}".into()));
    let calls = served
        .iter()
        .position(|(_, path)| path == "/calls")
        .unwrap();
    served.remove(calls);
    let undeclared = map.undeclared(served.clone());
    assert_eq!(undeclared, ["GET /export", "DELETE /agents/{id}"]);
    assert_eq!(map.unserved(served), ["POST /calls"]);

    let other_words = [
        (Method::GET, "/agents/{agent_id}"),
        (Method::HEAD, "/agents"),
    ];
    assert_eq!(map.undeclared(other_words), [""; 0]);
    let other_kinds = [
        ("GET", "/agents/id"),
        ("GET", "/files/{rest}"),
        ("HEAD", "/calls"),
    ];
    assert_eq!(map.undeclared(other_kinds).len(), 3);
}

fn panics(build: impl FnOnce() -> RouteMap + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(build).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn mistakes_in_a_map_stop_the_program_at_its_start() {
    let any = Access::AnyKey;
    let cases = [
        panics(move || RouteMap::new().get("/a", any).get("/a", Access::Public)),
        panics(move || RouteMap::new().get("/a/{id}", any).get("/a/{name}", any)),
        panics(move || RouteMap::new().get("/a/{id", any)),
        panics(|| RouteMap::new().get("/a/{id}", Access::RequiresOn(&AGENTS_READ, "name"))),
        panics(|| RouteMap::new().get("/a", Access::RequiresOn(&AGENTS_READ, "id"))),
    ];
    for (case, says) in cases.iter().zip([
        "GET /a is in the map already",
        "/a/{name} cannot be in the map",
        "/a/{id cannot be in the map",
        "/a/{id} has no parameter name",
        "/a has no parameter id",
    ]) {
        assert!(case.starts_with(says), "{case}");
    }
}
