//! Who is let in, and what others are told.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response};
use ringyo_auth::preset::ringyo::AGENTS_READ;
use ringyo_auth::{BodyStyle, CredentialSources, NewKey, Preset};
use ringyo_tower::AuthLayer;
use tower::{Layer as _, service_fn};

use crate::support::{START, bearer, get, get_with, send, setting, setting_of};

struct Row {
    what: &'static str,
    request: Request<()>,
    status: u16,
    /// The code of a refusal; `None` where the service inside answers.
    code: Option<&'static str>,
    challenge: Option<&'static str>,
    is_rated: bool,
}

const INVALID: &str = r#"Bearer realm="ringyo", error="invalid_token""#;

#[tokio::test]
async fn requests_and_their_answers() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    let good = setting.key_for(["agents"]).await;
    let poor = setting.key_for(["calls"]).await;
    let broken = format!("{}!", &good[..good.len() - 1]);
    let revoked = setting
        .issue(NewKey::live("acct_1", "r").scopes(["*"]))
        .await;
    keys.revoke(revoked.record.id).await.unwrap();
    let disabled = setting
        .issue(NewKey::live("acct_1", "d").scopes(["*"]))
        .await;
    keys.disable(disabled.record.id).await.unwrap();
    let minute = Duration::from_secs(60);
    let expired = NewKey::live("acct_1", "e").scopes(["*"]).expires_in(minute);
    let expired = setting.issue(expired).await;
    setting.clock.advance(minute);
    let bound = NewKey::live("acct_1", "b").scopes(["*"]);
    let bound = bound.allowed_networks(["192.0.2.0/24".parse().unwrap()]);
    let bound = setting.issue(bound).await;
    let starter = NewKey::live("acct_starter", "s").scopes(["*"]);
    let starter = setting.issue(starter).await;
    let accounts = setting.ringyo.accounts();
    let id = &starter.record.account;
    accounts.set_plan(id, "starter").await.unwrap();

    let allowed = |what, request| Row {
        what,
        request,
        status: 200,
        code: None,
        challenge: None,
        is_rated: true,
    };
    let refused = |what, request, status, code, challenge| Row {
        what,
        request,
        status,
        code: Some(code),
        challenge,
        is_rated: code == "insufficient_permissions",
    };
    let with = |authorization: &str| get_with("/agents", authorization);
    let twice = get("/agents").header("authorization", &good);
    let twice = twice.header("authorization", &good).body(()).unwrap();
    let rows = [
        allowed("the right permission", with(&good)),
        allowed("another case", with(&good.replace("Bearer", "bEARER"))),
        refused(
            "no key",
            get("/agents").body(()).unwrap(),
            401,
            "missing_api_key",
            Some(r#"Bearer realm="ringyo""#),
        ),
        refused(
            "broken",
            with(&broken),
            401,
            "invalid_api_key",
            Some(INVALID),
        ),
        refused(
            "two keys",
            twice,
            400,
            "ambiguous_credentials",
            Some(r#"Bearer realm="ringyo", error="invalid_request""#),
        ),
        refused(
            "the wrong permission",
            with(&poor),
            403,
            "insufficient_permissions",
            Some(r#"Bearer realm="ringyo", error="insufficient_scope", scope="agents:read""#),
        ),
        refused(
            "revoked",
            with(&bearer(&revoked)),
            401,
            "api_key_revoked",
            Some(INVALID),
        ),
        refused(
            "disabled",
            with(&bearer(&disabled)),
            401,
            "api_key_disabled",
            Some(INVALID),
        ),
        refused(
            "expired",
            with(&bearer(&expired)),
            401,
            "api_key_expired",
            Some(INVALID),
        ),
        refused(
            "from nowhere",
            with(&bearer(&bound)),
            403,
            "ip_not_allowed",
            Some(r#"Bearer realm="ringyo""#),
        ),
        refused(
            "a plan without API",
            with(&bearer(&starter)),
            403,
            "plan_required",
            Some(r#"Bearer realm="ringyo""#),
        ),
    ];

    let layer = AuthLayer::new(setting.ringyo.clone()).require(&AGENTS_READ);
    let service = layer.layer(setting.inside.service());
    // Once with everything to be loaded, once from memory, once with a limiter that has to be
    // asked: the answers are the same.
    for round in ["cold", "warm", "far"] {
        setting
            .limiter
            .is_far
            .store(round == "far", Ordering::SeqCst);
        for row in &rows {
            let at = format!("{} ({round})", row.what);
            let calls = setting.inside.calls();
            let answer = send(service.clone(), row.request.clone()).await;
            assert_eq!(answer.status, row.status, "{at}");
            assert_eq!(answer.header("www-authenticate"), row.challenge, "{at}");
            assert_eq!(answer.remaining().is_some(), row.is_rated, "{at}");
            let id = answer.header("x-request-id").unwrap();
            match row.code {
                Some(code) => {
                    assert_eq!(answer.code(), code, "{at}");
                    assert_eq!(answer.json()["meta"]["request_id"], id, "{at}");
                    assert_eq!(answer.header("cache-control"), Some("no-store"), "{at}");
                    assert_eq!(setting.inside.calls(), calls, "{at}: not called");
                }
                None => {
                    assert_eq!(answer.body, format!("acct_1 {id}"), "{at}");
                    assert_eq!(setting.inside.calls(), calls + 1, "{at}: called once");
                }
            }
        }
    }
}

#[tokio::test]
async fn over_the_limit_says_when_to_come_back() {
    let setting = setting().await;
    let key = setting.key().await;
    let service = AuthLayer::new(setting.ringyo.clone()).layer(setting.inside.service());
    for left in (0..60).rev() {
        let answer = send(service.clone(), get_with("/", &key)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.remaining()),
            (200, Some(left))
        );
    }
    let answer = send(service.clone(), get_with("/", &key)).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.code(), "rate_limit_exceeded");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("x-ratelimit-limit"), Some("60"));
    assert_eq!(answer.remaining(), Some(0));
    assert_eq!(setting.inside.calls(), 60);

    setting.clock.advance(Duration::from_secs(1));
    assert_eq!(send(service, get_with("/", &key)).await.status, 200);
}

#[tokio::test]
async fn an_outage_is_no_verdict() {
    let setting = setting().await;
    let key = setting.key().await;
    let service = AuthLayer::new(setting.ringyo.clone()).layer(setting.inside.service());
    setting.limiter.is_far.store(true, Ordering::SeqCst);
    // The control: far away is not out of reach.
    assert_eq!(send(service.clone(), get_with("/", &key)).await.status, 200);

    setting.limiter.is_down.store(true, Ordering::SeqCst);
    let answer = send(service, get_with("/", &key)).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.code(), "auth_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(setting.inside.calls(), 1);
}

#[tokio::test]
async fn rate_headers_come_with_any_status_and_tell_of_the_decision() {
    let setting = setting().await;
    let key = setting.key().await;
    let clock = setting.clock.clone();
    let slow = tower::ServiceExt::<Request<()>>::map_response(
        setting.inside.service(),
        move |mut response| {
            // What the service inside takes its time for, and what it thinks of headers.
            clock.advance(Duration::from_secs(30));
            let headers: &mut http::HeaderMap = response.headers_mut();
            headers.insert("x-ratelimit-limit", 1.into());
            headers.insert("x-request-id", 1.into());
            response
        },
    );
    let service = AuthLayer::new(setting.ringyo.clone()).layer(slow);
    for (round, status) in [200, 204, 404, 500].into_iter().enumerate() {
        let path = format!("/?{status}");
        let answer = send(service.clone(), get_with(&path, &key)).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("x-ratelimit-limit"), Some("60"));
        assert_eq!(answer.remaining(), Some(59));
        let arrived = START / 1_000 + 30 * i64::try_from(round).unwrap();
        let reset = answer.header("x-ratelimit-reset").unwrap();
        assert_eq!(reset, (arrived + 1).to_string());
        assert_eq!(answer.header("ratelimit"), Some(r#""account";r=59;t=1"#));
        let policy = answer.header("ratelimit-policy");
        assert_eq!(policy, Some(r#""account";q=60;w=60"#));
        assert!(answer.header("x-request-id").unwrap().starts_with("req_"));
    }
}

/// RFC 9111 §3.5 keeps shared caches from answers to requests with `Authorization` alone.
#[tokio::test]
async fn answers_to_keys_in_other_places_are_private() {
    let mut preset = Preset::ringyo();
    preset.http.credentials = CredentialSources::bearer()
        .or_header(HeaderName::from_static("x-api-key"))
        .or_query_parameter_that_ends_up_in_logs("key");
    let setting = setting_of(preset).await;
    let bearer = setting.key().await;
    let key = bearer.strip_prefix("Bearer ").unwrap();
    let inside = service_fn(async |request: Request<()>| {
        let mut response = Response::new(String::new());
        if request.uri().path() == "/public" {
            let public = HeaderValue::from_static("public");
            response.headers_mut().insert("cache-control", public);
        }
        Ok::<_, Infallible>(response)
    });
    let service = AuthLayer::new(setting.ringyo.clone()).layer(inside);
    let elsewhere = |path: &str| get(path).header("x-api-key", key).body(()).unwrap();
    let by_query = get(&format!("/?key={key}")).body(()).unwrap();
    for (request, expected) in [
        (get_with("/", &bearer), None),
        (elsewhere("/"), Some("private")),
        (by_query, Some("private")),
        // A service that says something itself knows what it says.
        (elsewhere("/public"), Some("public")),
    ] {
        let answer = send(service.clone(), request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), expected);
    }
}

#[tokio::test]
async fn refusals_have_the_style_of_the_service() {
    let mut preset = Preset::ringyo();
    preset.http.body = BodyStyle::Problem;
    let setting = setting_of(preset).await;
    let service = AuthLayer::new(setting.ringyo.clone()).layer(setting.inside.service());
    let answer = send(service, get("/").body(()).unwrap()).await;
    let content_type = answer.header("content-type");
    assert_eq!(content_type, Some("application/problem+json"));
    assert_eq!(answer.json()["code"], "missing_api_key");
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(answer.json()["request_id"], id);
}

#[tokio::test]
async fn refusals_to_head_have_no_body_and_its_length() {
    let setting = setting().await;
    let service = AuthLayer::new(setting.ringyo.clone()).layer(setting.inside.service());
    let ask = |method: &str| {
        let request = Request::builder().method(method);
        request.header("x-request-id", "one").body(()).unwrap()
    };
    let to_get = send(service.clone(), ask("GET")).await;
    let to_head = send(service, ask("HEAD")).await;
    assert!(!to_get.body.is_empty());
    assert_eq!(to_head.body, "");
    let length = to_head.header("content-length").unwrap();
    assert_eq!(length, to_get.body.len().to_string());
    assert_eq!(
        to_head.header("www-authenticate"),
        to_get.header("www-authenticate")
    );
}
