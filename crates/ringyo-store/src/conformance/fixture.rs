//! What the cases share: ids, moments, readings of a whole store, and races.

use std::future::Future;
use std::sync::Arc;

use ringyo_key::KeyId;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

use crate::{
    Account, AccountId, Event, EventKind, EventQuery, KeyFilter, KeyQuery, KeyRecord, NewEvent,
    OperationId, PageSize, Store, StoreError, StoreErrorKind, Timestamp,
};

pub(super) type Shared = Arc<dyn Store>;

/// The moment so many seconds into the time of the suite.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_767_225_600_000 + second * 1_000)
}

pub(super) fn key_id(number: usize) -> KeyId {
    format!("{number:012}")
        .parse()
        .expect("decimal digits are digits of an id")
}

pub(super) fn account_id(text: &str) -> AccountId {
    AccountId::new(text).expect("the suite uses valid account ids")
}

pub(super) fn operation_id(text: &str) -> OperationId {
    OperationId::new(text).expect("the suite uses valid operation ids")
}

/// The account most cases work in.
pub(super) async fn acct(store: &Shared) -> AccountId {
    account(store, "acct_1").await.id
}

pub(super) async fn account(store: &Shared, id: &str) -> Account {
    let account = Account::new(account_id(id), "pro", at(0));
    let event = account_event(EventKind::AccountCreated, &account.id);
    store
        .insert_account(&account, &event)
        .await
        .expect("an account is inserted")
}

pub(super) fn account_event(kind: EventKind, account: &AccountId) -> NewEvent {
    NewEvent::new(kind, account.clone(), "operator:suite", at(0))
}

pub(super) fn key_event(kind: EventKind, key: &KeyRecord) -> NewEvent {
    NewEvent {
        key: Some(key.id),
        ..NewEvent::new(kind, key.account.clone(), "user:suite", at(0))
    }
}

pub(super) async fn insert(store: &Shared, key: &KeyRecord) -> KeyRecord {
    store
        .insert_key(key, None, &key_event(EventKind::KeyIssued, key))
        .await
        .expect("a key is inserted")
}

pub(super) async fn update(store: &Shared, key: &KeyRecord) -> KeyRecord {
    try_update(store, key).await.expect("a key is updated")
}

pub(super) async fn try_update(store: &Shared, key: &KeyRecord) -> Result<KeyRecord, StoreError> {
    let event = key_event(EventKind::KeyRenamed, key);
    store.update_key(key, &event).await
}

pub(super) async fn find(store: &Shared, id: KeyId) -> KeyRecord {
    store
        .find_key(id)
        .await
        .expect("a key is looked for")
        .unwrap_or_else(|| panic!("the key {id} is gone"))
}

/// Checks that a call was refused, and for that reason.
#[track_caller]
pub(super) fn refused<T: std::fmt::Debug>(
    result: Result<T, StoreError>,
    expected: StoreErrorKind,
    what: &str,
) {
    match result {
        Err(error) if error.kind() == expected => {}
        other => panic!("{what}: expected the error {expected:?}, got {other:?}"),
    }
}

pub(super) fn every_key() -> KeyQuery {
    KeyQuery {
        filter: KeyFilter::All,
        size: PageSize::MAX,
        ..KeyQuery::active_at(at(0))
    }
}

/// All pages of a list of keys, one after the other. That the order falls is checked here, so
/// that a list that goes in circles fails instead of running forever.
pub(super) async fn list(store: &Shared, query: KeyQuery) -> Vec<KeyRecord> {
    let (mut query, mut keys) = (query, Vec::<KeyRecord>::new());
    loop {
        let page = store.list_keys(&query).await.expect("keys are listed");
        let most = query.size.as_usize();
        assert!(page.items.len() <= most, "a page holds at most {most} keys");
        assert!(
            !page.items.is_empty() || page.next.is_none(),
            "an empty page is the last"
        );
        for key in page.items {
            if let Some(last) = keys.last() {
                let (id, before) = (key.id, last.id);
                let falls = (key.created_at, id) < (last.created_at, before);
                assert!(falls, "{id} is listed behind {before}");
            }
            keys.push(key);
        }
        match page.next {
            None => return keys,
            next => query.after = next,
        }
    }
}

pub(super) fn every_event() -> EventQuery {
    EventQuery {
        account: None,
        key: None,
        before: None,
        size: PageSize::MAX,
    }
}

/// All pages of a list of events, one after the other: newest first, which is checked here.
pub(super) async fn events(store: &Shared, query: EventQuery) -> Vec<Event> {
    let (mut query, mut events) = (query, Vec::<Event>::new());
    loop {
        let page = store.list_events(&query).await.expect("events are listed");
        let most = query.size.as_usize();
        assert!(
            page.items.len() <= most,
            "a page holds at most {most} events"
        );
        assert!(
            !page.items.is_empty() || page.next.is_none(),
            "an empty page is the last"
        );
        for event in page.items {
            if let Some(last) = events.last() {
                let (number, before) = (event.revision, last.revision);
                assert!(number < before, "event {number} is listed behind {before}");
            }
            events.push(event);
        }
        match page.next {
            None => return events,
            next => query.before = next,
        }
    }
}

/// All accounts with their balances, keys and events as text, to compare before and after.
pub(super) async fn everything(store: &Shared) -> Vec<String> {
    let mut lines = Vec::new();
    let accounts = store.list_accounts(None, 1_000).await;
    for account in accounts.expect("accounts are listed") {
        let balance = store.balance(&account.id).await;
        let balance = balance.expect("a balance is read");
        lines.push(format!("{account:?} {balance:?}"));
    }
    for key in list(store, every_key()).await {
        lines.push(format!("{key:?} {}", key.digest.to_hex()));
    }
    for event in events(store, every_event()).await {
        lines.push(format!("{event:?}"));
    }
    lines
}

/// Checks that nothing was added to, taken from or changed in what [`everything`] gave before.
pub(super) async fn assert_unchanged(store: &Shared, before: &[String], what: &str) {
    assert_eq!(everything(store).await, before, "{what} changes nothing");
}

/// How often a racing writer tries again before it counts as shut out. Who loses lost to a write
/// that was done, so in a store that works no case comes near it.
pub(super) const ATTEMPTS: usize = 10_000;

/// Releases so many tasks at one moment and gives what they gave, in their order.
pub(super) async fn race<T, F>(racers: usize, run: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let gate = Arc::new(Barrier::new(racers));
    let tasks: Vec<JoinHandle<T>> = (0..racers)
        .map(|number| {
            let (gate, racer) = (gate.clone(), run(number));
            tokio::spawn(async move {
                gate.wait().await;
                racer.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(racers);
    for task in tasks {
        results.push(task.await.expect("a racing task ends without panic"));
    }
    results
}
