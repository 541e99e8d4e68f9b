//! Nothing in the files gives a key back.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use fixture::{Place, bytes_of, insert_account, key, key_event};
use ringyo_key::{Brand, KeyFormat, Mode, Pepper, PepperId, PepperRing};
use ringyo_store::{EventKind, KeyRecord, KeyStore};

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_the_files() {
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    let format = KeyFormat::new(Brand::new("rg").unwrap());
    let peppers = PepperRing::new(Pepper::generate(PepperId::new(1)));
    let minted = format.mint(Mode::Live, &peppers);
    let record = KeyRecord {
        id: minted.id,
        hint: format.hint(Mode::Live, minted.id),
        digest: minted.digest.clone(),
        ..key(1)
    };
    let event = key_event(EventKind::KeyIssued, minted.id);
    store.insert_key(&record, None, &event).await.unwrap();

    let whole = minted.key.expose();
    let body = &whole["rg_live_".len()..];
    let (secret, tag) = (&body[12..44], &body[44..50]);
    let hidden = [whole, body, secret, &secret[..12], &secret[20..], tag];
    let files = || -> Vec<u8> {
        ["", "-wal", "-shm"]
            .iter()
            .map(|ending| place.beside(ending))
            .filter(|path| path.exists())
            .flat_map(|path| bytes_of(&path))
            .collect()
    };
    let bytes = files();
    assert!(contains(&bytes, minted.id.as_str()), "the id is public");
    for part in hidden {
        assert!(
            !contains(&bytes, part),
            "a part of {} characters",
            part.len()
        );
    }
    // The control: had it been stored anywhere, it would be found.
    let careless = KeyRecord {
        description: Some(format!("the key is {whole}, do not lose it")),
        ..store.find_key(minted.id).await.unwrap().unwrap()
    };
    let event = key_event(EventKind::KeyRenamed, minted.id);
    store.update_key(&careless, &event).await.unwrap();
    let bytes = files();
    for part in hidden {
        assert!(
            contains(&bytes, part),
            "a part of {} characters",
            part.len()
        );
    }
}
