//! A service that has changed its name: keys of the old one go on, and none is minted.

use ringyo_auth::{
    AuthError, InvalidKey, LeakPolicy, LeakResponse, LeakVerdict, NewKey, Overlap, Preset, Ringyo,
};
use ringyo_key::{Brand, KeyFormat};
use ringyo_limit::ManualClock;

use crate::support::{START, Watched, authenticate, peppers};

fn brand(name: &str) -> Brand {
    Brand::new(name).unwrap()
}

async fn service(store: &Watched, format: KeyFormat) -> Ringyo {
    let preset = Preset {
        format,
        ..Preset::ringyo()
    };
    let builder = Ringyo::builder(preset, peppers()).store(store.clone());
    builder
        .clock(ManualClock::new(START))
        .build()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_key_of_a_retired_brand_is_used_replaced_and_reported_like_any_other() {
    let store = Watched::default();
    let before = service(&store, KeyFormat::new(brand("acme"))).await;
    before.accounts().create("acct_1", "agency").await.unwrap();
    let new = |name| NewKey::live("acct_1", name).scopes(["agents:read"]);
    let (used, leaked) = (
        before.keys().issue(new("used")).await.unwrap(),
        before.keys().issue(new("leaked")).await.unwrap(),
    );
    assert!(used.key.expose().starts_with("acme_live_"));

    // The control: who does not accept the brand reads nothing for it.
    let newcomer = KeyFormat::new(brand("newco"));
    let deaf = service(&store, newcomer.clone()).await;
    let refused = authenticate(&deaf, &used).await;
    let is_malformed = matches!(
        refused,
        Err(AuthError::InvalidKey(InvalidKey::Malformed(_)))
    );
    assert!(is_malformed, "{refused:?}");

    let after = service(&store, newcomer.accept_retired(brand("acme"))).await;
    let caller = authenticate(&after, &used).await.unwrap();
    assert_eq!(caller.key_id(), used.record.id);
    let issued = after.keys().issue(new("new")).await.unwrap();
    assert!(issued.key.expose().starts_with("newco_live_"));

    // What comes in its place has the new name, and the old one ends.
    let id = used.record.id;
    let both = after.keys().regenerate(id, Overlap::NONE).await.unwrap();
    assert!(both.new.key.expose().starts_with("newco_live_"));
    authenticate(&after, &both.new).await.unwrap();
    authenticate(&after, &used).await.unwrap_err();

    let (found, policy) = (leaked.key.expose(), LeakPolicy::Revoke);
    let verdict = after.keys().report_leaked(found, "a paste", policy).await;
    let LeakVerdict::Ours(ours) = verdict.unwrap() else {
        panic!("a key of the old name is ours");
    };
    assert_eq!(ours.response, LeakResponse::Revoked);
    let refused = authenticate(&after, &leaked).await;
    assert!(matches!(refused, Err(AuthError::Revoked(_))), "{refused:?}");
}
