//! Arrival times by subject, in parts that are locked on their own.

#[cfg(test)]
mod interleavings;

use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::sync::{AtomicU64, Ordering, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The buckets of one name space.
pub(super) struct Buckets {
    parts: Box<[Part]>,
    hasher: RandomState,
}

/// One subject's part, held exclusively.
pub(super) struct Locked<'a> {
    table: RwLockWriteGuard<'a, Table>,
    hasher: &'a RandomState,
    hash: u64,
    subject: &'a str,
}

impl Buckets {
    /// The arrival time of `subject` now, without making a bucket for it.
    pub(super) fn arrival(&self, subject: &str) -> u64 {
        let hash = self.hasher.hash_one(subject);
        self.part(hash).read().arrival(hash, subject)
    }

    /// Runs `pay` on the arrival time of `subject`, under a shared lock if there is a bucket for
    /// it already. `pay` may run beside others on the same number.
    pub(super) fn with_arrival<T>(
        &self,
        subject: &str,
        now: u64,
        pay: impl FnOnce(&AtomicU64) -> T,
    ) -> T {
        let hash = self.hasher.hash_one(subject);
        let part = self.part(hash);
        {
            let table = part.read();
            if let Some(arrival) = table.find(hash, subject) {
                return pay(arrival);
            }
        }
        pay(part
            .write()
            .find_or_insert(hash, subject, now, &self.hasher))
    }

    /// The arrival time of `subject` itself, for somebody to keep. While they do, it is not
    /// dropped.
    pub(super) fn share(&self, subject: &str) -> Arc<AtomicU64> {
        let hash = self.hasher.hash_one(subject);
        let mut table = self.part(hash).write();
        // No sweep on behalf of somebody who has no time to give: it comes with the next charge.
        table.find_or_insert(hash, subject, 0, &self.hasher).clone()
    }

    /// Holds the part of `subject` until the value is dropped.
    pub(super) fn lock<'a>(&'a self, subject: &'a str) -> Locked<'a> {
        let hash = self.hasher.hash_one(subject);
        Locked {
            table: self.part(hash).write(),
            hasher: &self.hasher,
            hash,
            subject,
        }
    }

    pub(super) fn shrink(&self, now: u64) {
        for part in &self.parts {
            let mut table = part.write();
            table.sweep(now, &self.hasher);
            table.give_back(0, &self.hasher);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.parts
            .iter()
            .map(|part| part.read().entries.len())
            .sum()
    }

    fn part(&self, hash: u64) -> &Part {
        // The table takes its slot from the lowest bits and its tag from the highest seven.
        let index = (hash >> 51) as usize % PARTS;
        &self.parts[index]
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Part::default()).collect(),
            hasher: RandomState::default(),
        }
    }
}

impl Locked<'_> {
    pub(super) fn arrival(&self) -> u64 {
        self.table.arrival(self.hash, self.subject)
    }

    pub(super) fn store(&mut self, arrival: u64, now: u64) {
        self.table
            .find_or_insert(self.hash, self.subject, now, self.hasher)
            .store(arrival, Ordering::Relaxed);
    }
}

/// Two in unit tests, whose scheduler stops at every lock.
const PARTS: usize = if cfg!(test) { 2 } else { 64 };

/// Below this many buckets a part is not worth sweeping.
const SMALLEST_SWEEP: usize = if cfg!(test) { 2 } else { 32 };

/// Apart from its neighbours, so that the lock of one is not slowed down by the lock of another.
#[derive(Default)]
#[repr(align(128))]
struct Part(RwLock<Table>);

impl Part {
    // A panic in the middle of a change is not possible but for lack of memory, and leaves whole
    // entries behind: a poisoned lock is as good as another.
    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Table {
    entries: HashTable<Entry>,
    /// The latest arrival time of all that were dropped. A subject that is not in the table has
    /// this one: for a caller whose clock is past it, that is a full bucket; for one whose reading
    /// is older than the sweep, it is a bound on what may have been forgotten.
    dropped_up_to: u64,
    sweep_at: usize,
}

struct Entry {
    subject: Box<str>,
    arrival: Arc<AtomicU64>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            entries: HashTable::new(),
            dropped_up_to: 0,
            sweep_at: SMALLEST_SWEEP,
        }
    }
}

impl Table {
    fn find(&self, hash: u64, subject: &str) -> Option<&AtomicU64> {
        self.entries
            .find(hash, |entry| *entry.subject == *subject)
            .map(|entry| &*entry.arrival)
    }

    fn arrival(&self, hash: u64, subject: &str) -> u64 {
        self.find(hash, subject)
            .map_or(self.dropped_up_to, |arrival| {
                arrival.load(Ordering::Relaxed)
            })
    }

    fn find_or_insert(
        &mut self,
        hash: u64,
        subject: &str,
        now: u64,
        hasher: &RandomState,
    ) -> &Arc<AtomicU64> {
        if self.entries.len() >= self.sweep_at && self.find(hash, subject).is_none() {
            self.sweep(now, hasher);
        }
        let dropped_up_to = self.dropped_up_to;
        let entry = self
            .entries
            .entry(
                hash,
                |entry| *entry.subject == *subject,
                |entry| hasher.hash_one(&*entry.subject),
            )
            .or_insert_with(|| Entry {
                subject: subject.into(),
                arrival: Arc::new(AtomicU64::new(dropped_up_to)),
            });
        &entry.into_mut().arrival
    }

    /// Drops what is full at `now`. The exclusive lock guarantees that nobody is paying meanwhile.
    ///
    /// The next sweep comes when the table has doubled, so that a bucket is looked at a constant
    /// number of times on average and full ones never outnumber the others by much.
    fn sweep(&mut self, now: u64, hasher: &RandomState) {
        let mut dropped_up_to = self.dropped_up_to;
        self.entries.retain(|entry| {
            let Some(arrival) = Arc::get_mut(&mut entry.arrival) else {
                // Somebody has its tally. They would go on with this bucket, and all others with
                // a new one.
                return true;
            };
            let arrival = *arrival.get_mut();
            let draining = arrival > now;
            if !draining {
                dropped_up_to = dropped_up_to.max(arrival);
            }
            draining
        });
        self.dropped_up_to = dropped_up_to;
        self.sweep_at = (2 * self.entries.len()).max(SMALLEST_SWEEP);
        self.give_back(self.sweep_at, hasher);
    }

    fn give_back(&mut self, capacity: usize, hasher: &RandomState) {
        self.entries
            .shrink_to(capacity, |entry| hasher.hash_one(&*entry.subject));
    }
}
