//! The change feed, one change after the other.

use std::collections::HashSet;
use std::slice;
use std::time::Duration;

use tokio::time::timeout;

use super::fixture::*;
use super::record_fixture::key;
use crate::{Account, ChangeSet, Changed, Cursor, EventKind, KeyRecord, NewDebit, Settlement};

/// Within which a change wakes whoever waits for it.
const SOON: Duration = Duration::from_secs(5);

/// How long nothing must happen when nothing has changed.
const QUIET: Duration = Duration::from_millis(300);

async fn now(store: &Shared) -> Cursor {
    let changes = store.changes_since(None).await;
    let changes = changes.expect("the feed gives its cursor");
    let nothing = ChangeSet::These(Vec::new());
    assert_eq!(changes.changed, nothing, "without a cursor");
    changes.cursor
}

/// What changed, each once, and the cursor behind it.
async fn since(store: &Shared, cursor: &Cursor) -> (HashSet<Changed>, Cursor) {
    let changes = store.changes_since(Some(cursor)).await;
    let changes = changes.expect("the feed answers");
    match changes.changed {
        ChangeSet::These(these) => (these.into_iter().collect(), changes.cursor),
        ChangeSet::Everything => panic!("the feed no longer knows its own cursor {cursor:?}"),
    }
}

async fn assert_nothing_since(store: &Shared, cursor: &Cursor, what: &str) {
    let (changed, _) = since(store, cursor).await;
    assert_eq!(changed, HashSet::new(), "{what}");
}

pub(super) async fn feed_starts_at_now(store: Shared) {
    let empty = now(&store).await;
    assert_nothing_since(&store, &empty, "in an empty store").await;
    let account = acct(&store).await;
    insert(&store, &key(&account, 1)).await;
    let later = now(&store).await;
    assert_nothing_since(&store, &later, "behind the cursor of now").await;
    let (changed, caught_up) = since(&store, &empty).await;
    let both = [Changed::Account(account), Changed::Key(key_id(1))];
    assert_eq!(changed, HashSet::from(both), "since the store was empty");
    assert_nothing_since(&store, &caught_up, "behind the newest change").await;
    let (changed, _) = since(&store, &empty).await;
    assert_eq!(changed.len(), 2, "a cursor can be asked with again");
    // A cursor goes through text and back.
    let copied = Cursor::new(caught_up.as_str());
    assert_nothing_since(&store, &copied, "behind a copied cursor").await;
}

pub(super) async fn feed_shows_every_change(store: Shared) {
    let mut cursor = now(&store).await;
    let start = cursor.clone();
    let mut expect = async |expected: &[Changed], what: &str| {
        let (changed, caught_up) = since(&store, &cursor).await;
        let expected: HashSet<Changed> = expected.iter().cloned().collect();
        assert_eq!(changed, expected, "{what}");
        assert_nothing_since(&store, &caught_up, what).await;
        cursor = caught_up;
    };
    let first = account(&store, "acct_1").await;
    let changed_account = Changed::Account(first.id.clone());
    expect(slice::from_ref(&changed_account), "a new account").await;
    let event = account_event(EventKind::AccountPlanChanged, &first.id);
    let updated = store.update_account(&first, &event).await;
    updated.expect("an account is updated");
    expect(slice::from_ref(&changed_account), "a changed account").await;
    let inserted = insert(&store, &key(&first.id, 1)).await;
    expect(&[Changed::Key(inserted.id)], "a new key").await;
    let updated = update(&store, &inserted).await;
    expect(&[Changed::Key(inserted.id)], "a changed key").await;
    let new = key(&first.id, 2);
    let event = key_event(EventKind::KeyRegenerated, &inserted);
    let new_event = key_event(EventKind::KeyIssued, &new);
    let replaced = store.replace_key(&updated, &event, &new, &new_event, None);
    replaced.await.expect("a key is replaced");
    let both = [Changed::Key(inserted.id), Changed::Key(new.id)];
    expect(&both, "a replaced key").await;
    let another = account(&store, "acct_2").await;
    let third = insert(&store, &key(&another.id, 3)).await;
    let two = [Changed::Account(another.id), Changed::Key(third.id)];
    expect(&two, "two changes at once").await;

    let (changed, _) = since(&store, &start).await;
    let [old, new] = both;
    let all = two.into_iter().chain([changed_account, old, new]).collect();
    assert_eq!(changed, all, "since the beginning");
}

pub(super) async fn feed_leaves_out_use_and_credits(store: Shared) {
    let account = acct(&store).await;
    let inserted = insert(&store, &key(&account, 1)).await;
    let cursor = now(&store).await;
    let touched = store.touch_keys(&[(inserted.id, at(5))]).await;
    touched.expect("a use is noted");
    let granted = store.grant(&account, &operation_id("g"), 10, at(0)).await;
    granted.expect("credits are granted");
    let debit = NewDebit {
        account: account.clone(),
        operation: operation_id("d"),
        amount: 4,
        key: inserted.id,
        at: at(0),
        settlement: Settlement::Reserve,
    };
    let held = store.debit(&debit).await;
    held.expect("credits are held");
    let settlement = Settlement::Refund;
    let settled = store.settle(&account, &debit.operation, settlement, at(0));
    settled.await.expect("credits are given back");
    let stale = KeyRecord {
        revision: crate::Revision::NONE,
        ..inserted
    };
    let refused = try_update(&store, &stale).await;
    refused.expect_err("a stale update is refused");
    assert_nothing_since(&store, &cursor, "uses, credits and refusals").await;
}

pub(super) async fn feed_forgets_everything_for_a_foreign_cursor(store: Shared) {
    let account = acct(&store).await;
    insert(&store, &key(&account, 1)).await;
    let long = "9".repeat(400);
    let foreign = [
        "",
        "not a cursor of any store",
        "-1",
        "1.5",
        " 1 ",
        "1000000",
        "99999999999999999999999999",
        "🔑",
        "'; --",
        &long,
    ];
    for text in foreign {
        let cursor = Cursor::new(text);
        let changes = store.changes_since(Some(&cursor)).await;
        let changes = changes.expect("a foreign cursor is answered");
        assert_eq!(changes.changed, ChangeSet::Everything, "{text:?}");
        assert_nothing_since(&store, &changes.cursor, "behind everything").await;
        let woken = timeout(SOON, store.changed(&cursor)).await;
        woken.unwrap_or_else(|_| panic!("waiting behind {text:?} is being behind"));
    }
}

pub(super) async fn feed_wakes_for_a_change(store: Shared) {
    let behind = now(&store).await;
    let first = account(&store, "acct_1").await;
    let woken = timeout(SOON, store.changed(&behind)).await;
    woken.expect("who is behind is told at once");

    let mut inserted = insert(&store, &key(&first.id, 1)).await;
    let mut changed_account = first;
    for round in 0..6 {
        let cursor = now(&store).await;
        let waiting = |store: Shared, cursor: Cursor| {
            tokio::spawn(async move { store.changed(&cursor).await })
        };
        let mut waiters = [
            waiting(store.clone(), cursor.clone()),
            waiting(store.clone(), cursor.clone()),
        ];
        // A given-up wait takes nothing from the others.
        waiting(store.clone(), cursor.clone()).abort();
        if round < 2 {
            let early = timeout(QUIET, &mut waiters[0]).await;
            assert!(early.is_err(), "waiting ends though nothing changed");
        }
        if round % 2 == 0 {
            inserted = update(&store, &inserted).await;
        } else {
            let write = Account {
                plan: format!("plan {round}"),
                ..changed_account
            };
            let event = account_event(EventKind::AccountPlanChanged, &write.id);
            let updated = store.update_account(&write, &event).await;
            changed_account = updated.expect("an account is updated");
        }
        for waiter in waiters {
            let woken = timeout(SOON, waiter).await;
            let woken = woken.expect("a change wakes who waits for it");
            woken.expect("waiting ends without panic");
        }
        let (changed, _) = since(&store, &cursor).await;
        assert_eq!(changed.len(), 1, "what was waited for is there");
    }
}

pub(super) async fn feed_store_is_ready(store: Shared) {
    store.ready().await.expect("an empty store is ready");
    acct(&store).await;
    store.ready().await.expect("a store in use is ready");
}
