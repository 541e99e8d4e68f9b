//! Last-used times are noted in memory and written behind, in batches.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringyo_key::KeyId;
use ringyo_store::{StoreError, Timestamp};

use crate::core::Core;

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
    // that is just leaving the cache may have been met twice.
    unsaved.sort_unstable_by_key(|(id, at)| (*id, std::cmp::Reverse(*at)));
    unsaved.dedup_by_key(|(id, _)| *id);
    for chunk in unsaved.chunks(CHUNK) {
        core.within(SAVE_DEADLINE, core.store.touch_keys(chunk))
            .await?;
        for (id, at) in chunk {
            cache.mark_saved(*id, *at, now);
        }
    }
    cache.departed().drop_settled();
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

/// The uses of keys that have left the cache and are not saved yet.
#[derive(Debug, Default)]
pub(crate) struct Departed(Mutex<HashMap<KeyId, Use>>);

impl Departed {
    /// Keeps what is known of a key that has left.
    pub(crate) fn keep(&self, id: KeyId, known: Use) {
        let mut departed = self.lock();
        if let Some(kept) = departed.get_mut(&id) {
            *kept = kept.merge(known);
        } else if departed.len() < MAX_DEPARTED {
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

    /// Gives back what is known of a key that returns.
    pub(crate) fn take(&self, id: KeyId) -> Option<Use> {
        self.lock().remove(&id)
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
    fn drop_settled(&self) {
        self.lock().retain(|_, known| !known.is_settled());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyId, Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    #[test]
    fn what_is_not_kept_is_said_to_be_noted_elsewhere() {
        let uses = Uses::new(Some(at(5)));
        assert!(!uses.touch(at(6)), "it has not come in yet");
        uses.enter(None);
        assert!(uses.touch(at(7)));
        assert_eq!(uses.leave().last(), Some(at(7)));
        assert!(!uses.touch(at(8)), "it has left");
    }

    #[test]
    fn no_use_is_lost_between_a_request_and_a_key_that_leaves() {
        for round in 1..2_000 {
            let uses = Uses::new(None);
            uses.enter(None);
            let (is_kept, left) = std::thread::scope(|scope| {
                let request = scope.spawn(|| uses.touch(at(round)));
                let left = uses.leave();
                (request.join().unwrap(), left)
            });
            assert!(!is_kept || left.last() == Some(at(round)), "round {round}");
        }
    }

    #[test]
    fn what_has_left_returns_with_all_that_is_known() {
        let departed = Departed::default();
        let id: KeyId = "0a1B2c3D4e5F".parse().unwrap();
        let uses = Uses::new(Some(at(5)));
        uses.enter(None);
        uses.touch(at(7));
        departed.keep(id, uses.leave());
        departed.touch(id, at(9));
        departed.touch(id, at(8));
        assert_eq!(departed.last(id), Some(at(9)));

        let back = Uses::new(Some(at(5)));
        back.enter(departed.take(id));
        assert_eq!(back.last(), Some(at(9)));
        let unsaved = back.now().unsaved(at(100_000), INTERVAL);
        assert_eq!(unsaved, Some(at(9)));
        back.mark_saved(at(9), at(100_000));
        assert_eq!(back.now().unsaved(at(200_000), INTERVAL), None);
        assert_eq!(departed.last(id), None);
    }

    #[test]
    fn a_use_is_saved_when_the_last_one_was_long_enough_ago() {
        let now = at(1_000_000);
        let minute = INTERVAL.as_millis() as i64;
        for (saved_at, known, last, is_unsaved) in [
            (NEVER, NEVER, 7, true),
            (NEVER, NEVER, NEVER, false),
            // The store knows of it.
            (NEVER, 7, 7, false),
            (NEVER, 8, 7, false),
            (NEVER, 6, 7, true),
            // It has been told just now, or a minute ago, or by a clock that is set back since.
            (1_000_000, 6, 7, false),
            (1_000_000 - minute + 1, 6, 7, false),
            (1_000_000 - minute, 6, 7, true),
            (1_000_001, 6, 7, true),
            (1_000_001, 7, 7, false),
        ] {
            let uses = Use {
                last_millis: last,
                known_millis: known,
                saved_at_millis: saved_at,
            };
            let expected = is_unsaved.then_some(at(last));
            assert_eq!(uses.unsaved(now, INTERVAL), expected, "{uses:?}");
            assert_eq!(uses.is_settled(), known >= last, "{uses:?}");
        }
    }

    #[test]
    fn so_many_keys_that_have_left_are_kept_and_no_more() {
        let departed = Departed::default();
        let id = |number: usize| format!("{number:012}").parse::<KeyId>().unwrap();
        for number in 0..MAX_DEPARTED + 10 {
            departed.touch(id(number), at(7));
        }
        assert_eq!(departed.lock().len(), MAX_DEPARTED);
        // Those that are there are still kept up to date, and leave when the store knows of them.
        departed.touch(id(0), at(9));
        departed.mark_saved(id(0), at(8), at(100));
        departed.mark_saved(id(1), at(7), at(100));
        departed.drop_settled();
        assert_eq!(
            (departed.last(id(0)), departed.last(id(1))),
            (Some(at(9)), None)
        );
        let mut left = 0;
        departed.for_each(|_, _| left += 1);
        assert_eq!(left, MAX_DEPARTED - 1);
    }
}
