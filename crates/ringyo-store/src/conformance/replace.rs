//! Regenerating: one key comes for one that goes.

use super::fixture::*;
use super::record_fixture::{assert_same_key, key, odd_key};
use crate::{EventKind, EventQuery, KeyRecord, Revision, StoreErrorKind};

/// `old`, marked as replaced by `new`.
fn superseded(old: &KeyRecord, new: &KeyRecord) -> KeyRecord {
    KeyRecord {
        replaced_by: Some(new.id),
        superseded_at: Some(at(60)),
        ..old.clone()
    }
}

pub(super) async fn replace_writes_both_keys(store: Shared) {
    let account = acct(&store).await;
    let read = insert(&store, &key(&account, 1)).await;
    let touched = store.touch_keys(&[(read.id, at(7))]).await;
    touched.expect("a use is noted");
    let draft = KeyRecord {
        last_used_at: Some(at(99)),
        ..odd_key(&account, key_id(2))
    };
    let mut write = superseded(&read, &draft);
    write.hint = "not to be written".to_owned();
    let old_event = key_event(EventKind::KeyRegenerated, &read);
    let new_event = key_event(EventKind::KeyIssued, &draft);
    let replaced = store
        .replace_key(&write, &old_event, &draft, &new_event, None)
        .await;
    let (old, new) = replaced.expect("a key is replaced");

    let expected = KeyRecord {
        last_used_at: Some(at(7)),
        ..superseded(&read, &draft)
    };
    assert_same_key(&old, &expected, "the old key in the answer");
    assert_same_key(&find(&store, old.id).await, &old, "the old key");
    let expected = KeyRecord {
        last_used_at: None,
        ..draft
    };
    assert_same_key(&new, &expected, "the new key in the answer");
    assert_same_key(&find(&store, new.id).await, &new, "the new key");

    for (key, entry) in [(&old, old_event), (&new, new_event)] {
        let stored = find(&store, key.id).await.revision;
        assert_eq!(stored, key.revision, "the answer carries the revision");
        let query = EventQuery {
            key: Some(key.id),
            ..every_event()
        };
        let newest = events(&store, query).await.into_iter().next();
        let newest = newest.expect("a replacement has its events");
        assert_eq!((newest.revision, newest.entry), (key.revision, entry));
    }
    assert_ne!(old.revision, new.revision, "each event has its own number");
}

pub(super) async fn replace_refused_changes_nothing(store: Shared) {
    let account = acct(&store).await;
    let first = insert(&store, &key(&account, 1)).await;
    let current = update(&store, &first).await;
    insert(&store, &key(&account, 2)).await;
    let fresh = key(&account, 3);
    let future = KeyRecord {
        revision: Revision::new(current.revision.as_u64() + 9),
        ..current.clone()
    };
    let unknown = KeyRecord {
        revision: current.revision,
        ..key(&account, 8)
    };
    let homeless = key(&account_id("acct_9"), 4);
    let attempts = [
        (
            &current,
            &key(&account, 2),
            StoreErrorKind::AlreadyExists,
            "a new id that is taken",
        ),
        (
            &current,
            &current,
            StoreErrorKind::AlreadyExists,
            "a new id that is the old one",
        ),
        (
            &first,
            &fresh,
            StoreErrorKind::Conflict,
            "an old revision that is stale",
        ),
        (
            &future,
            &fresh,
            StoreErrorKind::Conflict,
            "an old revision that never was",
        ),
        (
            &unknown,
            &fresh,
            StoreErrorKind::NotFound,
            "an old id that is unknown",
        ),
        (
            &current,
            &homeless,
            StoreErrorKind::NotFound,
            "a new key without account",
        ),
    ];
    let before = everything(&store).await;
    for (old, new, expected, what) in attempts {
        let event = key_event(EventKind::KeyRegenerated, old);
        let write = superseded(old, new);
        let replaced = store.replace_key(&write, &event, new, &event, None);
        refused(replaced.await, expected, what);
        assert_unchanged(&store, &before, what).await;
    }
    // What was refused left the way open.
    let event = key_event(EventKind::KeyRegenerated, &current);
    let write = superseded(&current, &fresh);
    let replaced = store.replace_key(&write, &event, &fresh, &event, None);
    replaced.await.expect("the same key is replaced at last");
}

pub(super) async fn replace_racing_has_one_winner(store: Shared) {
    const RACERS: usize = 32;
    let account = acct(&store).await;
    for round in 0..5 {
        let first = 1_000 * (round + 1);
        let old = insert(&store, &key(&account, first)).await;
        let results = race(RACERS, |racer| {
            let (store, old) = (store.clone(), old.clone());
            let new = key(&account, first + 1 + racer);
            async move {
                let event = key_event(EventKind::KeyRegenerated, &old);
                let write = superseded(&old, &new);
                store.replace_key(&write, &event, &new, &event, None).await
            }
        })
        .await;
        let mut winners = Vec::new();
        for result in results {
            match result {
                Ok((_, new)) => winners.push(new.id),
                lost => refused(lost, StoreErrorKind::Conflict, "a replacement that lost"),
            }
        }
        assert_eq!(winners.len(), 1, "replacements that won: {winners:?}");
        let stored = find(&store, old.id).await.replaced_by;
        assert_eq!(stored, Some(winners[0]), "the old key names the winner");
        for racer in 0..RACERS {
            let id = key_id(first + 1 + racer);
            let found = store.find_key(id).await.expect("a key is sought");
            assert_eq!(found.is_some(), id == winners[0], "the new key {id}");
        }
    }
}
