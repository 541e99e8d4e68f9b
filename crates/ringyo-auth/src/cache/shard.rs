use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use ringyo_key::KeyId;
use ringyo_limit::Monotonic;
use ringyo_store::Timestamp;
use tokio::sync::watch;

use super::table::Table;
use super::{CachedKey, Hasher, Place};
use crate::error::Unavailable;

/// What a load came to.
pub(crate) type LoadOutcome = Result<Option<Arc<CachedKey>>, Unavailable>;

/// A load under way: the requests that wait for it hold receivers of the same channel.
pub(crate) type LoadEntry = Arc<watch::Sender<Option<LoadOutcome>>>;

/// Whether a load was joined or has to be done.
pub(crate) enum Loading {
    /// Somebody else is loading: wait.
    Joined(watch::Receiver<Option<LoadOutcome>>),
    /// Load, then publish and tell the others.
    Started(LoadEntry),
}

/// What became of what a load found.
pub(crate) enum Finished {
    /// It is in the cache now, and this had to leave for it.
    Published { out: Option<Arc<CachedKey>> },
    /// The key has been forgotten since the load began: it stays out.
    Fenced,
}

/// How many cached keys are compared to find one to evict.
const EVICTION_SAMPLE: usize = 8;

/// A load under way that may still publish.
#[derive(Debug)]
struct Ongoing {
    entry: LoadEntry,
    asked_at: Monotonic,
}

/// A part of the cache, behind one lock. What is read for every request comes first, in the cache
/// line of the lock.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Shard {
    keys: Table<Place>,
    loading: HashMap<KeyId, Ongoing, RandomState>,
    hasher: Hasher,
    capacity: usize,
    next_sample: usize,
}

impl Shard {
    pub(crate) fn new(capacity: usize, hasher: Hasher) -> Self {
        Self {
            keys: Table::new(),
            loading: HashMap::default(),
            hasher,
            capacity,
            next_sample: 0,
        }
    }

    #[inline]
    pub(crate) fn find(&self, id: KeyId, hash: u64) -> Option<&Place> {
        self.keys.find(hash, |place| {
            place.fetch();
            place.is_of(id)
        })
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Arc<CachedKey>> {
        self.keys.iter().map(Place::key)
    }

    /// How far its keys are from where they are looked for, in all.
    #[cfg(test)]
    pub(crate) fn steps(&self) -> usize {
        self.keys
            .all_steps(|place| self.hasher.hash(place.key().id))
    }

    pub(crate) fn begin_load(&mut self, id: KeyId, now: Monotonic, max_age: Duration) -> Loading {
        if let Some(load) = self.loading.get(&id)
            && now.saturating_since(load.asked_at) <= max_age
        {
            return Loading::Joined(load.entry.subscribe());
        }
        let entry = Arc::new(watch::Sender::new(None));
        let load = Ongoing {
            entry: entry.clone(),
            asked_at: now,
        };
        self.loading.insert(id, load);
        Loading::Started(entry)
    }

    /// Publishes unless the load has been fenced off.
    pub(crate) fn finish_load(
        &mut self,
        id: KeyId,
        load: &LoadEntry,
        found: Option<Arc<CachedKey>>,
    ) -> Finished {
        if !self.end_load(id, load) {
            return Finished::Fenced;
        }
        let out = match found {
            Some(key) => self.insert(id, key),
            None => self.remove(id),
        };
        Finished::Published { out }
    }

    /// Whether the load had not been fenced off; either way it is over.
    pub(crate) fn end_load(&mut self, id: KeyId, load: &LoadEntry) -> bool {
        let unfenced = self
            .loading
            .get(&id)
            .is_some_and(|ongoing| Arc::ptr_eq(&ongoing.entry, load));
        if unfenced {
            self.loading.remove(&id);
        }
        unfenced
    }

    /// Takes a key away, together with the right of a load under way to publish it.
    pub(crate) fn forget(&mut self, id: KeyId) -> Option<Arc<CachedKey>> {
        self.loading.remove(&id);
        self.remove(id)
    }

    pub(crate) fn fence_loads(&mut self) {
        self.loading.clear();
    }

    pub(crate) fn clear(&mut self) -> impl Iterator<Item = Arc<CachedKey>> {
        let keys = std::mem::replace(&mut self.keys, Table::new());
        keys.into_iter().map(Place::into_key)
    }

    fn insert(&mut self, id: KeyId, key: Arc<CachedKey>) -> Option<Arc<CachedKey>> {
        let replaced = self.remove(id);
        let evicted = if self.keys.len() >= self.capacity {
            self.idlest().and_then(|idlest| self.remove(idlest))
        } else {
            None
        };
        let hasher = &self.hasher;
        self.keys.insert(hasher.hash(id), Place::of(key), |place| {
            hasher.hash(place.key().id)
        });
        // A key that was there leaves room for itself.
        replaced.or(evicted)
    }

    fn remove(&mut self, id: KeyId) -> Option<Arc<CachedKey>> {
        let hasher = &self.hasher;
        let hash_of = |place: &Place| hasher.hash(place.key().id);
        let is_it = |place: &Place| place.is_of(id);
        let removed = self.keys.remove(hasher.hash(id), is_it, hash_of);
        removed.map(Place::into_key)
    }

    /// The longest unused of a few keys: close to the longest unused of all, without a list that
    /// every request would have to write to.
    fn idlest(&mut self) -> Option<KeyId> {
        let places = self.keys.places();
        let start = self.next_sample;
        // Steps by a large prime walk all places, in no order that keys share.
        let place = |step: usize| start.wrapping_add(step).wrapping_mul(2_654_435_761) % places;
        let mut looked_at = 0;
        let idlest = (0..places)
            .inspect(|step| looked_at = *step)
            .filter_map(|step| self.keys.at(place(step)))
            .map(Place::key)
            .take(EVICTION_SAMPLE)
            .min_by_key(|key| key.uses.last().unwrap_or(Timestamp::MIN))
            .map(|key| key.id);
        self.next_sample = start.wrapping_add(looked_at + 1);
        idlest
    }
}
