use std::collections::BTreeMap;

use async_trait::async_trait;
use ringyo_key::{KeyId, PepperId};

use super::{MemoryStore, State};
use crate::{
    KeyCursor, KeyQuery, KeyRecord, KeyStore, LoadedKey, NewEvent, Page, StoreError,
    StoreErrorKind, Timestamp,
};

#[async_trait]
impl KeyStore for MemoryStore {
    async fn insert_key(
        &self,
        key: &KeyRecord,
        max_keys: Option<u32>,
        event: &NewEvent,
    ) -> Result<KeyRecord, StoreError> {
        let mut state = self.state();
        state.check_new(key)?;
        if max_keys.is_some_and(|max| state.count_current(key, event.at, None) >= max as usize) {
            return Err(too_many_keys());
        }
        Ok(self.put_new(&mut state, key, event))
    }

    async fn find_key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.state().keys.get(&id).cloned())
    }

    async fn load_key(&self, id: KeyId) -> Result<Option<LoadedKey>, StoreError> {
        let state = self.state();
        Ok(state.keys.get(&id).map(|key| LoadedKey {
            key: key.clone(),
            account: state.accounts.get(&key.account).cloned(),
        }))
    }

    async fn update_key(&self, key: &KeyRecord, event: &NewEvent) -> Result<KeyRecord, StoreError> {
        let mut state = self.state();
        state.check_change(key)?;
        Ok(self.put_changed(&mut state, key, event))
    }

    async fn replace_key(
        &self,
        old: &KeyRecord,
        old_event: &NewEvent,
        new: &KeyRecord,
        new_event: &NewEvent,
        max_keys: Option<u32>,
    ) -> Result<(KeyRecord, KeyRecord), StoreError> {
        let mut state = self.state();
        state.check_change(old)?;
        state.check_new(new)?;
        if let Some(max) = max_keys {
            let others = state.count_current(new, new_event.at, Some(old.id));
            let all = others + usize::from(old.is_current_at(new_event.at));
            if all > max as usize {
                return Err(too_many_keys());
            }
        }
        let old = self.put_changed(&mut state, old, old_event);
        Ok((old, self.put_new(&mut state, new, new_event)))
    }

    async fn list_keys(&self, query: &KeyQuery) -> Result<Page<KeyRecord>, StoreError> {
        let state = self.state();
        let place = |key: &KeyRecord| (key.created_at, key.id);
        let after = query.after.map(|cursor| (cursor.created_at, cursor.id));
        let mut keys: Vec<&KeyRecord> = state
            .keys
            .values()
            .filter(|key| query.includes(key) && after.is_none_or(|after| place(key) < after))
            .collect();
        keys.sort_unstable_by_key(|key| std::cmp::Reverse(place(key)));
        let more = keys.len() > query.size.as_usize();
        keys.truncate(query.size.as_usize());
        let items: Vec<KeyRecord> = keys.into_iter().cloned().collect();
        let next = items.last().map(KeyCursor::behind).filter(|_| more);
        Ok(Page { items, next })
    }

    async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        let mut state = self.state();
        for (id, at) in used {
            if let Some(key) = state.keys.get_mut(id) {
                key.last_used_at = key.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }

    async fn count_by_pepper(
        &self,
        at: Timestamp,
    ) -> Result<Vec<(Option<PepperId>, u64)>, StoreError> {
        let mut counts = BTreeMap::new();
        for key in self.state().keys.values() {
            if key.is_current_at(at) {
                *counts.entry(key.pepper).or_insert(0) += 1;
            }
        }
        Ok(counts.into_iter().collect())
    }
}

fn too_many_keys() -> StoreError {
    StoreError::new(
        StoreErrorKind::TooManyKeys,
        "the account has as many keys as it may have",
    )
}

impl State {
    fn check_new(&self, key: &KeyRecord) -> Result<(), StoreError> {
        if !self.accounts.contains_key(&key.account) {
            return Err(StoreError::new(
                StoreErrorKind::NotFound,
                "there is no account of that id",
            ));
        }
        if self.keys.contains_key(&key.id) {
            return Err(StoreError::new(
                StoreErrorKind::AlreadyExists,
                "the key id has been used before",
            ));
        }
        Ok(())
    }

    fn check_change(&self, key: &KeyRecord) -> Result<(), StoreError> {
        let stored = self.keys.get(&key.id).ok_or(StoreError::new(
            StoreErrorKind::NotFound,
            "there is no key of that id",
        ))?;
        stored.check_write(key)
    }

    fn count_current(&self, like: &KeyRecord, now: Timestamp, besides: Option<KeyId>) -> usize {
        self.keys
            .values()
            .filter(|key| key.account == like.account && Some(key.id) != besides)
            .filter(|key| key.is_current_at(now))
            .count()
    }
}

impl MemoryStore {
    fn put_new(&self, state: &mut State, key: &KeyRecord, event: &NewEvent) -> KeyRecord {
        let key = KeyRecord {
            last_used_at: None,
            revision: self.record(state, event),
            ..key.clone()
        };
        state.keys.insert(key.id, key.clone());
        key
    }

    fn put_changed(&self, state: &mut State, key: &KeyRecord, event: &NewEvent) -> KeyRecord {
        let revision = self.record(state, event);
        let stored = state
            .keys
            .get_mut(&key.id)
            .expect("`check_change` has seen it under the same lock");
        *stored = stored.clone().written_over(key.clone(), revision);
        stored.clone()
    }
}
