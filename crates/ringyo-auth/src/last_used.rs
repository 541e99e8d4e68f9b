//! Last-used times are noted in memory and written behind, in batches.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use ringyo_key::KeyId;
use ringyo_store::{StoreError, Timestamp};

use crate::core::Core;
use crate::sync::{AtomicBool, AtomicI64, Mutex, MutexGuard, Ordering};

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
    let mut unsaved: Vec<(KeyId, Timestamp)> = Vec::new();
    cache.for_each_use(|id, uses| unsaved.extend(uses.unsaved(now, interval).map(|at| (id, at))));
    // One order everywhere: two nodes that write the same rows cannot wait for each other. A key
    // that has left the cache, or returned, may have been met twice.
    unsaved.sort_unstable_by_key(|(id, at)| (*id, std::cmp::Reverse(*at)));
    unsaved.dedup_by_key(|(id, _)| *id);
    for chunk in unsaved.chunks(CHUNK) {
        core.within(SAVE_DEADLINE, core.store.touch_keys(chunk))
            .await?;
        for (id, at) in chunk {
            cache.mark_saved(*id, *at, now);
        }
    }
    cache.drop_settled();
    Ok(())
}

const NEVER: i64 = -1;

/// When a key was last used, and what the store knows of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use {
    last_millis: i64,
    /// The last use that the store knows of.
    known_millis: i64,
    /// When the store was last told of a use, as far as this node knows.
    saved_at_millis: i64,
}

impl Use {
    const NEVER: Self = Self {
        last_millis: NEVER,
        known_millis: NEVER,
        saved_at_millis: NEVER,
    };

    fn merge(self, other: Self) -> Self {
        Self {
            last_millis: self.last_millis.max(other.last_millis),
            known_millis: self.known_millis.max(other.known_millis),
            saved_at_millis: self.saved_at_millis.max(other.saved_at_millis),
        }
    }

    fn last(self) -> Option<Timestamp> {
        timestamp(self.last_millis)
    }

    /// The last use, if the store does not know it and has not been told of any for as long as
    /// `interval`.
    pub(crate) fn unsaved(self, now: Timestamp, interval: Duration) -> Option<Timestamp> {
        let last = self.last()?;
        let is_due = timestamp(self.saved_at_millis).is_none_or(|saved_at| {
            // A clock that was set back must not keep a use from being saved.
            saved_at > now || now.since(saved_at) >= interval
        });
        (self.known_millis < self.last_millis && is_due).then_some(last)
    }

    fn is_settled(self) -> bool {
        self.known_millis >= self.last_millis
    }
}

/// The uses of a key that is in the cache, or was.
#[derive(Debug)]
pub(crate) struct Uses {
    last_millis: AtomicI64,
    known_millis: AtomicI64,
    saved_at_millis: AtomicI64,
    /// Whether what is noted here is found again: not before the key has come into the cache, and
    /// not after it has left.
    kept: AtomicBool,
}

impl Uses {
    /// Of a key that is not in the cache yet, and that the store knows this of.
    pub(crate) fn new(known: Option<Timestamp>) -> Self {
        let known = known.map_or(NEVER, Timestamp::as_unix_millis);
        // The store knows of this use, so it has been told since then, by whomever.
        Self {
            last_millis: AtomicI64::new(known),
            known_millis: AtomicI64::new(known),
            saved_at_millis: AtomicI64::new(known),
            kept: AtomicBool::new(false),
        }
    }

    /// Notes a use, and says whether it is kept; if not, it has to be noted elsewhere. Requests
    /// within one millisecond share one write, so that many cores on one key do not fight for its
    /// line.
    pub(crate) fn touch(&self, at: Timestamp) -> bool {
        let millis = at.as_unix_millis();
        if self.last_millis.load(Ordering::Relaxed) >= millis {
            return true;
        }
        // First written, then asked, while `leave` does it the other way round: in the one order
        // that all threads agree on, one of the two sees what the other has done.
        self.last_millis.fetch_max(millis, Ordering::SeqCst);
        self.kept.load(Ordering::SeqCst)
    }

    pub(crate) fn last(&self) -> Option<Timestamp> {
        timestamp(self.last_millis.load(Ordering::Relaxed))
    }

    /// The key comes into the cache, and this is known of it.
    pub(crate) fn enter(&self, known: Option<Use>) {
        self.kept.store(true, Ordering::SeqCst);
        if let Some(known) = known {
            self.last_millis
                .fetch_max(known.last_millis, Ordering::Relaxed);
            self.known_millis
                .fetch_max(known.known_millis, Ordering::Relaxed);
            self.saved_at_millis
                .fetch_max(known.saved_at_millis, Ordering::Relaxed);
        }
    }

    /// The key leaves the cache, and this is known of it.
    pub(crate) fn leave(&self) -> Use {
        self.kept.store(false, Ordering::SeqCst);
        self.now()
    }

    /// What is known at the moment.
    pub(crate) fn now(&self) -> Use {
        Use {
            last_millis: self.last_millis.load(Ordering::SeqCst),
            known_millis: self.known_millis.load(Ordering::Relaxed),
            saved_at_millis: self.saved_at_millis.load(Ordering::Relaxed),
        }
    }

    /// The store has been told of this use just now.
    pub(crate) fn mark_saved(&self, at: Timestamp, now: Timestamp) {
        self.known_millis
            .fetch_max(at.as_unix_millis(), Ordering::Relaxed);
        self.saved_at_millis
            .store(now.as_unix_millis(), Ordering::Relaxed);
    }
}

fn timestamp(millis: i64) -> Option<Timestamp> {
    (millis != NEVER).then(|| Timestamp::from_unix_millis(millis))
}

/// The uses of keys that have left the cache and are not saved yet, whether they have returned or
/// not.
#[derive(Debug, Default)]
pub(crate) struct Departed(Mutex<HashMap<KeyId, Use>>);

impl Departed {
    /// Keeps what is known of a key that has left.
    pub(crate) fn keep(&self, id: KeyId, known: Use) {
        let mut departed = self.lock();
        if let Some(kept) = departed.get_mut(&id) {
            *kept = kept.merge(known);
        } else if departed.len() < MAX_DEPARTED && !known.is_settled() {
            // What the store knows needs no room here, and others do.
            departed.insert(id, known);
        }
    }

    /// Notes a use of a key that has left.
    pub(crate) fn touch(&self, id: KeyId, at: Timestamp) {
        let used = Use {
            last_millis: at.as_unix_millis(),
            ..Use::NEVER
        };
        self.keep(id, used);
    }

    /// What is known of a key that returns. It stays noted here until it is saved: whoever goes
    /// over the cache and then over what has left would else miss a key that returns meanwhile.
    pub(crate) fn known(&self, id: KeyId) -> Option<Use> {
        self.lock().get(&id).copied()
    }

    /// What must not be done before it is saved.
    #[cfg(test)]
    pub(crate) fn forget(&self, id: KeyId) {
        self.lock().remove(&id);
    }

    pub(crate) fn last(&self, id: KeyId) -> Option<Timestamp> {
        self.lock().get(&id).and_then(|known| known.last())
    }

    pub(crate) fn for_each(&self, mut visit: impl FnMut(KeyId, Use)) {
        for (&id, &known) in self.lock().iter() {
            visit(id, known);
        }
    }

    /// The store has been told of this use just now.
    pub(crate) fn mark_saved(&self, id: KeyId, at: Timestamp, now: Timestamp) {
        if let Some(known) = self.lock().get_mut(&id) {
            known.known_millis = known.known_millis.max(at.as_unix_millis());
            known.saved_at_millis = now.as_unix_millis();
        }
    }

    /// Lets go of what the store knows.
    pub(crate) fn drop_settled(&self) {
        self.lock().retain(|_, known| !known.is_settled());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyId, Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
