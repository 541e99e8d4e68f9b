//! Revoking is for good.

use std::sync::Arc;

use super::fixture::*;
use super::record_fixture::{assert_same_key, key, key_of};
use crate::{EventKind, KeyFilter, KeyQuery, KeyRecord, KeyStatus, Revision, StoreErrorKind};

/// Revokes a key as it was read.
async fn revoke(store: &Shared, read: &KeyRecord) -> Result<KeyRecord, crate::StoreError> {
    let revoked = KeyRecord {
        status: KeyStatus::Revoked,
        revoked_at: Some(at(60)),
        ..read.clone()
    };
    let event = key_event(EventKind::KeyRevoked, read);
    store.update_key(&revoked, &event).await
}

pub(super) async fn revoked_key_takes_no_write(store: Shared) {
    let account = acct(&store).await;
    let read = insert(&store, &key(&account, 1)).await;
    let revoked = revoke(&store, &read).await.expect("a key is revoked");
    let before = everything(&store).await;
    let later = Revision::new(revoked.revision.as_u64() + 1);
    let revisions = [Revision::NONE, read.revision, revoked.revision, later];
    for status in [KeyStatus::Active, KeyStatus::Disabled, KeyStatus::Revoked] {
        for revision in revisions {
            let write = KeyRecord {
                status,
                revoked_at: None,
                revision,
                ..read.clone()
            };
            let what = "a write to a revoked key";
            let updated = try_update(&store, &write).await;
            refused(updated, StoreErrorKind::Revoked, what);
            let new = key_of(&account, key_id(2), 2);
            let new_event = key_event(EventKind::KeyRegenerated, &new);
            let old_event = key_event(EventKind::KeyRegenerated, &write);
            let replaced = store.replace_key(&write, &old_event, &new, &new_event, None);
            refused(replaced.await, StoreErrorKind::Revoked, what);
            assert_unchanged(&store, &before, what).await;
        }
    }
    assert_same_key(&find(&store, read.id).await, &revoked, "find");
}

pub(super) async fn revoked_key_keeps_its_id(store: Shared) {
    let first = acct(&store).await;
    let second = account(&store, "acct_2").await.id;
    let read = insert(&store, &key(&first, 1)).await;
    let revoked = revoke(&store, &read).await.expect("a key is revoked");
    let survivor = insert(&store, &key(&first, 2)).await;
    let before = everything(&store).await;
    for again in [key(&first, 1), key(&second, 1), read, revoked] {
        let what = "an insert under the id of a revoked key";
        let event = key_event(EventKind::KeyIssued, &again);
        let inserted = store.insert_key(&again, None, &event).await;
        refused(inserted, StoreErrorKind::AlreadyExists, what);
        let replaced = store
            .replace_key(&survivor, &event, &again, &event, None)
            .await;
        refused(replaced, StoreErrorKind::AlreadyExists, what);
        assert_unchanged(&store, &before, what).await;
    }
}

/// Who races the revoke. Each reads and writes again on a conflict, until it is told that the key
/// is revoked.
const RIVALS: usize = 8;

pub(super) async fn revoked_key_survives_racing_writes(store: Shared) {
    for round in 0..50 {
        let account = account(&store, &format!("acct_{round}")).await.id;
        let key = key_of(&account, key_id(round * 100), round);
        let key = Arc::new(insert(&store, &key).await);
        race(RIVALS + 1, |racer| {
            let (store, key) = (store.clone(), key.clone());
            async move {
                match racer {
                    0 => revoke_at_last(&store, &key).await,
                    rival => write_until_revoked(&store, &key, rival).await,
                }
            }
        })
        .await;
        assert_revoked(&store, &key).await;
    }
}

async fn revoke_at_last(store: &Shared, key: &KeyRecord) {
    for _ in 0..ATTEMPTS {
        let read = find(store, key.id).await;
        match revoke(store, &read).await {
            Ok(_) => return assert_revoked(store, key).await,
            Err(error) if error.kind() == StoreErrorKind::Conflict => {
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("a revoke: {error:?}"),
        }
    }
    panic!("a revoke of the newest revision is refused again and again");
}

async fn write_until_revoked(store: &Shared, key: &KeyRecord, rival: usize) {
    // The first reading is as old as the key, as that of a slow node is.
    let mut read = key.clone();
    let mut number = key.created_at.since(at(0)).as_secs() as usize * 100 + rival * 10;
    for attempt in 0..9 {
        let mut write = KeyRecord {
            status: KeyStatus::Active,
            revoked_at: None,
            ..read.clone()
        };
        let result = match (rival + attempt) % 4 {
            0 => {
                write.status = KeyStatus::Disabled;
                try_update(store, &write).await
            }
            1 => {
                number += 1;
                let new = key_of(&key.account, key_id(number), number);
                let event = key_event(EventKind::KeyRegenerated, &new);
                write.replaced_by = Some(new.id);
                let replaced = store.replace_key(&write, &event, &new, &event, None).await;
                replaced.map(|(old, _)| old)
            }
            2 => {
                write.name = format!("renamed by {rival}");
                try_update(store, &write).await
            }
            _ => try_update(store, &write).await,
        };
        match result {
            Ok(_) => {}
            Err(error) if error.kind() == StoreErrorKind::Revoked => {
                return assert_revoked(store, key).await;
            }
            Err(error) if error.kind() == StoreErrorKind::Conflict => {}
            Err(error) => panic!("a write beside a revoke: {error:?}"),
        }
        tokio::task::yield_now().await;
        read = find(store, key.id).await;
    }
}

async fn assert_revoked(store: &Shared, key: &KeyRecord) {
    let revoked = |status: KeyStatus, way: &str| {
        assert_eq!(status, KeyStatus::Revoked, "{way}: {} came back", key.id);
    };
    revoked(find(store, key.id).await.status, "find");
    let loaded = store.load_key(key.id).await.expect("a key is loaded");
    revoked(loaded.expect("the key is there").key.status, "load");
    let query = |filter| KeyQuery {
        account: Some(key.account.clone()),
        filter,
        ..every_key()
    };
    let named = |keys: Vec<KeyRecord>| keys.into_iter().find(|listed| listed.id == key.id);
    let listed = named(list(store, query(KeyFilter::All)).await);
    revoked(listed.expect("the key is listed").status, "list");
    let active = named(list(store, query(KeyFilter::Active)).await);
    assert!(active.is_none(), "a revoked key is listed as active");
}
