//! What types print of themselves, and what is left of a panic.

use std::fmt::Debug;
use std::panic;
use std::sync::{Arc, Mutex};

use ringyo::{
    Credential, KeyFormat, Mode, NewKey, Overlap, PageSize, Pepper, PepperId, PepperRing, Preset,
    Ringyo, SqliteStore, preset::ringyo::AGENTS_DELETE, preset::ringyo::BRAND,
};

use crate::hiding::Hidden;

/// In one line and in many.
fn shown(value: &impl Debug) -> String {
    format!("{value:?}\n{value:#?}\n")
}

#[tokio::test]
async fn nothing_prints_a_secret_and_no_panic_carries_one_away() {
    let mut hidden = Hidden::default();
    let pepper = Pepper::generate(PepperId::new(1));
    let text = pepper.expose();
    hidden.add_pepper(&text);
    let peppers = PepperRing::parse(&text).unwrap();
    let mut all = shown(&pepper) + &shown(&peppers);
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("keys.db")).await;
    let builder = Ringyo::builder(Preset::ringyo(), peppers).store(store.unwrap());
    all += &shown(&builder);
    let ringyo = builder.build().await.unwrap();
    ringyo.accounts().create("acct_1", "pro").await.unwrap();
    let keys = ringyo.keys();
    let new = NewKey::live("acct_1", "Server").scopes(["agents:read"]);
    all += &shown(&new);
    let issued = keys.issue(new).await.unwrap();
    let key = issued.key.expose();
    hidden.add_key(key);
    hidden.add_bytes(&issued.record.digest.to_bytes());
    all += &(shown(&issued) + &shown(&issued.record) + &shown(&issued.key));

    let format = KeyFormat::new(BRAND);
    let peppers = PepperRing::parse(&text).unwrap();
    let parsed = format.parse(key.as_bytes()).unwrap();
    let proof = peppers.prove(&parsed).unwrap();
    let minted = format.mint(Mode::Test, &peppers);
    hidden.add_key(minted.key.expose());
    hidden.add_bytes(&minted.digest.to_bytes());
    all += &(shown(&parsed) + &shown(&proof) + &shown(&minted));

    let header = format!("Bearer {key}");
    let credential = Credential::bearer(&header);
    let caller = ringyo.authenticate(credential).await.unwrap();
    let inspection = ringyo.authenticator().inspect(credential).await.unwrap();
    all += &(shown(&credential) + &shown(&caller) + &shown(&inspection));
    all += &(shown(&ringyo) + &shown(&keys) + &shown(&ringyo.authenticator()));
    let regenerated = keys.regenerate(issued.record.id, Overlap::NONE).await;
    let regenerated = regenerated.unwrap();
    hidden.add_key(regenerated.new.key.expose());
    hidden.add_bytes(&regenerated.new.record.digest.to_bytes());
    all += &shown(&regenerated);
    let events = keys.events(issued.record.id, None, PageSize::DEFAULT).await;
    all += &shown(&events.unwrap());

    // Refusals of every kind that has seen a key, as errors and as responses.
    let missing = caller.require(&AGENTS_DELETE).unwrap_err();
    let cut = &header[..header.len() - 1];
    let twice = format!("{header}, {header}");
    let mut refusals = vec![missing];
    for header in [cut, &twice, &header] {
        let refused = ringyo.authenticate(Credential::bearer(header)).await;
        refusals.push(refused.unwrap_err());
    }
    for refusal in &refusals {
        all += &(shown(refusal) + &refusal.to_string());
        let rejection = ringyo.http().reject(refusal, ringyo.now());
        all += &shown(&rejection);
        let response: http_response::Response = rejection.into_response("r");
        all += &shown(&response);
    }
    assert_eq!(hidden.find(all.as_bytes()), None, "{all}");
    assert!(all.len() > 10_000 && all.contains(issued.record.id.as_str()));
    // The control: exposed, it is found.
    assert!(hidden.find(format!("{all}{key}").as_bytes()).is_some());

    // A panic takes along what it is given, as a message and to the hook.
    let told = Arc::new(Mutex::new(String::new()));
    let hook = panic::take_hook();
    let hearing = told.clone();
    panic::set_hook(Box::new(move |info| {
        hearing
            .lock()
            .unwrap()
            .push_str(&format!("{info} {info:?}"));
    }));
    let unwrapped = tokio::spawn(async move {
        let _held = minted;
        let refused = Some(regenerated).map_or(Ok(()), Err);
        refused.unwrap();
    });
    let error = unwrapped.await.unwrap_err();
    let all = format!("{error} {error:?}");
    let carried = error.into_panic().downcast::<String>().unwrap();
    panic::set_hook(hook);
    let told = told.lock().unwrap().clone();
    assert!(told.contains("RegeneratedKey"), "{told}");
    assert_eq!(
        hidden.find(format!("{told}{all}{carried}").as_bytes()),
        None
    );
}

/// A response with its body as text.
mod http_response {
    pub(super) type Response = axum::http::Response<String>;
}
