//! Many writers at one moment, and callers that give up.

use std::collections::HashMap;
use std::time::Duration;

use super::fixture::*;
use super::record_fixture::{key, odd_key};
use crate::{
    Account, AccountId, Event, EventKind, KeyRecord, NewDebit, Revision, Settlement, StoreErrorKind,
};

pub(super) async fn race_for_one_id_has_one_winner(store: Shared) {
    let account = acct(&store).await;
    for round in 0..10 {
        let results = race(32, |racer| {
            let store = store.clone();
            let key = KeyRecord {
                name: format!("by racer {racer}"),
                ..key(&account, round)
            };
            async move {
                let event = key_event(EventKind::KeyIssued, &key);
                store.insert_key(&key, None, &event).await
            }
        })
        .await;
        let mut winners = Vec::new();
        for result in results {
            match result {
                Ok(key) => winners.push(key.name),
                lost => refused(lost, StoreErrorKind::AlreadyExists, "an insert that lost"),
            }
        }
        assert_eq!(winners.len(), 1, "inserts that won: {winners:?}");
        let stored = find(&store, key_id(round)).await.name;
        assert_eq!(stored, winners[0], "the winner's record is stored");
    }
}

pub(super) async fn race_of_writers_loses_no_update(store: Shared) {
    const WRITERS: usize = 64;
    let account = acct(&store).await;
    let inserted = insert(&store, &key(&account, 1)).await;
    let revisions = race(WRITERS, |racer| {
        let (store, id) = (store.clone(), inserted.id);
        async move {
            for _ in 0..ATTEMPTS {
                let read = find(&store, id).await;
                let sum = read.description.as_deref().unwrap_or_default();
                let write = KeyRecord {
                    description: Some(format!("{sum}{racer} ")),
                    ..read.clone()
                };
                match try_update(&store, &write).await {
                    Ok(written) => {
                        let (new, old) = (written.revision, read.revision);
                        assert!(new > old, "{new} does not come after {old}");
                        return new;
                    }
                    lost => refused(lost, StoreErrorKind::Conflict, "a write that lost"),
                }
            }
            panic!("a write of the newest revision is refused again and again");
        }
    })
    .await;
    let stored = find(&store, inserted.id).await;
    assert_each_once(revisions, stored.revision);
    let text = stored.description.unwrap_or_default();
    let mut writers: Vec<usize> = text
        .split_whitespace()
        .map(|writer| writer.parse().expect("writers append their number"))
        .collect();
    writers.sort_unstable();
    let everybody: Vec<usize> = (0..WRITERS).collect();
    assert_eq!(writers, everybody, "writers whose update is still there");
}

/// Checks that no two writers were given one revision, and that the last of them is the record's.
fn assert_each_once(mut revisions: Vec<Revision>, stored: Revision) {
    revisions.sort_unstable();
    let rising = revisions.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(rising, "a revision was given twice: {revisions:?}");
    assert_eq!(revisions.last(), Some(&stored), "the newest revision");
}

pub(super) async fn race_of_writers_on_an_account_loses_no_update(store: Shared) {
    const WRITERS: usize = 32;
    let id = account(&store, "acct_1").await.id;
    let revisions = race(WRITERS, |_| {
        let (store, id) = (store.clone(), id.clone());
        async move {
            for _ in 0..ATTEMPTS {
                let read = store.find_account(&id).await.expect("an account is sought");
                let read = read.expect("the account is there");
                let write = Account {
                    plan: format!("{}+", read.plan),
                    ..read
                };
                let event = account_event(EventKind::AccountPlanChanged, &id);
                match store.update_account(&write, &event).await {
                    Ok(written) => return written.revision,
                    lost => refused(lost, StoreErrorKind::Conflict, "a write that lost"),
                }
            }
            panic!("a write of the newest revision is refused again and again");
        }
    })
    .await;
    let stored = store.find_account(&id).await.expect("an account is sought");
    let stored = stored.expect("the account is there");
    assert_eq!(stored.plan, format!("pro{}", "+".repeat(WRITERS)));
    assert_each_once(revisions, stored.revision);
}

pub(super) async fn race_of_readers_sees_finished_writes(store: Shared) {
    let account = acct(&store).await;
    race(16, |racer| {
        let (store, key) = (store.clone(), key(&account, racer));
        async move {
            let mut written = insert(&store, &key).await;
            for round in 0..20 {
                let write = KeyRecord {
                    name: format!("round {round}"),
                    ..written
                };
                written = update(&store, &write).await;
                let loaded = store.load_key(key.id).await.expect("a key is loaded");
                let loaded = loaded.expect("the key is there").key.revision;
                let found = find(&store, key.id).await.revision;
                let listed = list(&store, every_key()).await;
                let listed = listed.into_iter().find(|listed| listed.id == key.id);
                let listed = listed.expect("the key is listed").revision;
                let expected = written.revision;
                assert_eq!(
                    (loaded, found, listed),
                    (expected, expected, expected),
                    "load, find and list after a write"
                );
            }
        }
    })
    .await;
}

/// A writer counts in the plan of the account and then in the name of the key, by turns, so that
/// at any moment the account is level with the key or one ahead.
pub(super) async fn race_of_loads_sees_single_moments(store: Shared) {
    const ROUNDS: usize = 60;
    let mut owner = account(&store, "acct_1").await;
    owner.plan = "0".to_owned();
    let mut key = KeyRecord {
        name: "0".to_owned(),
        ..key(&owner.id, 1)
    };
    let id = key.id;
    owner = update_owner(&store, &owner).await;
    key = insert(&store, &key).await;
    race(5, |racer| {
        let (store, mut owner, mut key) = (store.clone(), owner.clone(), key.clone());
        async move {
            if racer == 0 {
                for round in 1..=ROUNDS {
                    owner.plan = round.to_string();
                    owner = update_owner(&store, &owner).await;
                    tokio::task::yield_now().await;
                    key.name = round.to_string();
                    key = update(&store, &key).await;
                    tokio::task::yield_now().await;
                }
                return;
            }
            for _ in 0..ATTEMPTS {
                let loaded = store.load_key(id).await.expect("a key is loaded");
                let loaded = loaded.expect("the key is there");
                let plan = loaded.account.expect("the account is there").plan;
                let ahead: usize = plan.parse().expect("the writer counts");
                let level: usize = loaded.key.name.parse().expect("the writer counts");
                assert!(
                    ahead == level || ahead == level + 1,
                    "the account is at {ahead}, the key at {level}"
                );
                if level == ROUNDS {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
}

async fn update_owner(store: &Shared, owner: &Account) -> Account {
    let event = account_event(EventKind::AccountPlanChanged, &owner.id);
    let updated = store.update_account(owner, &event).await;
    updated.expect("an account is updated")
}

const STARTING_CREDITS: u64 = 1_000;

pub(super) async fn race_with_dropped_futures_tears_nothing(store: Shared) {
    let account = acct(&store).await;
    let start = operation_id("start");
    let granted = store.grant(&account, &start, STARTING_CREDITS, at(0));
    granted.await.expect("credits are granted");
    for round in 0..120 {
        let old = insert(&store, &key(&account, 10 * round)).await;
        let new = odd_key(&account, key_id(10 * round + 1));
        let (racer, account) = (store.clone(), account.clone());
        let call = tokio::spawn(async move {
            match round % 3 {
                0 => replace(&racer, &old, &new).await,
                1 => drop(update(&racer, &old).await),
                _ => debit(&racer, &account, &old, round).await,
            }
        });
        // From before it began to after it ended, in steps that no round shares with its kind.
        for _ in 0..round % 11 {
            tokio::task::yield_now().await;
        }
        if round % 5 == 4 {
            tokio::time::sleep(Duration::from_millis(1 + round as u64 % 4)).await;
        }
        call.abort();
        if let Err(error) = call.await {
            assert!(error.is_cancelled(), "a call fails: {error}");
        }
    }
    settle_down(&store).await;
    assert_whole(&store, &account).await;
}

async fn replace(store: &Shared, old: &KeyRecord, new: &KeyRecord) {
    let write = KeyRecord {
        replaced_by: Some(new.id),
        superseded_at: Some(at(60)),
        ..old.clone()
    };
    let old_event = key_event(EventKind::KeyRegenerated, old);
    let new_event = key_event(EventKind::KeyIssued, new);
    let replaced = store.replace_key(&write, &old_event, new, &new_event, None);
    replaced.await.expect("a key is replaced");
}

async fn debit(store: &Shared, account: &AccountId, key: &KeyRecord, round: usize) {
    let debit = NewDebit {
        account: account.clone(),
        operation: operation_id(&format!("debit {round}")),
        amount: 1,
        key: key.id,
        at: at(0),
        settlement: Settlement::Commit,
    };
    store.debit(&debit).await.expect("a credit is spent");
}

/// A call that was given up may still be on its way: waits until nothing changes any more.
async fn settle_down(store: &Shared) {
    let mut before = everything(store).await;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = everything(store).await;
        if now == before {
            return;
        }
        before = now;
    }
    panic!("calls that were given up still change the store after ten seconds");
}

/// Checks that records, events and wallet agree.
async fn assert_whole(store: &Shared, account: &AccountId) {
    let logged = events(store, every_event()).await;
    let keys = list(store, every_key()).await;
    let by_id: HashMap<_, &KeyRecord> = keys.iter().map(|key| (key.id, key)).collect();
    for key in &keys {
        let newest = newest_of(&logged, key);
        assert_eq!(newest, Some(key.revision), "the newest event of {}", key.id);
    }
    for event in &logged {
        let Some(id) = event.entry.key else { continue };
        assert!(
            by_id.contains_key(&id),
            "an event tells of {id}, a lost key"
        );
    }
    for round in (0..120).step_by(3) {
        let (old, new) = (key_id(10 * round), key_id(10 * round + 1));
        let named = by_id.get(&old).and_then(|old| old.replaced_by);
        let there = by_id.contains_key(&new).then_some(new);
        assert_eq!(named, there, "{old} and the key in its place");
    }
    let mut spent = 0;
    for round in (2..120).step_by(3) {
        let key = by_id[&key_id(10 * round)];
        debit(store, account, key, round).await;
        // One that was noted is answered as done, one that was not is done now.
        spent += 1;
    }
    let balance = store.balance(account).await.expect("a balance is read");
    let expected = Some(STARTING_CREDITS - spent);
    assert_eq!(balance, expected, "each debit was charged once");
}

fn newest_of(logged: &[Event], key: &KeyRecord) -> Option<Revision> {
    let of_key = |event: &&Event| event.entry.key == Some(key.id);
    logged.iter().find(of_key).map(|event| event.revision)
}
