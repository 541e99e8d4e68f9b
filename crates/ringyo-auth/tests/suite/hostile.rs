//! What nobody sends by accident: the Big List of Naughty Strings and more, as names, scopes, ids
//! and keys. Whatever is taken comes back as it was sent; all else is refused by its field.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use naughty_strings::BLNS;
use ringyo_auth::{
    AuthError, Credential, InvalidKey, ListKeys, ManageError, NewKey, Preset, Ringyo,
};
use ringyo_key::{Brand, KeyFormat, KeyId, Mode, ParseError};
use ringyo_postgres::PostgresStore;
use ringyo_scope::{Catalog, ScopeSet};
use ringyo_sqlite::SqliteStore;
use ringyo_store::{AccountId, MemoryStore, OperationId, PageSize, Store};
use xtask::servers::for_tests;

use crate::support::{peppers, setting};

/// The list, each of it once more where an empty prefix would hide it, and texts out of measure.
fn strings() -> Vec<String> {
    let long = ["a", "\u{fe0f}", "👩‍👩‍👧‍👦", "\0", "(", "agents:"];
    let long = long.map(|part| part.repeat((1 << 20) / part.len()));
    let listed = BLNS.iter().flat_map(|text| {
        let [text, after] = [(*text).to_owned(), format!("agents:{text}")];
        [text, after]
    });
    listed.chain(long).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn as_names_in_memory() {
    as_names_in(MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_names_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteStore::open(folder.path().join("keys.db")).await;
    as_names_in(file.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_names_on_postgresql() {
    let Some(database) = for_tests::database() else {
        return;
    };
    let options = PostgresStore::options().statement_timeout(Duration::from_secs(30));
    as_names_in(options.connect(&database.url()).await.unwrap()).await;
}

async fn as_names_in(store: impl Store + 'static) {
    let builder = Ringyo::builder(Preset::ringyo(), peppers()).store(store);
    let ringyo = builder.build().await.unwrap();
    let made = ringyo.accounts().create("acct_agency", "agency").await;
    made.unwrap();
    let keys = ringyo.keys();
    let new = NewKey::live("acct_agency", "x").scopes(["agents"]);
    let id = keys.issue(new).await.unwrap().record.id;
    let mut taken = 0;
    let mut refused = 0;
    for text in strings() {
        let expected = text.trim();
        let is_name = (1..=100).contains(&expected.chars().count())
            && !expected.chars().any(char::is_control);
        match keys.rename(id, &text).await {
            Ok(record) => {
                assert!(is_name, "{expected:?}");
                assert_eq!(record.name, expected);
                assert_eq!(keys.find(id).await.unwrap().name, expected);
                taken += 1;
            }
            Err(ManageError::Invalid(faults)) => {
                assert!(!is_name, "{expected:?}");
                assert_eq!(faults.len(), 1);
                assert_eq!(faults[0].field, "name");
                // What is wrong is said without it.
                assert!(faults[0].message.len() < 100, "{}", faults[0].message);
                refused += 1;
            }
            Err(error) => panic!("{expected:?}: {error}"),
        }
        let search = ListKeys {
            name_contains: Some(text.clone()),
            ..ListKeys::default()
        };
        let found = keys.list(search).await;
        let found =
            found.unwrap_or_else(|error| panic!("looking for {} bytes: {error}", text.len()));
        if is_name && expected == text {
            assert_eq!(found.items.len(), 1, "{expected:?}");
        }
    }
    // No name has become a statement: there is the key, and all its events.
    let events = keys.events(id, None, PageSize::DEFAULT).await.unwrap();
    assert!(events.items.len() > 1);
    assert!(taken > 250 && refused > 25, "{taken} and {refused}");
}

#[tokio::test]
async fn as_permissions_ids_and_operations() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    let (mut accounts, mut operations) = ([0; 2], [0; 2]);
    for text in strings() {
        let new = NewKey::live("acct_agency", "x").scopes([text.as_str()]);
        match keys.issue(new).await {
            Ok(issued) => {
                let known = ScopeSet::parse([text.as_str()]).unwrap();
                let catalog: &Catalog = &ringyo_auth::preset::ringyo::CATALOG;
                assert_eq!(known.unknown_in(catalog).count(), 0, "{text}");
                assert_eq!(issued.record.scopes, known);
            }
            Err(ManageError::Invalid(faults)) => assert_eq!(faults[0].field, "permissions"),
            Err(error) => panic!("{error}"),
        }
        let is_id = text.len() == 12 && text.bytes().all(|b| b.is_ascii_alphanumeric());
        assert_eq!(text.parse::<KeyId>().is_ok(), is_id, "{text:?}");
        let is_account = (1..=128).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._~:@-".contains(&b));
        let account = AccountId::new(&text).ok();
        let expected = is_account.then_some(text.as_str());
        assert_eq!(account.as_ref().map(AccountId::as_str), expected);
        accounts[usize::from(is_account)] += 1;
        let is_operation =
            (1..=200).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b));
        let operation = OperationId::new(&text).ok();
        let expected = is_operation.then_some(text.as_str());
        assert_eq!(operation.as_ref().map(OperationId::as_str), expected);
        operations[usize::from(is_operation)] += 1;
        let new = NewKey::live(text.as_str(), "x").scopes(["agents"]);
        let error = keys.issue(new).await.unwrap_err();
        let is_plain = matches!(error, ManageError::Invalid(_) | ManageError::NotFound);
        assert!(is_plain, "{error}");
    }
    // Refused and taken.
    let told = format!("{accounts:?} and {operations:?}");
    assert!(
        accounts.iter().chain(&operations).all(|&texts| texts > 10),
        "{told}"
    );
}

#[tokio::test]
async fn as_keys_and_headers() {
    let setting = setting().await;
    let issued = setting.key().await;
    let key = issued.key.expose();
    for text in strings() {
        let (middle, _) = key.split_at(30);
        for presented in [
            text.clone(),
            format!("Bearer {text}"),
            format!("Bearer {key}{text}x"),
            format!("Bearer {text}{key}x"),
            format!("Bearer {middle}{text}{}", &key[30..]),
            format!("{text} {key}"),
        ] {
            let is_good = presented.split_once(' ').is_some_and(|(scheme, rest)| {
                scheme.eq_ignore_ascii_case("bearer") && rest.trim_start_matches(' ') == key
            });
            let Ok(value) = HeaderValue::from_bytes(presented.as_bytes()) else {
                continue;
            };
            let mut headers = HeaderMap::new();
            headers.insert("authorization", value);
            let credential = Credential::from_headers(&headers);
            match setting.ringyo.authenticate(credential).await {
                Ok(_) | Err(AuthError::RateLimited(_)) => assert!(is_good, "{presented}"),
                Err(error) => {
                    assert!(!is_good, "{presented}");
                    let told = format!("{error} {error:?}");
                    assert!(!told.contains(&key[20..40]), "{told}");
                }
            }
        }
    }
    // The control: the key itself is good.
    let header = format!("bEARER   {key}");
    let let_in = setting
        .ringyo
        .authenticate(Credential::bearer(&header))
        .await;
    assert!(let_in.is_ok());
}

/// A key is one text: in another case, of another brand or of the other mode it is none.
#[tokio::test]
async fn confused_with_another() {
    let setting = setting().await;
    let rg = KeyFormat::new(Brand::new("rg").unwrap());
    let (live, test) = (setting.key().await, {
        let new = NewKey::test("acct_agency", "Tester").scopes(["*"]);
        setting.issue(new).await
    });
    let ask = async |text: &str| setting.ringyo.authenticate(Credential::key(text)).await;
    for issued in [&live, &test] {
        let key = issued.key.expose();
        assert!(ask(key).await.is_ok(), "the control");
        let (prefix, body) = key.split_at(8);
        let other = if prefix == "rg_live_" {
            "rg_test_"
        } else {
            "rg_live_"
        };
        // With the checksum put right as well, as anybody can.
        let turned = with_checksum(&format!("{other}{body}"));
        assert!(rg.parse(turned.as_bytes()).is_ok());
        let refused = ask(&turned).await;
        assert!(
            matches!(refused, Err(AuthError::InvalidKey(InvalidKey::Forged))),
            "the tag covers the mode: {refused:?}"
        );
        for brand in ["sk", "gr", "rgx"] {
            let text = with_checksum(&key.replacen("rg", brand, 1));
            let refused = ask(&text).await;
            let Err(AuthError::InvalidKey(InvalidKey::Malformed(ParseError::Brand))) = refused
            else {
                panic!("{brand}: {refused:?}");
            };
        }
        for text in [key.to_lowercase(), key.to_uppercase(), swapped(key)] {
            for text in [with_checksum(&text), text] {
                let refused = ask(&text).await;
                assert!(
                    matches!(refused, Err(AuthError::InvalidKey(_))),
                    "{refused:?}"
                );
            }
        }
    }
    // Who asks for live takes a live key and no test key.
    for (issued, mode) in [(&live, Mode::Live), (&test, Mode::Test)] {
        let caller = ask(issued.key.expose()).await.unwrap();
        assert_eq!(caller.mode(), mode);
        let may = caller.require_live();
        assert_eq!(may.is_ok(), mode == Mode::Live, "{may:?}");
        assert_eq!(caller.as_live().is_some(), mode == Mode::Live);
    }
}

/// A brand that was given up: its keys are good as they are, none is made any more, and nothing
/// makes one of the new brand out of them.
#[tokio::test]
async fn of_a_retired_brand() {
    let store = Arc::new(MemoryStore::new());
    let [old, new] = ["acme", "rg"].map(|brand| Brand::new(brand).unwrap());
    let service = async |format: KeyFormat| {
        let preset = Preset {
            format,
            ..Preset::ringyo()
        };
        let builder = Ringyo::builder(preset, peppers()).store(store.clone());
        builder.build().await.unwrap()
    };
    let before = service(KeyFormat::new(old)).await;
    before.accounts().create("acct_1", "agency").await.unwrap();
    let order = NewKey::live("acct_1", "x").scopes(["agents"]);
    let issued = before.keys().issue(order.clone()).await.unwrap();
    let key = issued.key.expose();
    let renamed = service(KeyFormat::new(new).accept_retired(old)).await;
    let unaware = service(KeyFormat::new(new)).await;
    let ask = async |service: &Ringyo, text: &str| {
        let answer = service.authenticate(Credential::key(text)).await;
        answer.map(|caller| caller.key_id())
    };
    assert_eq!(ask(&renamed, key).await.unwrap(), issued.record.id);
    let refused = ask(&unaware, key).await.unwrap_err();
    let AuthError::InvalidKey(InvalidKey::Malformed(ParseError::Brand)) = refused else {
        panic!("{refused:?}");
    };
    let made = renamed.keys().issue(order).await.unwrap();
    let made = made.key.expose();
    assert!(
        made.starts_with("rg_live_"),
        "none of the old brand is made"
    );
    assert!(ask(&renamed, made).await.is_ok());
    // The brand is under the tag as well.
    for turned in [
        key.replacen("acme", "rg", 1),
        made.replacen("rg", "acme", 1),
        key.replacen("acme_live", "rg_test", 1),
    ] {
        let turned = with_checksum(&turned);
        let refused = ask(&renamed, &turned).await;
        let is_forged = matches!(refused, Err(AuthError::InvalidKey(InvalidKey::Forged)));
        assert!(is_forged, "{refused:?}");
    }
}

/// Only the secret in the other case.
fn swapped(key: &str) -> String {
    let (start, body) = key.split_at(20);
    let swap = |c: char| match c.is_ascii_lowercase() {
        true => c.to_ascii_uppercase(),
        false => c.to_ascii_lowercase(),
    };
    format!("{start}{}", body.chars().map(swap).collect::<String>())
}

fn with_checksum(text: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let (checked, _) = text.split_at(text.len() - 6);
    let mut rest = checksum(checked.as_bytes());
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    format!("{checked}{}", std::str::from_utf8(&digits).unwrap())
}

/// CRC-32 (ISO-HDLC).
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| match crc & 1 {
            1 => crc >> 1 ^ 0xedb8_8320,
            _ => crc >> 1,
        })
    })
}
