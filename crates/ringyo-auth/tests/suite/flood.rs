//! What a flood of bad keys costs: no look-up for a forged key, no HMAC for a malformed one.

use ringyo_auth::Credential;
use ringyo_key::testing::hmacs_on_this_thread;
use ringyo_key::{KeyFormat, Mode};

use crate::support::{peppers, setting, strange_peppers};

const FLOOD: u64 = 100_000;

#[tokio::test]
async fn a_forged_flood_reads_nothing_and_a_malformed_one_hashes_nothing() {
    let setting = setting().await;
    let format = KeyFormat::new(ringyo_auth::preset::ringyo::BRAND);
    let present = async |key: &str| {
        let refused = setting.ringyo.authenticate(Credential::key(key)).await;
        assert!(refused.is_err());
    };

    // Well-formed, right checksum, minted by somebody else.
    let strangers = strange_peppers();
    let forged: Vec<String> = (0..FLOOD)
        .map(|_| format.mint(Mode::Live, &strangers).key.expose().to_owned())
        .collect();
    let (reads, hmacs) = (setting.store.calls(), hmacs_on_this_thread());
    for key in &forged {
        present(key).await;
    }
    assert_eq!(
        setting.store.calls() - reads,
        0,
        "reads for {FLOOD} forged keys"
    );
    assert_eq!(hmacs_on_this_thread() - hmacs, FLOOD, "one HMAC each");

    // The same keys with one character of the secret changed: the checksum is wrong.
    let (reads, hmacs) = (setting.store.calls(), hmacs_on_this_thread());
    for key in &forged {
        let other = if &key[30..31] == "x" { "y" } else { "x" };
        present(&format!("{}{other}{}", &key[..30], &key[31..])).await;
    }
    assert_eq!(
        setting.store.calls() - reads,
        0,
        "reads for {FLOOD} malformed keys"
    );
    assert_eq!(
        hmacs_on_this_thread() - hmacs,
        0,
        "HMACs for {FLOOD} malformed keys"
    );

    // The control: what was minted under the right pepper does reach the store, each time.
    let (reads, hmacs) = (setting.store.calls(), hmacs_on_this_thread());
    let ours = peppers();
    let unknown: Vec<String> = (0..100)
        .map(|_| format.mint(Mode::Live, &ours).key.expose().to_owned())
        .collect();
    let minting = hmacs_on_this_thread() - hmacs;
    for key in &unknown {
        present(key).await;
    }
    assert_eq!(setting.store.calls() - reads, 100);
    assert_eq!(hmacs_on_this_thread() - hmacs - minting, 100);
}
