//! Last-used times are noted in memory and written behind, in batches.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ringyo_key::KeyId;
use ringyo_store::{StoreError, Timestamp};

use crate::core::Core;
use crate::sync::{AtomicI64, Mutex, MutexGuard, Ordering};

/// Rows in one write, so that no transaction holds up the others for long.
const CHUNK: usize = 1_000;

/// A key is written at most this often.
const INTERVAL: Duration = Duration::from_secs(60);

/// How long one write may take.
const SAVE_DEADLINE: Duration = Duration::from_secs(30);

/// How many keys that have left the cache are remembered until their last use is saved. Beyond
/// it a last use is lost, never a request.
const MAX_DEPARTED: usize = 100_000;

/// Which uses to save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Those of keys that have not been saved for a minute.
    Due,
    /// All that are not saved.
    All,
}

/// Saves the last uses that the store does not know. What fails is tried again by the next flush.
pub(crate) async fn flush(core: &Core, which: Flush) -> Result<(), StoreError> {
    let (cache, now) = (&core.cache, core.timestamp());
    let interval = match which {
        Flush::Due => INTERVAL,
        Flush::All => Duration::ZERO,
    };
    let mut unsaved: Vec<(KeyId, Timestamp, Arc<Uses>)> = Vec::new();
    cache.for_each_uses(|id, uses| {
        if let Some(at) = uses.unsaved(now, interval) {
            unsaved.push((id, at, uses.clone()));
        }
    });
    // One order everywhere: two nodes that write the same rows cannot wait for each other. A key
    // that is just leaving the cache may have been met twice.
    unsaved.sort_unstable_by_key(|(id, at, _)| (*id, std::cmp::Reverse(*at)));
    unsaved.dedup_by_key(|(id, ..)| *id);
    for chunk in unsaved.chunks(CHUNK) {
        let rows: Vec<_> = chunk.iter().map(|(id, at, _)| (*id, *at)).collect();
        core.within(SAVE_DEADLINE, core.store.touch_keys(&rows))
            .await?;
        for (_, at, uses) in chunk {
            uses.mark_saved(*at, now);
        }
    }
    drop(unsaved);
    cache.departed().drop_settled();
    Ok(())
}

const NEVER: i64 = -1;

/// When a key was last used, and what the store knows of that. Readings of the same key share
/// one, so that neither a reload nor a request that still holds an older reading loses a use.
#[derive(Debug)]
pub(crate) struct Uses {
    last_millis: AtomicI64,
    /// The last use that the store knows of.
    known_millis: AtomicI64,
    /// When the store was last told of a use, as far as this node knows.
    saved_at_millis: AtomicI64,
}

impl Uses {
    pub(crate) const fn new() -> Self {
        Self {
            last_millis: AtomicI64::new(NEVER),
            known_millis: AtomicI64::new(NEVER),
            saved_at_millis: AtomicI64::new(NEVER),
        }
    }

    /// Notes a use. Requests within one millisecond share one write, so that many cores on one
    /// key do not fight for its line.
    pub(crate) fn touch(&self, at: Timestamp) {
        let millis = at.as_unix_millis();
        if self.last_millis.load(Ordering::Relaxed) < millis {
            self.last_millis.fetch_max(millis, Ordering::Relaxed);
        }
    }

    pub(crate) fn last(&self) -> Option<Timestamp> {
        timestamp(self.last_millis.load(Ordering::Relaxed))
    }

    /// The store knows of this use, so it has been told since then, by whomever.
    pub(crate) fn mark_known(&self, at: Timestamp) {
        self.touch(at);
        let millis = at.as_unix_millis();
        self.known_millis.fetch_max(millis, Ordering::Relaxed);
        self.saved_at_millis.fetch_max(millis, Ordering::Relaxed);
    }

    /// The store has been told of this use just now.
    fn mark_saved(&self, at: Timestamp, now: Timestamp) {
        self.mark_known(at);
        let millis = now.as_unix_millis();
        self.saved_at_millis.store(millis, Ordering::Relaxed);
    }

    /// The last use, if the store does not know it and has not been told of any for as long as
    /// `interval`.
    fn unsaved(&self, now: Timestamp, interval: Duration) -> Option<Timestamp> {
        let last = self.last()?;
        let known = timestamp(self.known_millis.load(Ordering::Relaxed));
        let saved_at = timestamp(self.saved_at_millis.load(Ordering::Relaxed));
        let is_due = saved_at.is_none_or(|saved_at| {
            // A clock that was set back must not keep a use from being saved.
            saved_at > now || now.since(saved_at) >= interval
        });
        (known < Some(last) && is_due).then_some(last)
    }
}

fn timestamp(millis: i64) -> Option<Timestamp> {
    (millis != NEVER).then(|| Timestamp::from_unix_millis(millis))
}

/// The uses of keys that have left the cache and may not be saved yet.
#[derive(Debug, Default)]
pub(crate) struct Departed(Mutex<HashMap<KeyId, Arc<Uses>>>);

impl Departed {
    pub(crate) fn keep(&self, id: KeyId, uses: &Arc<Uses>) {
        let mut departed = self.lock();
        if let Some(kept) = departed.get(&id) {
            // Two readings that were never in the cache at one time.
            if let Some(last) = uses.last().filter(|_| !Arc::ptr_eq(kept, uses)) {
                kept.touch(last);
            }
        } else if departed.len() < MAX_DEPARTED {
            departed.insert(id, uses.clone());
        }
    }

    /// The key is in the cache again, with these uses.
    pub(crate) fn returned(&self, id: KeyId, uses: Option<&Arc<Uses>>) {
        let mut departed = self.lock();
        if let (Some(kept), Some(uses)) = (departed.get(&id), uses)
            && Arc::ptr_eq(kept, uses)
        {
            departed.remove(&id);
        }
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<Arc<Uses>> {
        self.lock().get(&id).cloned()
    }

    pub(crate) fn for_each(&self, mut visit: impl FnMut(KeyId, &Arc<Uses>)) {
        for (&id, uses) in self.lock().iter() {
            visit(id, uses);
        }
    }

    /// Lets go of what is saved, unless a request could still note another use.
    fn drop_settled(&self) {
        self.lock().retain(|_, uses| {
            Arc::strong_count(uses) > 1 || uses.unsaved(Timestamp::MAX, Duration::ZERO).is_some()
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyId, Arc<Uses>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
