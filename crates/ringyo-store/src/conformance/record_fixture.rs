//! Records to insert, and the comparison of two records field by field.

use std::num::NonZeroU32;

use ringyo_key::{Digest, KeyId, Mode, PepperId};
use ringyo_scope::ScopeSet;

use super::fixture::{at, key_id};
use crate::{AccountId, IpNet, KeyQuota, KeyRecord, KeyStatus, Revision, Timestamp};

/// A plain active key, `number` giving its id and its moment of creation.
pub(super) fn key(account: &AccountId, number: usize) -> KeyRecord {
    key_of(account, key_id(number), number)
}

/// The same with an id of its own.
pub(super) fn key_of(account: &AccountId, id: KeyId, number: usize) -> KeyRecord {
    let mut digest = [0xd1; Digest::LEN];
    digest[..8].copy_from_slice(&(number as u64).to_be_bytes());
    KeyRecord {
        id,
        account: account.clone(),
        mode: Mode::Live,
        hint: format!("rg_live_{id}…"),
        digest: Digest::from_bytes(digest),
        pepper: Some(PepperId::new(1)),
        name: format!("Key {number}"),
        description: None,
        scopes: scopes("agents:read"),
        quota: None,
        allowed_networks: Vec::new(),
        status: KeyStatus::Active,
        created_at: at(number as i64),
        expires_at: None,
        revoked_at: None,
        replaced_by: None,
        superseded_at: None,
        last_used_at: None,
        revision: Revision::NONE,
    }
}

/// A record with every field off its usual value.
pub(super) fn odd_key(account: &AccountId, id: KeyId) -> KeyRecord {
    KeyRecord {
        id,
        account: account.clone(),
        mode: Mode::Test,
        hint: "x0_test_äöü…".to_owned(),
        digest: Digest::from_bytes(std::array::from_fn(|place| 255 - place as u8)),
        pepper: Some(PepperId::new(u16::MAX)),
        name: " 🔑 \"Prod\" 'x'; -- \\ % _ {} $1 \u{202e}é e\u{301} ".to_owned(),
        description: Some("𝄞".repeat(1_000)),
        scopes: scopes("*:read agents:update@Agent_1.a~b-c agents:update@agent_1.a~b-c read_only"),
        quota: Some(KeyQuota {
            per_minute: NonZeroU32::MAX,
            burst: Some(NonZeroU32::MIN),
        }),
        allowed_networks: networks(&[
            "2001:db8::1/48",
            "10.1.2.3/8",
            "::/0",
            "0.0.0.0/0",
            "::ffff:192.0.2.1/128",
            "10.1.2.3/8",
        ]),
        status: KeyStatus::Disabled,
        created_at: Timestamp::MIN,
        expires_at: Some(Timestamp::MAX),
        revoked_at: Some(Timestamp::MIN),
        replaced_by: Some("zZ9zZ9zZ9zZ9".parse().expect("an id")),
        superseded_at: Some(Timestamp::from_unix_millis(1)),
        last_used_at: None,
        revision: Revision::NONE,
    }
}

pub(super) fn scopes(text: &str) -> ScopeSet {
    text.parse().expect("the suite uses valid scopes")
}

fn networks(texts: &[&str]) -> Vec<IpNet> {
    let parse = |text: &&str| text.parse().expect("the suite uses valid networks");
    texts.iter().map(parse).collect()
}

/// Checks every field but the revision, which the store sets.
#[track_caller]
pub(super) fn assert_same_key(found: &KeyRecord, expected: &KeyRecord, what: &str) {
    // Taken apart so that a new field does not compile until it is compared here.
    let KeyRecord {
        id,
        account,
        mode,
        hint,
        digest,
        pepper,
        name,
        description,
        scopes,
        quota,
        allowed_networks,
        status,
        created_at,
        expires_at,
        revoked_at,
        replaced_by,
        superseded_at,
        last_used_at,
        revision: _,
    } = found;
    assert_eq!(*id, expected.id, "{what}: id");
    assert_eq!(*account, expected.account, "{what}: account of {id}");
    assert_eq!(*mode, expected.mode, "{what}: mode of {id}");
    assert_eq!(*hint, expected.hint, "{what}: hint of {id}");
    assert!(
        digest.matches(&expected.digest),
        "{what}: the digest of {id} is another"
    );
    assert_eq!(*pepper, expected.pepper, "{what}: pepper of {id}");
    assert_eq!(*name, expected.name, "{what}: name of {id}");
    assert_eq!(
        *description, expected.description,
        "{what}: description of {id}"
    );
    assert_eq!(*scopes, expected.scopes, "{what}: scopes of {id}");
    assert_eq!(*quota, expected.quota, "{what}: quota of {id}");
    assert_eq!(
        *allowed_networks, expected.allowed_networks,
        "{what}: allowed networks of {id}"
    );
    assert_eq!(*status, expected.status, "{what}: status of {id}");
    assert_eq!(*created_at, expected.created_at, "{what}: creation of {id}");
    assert_eq!(*expires_at, expected.expires_at, "{what}: expiry of {id}");
    assert_eq!(
        *revoked_at, expected.revoked_at,
        "{what}: revocation of {id}"
    );
    assert_eq!(
        *replaced_by, expected.replaced_by,
        "{what}: replacement of {id}"
    );
    assert_eq!(
        *superseded_at, expected.superseded_at,
        "{what}: supersession of {id}"
    );
    assert_eq!(
        *last_used_at, expected.last_used_at,
        "{what}: last use of {id}"
    );
}
