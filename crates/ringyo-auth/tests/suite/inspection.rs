//! A key can be looked at without being let through.

use std::time::Duration;

use ringyo_auth::{AuthError, Credential, Inspection, InvalidKey, IssuedKey, NewKey};
use ringyo_store::{
    AccountId, EventKind, KeyRecord, KeyState, KeyStore as _, NewEvent, Revision, Timestamp,
};

use crate::support::{Setting, setting, strange_peppers};

async fn inspect(setting: &Setting, key: &IssuedKey) -> Result<Inspection, AuthError> {
    let authenticator = setting.ringyo.authenticator();
    authenticator
        .inspect(Credential::key(key.key.expose()))
        .await
}

fn now(setting: &Setting) -> Timestamp {
    Timestamp::from_unix_millis(setting.ringyo.now().unix_millis)
}

#[tokio::test]
async fn looking_costs_nothing_of_the_rate_and_is_no_use() {
    let setting = setting().await;
    let key = setting
        .issue(NewKey::live("acct_pro", "Server").scopes(["calls:read"]))
        .await;
    for _ in 0..100 {
        let inspection = inspect(&setting, &key).await.unwrap();
        assert!(inspection.refusal.is_none());
        assert_eq!(inspection.record.id, key.record.id);
        assert_eq!(inspection.record.last_used_at, None);
        assert_eq!(inspection.plan.name, "pro");
    }
    // The whole burst of the plan is left, and then looking still works.
    for _ in 0..60 {
        setting.authenticate(&key).await.unwrap();
    }
    let refused = setting.authenticate(&key).await.unwrap_err();
    assert!(matches!(refused, AuthError::RateLimited(_)));
    let inspection = inspect(&setting, &key).await.unwrap();
    assert!(inspection.refusal.is_none());
    assert_eq!(inspection.record.last_used_at, Some(now(&setting)));
}

#[tokio::test]
async fn what_is_wrong_with_a_proven_key_is_told_with_the_key() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    let soon = Duration::from_secs(60);
    let [revoked, disabled, replaced, bound] = [
        setting.key().await,
        setting.key().await,
        setting.key().await,
        setting
            .issue(
                NewKey::live("acct_agency", "Bound")
                    .scopes(["*"])
                    .allowed_networks(["192.0.2.0/24".parse().unwrap()]),
            )
            .await,
    ];
    let expired = setting
        .issue(
            NewKey::live("acct_agency", "Short")
                .scopes(["*"])
                .expires_in(soon),
        )
        .await;
    let expiring = inspect(&setting, &expired).await.unwrap();
    assert!(expiring.refusal.is_none());
    keys.revoke(revoked.record.id).await.unwrap();
    keys.disable(disabled.record.id).await.unwrap();
    let overlap = ringyo_auth::Overlap::NONE;
    keys.regenerate(replaced.record.id, overlap).await.unwrap();
    setting.clock.advance(soon);

    for (key, state, code) in [
        (&revoked, KeyState::Revoked, "api_key_revoked"),
        (&disabled, KeyState::Disabled, "api_key_disabled"),
        (&replaced, KeyState::Superseded, "api_key_revoked"),
        (&expired, KeyState::Expired, "api_key_expired"),
        (&bound, KeyState::Active, "ip_not_allowed"),
    ] {
        let inspection = inspect(&setting, key).await.unwrap();
        assert_eq!(inspection.record.id, key.record.id);
        assert_eq!(inspection.record.state_at(now(&setting)), state);
        let refusal = inspection.refusal.unwrap();
        let http = setting.ringyo.http();
        assert_eq!(http.reject(&refusal, setting.ringyo.now()).code(), code);
        // A request is refused for the same reason.
        let refused = setting.authenticate(key).await.unwrap_err();
        assert_eq!(refused.to_string(), refusal.to_string());
    }

    let key = setting.key().await;
    let agency = AccountId::new("acct_agency").unwrap();
    let accounts = setting.ringyo.accounts();
    accounts.set_plan(&agency, "starter").await.unwrap();
    let inspection = inspect(&setting, &key).await.unwrap();
    assert!(matches!(inspection.refusal, Some(AuthError::PlanRequired)));
}

#[tokio::test]
async fn nothing_is_told_before_the_secret_is_proven() {
    let setting = setting().await;
    let key = setting.key().await;
    let authenticator = setting.ringyo.authenticator();
    let invalid = async |text: &str| {
        let error = authenticator.inspect(Credential::key(text)).await;
        match error.unwrap_err() {
            AuthError::InvalidKey(reason) => reason,
            other => panic!("{other}"),
        }
    };
    let malformed = invalid(&key.key.expose()[1..]).await;
    assert!(matches!(malformed, InvalidKey::Malformed(_)));

    let format = ringyo_auth::Preset::ringyo().format;
    let forged = format.mint(ringyo_key::Mode::Live, &strange_peppers());
    assert_eq!(invalid(forged.key.expose()).await, InvalidKey::Forged);
    let unknown = format.mint(ringyo_key::Mode::Live, &crate::support::peppers());
    assert_eq!(invalid(unknown.key.expose()).await, InvalidKey::Unknown);

    // The store has the id, with another secret.
    let other = KeyRecord {
        id: unknown.id,
        digest: key.record.digest.clone(),
        revision: Revision::NONE,
        ..key.record.clone()
    };
    let event = NewEvent::new(
        EventKind::KeyIssued,
        other.account.clone(),
        "test",
        other.created_at,
    );
    let event = NewEvent {
        key: Some(other.id),
        ..event
    };
    let inserted = setting.store.inner.insert_key(&other, None, &event).await;
    inserted.unwrap();
    assert_eq!(invalid(unknown.key.expose()).await, InvalidKey::WrongSecret);

    setting.store.set_down(true);
    let other = setting.authenticate(&key).await.unwrap_err();
    let error = inspect(&setting, &key).await.unwrap_err();
    assert_eq!(error.to_string(), other.to_string());
}
