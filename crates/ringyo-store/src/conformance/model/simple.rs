//! The contract of a store, written down as plainly as it reads.

mod ledger;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ringyo_key::{KeyId, PepperId};

use crate::{
    Account, AccountId, AccountStore, ChangeFeed, ChangeSet, Changed, Changes, Cursor, Event,
    EventQuery, EventStore, KeyCursor, KeyFilter, KeyQuery, KeyRecord, KeyStatus, KeyStore,
    LoadedKey, NewEvent, Page, Revision, StoreError, StoreErrorKind, Timestamp, WalletOperation,
};

/// A store that is a list of everything: looked through from one end to the other, whatever is
/// asked for, and with every rule spelled out here. It is there to be compared with, not to be
/// used.
#[derive(Debug, Default)]
pub struct SimpleStore(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    accounts: Vec<Account>,
    keys: Vec<KeyRecord>,
    events: Vec<Event>,
    ledger: Vec<WalletOperation>,
}

impl SimpleStore {
    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse<T>(kind: StoreErrorKind) -> Result<T, StoreError> {
    Err(StoreError::new(kind, "the model refuses it"))
}

impl Lists {
    fn account(&mut self, id: &AccountId) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.id == *id)
    }

    fn key(&mut self, id: KeyId) -> Option<&mut KeyRecord> {
        self.keys.iter_mut().find(|key| key.id == id)
    }

    /// Events are numbered from one.
    fn log(&mut self, entry: &NewEvent) -> Revision {
        let revision = Revision::new(self.events.len() as u64 + 1);
        self.events.push(Event {
            revision,
            entry: entry.clone(),
        });
        revision
    }

    fn may_add(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        if self.account(&key.account).is_none() {
            return refuse(StoreErrorKind::NotFound);
        }
        match self.key(key.id) {
            Some(_) => refuse(StoreErrorKind::AlreadyExists),
            None => Ok(()),
        }
    }

    fn may_change(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        match self.key(key.id) {
            None => refuse(StoreErrorKind::NotFound),
            Some(stored) if stored.status == KeyStatus::Revoked => refuse(StoreErrorKind::Revoked),
            Some(stored) if stored.revision != key.revision => refuse(StoreErrorKind::Conflict),
            Some(_) => Ok(()),
        }
    }

    fn add(&mut self, key: &KeyRecord, event: &NewEvent) -> KeyRecord {
        let mut added = key.clone();
        added.last_used_at = None;
        added.revision = self.log(event);
        self.keys.push(added.clone());
        added
    }

    fn change(&mut self, key: &KeyRecord, event: &NewEvent) -> KeyRecord {
        let revision = self.log(event);
        let stored = self.key(key.id).expect("it has been looked at");
        stored.name = key.name.clone();
        stored.description = key.description.clone();
        stored.scopes = key.scopes.clone();
        stored.quota = key.quota;
        stored.allowed_networks = key.allowed_networks.clone();
        stored.status = key.status;
        stored.expires_at = key.expires_at;
        stored.revoked_at = key.revoked_at;
        stored.replaced_by = key.replaced_by;
        stored.superseded_at = key.superseded_at;
        stored.revision = revision;
        stored.clone()
    }
}

/// Whether a key is active or disabled: it counts for the maximum, and holds its pepper.
fn is_current(key: &KeyRecord, now: Timestamp) -> bool {
    let is_over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    (key.status == KeyStatus::Active || key.status == KeyStatus::Disabled)
        && !is_over(key.expires_at)
        && !is_over(key.superseded_at)
}

fn too_many(keys: &[KeyRecord], account: &AccountId, now: Timestamp, most: u32) -> bool {
    let of_account = keys.iter().filter(|key| key.account == *account);
    of_account.filter(|key| is_current(key, now)).count() > most as usize
}

#[async_trait]
impl KeyStore for SimpleStore {
    async fn insert_key(
        &self,
        key: &KeyRecord,
        max_keys: Option<u32>,
        event: &NewEvent,
    ) -> Result<KeyRecord, StoreError> {
        let mut lists = self.lists();
        lists.may_add(key)?;
        if let Some(max) = max_keys {
            let others_at_most = match max.checked_sub(1) {
                None => return refuse(StoreErrorKind::TooManyKeys),
                Some(others) => others,
            };
            if too_many(&lists.keys, &key.account, event.at, others_at_most) {
                return refuse(StoreErrorKind::TooManyKeys);
            }
        }
        Ok(lists.add(key, event))
    }

    async fn find_key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.lists().key(id).cloned())
    }

    async fn load_key(&self, id: KeyId) -> Result<Option<LoadedKey>, StoreError> {
        let mut lists = self.lists();
        let Some(key) = lists.key(id).cloned() else {
            return Ok(None);
        };
        let account = lists.account(&key.account).cloned();
        Ok(Some(LoadedKey { key, account }))
    }

    async fn update_key(&self, key: &KeyRecord, event: &NewEvent) -> Result<KeyRecord, StoreError> {
        let mut lists = self.lists();
        lists.may_change(key)?;
        Ok(lists.change(key, event))
    }

    async fn replace_key(
        &self,
        old: &KeyRecord,
        old_event: &NewEvent,
        new: &KeyRecord,
        new_event: &NewEvent,
        max_keys: Option<u32>,
    ) -> Result<(KeyRecord, KeyRecord), StoreError> {
        let mut lists = self.lists();
        lists.may_change(old)?;
        lists.may_add(new)?;
        if let Some(max) = max_keys {
            let mut afterwards = lists.keys.clone();
            let place = afterwards.iter().position(|key| key.id == old.id);
            afterwards[place.expect("it has been looked at")] = old.clone();
            if too_many(&afterwards, &new.account, new_event.at, max) {
                return refuse(StoreErrorKind::TooManyKeys);
            }
        }
        Ok((lists.change(old, old_event), lists.add(new, new_event)))
    }

    async fn list_keys(&self, query: &KeyQuery) -> Result<Page<KeyRecord>, StoreError> {
        let mut keys = self.lists().keys.clone();
        keys.sort_by_key(|key| (key.created_at, key.id));
        keys.reverse();
        keys.retain(|key| {
            let is_behind = match query.after {
                None => true,
                Some(after) if key.created_at == after.created_at => key.id < after.id,
                Some(after) => key.created_at < after.created_at,
            };
            let may_be_used = is_current(key, query.at) && key.status == KeyStatus::Active;
            let is_named = match &query.name_contains {
                None => true,
                Some(part) => contains(&key.name, part),
            };
            is_behind
                && is_named
                && (query.filter == KeyFilter::All || may_be_used)
                && (query.account.is_none() || query.account.as_ref() == Some(&key.account))
                && (query.mode.is_none() || query.mode == Some(key.mode))
        });
        let is_last = keys.len() <= query.size.as_usize();
        keys.truncate(query.size.as_usize());
        let next = match keys.last() {
            Some(last) if !is_last => Some(KeyCursor {
                created_at: last.created_at,
                id: last.id,
            }),
            _ => None,
        };
        Ok(Page { items: keys, next })
    }

    async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        let mut lists = self.lists();
        for (id, at) in used {
            if let Some(key) = lists.key(*id)
                && key.last_used_at.is_none_or(|known| known < *at)
            {
                key.last_used_at = Some(*at);
            }
        }
        Ok(())
    }

    async fn count_by_pepper(
        &self,
        at: Timestamp,
    ) -> Result<Vec<(Option<PepperId>, u64)>, StoreError> {
        let mut keys = self.lists().keys.clone();
        keys.retain(|key| is_current(key, at));
        let mut peppers: Vec<_> = keys.iter().map(|key| key.pepper).collect();
        peppers.sort_unstable();
        peppers.dedup();
        let count = |pepper| keys.iter().filter(|key| key.pepper == pepper).count() as u64;
        Ok(peppers.into_iter().map(|p| (p, count(p))).collect())
    }
}

/// Letter by letter; of ASCII letters the case makes no difference.
fn contains(name: &str, part: &str) -> bool {
    let (name, part) = (name.as_bytes(), part.as_bytes());
    (0..=name.len()).any(|start| {
        name.get(start..start + part.len())
            .is_some_and(|piece| piece.eq_ignore_ascii_case(part))
    })
}

#[async_trait]
impl AccountStore for SimpleStore {
    async fn insert_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        let mut lists = self.lists();
        if lists.account(&account.id).is_some() {
            return refuse(StoreErrorKind::AlreadyExists);
        }
        let mut added = account.clone();
        added.revision = lists.log(event);
        lists.accounts.push(added.clone());
        Ok(added)
    }

    async fn find_account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.lists().account(id).cloned())
    }

    async fn update_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        let mut lists = self.lists();
        match lists.account(&account.id) {
            None => return refuse(StoreErrorKind::NotFound),
            Some(stored) if stored.revision != account.revision => {
                return refuse(StoreErrorKind::Conflict);
            }
            Some(_) => {}
        }
        let revision = lists.log(event);
        let stored = lists.account(&account.id).expect("it has been looked at");
        stored.plan = account.plan.clone();
        stored.revision = revision;
        Ok(stored.clone())
    }

    async fn list_accounts(
        &self,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let mut accounts = self.lists().accounts.clone();
        accounts.sort_by(|a, b| a.id.as_str().as_bytes().cmp(b.id.as_str().as_bytes()));
        accounts.retain(|account| after.is_none_or(|after| account.id.as_str() > after.as_str()));
        accounts.truncate(limit);
        Ok(accounts)
    }
}

#[async_trait]
impl EventStore for SimpleStore {
    async fn list_events(&self, query: &EventQuery) -> Result<Page<Event, Revision>, StoreError> {
        let mut events = self.lists().events.clone();
        events.reverse();
        events.retain(|event| {
            (query.account.is_none() || query.account.as_ref() == Some(&event.entry.account))
                && (query.key.is_none() || query.key == event.entry.key)
                && query.before.is_none_or(|before| event.revision < before)
        });
        let is_last = events.len() <= query.size.as_usize();
        events.truncate(query.size.as_usize());
        let next = events.last().map(|event| event.revision);
        Ok(Page {
            items: events,
            next: if is_last { None } else { next },
        })
    }
}

#[async_trait]
impl ChangeFeed for SimpleStore {
    async fn changes_since(&self, cursor: Option<&Cursor>) -> Result<Changes, StoreError> {
        let lists = self.lists();
        let seen = match cursor {
            None => Some(lists.events.len()),
            Some(cursor) => cursor.as_str().parse::<usize>().ok(),
        };
        let changed = match seen.and_then(|seen| lists.events.get(seen..)) {
            None => ChangeSet::Everything,
            Some(events) => {
                let entries = events.iter().map(|event| &event.entry);
                let changed = entries.map(|entry| match entry.key {
                    Some(key) => Changed::Key(key),
                    None => Changed::Account(entry.account.clone()),
                });
                ChangeSet::These(changed.collect())
            }
        };
        Ok(Changes {
            cursor: Cursor::new(lists.events.len().to_string()),
            changed,
        })
    }

    /// At once: a hint may come without need.
    async fn changed(&self, _cursor: &Cursor) {}

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
