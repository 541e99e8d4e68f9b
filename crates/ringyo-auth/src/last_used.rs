//! Last-used times are noted in memory and written behind, in batches.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use ringyo_key::KeyId;
use ringyo_store::{StoreError, Timestamp};

use crate::core::Core;
use crate::sync::{AtomicI64, AtomicU64, Mutex, MutexGuard, Ordering};

/// Rows in one write, so that no transaction holds up the others for long.
const CHUNK: usize = 1_000;

/// A key is written at most this often, as long as it stays in the cache.
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

/// The last use of a key, and whether the store knows of it. Of two the greater one is right: the later
/// one or, of the same use, the one that is known to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Last {
    millis: i64,
    is_saved: bool,
}

impl Last {
    fn unsaved(at: Timestamp) -> Self {
        Self {
            millis: at.as_unix_millis(),
            is_saved: false,
        }
    }

    /// As one number, in the order of what it stands for. Timestamps begin at 0 and end long before
    /// there is no room for two bits below them.
    fn number(self) -> u64 {
        let millis = (self.millis - NEVER) as u64;
        millis << 2 | if self.is_saved { SAVED } else { 0 }
    }

    fn of_number(number: u64) -> Self {
        Self {
            millis: (number >> 2) as i64 + NEVER,
            is_saved: number & SAVED != 0,
        }
    }
}

/// The bit of a use that the store knows of.
const SAVED: u64 = 0b10;

/// The bit of a key in the cache: what is noted there is found again.
const KEPT: u64 = 0b01;

/// When a key was last used, and what the store knows of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use {
    last: Last,
    /// When the store was last told of a use, as far as this node knows.
    saved_at_millis: i64,
}

impl Use {
    fn merge(self, other: Self) -> Self {
        Self {
            last: self.last.max(other.last),
            saved_at_millis: self.saved_at_millis.max(other.saved_at_millis),
        }
    }

    fn last(self) -> Option<Timestamp> {
        timestamp(self.last.millis)
    }

    /// The last use, if the store does not know it and has not been told of any for as long as
    /// `interval`.
    pub(crate) fn unsaved(self, now: Timestamp, interval: Duration) -> Option<Timestamp> {
        let is_due = timestamp(self.saved_at_millis).is_none_or(|saved_at| {
            // A clock that was set back must not keep a use from being saved.
            saved_at > now || now.since(saved_at) >= interval
        });
        self.last().filter(|_| !self.last.is_saved && is_due)
    }
}

/// The uses of a key that is in the cache, or was.
#[derive(Debug)]
pub(crate) struct Uses {
    /// The number of the [`Last`], and whether the key is [`KEPT`]: not before it has come into the
    /// cache, and not after it has left. In one word, whose changes come one after the other: who
    /// notes a use and who takes the key out cannot miss each other.
    last: AtomicU64,
    saved_at_millis: AtomicI64,
}

impl Uses {
    /// Of a key that is not in the cache yet, and that the store knows this of.
    pub(crate) fn new(known: Option<Timestamp>) -> Self {
        let known = known.map_or(NEVER, Timestamp::as_unix_millis);
        let known_to_the_store = Last {
            millis: known,
            is_saved: true,
        };
        // It knows of this use, so it has been told since then, by whomever.
        Self {
            last: AtomicU64::new(known_to_the_store.number()),
            saved_at_millis: AtomicI64::new(known),
        }
    }

    /// Notes a use, and says whether it is kept; if not, it has to be noted elsewhere. Requests
    /// within one millisecond share one write, so that many cores on one key do not fight for its
    /// line.
    pub(crate) fn touch(&self, at: Timestamp) -> bool {
        let used = Last::unsaved(at).number();
        let later = |word: u64| (word < used).then_some(used | word & KEPT);
        self.update(later).is_none_or(|before| before & KEPT != 0)
    }

    pub(crate) fn last(&self) -> Option<Timestamp> {
        timestamp(Last::of_number(self.last.load(Ordering::Relaxed)).millis)
    }

    /// The key comes into the cache, and this is known of it.
    pub(crate) fn enter(&self, known: Option<Use>) {
        self.last.fetch_or(KEPT, Ordering::Relaxed);
        if let Some(known) = known {
            self.last
                .fetch_max(known.last.number() | KEPT, Ordering::Relaxed);
            self.saved_at_millis
                .fetch_max(known.saved_at_millis, Ordering::Relaxed);
        }
    }

    /// The key leaves the cache, and this is known of it.
    pub(crate) fn leave(&self) -> Use {
        self.known(self.last.fetch_and(!KEPT, Ordering::Relaxed))
    }

    /// What is known at the moment.
    pub(crate) fn now(&self) -> Use {
        self.known(self.last.load(Ordering::Relaxed))
    }

    /// The store has been told of this use just now.
    pub(crate) fn mark_saved(&self, at: Timestamp, now: Timestamp) {
        let saved = at.as_unix_millis();
        self.update(|word| (Last::of_number(word).millis <= saved).then_some(word | SAVED));
        self.saved_at_millis
            .store(now.as_unix_millis(), Ordering::Relaxed);
    }

    /// Changes the word, and says what it was; `None` if nothing is to be changed.
    fn update(&self, change: impl Fn(u64) -> Option<u64>) -> Option<u64> {
        let (set, load) = (Ordering::Relaxed, Ordering::Relaxed);
        self.last.fetch_update(set, load, change).ok()
    }

    fn known(&self, word: u64) -> Use {
        Use {
            last: Last::of_number(word),
            saved_at_millis: self.saved_at_millis.load(Ordering::Relaxed),
        }
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
        } else if departed.len() < MAX_DEPARTED && !known.last.is_saved {
            // What the store knows needs no room here, and others do.
            departed.insert(id, known);
        }
    }

    /// Notes a use of a key that has left.
    pub(crate) fn touch(&self, id: KeyId, at: Timestamp) {
        let used = Use {
            last: Last::unsaved(at),
            saved_at_millis: NEVER,
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
            known.last.is_saved |= known.last.millis <= at.as_unix_millis();
            known.saved_at_millis = now.as_unix_millis();
        }
    }

    /// Lets go of what the store knows.
    pub(crate) fn drop_settled(&self) {
        self.lock().retain(|_, known| !known.last.is_saved);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyId, Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
