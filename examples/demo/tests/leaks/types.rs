//! What each public type prints of itself when it holds a secret, or has been near one.

mod decisions;
mod keys;
mod limits;
mod listed;
mod management;
mod panics;
mod records;
mod scopes;
mod traits;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use ringyo::{
    Caller, Credential, IssuedKey, NewKey, Pepper, PepperId, PepperRing, Preset, Ringyo,
    SqliteStore,
};
use tempfile::TempDir;

use crate::hiding::Hidden;
use crate::shown::{Shown, show};

/// What is in the addresses of servers.
const PASSWORD: &str = "tr0ub4dor-and-3";

/// A service with a key, all that is secret about it, and all that was printed so far.
struct Stage {
    hidden: Hidden,
    shown: Shown,
    pepper: String,
    ringyo: Ringyo,
    issued: IssuedKey,
    _place: TempDir,
}

impl Stage {
    async fn new() -> Self {
        let mut hidden = Hidden::default();
        let mut shown = Shown::default();
        hidden.add_text(PASSWORD);
        let pepper = Pepper::generate(PepperId::new(1)).expose().to_string();
        hidden.add_pepper(&pepper);
        let peppers = PepperRing::parse(&pepper).unwrap();
        let place = tempfile::tempdir().unwrap();
        let options = SqliteStore::options();
        let store = options.open(place.path().join("keys.db")).await.unwrap();
        show!(shown, peppers, options, store);
        let preset = Preset::ringyo();
        show!(shown, preset, preset.http, preset.plans, preset.format);
        let builder = Ringyo::builder(preset, peppers).store(store);
        show!(shown, builder);
        let ringyo = builder.build().await.unwrap();
        let account = ringyo.accounts().create("acct_1", "pro").await.unwrap();
        let new = NewKey::live("acct_1", "Server").scopes(["agents:read"]);
        show!(shown, account, new);
        let issued = ringyo.keys().issue(new).await.unwrap();
        hidden.add_key(issued.key.expose());
        hidden.add_bytes(&issued.record.digest.to_bytes());
        show!(shown, ringyo, issued);
        Self {
            hidden,
            shown,
            pepper,
            ringyo,
            issued,
            _place: place,
        }
    }

    /// The key as text: what somebody may paste anywhere.
    fn text(&self) -> String {
        self.issued.key.expose().to_owned()
    }

    async fn caller(&self) -> Caller {
        let key = self.text();
        let caller = self.ringyo.authenticate(Credential::key(&key)).await;
        caller.unwrap()
    }
}

// Sessions with the database need another thread to end in, while this one drops the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nothing_prints_a_secret() {
    let mut stage = Stage::new().await;
    keys::show(&mut stage);
    scopes::show(&mut stage);
    limits::show(&mut stage).await;
    records::show(&mut stage).await;
    management::show(&mut stage).await;
    decisions::show(&mut stage).await;
    let Stage { hidden, shown, .. } = &stage;
    hidden.check_lines(shown.text.as_bytes());
    assert!(shown.text.contains(stage.issued.record.id.as_str()));

    // The controls: each kind of secret is found where it stands.
    let digest = format!("{:?}", stage.issued.record.digest.to_bytes());
    let hex = stage.issued.record.digest.to_hex();
    let (_, encoded) = stage.pepper.split_once(':').unwrap();
    let key = stage.text();
    let tag = &key[52..58];
    let numbers = format!("{:?}", key.as_bytes());
    let listed = numbers.replace(' ', "");
    let in_hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    let credentials = ["", "a", "id"].map(|name| BASE64_STANDARD.encode(format!("{name}:{key}")));
    let of_key = [&key, tag, &numbers, &listed, &in_hex];
    let of_key = of_key
        .into_iter()
        .chain(credentials.iter().map(String::as_str));
    for planted in of_key.chain([digest.as_str(), &hex, encoded, PASSWORD]) {
        let shown = format!("ApiKey({planted})");
        assert!(hidden.find(shown.as_bytes()).is_some(), "{planted}");
    }

    // In either alphabet, wherever it begins.
    let mut binary = Hidden::default();
    binary.add_bytes(&[0xfb; 32]);
    for before in 0..3 {
        let bytes = [vec![0; before], vec![0xfb; 32]].concat();
        for text in [
            BASE64_STANDARD.encode(&bytes),
            BASE64_URL_SAFE.encode(&bytes),
        ] {
            assert!(binary.find(text.as_bytes()).is_some(), "{text}");
        }
    }

    // Every type has been asked, and in each way that it has.
    assert_eq!(listed::forgotten(&shown.types), Vec::new());
    assert!(
        shown.types.len() > 120,
        "{} types were shown",
        shown.types.len()
    );
    let ways = (shown.displayed, shown.serialized, shown.explained);
    assert!(ways.0 > 60 && ways.1 > 15 && ways.2 > 30, "{ways:?}");
}
