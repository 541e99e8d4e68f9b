//! Whatever is called in whatever order, this store answers what the store in memory does.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::fmt::Debug;
use std::time::Duration;

use fixture::{Place, at, key_id};
use proptest::prelude::*;
use ringyo_store::{
    Account, AccountId, EventKind, EventQuery, KeyCursor, KeyFilter, KeyQuery, KeyRecord,
    KeyStatus, MemoryStore, NewDebit, NewEvent, OperationId, PageSize, Revision, Settlement, Store,
    StoreError,
};

/// A call, with small numbers in the place of ids, so that calls meet.
#[derive(Debug, Clone)]
enum Call {
    Account(usize),
    Plan(usize, i64),
    Issue(usize, usize, Option<u32>),
    Change(usize, KeyStatus, Option<i64>, i64),
    Replace(usize, usize, i64),
    Touch(Vec<(usize, i64)>),
    Grant(usize, usize, u64),
    Debit(usize, usize, u64, Settlement),
    Settle(usize, usize, Settlement),
    List(Option<usize>, KeyFilter, i64, usize, Option<(i64, usize)>),
    Events(Option<usize>, Option<usize>, Option<u64>, usize),
}

fn call() -> impl Strategy<Value = Call> {
    let settlement = prop_oneof![
        Just(Settlement::Reserve),
        Just(Settlement::Commit),
        Just(Settlement::Refund),
    ];
    let status = prop_oneof![
        3 => Just(KeyStatus::Active),
        2 => Just(KeyStatus::Disabled),
        1 => Just(KeyStatus::Revoked),
    ];
    let filter = prop_oneof![Just(KeyFilter::All), Just(KeyFilter::Active)];
    let amount = prop_oneof![8 => 0..20u64, 1 => Just(u64::MAX), 1 => Just(i64::MAX as u64)];
    // Mostly the newest revision, now and then an older one.
    let behind = prop_oneof![6 => Just(0i64), 1 => -3..3i64];
    let (account, key) = (|| 0..3usize, || 0..6usize);
    prop_oneof![
        3 => account().prop_map(Call::Account),
        1 => (account(), behind.clone()).prop_map(|(a, b)| Call::Plan(a, b)),
        6 => (key(), account(), proptest::option::of(0..4u32))
            .prop_map(|(k, a, max)| Call::Issue(k, a, max)),
        5 => (key(), status, proptest::option::of(0..10i64), behind.clone())
            .prop_map(|(k, s, e, b)| Call::Change(k, s, e, b)),
        2 => (key(), key(), behind).prop_map(|(o, n, b)| Call::Replace(o, n, b)),
        2 => proptest::collection::vec((key(), 0..20i64), 0..4).prop_map(Call::Touch),
        2 => (account(), 0..5usize, amount.clone()).prop_map(|(a, o, n)| Call::Grant(a, o, n)),
        3 => (account(), 0..5usize, amount, settlement.clone())
            .prop_map(|(a, o, n, s)| Call::Debit(a, o, n, s)),
        2 => (account(), 0..5usize, settlement).prop_map(|(a, o, s)| Call::Settle(a, o, s)),
        2 => (
            proptest::option::of(account()),
            filter,
            0..10i64,
            1..4usize,
            proptest::option::of((0..6i64, key())),
        )
            .prop_map(|(a, f, at, n, c)| Call::List(a, f, at, n, c)),
        2 => (
            proptest::option::of(account()),
            proptest::option::of(key()),
            proptest::option::of(0..12u64),
            1..4usize,
        )
            .prop_map(|(a, k, b, n)| Call::Events(a, k, b, n)),
    ]
}

fn account(number: usize) -> AccountId {
    AccountId::new(["acct_a", "acct_A", "acct_b"][number]).unwrap()
}

fn operation(number: usize) -> OperationId {
    OperationId::new(format!("op {number}")).unwrap()
}

fn event(kind: EventKind, account: &AccountId) -> NewEvent {
    NewEvent::new(kind, account.clone(), "user:1", at(5))
}

fn key_event(kind: EventKind, key: &KeyRecord) -> NewEvent {
    NewEvent {
        key: Some(key.id),
        ..event(kind, &key.account)
    }
}

fn key(number: usize, owner: usize) -> KeyRecord {
    KeyRecord {
        account: account(owner),
        // Two of a moment, so that ids decide.
        created_at: at(number as i64 / 2),
        name: format!("{} key", ["Live", "live", "TEST_%"][number % 3]),
        ..fixture::key(number)
    }
}

/// A revision as it is, or some way off.
fn shifted(revision: Revision, by: i64) -> Revision {
    Revision::new(revision.as_u64().saturating_add_signed(by))
}

/// What was answered, as text; of an error its kind.
fn said<T: Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

async fn answer(store: &dyn Store, call: &Call) -> String {
    match call {
        Call::Account(number) => {
            let new = Account::new(account(*number), "pro", at(0));
            let event = event(EventKind::AccountCreated, &new.id);
            said(store.insert_account(&new, &event).await)
        }
        Call::Plan(number, shift) => {
            let id = account(*number);
            let found = store.find_account(&id).await.unwrap();
            let mut changed = found.unwrap_or(Account::new(id, "pro", at(0)));
            changed.plan.push('+');
            changed.revision = shifted(changed.revision, *shift);
            let event = event(EventKind::AccountPlanChanged, &changed.id);
            said(store.update_account(&changed, &event).await)
        }
        Call::Issue(number, owner, max) => {
            let new = key(*number, *owner);
            let event = key_event(EventKind::KeyIssued, &new);
            said(store.insert_key(&new, *max, &event).await)
        }
        Call::Change(number, status, expires, shift) => {
            let mut changed = found(store, *number).await;
            changed.status = *status;
            changed.expires_at = expires.map(at);
            changed.hint = "not to be written".to_owned();
            changed.revision = shifted(changed.revision, *shift);
            let event = key_event(EventKind::KeyRenamed, &changed);
            said(store.update_key(&changed, &event).await)
        }
        Call::Replace(old, new, shift) => {
            let mut old = found(store, *old).await;
            let new = KeyRecord {
                account: old.account.clone(),
                ..key(*new, 0)
            };
            old.replaced_by = Some(new.id);
            old.superseded_at = Some(at(4));
            old.revision = shifted(old.revision, *shift);
            let old_event = key_event(EventKind::KeyRegenerated, &old);
            let new_event = key_event(EventKind::KeyIssued, &new);
            let replaced = store.replace_key(&old, &old_event, &new, &new_event, None);
            said(replaced.await)
        }
        Call::Touch(used) => {
            let used: Vec<_> = used.iter().map(|(k, s)| (key_id(*k), at(*s))).collect();
            said(store.touch_keys(&used).await)
        }
        Call::Grant(owner, name, amount) => {
            let (owner, name) = (account(*owner), operation(*name));
            said(store.grant(&owner, &name, *amount, at(1)).await)
        }
        Call::Debit(owner, name, amount, settlement) => {
            let debit = NewDebit {
                account: account(*owner),
                operation: operation(*name),
                amount: *amount,
                key: key_id(1),
                at: at(2),
                settlement: *settlement,
            };
            said(store.debit(&debit).await)
        }
        Call::Settle(owner, name, settlement) => {
            let (owner, name) = (account(*owner), operation(*name));
            said(store.settle(&owner, &name, *settlement, at(3)).await)
        }
        Call::List(owner, filter, moment, size, after) => {
            let query = KeyQuery {
                account: owner.map(account),
                filter: *filter,
                mode: None,
                name_contains: (size % 2 == 0).then(|| "LIVE".to_owned()),
                after: after.map(|(created, id)| KeyCursor {
                    created_at: at(created),
                    id: key_id(id),
                }),
                size: PageSize::new(*size).unwrap(),
                ..KeyQuery::active_at(at(*moment))
            };
            said(store.list_keys(&query).await)
        }
        Call::Events(owner, key, before, size) => {
            let query = EventQuery {
                account: owner.map(account),
                key: key.map(key_id),
                before: before.map(Revision::new),
                size: PageSize::new(*size).unwrap(),
            };
            said(store.list_events(&query).await)
        }
    }
}

/// The key as it is stored, or one that is not.
async fn found(store: &dyn Store, number: usize) -> KeyRecord {
    let found = store.find_key(key_id(number)).await.unwrap();
    found.unwrap_or_else(|| key(number, 0))
}

/// All that can be read.
async fn everything(store: &dyn Store) -> Vec<String> {
    let mut texts = vec![said(store.list_accounts(None, 10).await)];
    for number in 0..3 {
        texts.push(said(store.balance(&account(number)).await));
    }
    for number in 0..6 {
        texts.push(said(store.load_key(key_id(number)).await));
    }
    texts.push(said(
        store.count_by_pepper(ringyo_store::Timestamp::MIN).await,
    ));
    let events = Call::Events(None, None, None, 100);
    texts.push(answer(store, &events).await);
    texts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_the_same(calls in proptest::collection::vec(call(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let (place, memory) = (Place::new(), MemoryStore::new());
        runtime.block_on(async {
            let file = place.open().await;
            for call in &calls {
                let (expected, got) = (answer(&memory, call).await, answer(&file, call).await);
                prop_assert_eq!(got, expected, "{:?}", call);
            }
            prop_assert_eq!(everything(&file).await, everything(&memory).await);
            // The same after the file was closed and opened again.
            file.close().await.unwrap();
            let file = place.open().await;
            prop_assert_eq!(everything(&file).await, everything(&memory).await);
            Ok(())
        })?;
        runtime.shutdown_timeout(Duration::from_secs(1));
    }
}
