//! Whatever is called in whatever order, a store answers what the store in memory does.
//!
//! ```
//! use proptest::prelude::*;
//! use ringyo_store::MemoryStore;
//! use ringyo_store::conformance::model;
//!
//! proptest! {
//!     # #![proptest_config(ProptestConfig { cases: 5, ..ProptestConfig::default() })]
//!     # /*
//!     #[test]
//!     # */
//!     fn answers_are_the_same(calls in model::calls()) {
//!         let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//!         runtime.block_on(model::agree(&MemoryStore::new(), &calls))?;
//!     }
//! }
//! # fn main() { answers_are_the_same() }
//! ```

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::fixture::{at, key_id};
use super::record_fixture;
use crate::{
    Account, AccountId, EventKind, EventQuery, KeyCursor, KeyFilter, KeyQuery, KeyRecord,
    KeyStatus, MemoryStore, NewDebit, NewEvent, OperationId, PageSize, Revision, Settlement, Store,
    StoreError, Timestamp,
};

/// One call of a series. Small numbers stand in the place of ids, so that calls meet.
#[derive(Debug, Clone)]
pub struct Call(Kind);

/// A series of calls, as an input of a test with `proptest`.
pub fn calls() -> impl Strategy<Value = Vec<Call>> {
    vec(kind().prop_map(Call), 1..60)
}

/// Makes the calls of a series in a store that is empty, and in one in memory. Gives that back.
///
/// # Errors
///
/// At the first answer that is another, or when the two hold something else in the end.
pub async fn agree(store: &dyn Store, calls: &[Call]) -> Result<MemoryStore, TestCaseError> {
    let memory = MemoryStore::new();
    for Call(call) in calls {
        let (expected, got) = (answer(&memory, call).await, answer(store, call).await);
        prop_assert_eq!(got, expected, "{:?}", call);
    }
    hold_the_same(store, &memory).await?;
    Ok(memory)
}

/// Compares all that can be read from two stores: from one and the same that was closed and
/// opened again, for one.
///
/// # Errors
///
/// When they differ.
pub async fn hold_the_same(store: &dyn Store, memory: &dyn Store) -> Result<(), TestCaseError> {
    prop_assert_eq!(everything(store).await, everything(memory).await);
    Ok(())
}

#[derive(Debug, Clone)]
enum Kind {
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

fn kind() -> impl Strategy<Value = Kind> {
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
        3 => account().prop_map(Kind::Account),
        1 => (account(), behind.clone()).prop_map(|(a, b)| Kind::Plan(a, b)),
        6 => (key(), account(), of(0..4u32))
            .prop_map(|(k, a, max)| Kind::Issue(k, a, max)),
        5 => (key(), status, of(0..10i64), behind.clone())
            .prop_map(|(k, s, e, b)| Kind::Change(k, s, e, b)),
        2 => (key(), key(), behind).prop_map(|(o, n, b)| Kind::Replace(o, n, b)),
        2 => vec((key(), 0..20i64), 0..4).prop_map(Kind::Touch),
        2 => (account(), 0..5usize, amount.clone()).prop_map(|(a, o, n)| Kind::Grant(a, o, n)),
        3 => (account(), 0..5usize, amount, settlement.clone())
            .prop_map(|(a, o, n, s)| Kind::Debit(a, o, n, s)),
        2 => (account(), 0..5usize, settlement).prop_map(|(a, o, s)| Kind::Settle(a, o, s)),
        2 => (
            of(account()),
            filter,
            0..10i64,
            1..4usize,
            of((0..6i64, key())),
        )
            .prop_map(|(a, f, at, n, c)| Kind::List(a, f, at, n, c)),
        2 => (
            of(account()),
            of(key()),
            of(0..12u64),
            1..4usize,
        )
            .prop_map(|(a, k, b, n)| Kind::Events(a, k, b, n)),
    ]
}

fn account(number: usize) -> AccountId {
    super::fixture::account_id(["acct_a", "acct_A", "acct_b"][number])
}

fn operation(number: usize) -> OperationId {
    super::fixture::operation_id(&format!("op {number}"))
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
        // Two of a moment, so that ids decide.
        created_at: at(number as i64 / 2),
        name: format!("{} key", ["Live", "live", "TEST_%"][number % 3]),
        ..record_fixture::key(&account(owner), number)
    }
}

fn size_of(entries: usize) -> PageSize {
    PageSize::new(entries).expect("a series asks for possible pages")
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

async fn answer(store: &dyn Store, call: &Kind) -> String {
    match call {
        Kind::Account(number) => {
            let new = Account::new(account(*number), "pro", at(0));
            let event = event(EventKind::AccountCreated, &new.id);
            said(store.insert_account(&new, &event).await)
        }
        Kind::Plan(number, shift) => {
            let id = account(*number);
            let found = store.find_account(&id).await.expect("an account is sought");
            let mut changed = found.unwrap_or(Account::new(id, "pro", at(0)));
            changed.plan.push('+');
            changed.revision = shifted(changed.revision, *shift);
            let event = event(EventKind::AccountPlanChanged, &changed.id);
            said(store.update_account(&changed, &event).await)
        }
        Kind::Issue(number, owner, max) => {
            let new = key(*number, *owner);
            let event = key_event(EventKind::KeyIssued, &new);
            said(store.insert_key(&new, *max, &event).await)
        }
        Kind::Change(number, status, expires, shift) => {
            let mut changed = found(store, *number).await;
            changed.status = *status;
            changed.expires_at = expires.map(at);
            changed.hint = "not to be written".to_owned();
            changed.revision = shifted(changed.revision, *shift);
            let event = key_event(EventKind::KeyRenamed, &changed);
            said(store.update_key(&changed, &event).await)
        }
        Kind::Replace(old, new, shift) => {
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
        Kind::Touch(used) => {
            let used: Vec<_> = used.iter().map(|(k, s)| (key_id(*k), at(*s))).collect();
            said(store.touch_keys(&used).await)
        }
        Kind::Grant(owner, name, amount) => {
            let (owner, name) = (account(*owner), operation(*name));
            said(store.grant(&owner, &name, *amount, at(1)).await)
        }
        Kind::Debit(owner, name, amount, settlement) => {
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
        Kind::Settle(owner, name, settlement) => {
            let (owner, name) = (account(*owner), operation(*name));
            said(store.settle(&owner, &name, *settlement, at(3)).await)
        }
        Kind::List(owner, filter, moment, size, after) => {
            let query = KeyQuery {
                account: owner.map(account),
                filter: *filter,
                mode: None,
                name_contains: (size % 2 == 0).then(|| "LIVE".to_owned()),
                after: after.map(|(created, id)| KeyCursor {
                    created_at: at(created),
                    id: key_id(id),
                }),
                size: size_of(*size),
                ..KeyQuery::active_at(at(*moment))
            };
            said(store.list_keys(&query).await)
        }
        Kind::Events(owner, key, before, size) => {
            let query = EventQuery {
                account: owner.map(account),
                key: key.map(key_id),
                before: before.map(Revision::new),
                size: size_of(*size),
            };
            said(store.list_events(&query).await)
        }
    }
}

/// The key as it is stored, or one that is not.
async fn found(store: &dyn Store, number: usize) -> KeyRecord {
    let found = store
        .find_key(key_id(number))
        .await
        .expect("a key is sought");
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
    texts.push(said(store.count_by_pepper(Timestamp::MIN).await));
    let events = Kind::Events(None, None, None, 100);
    texts.push(answer(store, &events).await);
    texts
}
