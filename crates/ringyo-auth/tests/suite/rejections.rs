//! One table from refusal to HTTP. Codes and statuses are promised to clients: a row that changes
//! breaks them.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use ringyo_auth::preset::ringyo::{AGENTS_UPDATE, CATALOG};
use ringyo_auth::{AuthError, Credential, FieldError, InvalidKey, ManageError, NewKey, Rejection};
use ringyo_auth::{BodyStyle, HttpMapping, HttpStyle, Preset, RateHeaders, Ringyo};
use ringyo_auth::{Surplus, Unavailable, WalletError};
use ringyo_key::{Mode, ParseError};
use ringyo_limit::Clock as _;
use ringyo_scope::{Action, Catalog, Requirement, Resource};
use ringyo_store::{
    EventKind, KeyRecord, KeyState, KeyStore as _, MemoryStore, NewEvent, Revision,
};

use crate::support::{START, Setting, peppers, setting, strange_peppers};

fn row(rejection: Rejection) -> (u16, &'static str, Option<String>, Option<String>) {
    let headers: HeaderMap = rejection
        .clone()
        .into_response::<String>("req_1")
        .into_parts()
        .0
        .headers;
    let text = |name| Some(headers.get(name)?.to_str().unwrap().to_owned());
    assert_eq!(text("cache-control").unwrap(), "no-store");
    assert_eq!(text("content-type").unwrap(), "application/json");
    (
        rejection.status().as_u16(),
        rejection.code(),
        text("www-authenticate"),
        text("retry-after"),
    )
}

/// Of another service, whose names are not ours to tell.
static OTHER: Catalog = Catalog::declare(&[Resource::declare("logs", &[Action::read("read")])]);
static LOGS_READ: Requirement = Requirement::permission(OTHER.permission("logs:read"));

/// What somebody who has run into their limit is told, who lacks a permission, and who lacks one that
/// this service does not know.
async fn limited(setting: &Setting) -> [AuthError; 3] {
    let key = setting
        .issue(NewKey::live("acct_pro", "a").scopes(["agents:read"]))
        .await;
    let caller = setting.authenticate(&key).await.unwrap();
    let lacking = caller.require(&AGENTS_UPDATE).unwrap_err();
    for _ in 0..59 {
        setting.authenticate(&key).await.unwrap();
    }
    let unknown = caller.require(&LOGS_READ).unwrap_err();
    let limited = setting.authenticate(&key).await.unwrap_err();
    [limited, lacking, unknown]
}

/// Refusal, status, code, `WWW-Authenticate`, `Retry-After`.
type AuthRow = (
    AuthError,
    u16,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
);

#[tokio::test]
async fn every_refusal_has_its_row() {
    let setting = setting().await;
    let [over_the_limit, lacking, lacking_unknown] = limited(&setting).await;
    let id = "0123456789Az".parse().unwrap();
    let down = || Unavailable::StoreTimeout(Duration::from_secs(2));
    let now = setting.clock.now();
    let rejector = setting.ringyo.http();

    const BARE: &str = r#"Bearer realm="ringyo""#;
    const INVALID: &str = r#"Bearer realm="ringyo", error="invalid_token""#;
    let auth: Vec<AuthRow> = vec![
        (
            AuthError::MissingCredential,
            401,
            "missing_api_key",
            Some(BARE),
            None,
        ),
        (
            AuthError::AmbiguousCredential,
            400,
            "ambiguous_credentials",
            Some(r#"Bearer realm="ringyo", error="invalid_request""#),
            None,
        ),
        (
            InvalidKey::Malformed(ParseError::Checksum).into(),
            401,
            "invalid_api_key",
            Some(INVALID),
            None,
        ),
        (
            InvalidKey::Forged.into(),
            401,
            "invalid_api_key",
            Some(INVALID),
            None,
        ),
        (
            InvalidKey::Unknown.into(),
            401,
            "invalid_api_key",
            Some(INVALID),
            None,
        ),
        (
            InvalidKey::WrongSecret.into(),
            401,
            "invalid_api_key",
            Some(INVALID),
            None,
        ),
        (
            AuthError::Revoked(id),
            401,
            "api_key_revoked",
            Some(INVALID),
            None,
        ),
        (
            AuthError::Superseded(id),
            401,
            "api_key_revoked",
            Some(INVALID),
            None,
        ),
        (
            AuthError::Expired(id),
            401,
            "api_key_expired",
            Some(INVALID),
            None,
        ),
        (
            AuthError::Disabled(id),
            401,
            "api_key_disabled",
            Some(INVALID),
            None,
        ),
        (
            AuthError::AddressNotAllowed(id),
            403,
            "ip_not_allowed",
            Some(BARE),
            None,
        ),
        (
            AuthError::PlanRequired,
            403,
            "plan_required",
            Some(BARE),
            None,
        ),
        (
            over_the_limit.clone(),
            429,
            "rate_limit_exceeded",
            None,
            Some("1"),
        ),
        (
            lacking.clone(),
            403,
            "insufficient_permissions",
            Some(r#"Bearer realm="ringyo", error="insufficient_scope", scope="agents:update""#),
            None,
        ),
        (
            lacking_unknown,
            403,
            "insufficient_permissions",
            Some(r#"Bearer realm="ringyo", error="insufficient_scope""#),
            None,
        ),
        (
            AuthError::LiveKeyRequired,
            403,
            "live_key_required",
            Some(BARE),
            None,
        ),
        (
            AuthError::Unavailable(down()),
            503,
            "auth_unavailable",
            None,
            Some("1"),
        ),
    ];
    for (error, status, code, challenge, retry_after) in auth {
        let expected = (
            status,
            code,
            challenge.map(str::to_owned),
            retry_after.map(str::to_owned),
        );
        assert_eq!(row(rejector.reject(&error, now)), expected, "{error:?}");
    }

    let field = FieldError {
        field: "name",
        message: "must have 1 to 100 characters".to_owned(),
    };
    let state = |state| ManageError::State { id, state };
    let manage: Vec<(ManageError, u16, &str)> = vec![
        (ManageError::NotFound, 404, "not_found"),
        (
            ManageError::Invalid(vec![field.clone()]),
            422,
            "invalid_request",
        ),
        (ManageError::PlanRequired, 403, "plan_required"),
        (ManageError::TooManyKeys, 409, "too_many_keys"),
        (
            ManageError::Broader(Surplus::Scopes),
            403,
            "insufficient_permissions",
        ),
        (ManageError::ActorEnded, 403, "actor_not_active"),
        (state(KeyState::Revoked), 409, "key_revoked"),
        (state(KeyState::Superseded), 409, "key_superseded"),
        (state(KeyState::Expired), 409, "key_expired"),
        (state(KeyState::Disabled), 409, "key_disabled"),
        (ManageError::AlreadyExists, 409, "already_exists"),
        (ManageError::Conflict, 409, "conflict"),
        (ManageError::Unavailable(down()), 503, "store_unavailable"),
    ];
    for (error, status, code) in manage {
        let (got_status, got_code, challenge, _) = row(rejector.reject(&error, now));
        assert_eq!(
            (got_status, got_code, challenge),
            (status, code, None),
            "{error:?}"
        );
    }
    let wallet: Vec<(WalletError, u16, &str)> = vec![
        (
            WalletError::Insufficient { needed: 3 },
            402,
            "insufficient_credits",
        ),
        (WalletError::NotFound, 404, "not_found"),
        (WalletError::Refunded, 409, "operation_refunded"),
        (WalletError::Conflict, 409, "operation_conflict"),
        (WalletError::Unavailable(down()), 503, "wallet_unavailable"),
    ];
    for (error, status, code) in wallet {
        let (got_status, got_code, ..) = row(rejector.reject(&error, now));
        assert_eq!((got_status, got_code), (status, code), "{error:?}");
    }

    let body = |rejection: Rejection| -> serde_json::Value {
        serde_json::from_str(&rejection.body("req_1")).unwrap()
    };
    assert_eq!(
        body(rejector.reject(&lacking, now)),
        serde_json::json!({
            "error": {
                "code": "insufficient_permissions",
                "message": "This API key lacks a permission that this call needs.",
                "details": { "missing": ["agents:update"] },
            },
            "meta": { "request_id": "req_1" },
        })
    );
    let invalid = body(rejector.reject(&ManageError::Invalid(vec![field]), now));
    assert_eq!(
        invalid["error"]["details"]["name"],
        "must have 1 to 100 characters"
    );

    let response = rejector
        .reject(&over_the_limit, now)
        .into_response::<String>("req_1");
    let header = |name| {
        response
            .headers()
            .get(name)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(header("x-ratelimit-limit"), "60");
    assert_eq!(header("x-ratelimit-remaining"), "0");
    assert_eq!(
        header("x-ratelimit-reset"),
        (START / 1_000 + 60).to_string()
    );
    assert_eq!(header("ratelimit-policy"), r#""account";q=60;w=60"#);
    assert_eq!(header("ratelimit"), r#""account";r=0;t=1"#);
}

/// All that a client gets of a refusal.
fn answer(setting: &Setting, error: &AuthError) -> (StatusCode, HeaderMap, String) {
    let rejection = setting.ringyo.http().reject(error, setting.clock.now());
    let (parts, body) = rejection.into_response("req_1").into_parts();
    (parts.status, parts.headers, body)
}

#[tokio::test]
async fn one_answer_before_the_secret_is_proven() {
    let setting = setting().await;
    let key = setting.key().await;
    let text = key.key.expose();
    let format = Preset::ringyo().format;
    let [unknown, other] = [(); 2].map(|()| format.mint(Mode::Live, &peppers()));
    let forged = format.mint(Mode::Live, &strange_peppers());
    // The store has the id, with another secret.
    let record = KeyRecord {
        id: other.id,
        revision: Revision::NONE,
        ..key.record.clone()
    };
    let account = record.account.clone();
    let event = NewEvent {
        key: Some(other.id),
        ..NewEvent::new(EventKind::KeyIssued, account, "test", record.created_at)
    };
    let inserted = setting.store.inner.insert_key(&record, None, &event).await;
    inserted.unwrap();

    let refusal = async |credential| setting.ringyo.authenticate(credential).await.unwrap_err();
    let (start, last) = text.split_at(63);
    let mistyped = format!("{start}{}", if last == "0" { "1" } else { "0" });
    let other_mode = text.replacen("live", "prod", 1);
    let foreign = format!("{}-{}", &text[..30], &text[31..]);
    let length = ParseError::Length {
        expected: 64,
        found: 63,
    };
    let character = ParseError::Character { position: 30 };
    let mut answers = Vec::new();
    for (presented, reason) in [
        (&text[1..], InvalidKey::Malformed(ParseError::Brand)),
        (start, InvalidKey::Malformed(length)),
        (&other_mode, InvalidKey::Malformed(ParseError::Mode)),
        (&foreign, InvalidKey::Malformed(character)),
        (&mistyped, InvalidKey::Malformed(ParseError::Checksum)),
        (forged.key.expose(), InvalidKey::Forged),
        (unknown.key.expose(), InvalidKey::Unknown),
        (other.key.expose(), InvalidKey::WrongSecret),
    ] {
        let refused = refusal(Credential::key(presented)).await;
        let is_that = matches!(&refused, AuthError::InvalidKey(found) if *found == reason);
        assert!(is_that, "{reason:?}: {refused:?}");
        answers.push(answer(&setting, &refused));
    }
    for answer in &answers {
        assert_eq!(*answer, answers[0]);
    }

    // The controls: a key that is proven is told more, and so is who has none.
    setting.ringyo.keys().revoke(key.record.id).await.unwrap();
    let revoked = refusal(Credential::key(text)).await;
    assert!(matches!(revoked, AuthError::Revoked(_)), "{revoked:?}");
    let missing = refusal(Credential::bearer("")).await;
    assert!(matches!(missing, AuthError::MissingCredential));
    for control in [revoked, missing] {
        assert_ne!(answer(&setting, &control), answers[0]);
    }
}

#[tokio::test]
async fn a_realm_is_quoted() {
    let preset = ringyo_auth::Preset::new(
        ringyo_auth::preset::ringyo::BRAND,
        CATALOG.clone(),
        [],
        "a \"b\" \\ \u{e9}\n",
    );
    let ringyo = ringyo_auth::Ringyo::builder(preset, crate::support::peppers())
        .store(ringyo_store::MemoryStore::new())
        .build()
        .await
        .unwrap();
    let rejection = ringyo
        .http()
        .reject(&AuthError::MissingCredential, ringyo.now());
    let (_, _, challenge, _) = row(rejection);
    assert_eq!(challenge.unwrap(), r#"Bearer realm="a \"b\" \\ ""#);
}

#[tokio::test]
async fn a_service_chooses_headers_and_bodies() {
    let setting = setting().await;
    let [over_the_limit, lacking, _] = limited(&setting).await;
    let now = setting.clock.now();
    let names = |rate_headers, error: &AuthError| {
        let mut style = HttpStyle::new("ringyo");
        style.rate_headers = rate_headers;
        style.body = BodyStyle::Problem;
        let mapping = mapping_of(style);
        let response = mapping.reject(error, now).into_response::<String>("req_1");
        let mut names: Vec<String> = response
            .headers()
            .keys()
            .map(|name| name.as_str().to_owned())
            .filter(|name| name.contains("ratelimit"))
            .collect();
        names.sort_unstable();
        (names, response)
    };
    let legacy = [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ];
    let draft = ["ratelimit", "ratelimit-policy"];
    assert_eq!(names(RateHeaders::Legacy, &over_the_limit).0, legacy);
    assert_eq!(names(RateHeaders::Draft, &over_the_limit).0, draft);
    assert_eq!(
        names(RateHeaders::Both, &over_the_limit).0,
        [&draft[..], &legacy].concat()
    );
    let (none, response) = names(RateHeaders::Both, &lacking);
    assert!(
        none.is_empty(),
        "who is refused before the limiter has no rate to tell"
    );

    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: serde_json::Value = serde_json::from_str(response.body()).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "title": "Forbidden",
            "status": 403,
            "detail": "This API key lacks a permission that this call needs.",
            "code": "insufficient_permissions",
            "details": { "missing": ["agents:update"] },
            "request_id": "req_1",
        })
    );
}

/// The mapping of a service with that style.
fn mapping_of(style: HttpStyle) -> HttpMapping {
    let mut preset = Preset::ringyo();
    preset.http = style;
    let builder = Ringyo::builder(preset, crate::support::peppers());
    let built = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime
            .block_on(builder.store(MemoryStore::new()).build())
            .unwrap()
    });
    built.join().unwrap().http().clone()
}
