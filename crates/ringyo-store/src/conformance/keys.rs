//! Inserting, finding and updating one record.

use std::num::NonZeroU32;

use ringyo_key::{Mode, PepperId};
use ringyo_scope::ScopeSet;

use super::fixture::*;
use super::record_fixture::{assert_same_key, key, key_of, odd_key, scopes};
use crate::{
    Account, EventKind, KeyQuota, KeyRecord, KeyStatus, Revision, StoreErrorKind, Timestamp,
};

pub(super) async fn key_insert_keeps_every_field(store: Shared) {
    let account = acct(&store).await;
    let plain = key(&account, 1);
    let extreme = KeyRecord {
        hint: String::new(),
        name: "界".repeat(100),
        description: Some(String::new()),
        scopes: ScopeSet::default(),
        created_at: Timestamp::MAX,
        expires_at: Some(Timestamp::MIN),
        ..key(&account, 2)
    };
    for key in [plain, extreme, odd_key(&account, key_id(3))] {
        let inserted = insert(&store, &key).await;
        assert_same_key(&inserted, &key, "the answer to insert");
        assert!(
            inserted.revision > Revision::NONE,
            "the store sets a revision"
        );
        assert_stored(&store, &inserted).await;
    }
}

/// Checks what every way of reading gives.
async fn assert_stored(store: &Shared, expected: &KeyRecord) {
    let found = find(store, expected.id).await;
    let loaded = store.load_key(expected.id).await.expect("a key is loaded");
    let loaded = loaded.expect("the key is there").key;
    let listed = list(store, every_key()).await;
    let listed = listed.into_iter().find(|key| key.id == expected.id);
    let listed = listed.expect("the key is listed");
    for (way, key) in [("find", found), ("load", loaded), ("list", listed)] {
        assert_same_key(&key, expected, way);
        assert_eq!(key.revision, expected.revision, "{way}: revision");
    }
}

pub(super) async fn key_insert_keeps_every_combination(store: Shared) {
    let account = acct(&store).await;
    let odd = odd_key(&account, key_id(0));
    let statuses = KeyStatus::ALL;
    let quotas = [None, Some(None), Some(NonZeroU32::new(7))];
    let mut keys = Vec::new();
    for (number, bits) in (0..64 * quotas.len()).enumerate() {
        let present = |bit: usize| bits & (1 << bit) != 0;
        let mut key = key(&account, number);
        key.pepper = odd.pepper.filter(|_| present(0));
        key.description = odd.description.clone().filter(|_| present(1));
        key.expires_at = odd.expires_at.filter(|_| present(2));
        key.revoked_at = odd.revoked_at.filter(|_| present(3));
        key.replaced_by = odd.replaced_by.filter(|_| present(4));
        key.superseded_at = odd.superseded_at.filter(|_| present(5));
        key.quota = quotas[bits / 64].map(|burst| KeyQuota {
            per_minute: NonZeroU32::MIN,
            burst,
        });
        key.status = statuses[number % statuses.len()];
        insert(&store, &key).await;
        keys.push(key);
    }
    for key in keys {
        assert_same_key(&find(&store, key.id).await, &key, "find");
    }
}

pub(super) async fn key_insert_needs_an_account(store: Shared) {
    acct(&store).await;
    let before = everything(&store).await;
    let orphan = key(&account_id("acct_2"), 1);
    let event = key_event(EventKind::KeyIssued, &orphan);
    let inserted = store.insert_key(&orphan, None, &event).await;
    refused(
        inserted,
        StoreErrorKind::NotFound,
        "an insert without account",
    );
    assert_unchanged(&store, &before, "an insert without account").await;
}

pub(super) async fn key_insert_takes_an_id_once(store: Shared) {
    let first = acct(&store).await;
    let second = account(&store, "acct_2").await.id;
    insert(&store, &key(&first, 1)).await;
    let before = everything(&store).await;
    for again in [key(&first, 1), odd_key(&first, key_id(1)), key(&second, 1)] {
        let event = key_event(EventKind::KeyIssued, &again);
        let inserted = store.insert_key(&again, None, &event).await;
        refused(inserted, StoreErrorKind::AlreadyExists, "a second insert");
        assert_unchanged(&store, &before, "a second insert").await;
    }
}

pub(super) async fn key_unknown_id_is_not_found(store: Shared) {
    let account = acct(&store).await;
    let stranger = key(&account, 1);
    let found = store.find_key(stranger.id).await.expect("a key is sought");
    assert!(found.is_none(), "nothing is found, got {found:?}");
    let loaded = store.load_key(stranger.id).await.expect("a key is sought");
    assert!(loaded.is_none(), "nothing is loaded, got {loaded:?}");
    let before = everything(&store).await;
    let updated = try_update(&store, &stranger).await;
    refused(
        updated,
        StoreErrorKind::NotFound,
        "an update of an unknown id",
    );
    assert_unchanged(&store, &before, "an update of an unknown id").await;
}

pub(super) async fn key_ids_keep_their_case(store: Shared) {
    let account = acct(&store).await;
    let ids = ["aBcDeFgHiJkL", "AbCdEfGhIjKl", "abcdefghijkl"];
    let ids = ids.map(|id| id.parse().expect("an id"));
    for (number, id) in ids.into_iter().enumerate() {
        insert(&store, &key_of(&account, id, number)).await;
    }
    for (number, id) in ids.into_iter().enumerate() {
        let key = key_of(&account, id, number);
        assert_same_key(&find(&store, id).await, &key, "find");
    }
    let unknown = "ABCDEFGHIJKL".parse().expect("an id");
    let found = store.find_key(unknown).await.expect("a key is sought");
    assert!(found.is_none(), "no id is {unknown}, got {found:?}");
    let renamed = KeyRecord {
        name: "renamed".to_owned(),
        ..find(&store, ids[0]).await
    };
    update(&store, &renamed).await;
    let other = find(&store, ids[1]).await;
    assert_eq!(other.name, "Key 1", "a write keeps to its own case");
}

pub(super) async fn key_update_keeps_every_field(store: Shared) {
    let account = acct(&store).await;
    let id = key_id(1);
    let plain = insert(&store, &key_of(&account, id, 1)).await;
    let changed = with_fixed_fields_of(&plain, odd_key(&account, id));
    let updated = update(&store, &changed).await;
    assert_same_key(&updated, &changed, "the answer to update");
    assert!(updated.revision > plain.revision, "the revision rises");
    assert_stored(&store, &updated).await;

    let back = KeyRecord {
        revision: updated.revision,
        ..plain
    };
    let updated = update(&store, &back).await;
    assert_same_key(&updated, &back, "the answer to the update back");
    assert_stored(&store, &updated).await;
}

/// `changed` with the fields of `stored` that never change.
fn with_fixed_fields_of(stored: &KeyRecord, changed: KeyRecord) -> KeyRecord {
    KeyRecord {
        id: stored.id,
        account: stored.account.clone(),
        mode: stored.mode,
        hint: stored.hint.clone(),
        digest: stored.digest.clone(),
        pepper: stored.pepper,
        created_at: stored.created_at,
        last_used_at: stored.last_used_at,
        revision: stored.revision,
        ..changed
    }
}

pub(super) async fn key_update_leaves_fixed_fields(store: Shared) {
    let first = acct(&store).await;
    let second = account(&store, "acct_2").await.id;
    for (number, pepper) in [(1, Some(PepperId::new(9))), (2, None)] {
        let plain = insert(&store, &key(&first, number)).await;
        let meddled = KeyRecord {
            account: second.clone(),
            mode: Mode::Test,
            pepper,
            name: "renamed".to_owned(),
            revision: plain.revision,
            ..odd_key(&second, plain.id)
        };
        let expected = with_fixed_fields_of(&plain, meddled.clone());
        let event = key_event(EventKind::KeyRenamed, &plain);
        let updated = store.update_key(&meddled, &event).await;
        let updated = updated.expect("the part that may change is written");
        assert_same_key(&updated, &expected, "the answer to update");
        assert_stored(&store, &updated).await;
    }
}

pub(super) async fn key_update_needs_the_current_revision(store: Shared) {
    let account = acct(&store).await;
    let first = insert(&store, &key(&account, 1)).await;
    let other = insert(&store, &key(&account, 2)).await;
    let second = KeyRecord {
        scopes: scopes("calls:create"),
        ..first.clone()
    };
    let second = update(&store, &second).await;
    let before = everything(&store).await;
    let later = Revision::new(second.revision.as_u64() + 1);
    for revision in [Revision::NONE, first.revision, other.revision, later] {
        let stale = KeyRecord {
            name: "from a stale reading".to_owned(),
            revision,
            ..second.clone()
        };
        let updated = try_update(&store, &stale).await;
        refused(
            updated,
            StoreErrorKind::Conflict,
            "an update of another revision",
        );
        assert_unchanged(&store, &before, "an update of another revision").await;
    }
    update(&store, &second).await;
}

pub(super) async fn key_load_brings_the_account(store: Shared) {
    let first = account(&store, "acct_1").await;
    account(&store, "acct_2").await;
    let key = insert(&store, &key(&first.id, 1)).await;
    let load = async || {
        let loaded = store.load_key(key.id).await.expect("a key is loaded");
        loaded.expect("the key is there").account
    };
    assert_eq!(load().await, Some(first.clone()));
    let moved = Account {
        plan: "agency".to_owned(),
        ..first
    };
    let event = account_event(EventKind::AccountPlanChanged, &moved.id);
    let moved = store.update_account(&moved, &event).await;
    let moved = moved.expect("an account is updated");
    assert_eq!(load().await, Some(moved));
}

pub(super) async fn key_count_by_pepper(store: Shared) {
    let count = async || {
        let mut counts = store
            .count_by_pepper(at(0))
            .await
            .expect("keys are counted");
        counts.sort_unstable();
        counts
    };
    assert_eq!(count().await, [], "an empty store has no peppers");
    let account = acct(&store).await;
    let (one, top) = (Some(PepperId::new(1)), Some(PepperId::new(u16::MAX)));
    let past = Some(at(-1));
    let variants: [(Option<PepperId>, KeyStatus, Option<Timestamp>); 8] = [
        (one, KeyStatus::Active, None),
        (one, KeyStatus::Disabled, None),
        (one, KeyStatus::Revoked, None),
        (None, KeyStatus::Active, None),
        (top, KeyStatus::Active, Some(at(1))),
        (Some(PepperId::new(2)), KeyStatus::Revoked, None),
        (Some(PepperId::new(3)), KeyStatus::Superseded, None),
        (Some(PepperId::new(4)), KeyStatus::Active, past),
    ];
    for (number, (pepper, status, expires_at)) in variants.into_iter().enumerate() {
        let key = KeyRecord {
            pepper,
            status,
            expires_at,
            ..key(&account, number)
        };
        insert(&store, &key).await;
    }
    assert_eq!(count().await, [(None, 1), (one, 2), (top, 1)]);
    let revoked = KeyRecord {
        status: KeyStatus::Revoked,
        ..find(&store, key_id(4)).await
    };
    update(&store, &revoked).await;
    assert_eq!(
        count().await,
        [(None, 1), (one, 2)],
        "a pepper without keys can go"
    );
}
