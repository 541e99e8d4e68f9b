//! Of `ringyo_auth` what manages keys and credits, and of `ringyo_leak`.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use p256::PublicKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use ringyo::leak::{Alert, AlertError, Feedback, GithubAlerts, GithubKeys, Label};
use ringyo::{
    AccountId, Actor, BuildError, Edit, LeakPolicy, LeakVerdict, ListKeys, ManageError, Mode,
    NewKey, OperationId, Overlap, PageSize, Pepper, PepperId, Preset, Ringyo, Surplus, Unavailable,
};
use serde_json::json;

use super::Stage;
use crate::shown::show;

pub(super) async fn show(stage: &mut Stage) {
    let keys = stage.ringyo.keys();
    let id = stage.issued.record.id;
    let new = NewKey::live("acct_1", "Other").scopes(["agents:read"]);
    let other = keys.issue(new).await.unwrap();
    stage.hidden.add_key(other.key.expose());
    let regenerated = keys
        .regenerate(other.record.id, Overlap::NONE)
        .await
        .unwrap();
    stage.hidden.add_key(regenerated.new.key.expose());
    stage
        .hidden
        .add_bytes(&regenerated.new.record.digest.to_bytes());
    let text = regenerated.new.key.expose();
    let verdict = keys
        .report_leaked(text, "a paste", LeakPolicy::Revoke)
        .await
        .unwrap();
    let shown = &mut stage.shown;
    show!(
        shown,
        keys,
        stage.ringyo.accounts(),
        regenerated,
        Overlap::NONE,
        verdict
    );
    let LeakVerdict::Ours(leaked) = verdict else {
        panic!("it is one of this service");
    };
    show!(shown, leaked, leaked.response, LeakPolicy::Flag);
    show!(
        shown,
        keys.events(id, None, PageSize::DEFAULT).await.unwrap()
    );
    show!(
        shown,
        keys.list(ListKeys::default()).await.unwrap(),
        ListKeys::default()
    );
    let edit = Edit {
        description: Some("For the shop".to_owned()),
        ..Edit::default()
    };
    show!(shown, edit, keys.edit(id, edit.clone()).await.unwrap());
    let account = AccountId::new("acct_1").unwrap();
    show!(shown, Actor::user("7", account.clone()), Actor::system());
    refusals(stage).await;
    credits(stage, &account).await;
    github(stage).await;
}

/// Of a key in the place of what something is called.
async fn refusals(stage: &mut Stage) {
    let key = stage.text();
    let (keys, accounts) = (stage.ringyo.keys(), stage.ringyo.accounts());
    let shown = &mut stage.shown;
    let control = format!("{key}\n{key}");
    for new in [
        NewKey::live("acct_1", control.as_str()).scopes([&key]),
        NewKey::live("acct_1", key.repeat(2))
            .scopes(["agents"])
            .description(key.repeat(20)),
        NewKey::live(key.repeat(9), "x").scopes(["agents"]),
        NewKey::live(key.as_str(), "x").scopes(["agents"]),
        NewKey::live("acct_1", "x").scopes([format!("agents:{}", &key[20..])]),
        NewKey::live("acct_1", "x").scopes([""; 0]),
    ] {
        let refused = keys.issue(new).await.unwrap_err();
        show!(shown, refused);
        if let ManageError::Invalid(fields) = refused {
            show!(shown, fields[0]);
        }
    }
    show!(shown, accounts.create(&control, "pro").await.unwrap_err());
    show!(shown, accounts.create("acct_2", &key).await.unwrap_err());
    let account = AccountId::new("acct_1").unwrap();
    show!(shown, accounts.set_plan(&account, &key).await.unwrap_err());
    let narrow = Actor::system().limited_to(ringyo::ScopeSet::default());
    let wide = NewKey::new(Mode::Test, "acct_1", "x").scopes(["*"]);
    show!(
        shown,
        keys.acting_as(narrow).issue(wide).await.unwrap_err(),
        Surplus::Rate
    );
    let pepper = Pepper::generate(PepperId::new(1));
    stage.hidden.add_pepper(&pepper.expose());
    let refused = Ringyo::builder(Preset::ringyo(), pepper)
        .build()
        .await
        .unwrap_err();
    show!(
        stage.shown,
        refused,
        BuildError::NoStore,
        Unavailable::TooManyForeign
    );
}

async fn credits(stage: &mut Stage, account: &AccountId) {
    let key = stage.text();
    let live = stage.caller().await.require_live().unwrap();
    let wallet = stage.ringyo.wallet();
    let operation = |text: &str| OperationId::new(text).unwrap();
    wallet.grant(account, 5, &operation("grant")).await.unwrap();
    let charge = wallet.charge(&live, 1, &operation("call")).await.unwrap();
    let reserved = wallet.reserve(&live, 1, &operation("next")).await.unwrap();
    let refused = wallet
        .charge(&live, 1_000, &operation("dear"))
        .await
        .unwrap_err();
    show!(stage.shown, live, wallet, charge, reserved, refused);
    stage.hidden.add_key(&key);
}

/// What GitHub has found is a key as text.
async fn github(stage: &mut Stage) {
    let signing = SigningKey::from_slice(&[1; 32]).unwrap();
    let pem = PublicKey::from(signing.verifying_key()).to_public_key_pem(LineEnding::LF);
    let published = json!({ "public_keys": [{ "key_identifier": "1", "key": pem.unwrap() }] });
    let known = GithubKeys::from_json(published.to_string().as_bytes()).unwrap();
    let key = stage.text();
    show!(
        stage.shown,
        GithubKeys::from_json(key.as_bytes()).unwrap_err()
    );
    let receiver = GithubAlerts::new(known.clone()).policy(LeakPolicy::Flag);
    let alert = json!([{ "token": key, "type": "ringyo_api_key", "url": "", "source": "commit" }]);
    let signed = |body: &str| {
        let signature: Signature = signing.sign(body.as_bytes());
        let signature = BASE64_STANDARD.encode(signature.to_der());
        let mut headers = HeaderMap::new();
        headers.insert("github-public-key-identifier", "1".parse().unwrap());
        headers.insert("github-public-key-signature", signature.parse().unwrap());
        headers
    };
    let body = alert.to_string();
    let headers = signed(&body);
    let alerts: Vec<Alert<'_>> = receiver.verify(&headers, body.as_bytes()).unwrap();
    assert_eq!(alerts[0].token, key);
    let manager = stage.ringyo.keys();
    let received = receiver
        .receive(&manager, &headers, body.as_bytes())
        .await
        .unwrap();
    assert_eq!(received.leaked.len(), 1);
    let shown = &mut stage.shown;
    show!(
        shown,
        known,
        receiver,
        alerts[0],
        received,
        Label::TruePositive
    );
    // The feedback is for GitHub, which has the key, and names it as GitHub wants: by its hash.
    let feedback: &Feedback = &received.feedback;
    show!(shown, *feedback);
    let longer = format!("[{body}]");
    let refused: AlertError = receiver.verify(&headers, longer.as_bytes()).unwrap_err();
    show!(shown, refused);
    for body in [longer, format!("[{{\"token\": {key}}}]"), key.clone()] {
        let refused = receiver
            .verify(&signed(&body), body.as_bytes())
            .unwrap_err();
        show!(shown, refused);
    }
}
