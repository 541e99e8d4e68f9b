//! Nothing that is stored gives a key back, and nothing that is said shows what is stored.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::error::Error;

use fixture::{Place, insert_account, insert_key, key, key_event, key_id};
use ringyo_key::{Brand, KeyFormat, Mode, Pepper, PepperId, PepperRing};
use ringyo_store::{EventKind, KeyRecord, KeyStore, StoreErrorKind};
use tokio_postgres::{Client, SimpleQueryMessage};
use xtask::log::Captured;

/// Every row of every table, as text.
async fn everything(client: &Client) -> String {
    let mut text = String::new();
    for table in [
        "meta",
        "accounts",
        "keys",
        "key_usage",
        "events",
        "wallets",
        "wallet_operations",
    ] {
        let sql = format!("SELECT row.*::text FROM {table} AS row");
        for message in client.simple_query(&sql).await.unwrap() {
            if let SimpleQueryMessage::Row(row) = message {
                text.push_str(row.get(0).unwrap_or_default());
                text.push('\n');
            }
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_the_tables() {
    let Some(place) = Place::new() else { return };
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
    let client = place.by_hand().await;
    let stored = everything(&client).await;
    assert!(stored.contains(minted.id.as_str()), "the id is public");
    for part in hidden {
        assert!(
            !stored.contains(part),
            "a part of {} characters",
            part.len()
        );
    }
    // The control: had it been stored anywhere, it would be found. The database puts it together,
    // because the driver may log what it is sent, and tests must not log keys either.
    let (start, end) = whole.split_at(40);
    let careless = "UPDATE keys SET description = 'it is ' || $2::text || $3::text WHERE id = $1";
    client
        .execute(careless, &[&minted.id.as_str(), &start, &end])
        .await
        .unwrap();
    let stored = everything(&client).await;
    for part in hidden {
        assert!(stored.contains(part), "a part of {} characters", part.len());
    }
}

/// All that an error says, to its last cause.
fn said(error: &dyn Error) -> String {
    let mut text = format!("{error} {error:?}");
    if let Some(source) = error.source() {
        text.push_str(&said(source));
    }
    text
}

/// PostgreSQL adds to a refusal the whole row that it refuses.
#[tokio::test(flavor = "multi_thread")]
async fn no_error_shows_a_digest() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    let client = place.by_hand().await;
    client
        .batch_execute("ALTER TABLE keys ADD CHECK (name <> 'Key 7')")
        .await
        .unwrap();
    let event = key_event(EventKind::KeyIssued, key_id(7));
    let error = store.insert_key(&key(7), None, &event).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    let digest = key(7).digest.to_hex();
    let text = said(&error);
    assert!(text.contains("violates check constraint"), "{text}");
    assert!(!text.contains(&digest), "{text}");
    // The control: the driver's own error shows it.
    insert_key(&store, 8).await;
    let copy = format!(
        "INSERT INTO keys (id, account, mode, hint, digest, name, scopes, created_at)
         SELECT '000000000009', account, mode, hint, '{digest}', 'Key 7', scopes, created_at
         FROM keys"
    );
    let error = client.batch_execute(&copy).await.unwrap_err();
    assert!(said(&error).contains(&digest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_makes_no_sense_is_named_but_not_shown() {
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    insert_key(&store, 1).await;
    assert!(store.load_key(key_id(1)).await.is_ok());
    let client = place.by_hand().await;
    for (column, nonsense) in [
        ("scopes", "not a scope, secret"),
        ("allowed_networks", "secret/99"),
    ] {
        let set = format!("UPDATE keys SET {column} = '{nonsense}'");
        client.batch_execute(&set).await.unwrap();
        let error = store.load_key(key_id(1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        assert!(said(&error).contains(column), "{error:?}");
        assert!(!said(&error).contains("secret"), "{error:?}");
        client
            .batch_execute("UPDATE keys SET scopes = '*', allowed_networks = ''")
            .await
            .unwrap();
    }
    assert!(store.load_key(key_id(1)).await.is_ok());
}

/// The driver logs what it sends.
#[tokio::test(flavor = "multi_thread")]
async fn no_log_shows_a_digest() {
    let lines = Captured::default();
    let writer = lines.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let Some(place) = Place::new() else { return };
    let store = place.open().await;
    insert_account(&store).await;
    // No other test has it, whose statements may be in the same log.
    insert_key(&store, 77).await;
    assert!(store.load_key(key_id(77)).await.unwrap().is_some());
    let log = lines.text();
    assert!(!log.contains(&key(77).digest.to_hex()), "{log}");
    // The control: it is the log of these parameters.
    assert!(log.contains("Key 77"), "{log}");
}
