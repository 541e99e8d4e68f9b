//! Faults of the store of keys.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ringyo_key::{KeyId, PepperId};
use ringyo_store::{
    Account, AccountStore, IpNet, KeyQuery, KeyQuota, KeyRecord, KeyState, KeyStatus, KeyStore,
    LoadedKey, NewEvent, Page, StoreError, StoreErrorKind, Timestamp,
};

use crate::faulty::{Fault, Faulty, gap, is_kind};

#[async_trait]
impl KeyStore for Faulty {
    async fn insert_key(
        &self,
        key: &KeyRecord,
        max_keys: Option<u32>,
        event: &NewEvent,
    ) -> Result<KeyRecord, StoreError> {
        let key = &self.written(key);
        if self.is(Fault::MakesMissingAccounts) {
            let account = Account::new(key.account.clone(), "pro", key.created_at);
            let _ = self.inner.insert_account(&account, event).await;
        }
        if let Some(max) = max_keys.filter(|_| self.counts_itself()) {
            if self.count_wrongly(key, event.at).await >= max as usize {
                return Err(StoreError::new(StoreErrorKind::TooManyKeys, "too many"));
            }
            gap().await;
            return self.inner.insert_key(key, None, event).await;
        }
        let result = self.inner.insert_key(key, max_keys, event).await;
        if is_kind(&result, StoreErrorKind::AlreadyExists) {
            let stored = self.inner.find_key(key.id).await?.unwrap();
            let revoked = stored.status == KeyStatus::Revoked;
            if self.is(Fault::OverwritesOnInsert) || revoked && self.is(Fault::FreesRevokedIds) {
                self.notes().keys.insert(key.id, key.clone());
                return Ok(key.clone());
            }
        }
        self.log_if_refused(&result, event).await;
        result
    }

    async fn find_key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let key = self.inner.find_key(self.folded(id)).await?;
        Ok(key.map(|key| self.shown(key)))
    }

    async fn load_key(&self, id: KeyId) -> Result<Option<LoadedKey>, StoreError> {
        let Some(mut loaded) = self.inner.load_key(self.folded(id)).await? else {
            return Ok(None);
        };
        if self.is(Fault::LoadsInTwoReads) {
            gap().await;
            loaded.key = self.inner.find_key(id).await?.unwrap();
        }
        if let Some(account) = loaded.account.clone()
            && self.is(Fault::CachesAccounts)
        {
            let mut notes = self.notes();
            let cached = notes.accounts.entry(account.id.clone()).or_insert(account);
            loaded.account = Some(cached.clone());
        }
        loaded.key = self.shown(loaded.key);
        Ok(Some(loaded))
    }

    async fn update_key(&self, key: &KeyRecord, event: &NewEvent) -> Result<KeyRecord, StoreError> {
        let mut key = self.written(key);
        let stored = self.inner.find_key(key.id).await?;
        if let Some(stored) = &stored {
            if self.is(Fault::IgnoresRevisions) {
                gap().await;
                key.revision = self.inner.find_key(key.id).await?.unwrap().revision;
            }
            if self.is(Fault::UpdateForgetsScopes) {
                key.scopes = stored.scopes.clone();
            }
            if self.is(Fault::UpdateWritesLastUse)
                && let Some(used) = key.last_used_at
            {
                self.notes().used.insert(key.id, used);
            }
            if self.is(Fault::LooksBeforeItWrites) {
                return self.look_then_write(stored, &key, event).await;
            }
        } else if self.is(Fault::InsertsOnUpdate) {
            return self.inner.insert_key(&key, None, event).await;
        }
        let result = self.inner.update_key(&key, event).await;
        if is_kind(&result, StoreErrorKind::Revoked) && self.is(Fault::ResurrectsRevoked) {
            self.notes().keys.insert(key.id, key.clone());
            return Ok(key);
        }
        if result.is_ok() && self.is(Fault::UpdateMovesAccounts) {
            self.notes().keys.insert(key.id, key.clone());
        }
        if result.is_ok() && self.is(Fault::ReadsLagBehind) {
            self.notes().keys.insert(key.id, stored.unwrap());
            return result;
        }
        self.log_if_refused(&result, event).await;
        result.map(|key| self.shown(key))
    }

    async fn replace_key(
        &self,
        old: &KeyRecord,
        old_event: &NewEvent,
        new: &KeyRecord,
        new_event: &NewEvent,
        max_keys: Option<u32>,
    ) -> Result<(KeyRecord, KeyRecord), StoreError> {
        let (old, new) = (&self.written(old), &self.written(new));
        if self.is(Fault::ReplaceAsksTheMaximum) && max_keys == Some(1) {
            return Err(StoreError::new(StoreErrorKind::TooManyKeys, "too many"));
        }
        let max_keys = max_keys.filter(|_| !self.is(Fault::ReplaceForgetsTheMaximum));
        if self.is(Fault::ReplaceForgetsTheOldKey) {
            let new = self.inner.insert_key(new, None, new_event).await?;
            return Ok((old.clone(), new));
        }
        if self.is(Fault::ReplacesInTwoSteps) {
            let old = self.inner.update_key(old, old_event).await?;
            gap().await;
            return Ok((old, self.inner.insert_key(new, None, new_event).await?));
        }
        if self.is(Fault::ReplaceAddsBeforeItChecks) {
            let new = self.inner.insert_key(new, None, new_event).await?;
            gap().await;
            return Ok((self.inner.update_key(old, old_event).await?, new));
        }
        let replaced = self
            .inner
            .replace_key(old, old_event, new, new_event, max_keys);
        let (old, new) = replaced.await?;
        Ok((self.shown(old), self.shown(new)))
    }

    async fn list_keys(&self, query: &KeyQuery) -> Result<Page<KeyRecord>, StoreError> {
        self.page(query).await
    }

    async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        for &(id, at) in used {
            let stored = self.inner.find_key(id).await?;
            if self.is(Fault::LastUseFallsBack) || self.is(Fault::UseMakesUnknownKeys) {
                self.notes().used.insert(id, at);
            }
            if self.is(Fault::LastUseIsReadThenWritten) {
                let before = self.notes().used.get(&id).copied();
                gap().await;
                self.notes().used.insert(id, before.max(Some(at)).unwrap());
            }
            if let Some(key) = stored
                && (self.is(Fault::UseIsARevision) || self.is(Fault::FeedTellsUse))
            {
                let kind = ringyo_store::EventKind::KeyEdited;
                let event = NewEvent {
                    key: Some(id),
                    ..NewEvent::new(kind, key.account.clone(), "fault", at)
                };
                let _ = self.inner.update_key(&key, &event).await;
            }
        }
        self.inner.touch_keys(used).await
    }

    async fn count_by_pepper(
        &self,
        at: Timestamp,
    ) -> Result<Vec<(Option<PepperId>, u64)>, StoreError> {
        if !self.is(Fault::CountsRevokedPeppers) {
            return self.inner.count_by_pepper(at).await;
        }
        let mut counts = BTreeMap::new();
        for key in self.all_keys().await {
            *counts.entry(key.pepper).or_insert(0) += 1;
        }
        Ok(counts.into_iter().collect())
    }
}

impl Faulty {
    /// A record as it gets into the store.
    fn written(&self, key: &KeyRecord) -> KeyRecord {
        let mut key = key.clone();
        key.id = self.folded(key.id);
        if self.is(Fault::CutsDescriptions) {
            let cut = |text: String| text.chars().take(255).collect();
            key.description = key.description.map(cut);
        }
        if self.is(Fault::DropsEmptyDescriptions) {
            key.description = key.description.filter(|text| !text.is_empty());
        }
        if self.is(Fault::CutsMilliseconds) {
            let cut =
                |at: Timestamp| Timestamp::from_unix_millis(at.as_unix_millis() / 1_000 * 1_000);
            key.superseded_at = key.superseded_at.map(cut);
        }
        if self.is(Fault::CutsHostBits) {
            key.allowed_networks = key.allowed_networks.iter().map(IpNet::trunc).collect();
        }
        if self.is(Fault::FillsBurst) {
            key.quota = key.quota.map(|quota| KeyQuota {
                burst: quota.burst.or(Some(quota.per_minute)),
                ..quota
            });
        }
        key
    }

    /// A record as it is read.
    pub(crate) fn shown(&self, key: KeyRecord) -> KeyRecord {
        let mut notes = self.notes();
        let noted = match self.is(Fault::ReadsLagBehind) {
            // The second reading is right.
            true => notes.keys.remove(&key.id),
            false => notes.keys.get(&key.id).cloned(),
        };
        let mut key = noted.unwrap_or(key);
        if let Some(&used) = notes.used.get(&key.id) {
            key.last_used_at = Some(used);
        }
        key
    }

    fn folded(&self, id: KeyId) -> KeyId {
        match self.is(Fault::FoldsKeyIds) {
            true => id.as_str().to_ascii_lowercase().parse().unwrap(),
            false => id,
        }
    }

    fn counts_itself(&self) -> bool {
        self.is(Fault::CountsBeforeInserting)
            || self.is(Fault::CountsActiveKeysOnly)
            || self.is(Fault::CountsExpiredKeys)
    }

    async fn count_wrongly(&self, like: &KeyRecord, now: Timestamp) -> usize {
        let counts = |key: &KeyRecord| match key.state_at(now) {
            KeyState::Active => true,
            KeyState::Disabled => !self.is(Fault::CountsActiveKeysOnly),
            KeyState::Expired => self.is(Fault::CountsExpiredKeys),
            _ => false,
        };
        let mut keys = self.all_keys().await;
        keys.retain(|key| key.account == like.account && counts(key));
        keys.len()
    }

    /// Refuses what was revoked when it looked, and then writes whatever has happened since.
    async fn look_then_write(
        &self,
        seen: &KeyRecord,
        key: &KeyRecord,
        event: &NewEvent,
    ) -> Result<KeyRecord, StoreError> {
        if seen.status == KeyStatus::Revoked || seen.revision != key.revision {
            return self.inner.update_key(key, event).await;
        }
        gap().await;
        let result = self.inner.update_key(key, event).await;
        if result.is_err() && key.status != KeyStatus::Revoked {
            let stored = self.inner.find_key(key.id).await?.unwrap();
            let resurrected = KeyRecord {
                revision: stored.revision,
                ..key.clone()
            };
            self.notes().keys.insert(key.id, resurrected.clone());
            return Ok(resurrected);
        }
        result
    }

    pub(crate) async fn log_if_refused<T: Sync>(
        &self,
        result: &Result<T, StoreError>,
        event: &NewEvent,
    ) {
        if result.is_err()
            && self.is(Fault::LogsRefusals)
            && let Ok(Some(account)) = self.inner.find_account(&event.account).await
        {
            let _ = self.inner.update_account(&account, event).await;
        }
    }
}
