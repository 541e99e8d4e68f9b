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
mod permissions;
mod place;
mod shard;
mod table;
#[cfg(test)]
mod tests;

use std::hash::BuildHasher as _;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use ringyo_key::KeyId;
use ringyo_limit::Monotonic;
use ringyo_store::{AccountId, Timestamp};

use crate::last_used::{Departed, Use};
use crate::sync::{AtomicU64, Ordering, RwLock, RwLockReadGuard, RwLockWriteGuard};
use place::Place;
use shard::{Finished, Shard};

pub(crate) use accounts::{AccountCell, Accounts, Epoch, bucket_name};
pub(crate) use entry::CachedKey;
pub(crate) use permissions::{PermissionSets, Permissions};
pub(crate) use shard::{LoadEntry, LoadOutcome, Loading};

/// The most shards: so many that two processors seldom want the same one at the same time, and so
/// few that their locks stay within a processor's reach.
const MOST_SHARDS: usize = 256;

/// Keys that make a shard worth having.
const KEYS_PER_SHARD: usize = 64;

/// Where keys are in their tables. Ids are drawn at random by services of one's own, and the seed
/// is another one for each process.
#[derive(Debug, Clone)]
pub(crate) struct Hasher(RandomState);

impl Hasher {
    pub(crate) fn hash(&self, id: KeyId) -> u64 {
        // As two numbers rather than as bytes: their length need not be hashed.
        let [a, b, c, d, e, f, g, h, rest @ ..] = *id.as_bytes();
        let start = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
        self.0.hash_one((start, u32::from_ne_bytes(rest)))
    }
}

/// The id of a cached key came with another secret.
#[derive(Debug)]
pub(crate) struct WrongSecret;

#[derive(Debug)]
pub(crate) struct KeyCache {
    shards: Box<[Part]>,
    hasher: Hasher,
    accounts: Accounts,
    permission_sets: PermissionSets,
    departed: Departed,
    /// When the change feed was last known to hold nothing new: the moment before the question
    /// was sent, in nanoseconds.
    confirmed_at: AtomicU64,
    max_staleness: Duration,
}

impl KeyCache {
    /// A cache for so many keys; each shard holds its part of them.
    pub(crate) fn new(capacity: usize, max_staleness: Duration) -> Self {
        let shards = (capacity / KEYS_PER_SHARD).clamp(1, MOST_SHARDS);
        let per_shard = capacity.div_ceil(shards).max(1);
        let hasher = Hasher(RandomState::default());
        Self {
            shards: (0..shards)
                .map(|_| Part(RwLock::new(Shard::new(per_shard, hasher.clone()))))
                .collect(),
            hasher,
            accounts: Accounts::default(),
            permission_sets: PermissionSets::default(),
            departed: Departed::default(),
            confirmed_at: AtomicU64::new(0),
            max_staleness,
        }
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    pub(crate) fn permission_sets(&self) -> &PermissionSets {
        &self.permission_sets
    }

    /// The cached record, if this node may still vouch for it: if it was certain no longer than
    /// `max_staleness` ago. No allocation, no write.
    ///
    /// The time is not after `latest`; what it is now is asked for if that makes a difference.
    /// Whoever has another secret does not get the record, and it is not counted for them.
    #[inline]
    pub(crate) fn find(
        &self,
        id: KeyId,
        latest: Monotonic,
        now: impl FnOnce() -> Monotonic,
        is_proven: impl FnOnce(&CachedKey) -> bool,
    ) -> Option<Result<Arc<CachedKey>, WrongSecret>> {
        let hash = self.hasher.hash(id);
        let shard = self.part(hash).read();
        let key = shard.find(id, hash)?.key();
        // Asked before it is taken: to count one more who has it, the processor waits for all that
        // it has begun to fetch.
        let is_vouched_for = self.is_vouched_for(key, latest, Duration::ZERO)
            || self.is_vouched_for(key, now(), Duration::ZERO);
        is_vouched_for.then(|| match is_proven(key) {
            true => Ok(key.clone()),
            false => Err(WrongSecret),
        })
    }

    /// The same, and for so much longer.
    pub(crate) fn find_stale(
        &self,
        id: KeyId,
        now: Monotonic,
        grace: Duration,
    ) -> Option<Arc<CachedKey>> {
        let key = self.cached(id)?;
        self.is_vouched_for(&key, now, grace).then_some(key)
    }

    #[inline]
    fn is_vouched_for(&self, key: &CachedKey, now: Monotonic, grace: Duration) -> bool {
        key.account.is_current() && now <= self.certain_at(key) + self.max_staleness + grace
    }

    /// For how long a record that nothing more is heard of is vouched for.
    pub(crate) const fn max_staleness(&self) -> Duration {
        self.max_staleness
    }

    /// When it was last certain that the record is as it stands in the store.
    #[inline]
    fn certain_at(&self, key: &CachedKey) -> Monotonic {
        let confirmed = Monotonic::from_nanos(self.confirmed_at.load(Ordering::Acquire));
        confirmed.max(key.loaded_at)
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
        let mut shard = self.write(id);
        // What is fenced off stays out, and who waits for it notes its use elsewhere.
        if let Finished::Published { out } = shard.finish_load(id, load, found.clone()) {
            let (replaced, evicted) = match out {
                Some(out) if out.id == id && found.is_some() => (Some(out), None),
                out => (None, out),
            };
            self.leave(evicted);
            if let Some(key) = found {
                // One that is read again knows what it knew, also when it was saved.
                key.uses
                    .enter(replaced.map(|replaced| replaced.uses.leave()));
                key.uses.enter(self.departed.known(id));
            }
        }
    }

    /// Ends a load that found out nothing.
    pub(crate) fn abandon_load(&self, id: KeyId, load: &LoadEntry) {
        self.write(id).end_load(id, load);
    }

    /// Nobody who asks from now on gets what was read of this key before.
    pub(crate) fn forget_key(&self, id: KeyId) {
        let mut shard = self.write(id);
        self.leave(shard.forget(id));
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
        for part in &self.shards {
            self.leave(part.write().clear());
        }
    }

    /// Notes a use of a key that the cache has given out.
    pub(crate) fn note_use(&self, key: &CachedKey, at: Timestamp) {
        if !key.uses.touch(at) {
            self.note_use_elsewhere(key.id, at);
        }
    }

    /// When this node last saw the key used, as far as the store may not know it yet.
    pub(crate) fn last_used(&self, id: KeyId) -> Option<Timestamp> {
        // In this order: what is not in the cache has left, and stays noted if it returns.
        let cached = self.cached(id).and_then(|key| key.uses.last());
        cached.max(self.departed.last(id))
    }

    /// Calls with the uses of every key, one shard after the other, some of them twice. None is
    /// missed: what leaves behind this is met among the departed, where it stays when it returns.
    pub(crate) fn for_each_use(&self, mut visit: impl FnMut(KeyId, Use)) {
        for part in &self.shards {
            for key in part.read().keys() {
                visit(key.id, key.uses.now());
            }
        }
        self.departed.for_each(visit);
    }

    /// The store has been told of this use just now.
    pub(crate) fn mark_saved(&self, id: KeyId, at: Timestamp, now: Timestamp) {
        if let Some(key) = self.cached(id) {
            key.uses.mark_saved(at, now);
        }
        self.departed.mark_saved(id, at, now);
    }

    /// Lets go of uses of keys that have left which the store knows of.
    pub(crate) fn drop_settled(&self) {
        self.departed.drop_settled();
    }

    /// The key has been read again, or has left, since it was given out.
    #[cold]
    fn note_use_elsewhere(&self, id: KeyId, at: Timestamp) {
        let is_noted = self.cached(id).is_some_and(|key| key.uses.touch(at));
        if !is_noted {
            self.departed.touch(id, at);
        }
    }

    /// Keeps what is known of the uses of keys that have left. The lock of their shard is held, so
    /// that nobody finds it neither here nor there.
    fn leave(&self, keys: impl IntoIterator<Item = Arc<CachedKey>>) {
        for key in keys {
            self.departed.keep(key.id, key.uses.leave());
        }
    }

    fn fence_loads(&self) {
        for part in &self.shards {
            part.write().fence_loads();
        }
    }

    fn cached(&self, id: KeyId) -> Option<Arc<CachedKey>> {
        let hash = self.hasher.hash(id);
        let shard = self.part(hash).read();
        shard.find(id, hash).map(|place| place.key().clone())
    }

    fn part(&self, hash: u64) -> &Part {
        // Tables begin to look by the lower half, and have a tag of the highest seven bits.
        // The rest is spread over the shards by multiplying, which costs less than dividing.
        let spread = (hash >> 20) & u64::from(u32::MAX);
        &self.shards[((spread * self.shards.len() as u64) >> 32) as usize]
    }

    fn write(&self, id: KeyId) -> RwLockWriteGuard<'_, Shard> {
        self.part(self.hasher.hash(id)).write()
    }
}

/// A shard apart from its neighbours, so that the lock of one is not slowed down by the lock of
/// another.
#[derive(Debug)]
#[repr(align(128))]
struct Part(RwLock<Shard>);

impl Part {
    // A panic inside a shard's critical section leaves it usable: at worst an entry is missing.
    fn read(&self) -> RwLockReadGuard<'_, Shard> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shard> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
