use std::collections::BTreeMap;

use async_trait::async_trait;
use ringyo_key::{KeyId, PepperId};

use super::{MemoryStore, State};
use crate::{
    KeyCursor, KeyQuery, KeyRecord, KeyState, KeyStatus, KeyStore, LoadedKey, NewEvent, Page,
    StoreError, StoreErrorKind, Timestamp,
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
        if max_keys.is_some_and(|max| state.count_current(key, event.at) >= max as usize) {
            return Err(StoreError::new(
                StoreErrorKind::TooManyKeys,
                "the account has as many keys as it may have",
            ));
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
    ) -> Result<(KeyRecord, KeyRecord), StoreError> {
        let mut state = self.state();
        state.check_change(old)?;
        state.check_new(new)?;
        let new = self.put_new(&mut state, new, new_event);
        Ok((self.put_changed(&mut state, old, old_event), new))
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

    async fn count_by_pepper(&self) -> Result<Vec<(Option<PepperId>, u64)>, StoreError> {
        let mut counts = BTreeMap::new();
        for key in self.state().keys.values() {
            if key.status != KeyStatus::Revoked {
                *counts.entry(key.pepper).or_insert(0) += 1;
            }
        }
        Ok(counts.into_iter().collect())
    }
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
        if stored.status == KeyStatus::Revoked {
            return Err(StoreError::new(
                StoreErrorKind::Revoked,
                "the key is revoked for good",
            ));
        }
        if stored.revision != key.revision {
            return Err(StoreError::new(
                StoreErrorKind::Conflict,
                "the key has been changed meanwhile",
            ));
        }
        Ok(())
    }

    fn count_current(&self, like: &KeyRecord, now: Timestamp) -> usize {
        self.keys
            .values()
            .filter(|key| key.account == like.account)
            .filter(|key| matches!(key.state_at(now), KeyState::Active | KeyState::Disabled))
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
        let KeyRecord {
            name,
            description,
            scopes,
            quota,
            allowed_networks,
            status,
            expires_at,
            revoked_at,
            replaced_by,
            superseded_at,
            // What never changes, and what is kept apart:
            id: _,
            account: _,
            mode: _,
            hint: _,
            digest: _,
            pepper: _,
            created_at: _,
            last_used_at: _,
            revision: _,
        } = key.clone();
        let stored = state
            .keys
            .get_mut(&key.id)
            .expect("`check_change` has seen it under the same lock");
        *stored = KeyRecord {
            name,
            description,
            scopes,
            quota,
            allowed_networks,
            status,
            expires_at,
            revoked_at,
            replaced_by,
            superseded_at,
            revision,
            ..stored.clone()
        };
        stored.clone()
    }
}
