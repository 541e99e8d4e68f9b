//! The records that this node has read, and the rule that keeps it from believing an old one.
//!
//! **The fence.** A load is known by the entry it puts into `loading` before it reads the store,
//! and it may publish only while that very entry is still there, under the lock of its shard.
//! Forgetting a key takes the entry away under the same lock. So what was read before a change
//! can reach the requests that were already waiting for it, but neither the cache nor any request
//! that starts after the change was made known here.

mod accounts;
mod entry;
#[cfg(test)]
mod interleavings;
mod shard;

use std::hash::BuildHasher as _;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use ringyo_key::KeyId;
use ringyo_limit::Monotonic;
use ringyo_store::{AccountId, Timestamp};

use crate::last_used::{Departed, Uses};
use crate::sync::{AtomicU64, Ordering, RwLock, RwLockReadGuard, RwLockWriteGuard};
use shard::{Finished, Shard};

pub(crate) use accounts::{AccountCell, Accounts, bucket_name};
pub(crate) use entry::CachedKey;
pub(crate) use shard::{LoadEntry, LoadOutcome, Loading};

/// So few in the unit tests that their scheduler gets across a loop over all of them.
const SHARDS: usize = if cfg!(test) { 2 } else { 64 };

#[derive(Debug)]
pub(crate) struct KeyCache {
    shards: Box<[RwLock<Shard>]>,
    hasher: RandomState,
    accounts: Accounts,
    departed: Departed,
    /// When the change feed was last known to hold nothing new: the moment before the question
    /// was sent, in nanoseconds.
    confirmed_at: AtomicU64,
    max_staleness: Duration,
}

impl KeyCache {
    /// A cache for so many keys; each shard holds its part of them.
    pub(crate) fn new(capacity: usize, max_staleness: Duration) -> Self {
        let per_shard = capacity.div_ceil(SHARDS).max(1);
        Self {
            shards: (0..SHARDS)
                .map(|_| RwLock::new(Shard::new(per_shard)))
                .collect(),
            hasher: RandomState::default(),
            accounts: Accounts::default(),
            departed: Departed::default(),
            confirmed_at: AtomicU64::new(0),
            max_staleness,
        }
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    pub(crate) fn departed(&self) -> &Departed {
        &self.departed
    }

    /// The cached record, if this node may still vouch for it: if it was certain no longer than
    /// `max_staleness` and `grace` ago. No allocation, no write.
    pub(crate) fn find(
        &self,
        id: KeyId,
        now: Monotonic,
        grace: Duration,
    ) -> Option<Arc<CachedKey>> {
        let key = self.read(id).find(id)?.clone();
        let bound = self.max_staleness.saturating_add(grace);
        (key.account.is_current() && self.age(&key, now) <= bound).then_some(key)
    }

    /// How long ago it was last certain that the record is as it stands in the store.
    fn age(&self, key: &CachedKey, now: Monotonic) -> Duration {
        let confirmed = Monotonic::from_nanos(self.confirmed_at.load(Ordering::Acquire));
        now.saturating_since(confirmed.max(key.loaded_at))
    }

    /// The feed has been read up to what was committed before `sent`, and applied.
    pub(crate) fn confirm(&self, sent: Monotonic) {
        self.confirmed_at
            .fetch_max(sent.as_nanos(), Ordering::AcqRel);
    }

    /// Joins the load of that key, or starts one. A load that asked so long ago that its answer
    /// could be too old by now is not joined but fenced off.
    pub(crate) fn begin_load(&self, id: KeyId, now: Monotonic) -> Loading {
        self.write(id).begin_load(id, now, self.max_staleness)
    }

    /// Ends a load: keeps what it found if nothing has been heard of the key since it began.
    pub(crate) fn finish_load(&self, id: KeyId, load: &LoadEntry, found: Option<Arc<CachedKey>>) {
        let finished = self.write(id).finish_load(id, load, found.clone());
        match finished {
            Finished::Published { out } => {
                self.keep_uses(out.as_slice());
                self.departed
                    .returned(id, found.as_ref().map(|key| &key.uses));
            }
            // It stays out, and whoever waits for it may still note a use of it.
            Finished::Fenced => self.keep_uses(found.as_slice()),
        }
    }

    /// Ends a load that found out nothing.
    pub(crate) fn abandon_load(&self, id: KeyId, load: &LoadEntry) {
        self.write(id).end_load(id, load);
    }

    /// Nobody who asks from now on gets what was read of this key before.
    pub(crate) fn forget_key(&self, id: KeyId) {
        let removed = self.write(id).forget(id);
        self.keep_uses(removed.as_slice());
    }

    /// Nobody who asks from now on gets what was read of this account before.
    pub(crate) fn forget_account(&self, id: &AccountId) {
        // Which loads will turn out to concern the account is not known, so all are fenced off.
        self.fence_loads();
        self.accounts.forget(id);
    }

    /// Nobody who asks from now on gets anything that was read before.
    pub(crate) fn forget_everything(&self) {
        self.fence_loads();
        self.accounts.forget_all();
        for shard in &self.shards {
            let removed = lock(shard).clear();
            self.keep_uses(&removed);
        }
    }

    /// When this node last saw the key used, as far as the store may not know it yet.
    pub(crate) fn last_used(&self, id: KeyId) -> Option<Timestamp> {
        self.uses(id).and_then(|uses| uses.last())
    }

    /// What this node knows of the uses of a key.
    pub(crate) fn uses(&self, id: KeyId) -> Option<Arc<Uses>> {
        let cached = self.read(id).find(id).map(|key| key.uses.clone());
        cached.or_else(|| self.departed.find(id))
    }

    /// Calls with the uses of every key, one shard after the other, some of them twice.
    pub(crate) fn for_each_uses(&self, mut visit: impl FnMut(KeyId, &Arc<Uses>)) {
        for shard in &self.shards {
            for key in read(shard).keys() {
                visit(key.record.id, &key.uses);
            }
        }
        self.departed.for_each(visit);
    }

    fn keep_uses(&self, removed: &[Arc<CachedKey>]) {
        for key in removed {
            self.departed.keep(key.record.id, &key.uses);
        }
    }

    fn fence_loads(&self) {
        for shard in &self.shards {
            lock(shard).fence_loads();
        }
    }

    fn shard(&self, id: KeyId) -> &RwLock<Shard> {
        &self.shards[(self.hasher.hash_one(id) >> 32) as usize % SHARDS]
    }

    fn read(&self, id: KeyId) -> RwLockReadGuard<'_, Shard> {
        read(self.shard(id))
    }

    fn write(&self, id: KeyId) -> RwLockWriteGuard<'_, Shard> {
        lock(self.shard(id))
    }
}

// A panic inside a shard's critical section leaves it usable: at worst an entry is missing.
fn read(shard: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn lock(shard: &RwLock<Shard>) -> RwLockWriteGuard<'_, Shard> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}
