//! When keys were last used.

use ringyo_key::KeyId;

use super::fixture::*;
use super::record_fixture::key;
use crate::{KeyRecord, KeyStatus, Timestamp};

async fn touch(store: &Shared, used: &[(KeyId, Timestamp)]) {
    let touched = store.touch_keys(used).await;
    touched.expect("uses are noted");
}

async fn last_used(store: &Shared, id: KeyId) -> Option<Timestamp> {
    let found = find(store, id).await.last_used_at;
    let loaded = store.load_key(id).await.expect("a key is loaded");
    let loaded = loaded.expect("the key is there").key.last_used_at;
    let listed = list(store, every_key()).await;
    let listed = listed.into_iter().find(|key| key.id == id);
    let listed = listed.expect("the key is listed").last_used_at;
    assert_eq!((loaded, listed), (found, found), "all readings agree");
    found
}

pub(super) async fn used_times_move_forward(store: Shared) {
    let account = acct(&store).await;
    let id = insert(&store, &key(&account, 1)).await.id;
    let other = insert(&store, &key(&account, 2)).await.id;
    assert_eq!(last_used(&store, id).await, None, "never used");
    touch(&store, &[]).await;
    touch(&store, &[(id, Timestamp::MIN)]).await;
    assert_eq!(last_used(&store, id).await, Some(Timestamp::MIN));
    for (used, latest) in [(50, 50), (49, 50), (50, 50), (51, 51), (-9, 51)] {
        touch(&store, &[(id, at(used))]).await;
        assert_eq!(
            last_used(&store, id).await,
            Some(at(latest)),
            "after {used}"
        );
    }
    let millisecond_later = Timestamp::from_unix_millis(at(51).as_unix_millis() + 1);
    touch(&store, &[(id, millisecond_later)]).await;
    assert_eq!(last_used(&store, id).await, Some(millisecond_later));
    touch(&store, &[(id, at(60)), (id, at(90)), (id, at(70))]).await;
    assert_eq!(last_used(&store, id).await, Some(at(90)), "in one batch");
    assert_eq!(last_used(&store, other).await, None, "the other key");
}

pub(super) async fn used_times_pass_over_unknown_ids(store: Shared) {
    let account = acct(&store).await;
    let id = insert(&store, &key(&account, 1)).await.id;
    let revoked = KeyRecord {
        status: KeyStatus::Revoked,
        ..key(&account, 2)
    };
    let revoked = insert(&store, &revoked).await.id;
    let unknown = key_id(3);
    let used = [(unknown, at(5)), (revoked, at(6)), (id, at(7))];
    touch(&store, &used).await;
    assert_eq!(last_used(&store, id).await, Some(at(7)));
    assert_eq!(last_used(&store, revoked).await, Some(at(6)));
    let found = store.find_key(unknown).await.expect("a key is sought");
    assert!(found.is_none(), "a use makes no key, got {found:?}");
    let later = insert(&store, &key(&account, 3)).await;
    assert_eq!(later.id, unknown);
    let used = last_used(&store, unknown).await;
    assert_eq!(used, None, "a use from before the key was there");
}

pub(super) async fn used_times_are_no_change(store: Shared) {
    let account = acct(&store).await;
    let read = insert(&store, &key(&account, 1)).await;
    let logged = events(&store, every_event()).await;
    touch(&store, &[(read.id, at(5))]).await;
    let found = find(&store, read.id).await;
    assert_eq!(found.revision, read.revision, "a use is no new revision");
    assert_eq!(
        events(&store, every_event()).await,
        logged,
        "a use is no event"
    );
    // What was read before the use may still be written.
    update(&store, &read).await;
}

pub(super) async fn used_times_stand_apart(store: Shared) {
    let account = acct(&store).await;
    let used = KeyRecord {
        last_used_at: Some(at(99)),
        ..key(&account, 1)
    };
    let inserted = insert(&store, &used).await;
    assert_eq!(inserted.last_used_at, None, "a new key was never used");
    assert_eq!(last_used(&store, used.id).await, None);
    touch(&store, &[(used.id, at(10))]).await;
    let mut revision = inserted.revision;
    for claimed in [None, Some(at(5)), Some(at(99))] {
        let write = KeyRecord {
            last_used_at: claimed,
            revision,
            ..inserted.clone()
        };
        let updated = update(&store, &write).await;
        revision = updated.revision;
        assert_eq!(updated.last_used_at, Some(at(10)), "the answer to update");
        assert_eq!(last_used(&store, used.id).await, Some(at(10)));
    }
}

pub(super) async fn used_times_race_to_the_latest(store: Shared) {
    let account = acct(&store).await;
    let id = insert(&store, &key(&account, 1)).await.id;
    for round in 0..10 {
        race(16, |racer| {
            let store = store.clone();
            async move {
                // Each racer falls back once: every other time is older than the one before.
                let second = round * 100 + (racer as i64 * 7) % 16;
                touch(&store, &[(id, at(second))]).await;
                touch(&store, &[(id, at(second - 50))]).await;
            }
        })
        .await;
        assert_eq!(last_used(&store, id).await, Some(at(round * 100 + 15)));
    }
}
