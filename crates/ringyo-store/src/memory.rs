//! A whole store in memory: for tests, for trying things out, for services that may forget.

mod keys;
mod wallets;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ringyo_key::KeyId;
use tokio::sync::watch;

use crate::{
    Account, AccountId, AccountStore, ChangeFeed, ChangeSet, Changed, Changes, Credits, Cursor,
    Event, EventQuery, EventStore, KeyRecord, NewEvent, OperationId, Page, Revision, StoreError,
    StoreErrorKind, WalletOperation,
};

/// A complete [`Store`](crate::Store) that keeps everything in memory and loses it when the last
/// clone is dropped. Clones share their content.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    // One lock for all: every method is one short critical section, hence one transaction.
    state: Mutex<State>,
    revision: watch::Sender<Revision>,
}

#[derive(Debug, Default)]
struct State {
    keys: HashMap<KeyId, KeyRecord>,
    accounts: BTreeMap<AccountId, Account>,
    balances: HashMap<AccountId, Credits>,
    operations: HashMap<(AccountId, OperationId), WalletOperation>,
    events: Vec<Event>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                revision: watch::Sender::new(Revision::NONE),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change to the state is made after the last thing that could panic.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes events and wakes whoever follows; the state is still locked.
    fn record(&self, state: &mut State, entry: &NewEvent) -> Revision {
        let revision = state.next_revision();
        state.events.push(Event {
            revision,
            entry: entry.clone(),
        });
        self.shared.revision.send_replace(revision);
        revision
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn revision(&self) -> Revision {
        self.events.last().map_or(Revision::NONE, |e| e.revision)
    }

    fn next_revision(&self) -> Revision {
        Revision::new(self.revision().as_u64() + 1)
    }
}

#[async_trait]
impl AccountStore for MemoryStore {
    async fn insert_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        let mut state = self.state();
        if state.accounts.contains_key(&account.id) {
            return Err(StoreError::new(
                StoreErrorKind::AlreadyExists,
                "an account of that id exists",
            ));
        }
        let account = Account {
            revision: self.record(&mut state, event),
            ..account.clone()
        };
        state.balances.insert(account.id.clone(), 0);
        state.accounts.insert(account.id.clone(), account.clone());
        Ok(account)
    }

    async fn find_account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.state().accounts.get(id).cloned())
    }

    async fn update_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        let mut state = self.state();
        let stored = state.accounts.get(&account.id).ok_or(StoreError::new(
            StoreErrorKind::NotFound,
            "there is no account of that id",
        ))?;
        if stored.revision != account.revision {
            return Err(StoreError::new(
                StoreErrorKind::Conflict,
                "the account has been changed meanwhile",
            ));
        }
        let account = Account {
            created_at: stored.created_at,
            revision: self.record(&mut state, event),
            ..account.clone()
        };
        state.accounts.insert(account.id.clone(), account.clone());
        Ok(account)
    }

    async fn list_accounts(
        &self,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        Ok(self
            .state()
            .accounts
            .range::<AccountId, _>((from, Unbounded))
            .take(limit)
            .map(|(_, account)| account.clone())
            .collect())
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn list_events(&self, query: &EventQuery) -> Result<Page<Event, Revision>, StoreError> {
        let state = self.state();
        let size = query.size.as_usize();
        let mut items: Vec<Event> = state
            .events
            .iter()
            .rev()
            .filter(|event| query.before.is_none_or(|before| event.revision < before))
            .filter(|event| {
                let account = &event.entry.account;
                query.account.as_ref().is_none_or(|id| id == account)
            })
            .filter(|event| query.key.is_none_or(|id| event.entry.key == Some(id)))
            .take(size + 1)
            .cloned()
            .collect();
        let more = items.len() > size;
        items.truncate(size);
        let next = items.last().map(|event| event.revision);
        Ok(Page {
            items,
            next: next.filter(|_| more),
        })
    }
}

#[async_trait]
impl ChangeFeed for MemoryStore {
    async fn changes_since(&self, cursor: Option<&Cursor>) -> Result<Changes, StoreError> {
        let state = self.state();
        let now = state.revision();
        let changed = match cursor.map(seen) {
            None => ChangeSet::These(Vec::new()),
            Some(Some(seen)) if seen <= now => ChangeSet::These(
                state
                    .events
                    .iter()
                    .rev()
                    .take_while(|event| event.revision > seen)
                    .map(|event| match event.entry.key {
                        Some(key) => Changed::Key(key),
                        None => Changed::Account(event.entry.account.clone()),
                    })
                    .collect(),
            ),
            Some(_) => ChangeSet::Everything,
        };
        Ok(Changes {
            cursor: Cursor::new(now.to_string()),
            changed,
        })
    }

    async fn changed(&self, cursor: &Cursor) {
        let Some(seen) = seen(cursor) else { return };
        let mut revision = self.shared.revision.subscribe();
        // Revisions only rise: one that is not reached yet was given by another store. The sender
        // lives in `self`, so waiting cannot fail.
        let _ = revision.wait_for(|&revision| revision != seen).await;
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn seen(cursor: &Cursor) -> Option<Revision> {
    cursor.as_str().parse().ok().map(Revision::new)
}
