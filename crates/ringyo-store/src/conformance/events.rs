//! The audit trail.

use std::net::IpAddr;

use super::fixture::*;
use super::record_fixture::key;
use crate::{
    Account, Event, EventKind, EventQuery, KeyRecord, KeyStatus, NewDebit, NewEvent, PageSize,
    Revision, Settlement, StoreErrorKind, Timestamp,
};

pub(super) async fn event_keeps_every_field(store: Shared) {
    let account = acct(&store).await;
    let mut stored = insert(&store, &key(&account, 1)).await;
    let addresses: [Option<IpAddr>; 5] = [
        None,
        Some([192, 0, 2, 1].into()),
        Some([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()),
        Some("::ffff:192.0.2.1".parse().expect("an address")),
        Some("::".parse().expect("an address")),
    ];
    let texts = [
        "",
        "user:42",
        "name: \"a\" -> 'b'; -- \\ % _ \n\t🔑 e\u{301}",
    ];
    let mut expected = Vec::new();
    for (number, kind) in EventKind::ALL.into_iter().enumerate() {
        let entry = NewEvent {
            // Clocks of several nodes: later events may carry earlier moments.
            at: match number {
                0 => Timestamp::MAX,
                1 => Timestamp::MIN,
                _ => at(-(number as i64)),
            },
            kind,
            actor: texts[(number + 1) % texts.len()].to_owned(),
            from: addresses[number % addresses.len()],
            account: account.clone(),
            key: Some(stored.id),
            detail: texts[number % texts.len()].repeat(1 + number * 40),
        };
        let updated = store.update_key(&stored, &entry).await;
        stored = updated.expect("a key is updated");
        expected.push(Event {
            revision: stored.revision,
            entry,
        });
    }
    expected.reverse();
    let logged = events(&store, every_event()).await;
    assert_eq!(logged[..expected.len()], expected);
}

pub(super) async fn event_of_every_change(store: Shared) {
    let logged = async |earlier: usize| {
        let mut logged = events(&store, every_event()).await;
        logged.truncate(logged.len() - earlier);
        logged
    };
    let event = |revision: Revision, entry: &NewEvent| Event {
        revision,
        entry: entry.clone(),
    };
    let draft = Account::new(account_id("acct_1"), "pro", at(0));
    let entry = account_event(EventKind::AccountCreated, &draft.id);
    let account = store.insert_account(&draft, &entry).await;
    let account = account.expect("an account is inserted");
    assert_eq!(logged(0).await, [event(account.revision, &entry)]);

    let entry = account_event(EventKind::AccountPlanChanged, &draft.id);
    let account = store.update_account(&account, &entry).await;
    let account = account.expect("an account is updated");
    assert_eq!(logged(1).await, [event(account.revision, &entry)]);

    let draft = key(&account.id, 1);
    let entry = key_event(EventKind::KeyIssued, &draft);
    let inserted = store.insert_key(&draft, Some(3), &entry).await;
    let inserted = inserted.expect("a key is inserted");
    assert_eq!(logged(2).await, [event(inserted.revision, &entry)]);

    let entry = key_event(EventKind::KeyDisabled, &draft);
    let updated = store.update_key(&inserted, &entry).await;
    let updated = updated.expect("a key is updated");
    assert_eq!(logged(3).await, [event(updated.revision, &entry)]);

    let new = key(&account.id, 2);
    let old_entry = key_event(EventKind::KeyRegenerated, &draft);
    let new_entry = key_event(EventKind::KeyIssued, &new);
    let replaced = store.replace_key(&updated, &old_entry, &new, &new_entry, None);
    let (old, new) = replaced.await.expect("a key is replaced");
    let mut expected = [
        event(old.revision, &old_entry),
        event(new.revision, &new_entry),
    ];
    expected.sort_by_key(|event| std::cmp::Reverse(event.revision));
    assert_eq!(logged(4).await, expected);
}

pub(super) async fn event_of_no_refused_change(store: Shared) {
    let id = acct(&store).await;
    let first = insert(&store, &key(&id, 1)).await;
    let second = insert(&store, &key(&id, 2)).await;
    let revoked = KeyRecord {
        status: KeyStatus::Revoked,
        ..second
    };
    let revoked = update(&store, &revoked).await;
    update(&store, &first).await;
    let before = events(&store, every_event()).await;

    let entry = key_event(EventKind::KeyIssued, &first);
    let again = store.insert_key(&first, None, &entry).await;
    refused(again, StoreErrorKind::AlreadyExists, "an insert");
    let full = store.insert_key(&key(&id, 3), Some(1), &entry).await;
    refused(full, StoreErrorKind::TooManyKeys, "an insert");
    let stale = store.update_key(&first, &entry).await;
    refused(stale, StoreErrorKind::Conflict, "an update");
    let unknown = store.update_key(&key(&id, 4), &entry).await;
    refused(unknown, StoreErrorKind::NotFound, "an update");
    let gone = store.update_key(&revoked, &entry).await;
    refused(gone, StoreErrorKind::Revoked, "an update");
    let new = key(&id, 5);
    let replaced = store.replace_key(&first, &entry, &new, &entry, None).await;
    refused(replaced, StoreErrorKind::Conflict, "a replacement");
    let account = Account::new(id.clone(), "agency", at(0));
    let entry = account_event(EventKind::AccountCreated, &id);
    let inserted = store.insert_account(&account, &entry).await;
    refused(inserted, StoreErrorKind::AlreadyExists, "an account");
    let updated = store.update_account(&account, &entry).await;
    refused(updated, StoreErrorKind::Conflict, "an account");
    let debit = NewDebit {
        account: id,
        operation: operation_id("d"),
        amount: 1,
        key: first.id,
        at: at(0),
        settlement: Settlement::Commit,
    };
    let charged = store.debit(&debit).await;
    refused(charged, StoreErrorKind::InsufficientCredits, "a debit");

    assert_eq!(events(&store, every_event()).await, before);
}

pub(super) async fn event_pages_and_filters(store: Shared) {
    let first = acct(&store).await;
    let second = account(&store, "ACCT_1").await.id;
    for number in 0..6 {
        let owner = if number % 2 == 0 { &first } else { &second };
        let inserted = insert(&store, &key(owner, number)).await;
        update(&store, &inserted).await;
    }
    let all = events(&store, every_event()).await;
    assert_eq!(all.len(), 14, "two accounts, six inserts, six updates");
    let sized = |size| EventQuery {
        size: PageSize::new(size).expect("a size between 1 and 100"),
        ..every_event()
    };
    for size in [1, 2, 7, 13, 14, 15] {
        assert_eq!(events(&store, sized(size)).await, all, "in pages of {size}");
    }
    for (size, ends) in [(14, true), (13, false), (7, false)] {
        let page = store.list_events(&sized(size)).await;
        let page = page.expect("events are listed");
        assert_eq!(page.items, all[..size], "the first {size}");
        let next = (!ends).then(|| all[size - 1].revision);
        assert_eq!(page.next, next, "where the next {size} start");
    }
    for account in [Some(first), Some(second), Some(account_id("acct_9")), None] {
        for key in [None, Some(key_id(0)), Some(key_id(1)), Some(key_id(99))] {
            for before in [None, Some(all[5].revision), Some(Revision::NONE)] {
                let query = EventQuery {
                    account: account.clone(),
                    key,
                    before,
                    ..sized(2)
                };
                let fits = |event: &&Event| {
                    let entry = &event.entry;
                    account.as_ref().is_none_or(|id| *id == entry.account)
                        && (key.is_none() || entry.key == key)
                        && before.is_none_or(|before| event.revision < before)
                };
                let expected: Vec<Event> = all.iter().filter(fits).cloned().collect();
                let what = format!("{query:?}");
                assert_eq!(events(&store, query).await, expected, "{what}");
            }
        }
    }
}
