//! The most keys of an account.

use super::fixture::*;
use super::record_fixture::key;
use crate::{EventKind, KeyRecord, KeyStatus, NewEvent, StoreErrorKind, Timestamp};

pub(super) async fn maximum_counts_current_keys(store: Shared) {
    let account_1 = acct(&store).await;
    let account_2 = account(&store, "acct_2").await.id;
    let now = at(100);
    let next = Timestamp::from_unix_millis(now.as_unix_millis() + 1);
    type Change = fn(&mut KeyRecord, Timestamp);
    let counted: [Change; 4] = [
        |_, _| {},
        |key, _| key.status = KeyStatus::Disabled,
        |key, next| key.expires_at = Some(next),
        |key, next| key.superseded_at = Some(next),
    ];
    let passed_over: [Change; 5] = [
        |key, _| key.status = KeyStatus::Superseded,
        |key, _| key.status = KeyStatus::Revoked,
        |key, _| key.expires_at = Some(at(100)),
        |key, _| key.superseded_at = Some(at(100)),
        |key, _| {
            key.status = KeyStatus::Disabled;
            key.expires_at = Some(at(1));
        },
    ];
    insert(&store, &key(&account_2, 90)).await;
    for (number, change) in counted.iter().chain(&passed_over).enumerate() {
        let mut key = key(&account_1, number);
        change(&mut key, next);
        insert(&store, &key).await;
    }
    let insert_below = async |number: usize, max: u32| {
        let key = key(&account_1, number);
        let event = NewEvent {
            at: now,
            ..key_event(EventKind::KeyIssued, &key)
        };
        store.insert_key(&key, Some(max), &event).await
    };
    let before = everything(&store).await;
    for max in [0, 1, 4] {
        let inserted = insert_below(50, max).await;
        refused(
            inserted,
            StoreErrorKind::TooManyKeys,
            "a fifth key of so many",
        );
    }
    assert_unchanged(&store, &before, "an insert above the maximum").await;
    let inserted = insert_below(50, 5).await;
    inserted.expect("four of five keys leave room for one");
    refused(
        insert_below(51, 5).await,
        StoreErrorKind::TooManyKeys,
        "a sixth key of five",
    );
    let revoked = KeyRecord {
        status: KeyStatus::Revoked,
        ..find(&store, key_id(0)).await
    };
    update(&store, &revoked).await;
    let inserted = insert_below(51, 5).await;
    inserted.expect("revoking a key makes room for another");
}

pub(super) async fn maximum_holds_under_parallel_inserts(store: Shared) {
    const MAX: usize = 10;
    let account = acct(&store).await;
    let results = race(64, |racer| {
        let (store, key) = (store.clone(), key(&account, racer));
        async move {
            let event = key_event(EventKind::KeyIssued, &key);
            store.insert_key(&key, Some(MAX as u32), &event).await
        }
    })
    .await;
    let (inserted, refusals): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    for refusal in refusals {
        refused(
            refusal,
            StoreErrorKind::TooManyKeys,
            "an insert above the maximum",
        );
    }
    assert_eq!(inserted.len(), MAX, "inserts that were answered as done");
    let listed = list(&store, every_key()).await;
    assert_eq!(listed.len(), MAX, "keys in the store");
    let logged = events(&store, every_event()).await;
    let issued = logged
        .iter()
        .filter(|event| event.entry.kind == EventKind::KeyIssued);
    assert_eq!(issued.count(), MAX, "events of inserts");
}

/// Documented at `KeyStore::replace_key`.
pub(super) async fn maximum_leaves_one_more_for_a_successor(store: Shared) {
    let account = acct(&store).await;
    let first = key(&account, 1);
    let event = key_event(EventKind::KeyIssued, &first);
    let old = store.insert_key(&first, Some(1), &event).await;
    let old = old.expect("one key of one is inserted");
    let replace = async |old: &KeyRecord, number: usize, max: Option<u32>| {
        let new = key(&account, number);
        let (of_old, of_new) = (
            key_event(EventKind::KeyRegenerated, old),
            key_event(EventKind::KeyIssued, &new),
        );
        store.replace_key(old, &of_old, &new, &of_new, max).await
    };

    // The old key stays current, as in an overlap: two keys of one.
    let (_, second) = replace(&old, 2, Some(1))
        .await
        .expect("a successor comes beside the only key");
    let before = everything(&store).await;
    refused(
        replace(&second, 3, Some(1)).await,
        StoreErrorKind::TooManyKeys,
        "a third key of one",
    );
    assert_unchanged(&store, &before, "a replacement above the maximum").await;

    // Where one goes as one comes there is always room, and without a maximum too.
    let ended = KeyRecord {
        status: KeyStatus::Superseded,
        ..second
    };
    let (_, third) = replace(&ended, 3, Some(1))
        .await
        .expect("a successor comes for a key that goes");
    replace(&third, 4, None)
        .await
        .expect("nobody asked for a maximum");
}
