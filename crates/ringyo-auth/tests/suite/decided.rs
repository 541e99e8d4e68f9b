//! What a decision tells whoever asked for it: callers, refusals, and what stands beside them.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use ringyo_auth::{
    AuthError, Authenticator, Caller, Credential, InvalidKey, NewKey, Overlap, Preset, Refused,
    Surplus,
};
use ringyo_key::Mode;
use ringyo_store::Timestamp;

use crate::support::{START, node, setting, setting_of, unlimited};

/// What is decided without asking the store: once the node has heard of its own change and has
/// read the key again.
async fn warm(authenticator: &Authenticator, text: &str) -> Result<Caller, Refused> {
    for _ in 0..10_000 {
        if let Some(decided) = authenticator.decide_now(Credential::key(text)) {
            return decided;
        }
        let _ = authenticator.decide(Credential::key(text)).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the key is never known");
}

#[tokio::test]
async fn a_refusal_names_the_key_that_was_proven_and_no_other() {
    let setting = setting().await;
    let issued = setting.key().await;
    let text = issued.key.expose();
    let authenticator = setting.ringyo.authenticator();
    assert!(authenticator.decide_now(Credential::key(text)).is_none());
    let caller = authenticator.decide(Credential::key(text)).await.unwrap();
    assert_eq!(caller.key_id(), issued.record.id);
    let known = warm(&authenticator, text).await.unwrap();
    assert_eq!(known.key_id(), issued.record.id);
    assert!(format!("{caller:?}").contains(issued.record.id.as_str()));
    assert!(!format!("{caller:?}").contains(&text[20..]));

    setting
        .ringyo
        .keys()
        .disable(issued.record.id)
        .await
        .unwrap();
    let cold = authenticator.decide(Credential::key(text)).await;
    let known = warm(&authenticator, text).await;
    for refused in [cold.unwrap_err(), known.unwrap_err()] {
        assert!(matches!(refused.error, AuthError::Disabled(_)));
        let known = refused.key.clone().unwrap();
        assert_eq!(known.id(), issued.record.id);
        assert_eq!(known.account().as_str(), "acct_agency");
        assert_eq!(known.mode(), Mode::Live);
        assert_eq!(format!("{known:?}"), format!("KnownKey({})", known.id()));
        assert!(matches!(AuthError::from(refused), AuthError::Disabled(_)));
    }
    // Of a text that is no key nothing is known.
    let mistyped = &text[..text.len() - 1];
    let cold = authenticator.decide(Credential::key(mistyped)).await;
    let warm = authenticator.decide_now(Credential::key(mistyped)).unwrap();
    for refused in [cold.unwrap_err(), warm.unwrap_err()] {
        let is_malformed = |error| matches!(error, AuthError::InvalidKey(InvalidKey::Malformed(_)));
        assert!(refused.key.is_none() && is_malformed(refused.error));
    }
}

#[tokio::test]
async fn a_caller_knows_when_it_asked_and_when_it_ends() {
    let setting = setting().await;
    let new = NewKey::live("acct_agency", "x").scopes(["*"]);
    let lasting = setting.issue(new.clone()).await;
    let short = setting.issue(new.expires_in(Duration::from_secs(60))).await;
    let at = Timestamp::from_unix_millis(START);
    for (issued, end) in [
        (&lasting, None),
        (&short, Some(at + Duration::from_secs(60))),
    ] {
        let caller = setting.authenticate(issued).await.unwrap();
        assert_eq!(caller.authenticated_at(), at);
        assert_eq!(caller.ends_at(), end);
    }
    // One that is replaced ends with its overlap, if that is sooner.
    let overlap = Overlap::new(Duration::from_secs(30)).unwrap();
    let replaced = setting
        .ringyo
        .keys()
        .regenerate(short.record.id, overlap)
        .await;
    assert!(replaced.is_ok());
    let caller = setting.authenticate(&short).await.unwrap();
    assert_eq!(caller.ends_at(), Some(at + Duration::from_secs(30)));
}

#[tokio::test]
async fn the_rate_of_a_caller_is_told_in_each_way_alike() {
    let setting = setting().await;
    let issued = setting.key().await;
    let caller = setting.authenticate(&issued).await.unwrap();
    let http = setting.ringyo.http();
    let decision = caller.rate().unwrap();
    let of_caller: Vec<_> = http.rate_headers_of(&caller).collect();
    let of_decision: Vec<_> = http.rate_headers(&decision, setting.ringyo.now()).collect();
    assert_eq!(of_caller, of_decision);
    assert!(of_caller.len() >= 3, "{of_caller:?}");
    let id = HeaderName::from_static("x-request-id");
    let value = HeaderValue::from_static("req_1");
    let mut with_id = of_caller.clone();
    with_id.push((id.clone(), value.clone()));
    let maps = http.rate_header_maps(id);
    for _ in 0..2 {
        let map = maps.of(&decision, caller.authenticated_at(), value.clone());
        assert!(
            map.iter()
                .eq(with_id.iter().map(|(name, value)| (name, value)))
        );
    }
    // Who has no limit is told none.
    let free = setting_of(unlimited()).await;
    let issued = free
        .issue(NewKey::live("acct_open", "x").scopes(["*"]))
        .await;
    let caller = free.authenticate(&issued).await.unwrap();
    let http = free.ringyo.http();
    assert_eq!(http.rate_headers_of(&caller).count(), 0);
    assert!(caller.rate().is_none());
}

#[tokio::test]
async fn a_service_refuses_in_the_same_form() {
    let setting = setting().await;
    let http = setting.ringyo.http();
    let refused = http
        .refuse(
            StatusCode::CONFLICT,
            "name_taken",
            "There is one of that name.",
        )
        .with_detail("name", "Anna")
        .with_retry_after(Duration::from_millis(1_500))
        .with_retry_after(Duration::from_millis(2_500));
    assert_eq!(
        (refused.status(), refused.code()),
        (StatusCode::CONFLICT, "name_taken")
    );
    assert_eq!(refused.message(), "There is one of that name.");
    assert_eq!(refused.to_string(), "409 name_taken");
    let waits = refused.headers().filter(|(name, _)| *name == "retry-after");
    let waits: Vec<_> = waits.map(|(_, value)| value.as_bytes()).collect();
    assert_eq!(waits, [b"3"], "the last one counts, in whole seconds");
    let body: serde_json::Value = serde_json::from_str(&refused.body("r")).unwrap();
    let expected = serde_json::json!({
        "error": {
            "code": "name_taken", "message": "There is one of that name.",
            "details": { "name": "Anna" },
        },
        "meta": { "request_id": "r" },
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_service_tells_what_it_was_made_from() {
    let setting = setting().await;
    let ringyo = &setting.ringyo;
    let preset = Preset::ringyo();
    assert_eq!(ringyo.catalog().fingerprint(), preset.catalog.fingerprint());
    let names = |plans: &ringyo_auth::Plans| {
        let mut names: Vec<_> = plans.iter().map(|plan| plan.name.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(names(ringyo.plans()), names(&preset.plans));
    assert_eq!(ringyo.http().style().realm, preset.http.realm);
    assert!(ringyo.is_same_service(&ringyo.clone()));
    let other = node(&setting.store, &setting.clock, |builder| builder).await;
    assert!(!ringyo.is_same_service(&other));
    let surplus = [
        Surplus::Scopes,
        Surplus::Mode,
        Surplus::Expiry,
        Surplus::Networks,
        Surplus::Rate,
    ];
    let said = surplus.map(|surplus| surplus.to_string());
    assert_eq!(
        said,
        [
            "permissions",
            "the live mode",
            "a lifetime",
            "networks",
            "a rate"
        ]
    );
}
