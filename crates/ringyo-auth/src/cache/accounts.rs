use std::cmp;
use std::hash::BuildHasher as _;
use std::hint::black_box;
use std::sync::{Arc, OnceLock, PoisonError, Weak};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use ringyo_key::Mode;
use ringyo_store::{AccountId, Revision};

use crate::Plan;
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// An account as all its cached keys see it; when it changes, they all know at once.
///
/// What every decision reads stands together at the beginning.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct AccountCell {
    pub(crate) plan: Arc<Plan>,
    current: AtomicBool,
    pub(crate) id: AccountId,
    revision: Revision,
    /// Made when a limiter wants them, which one that has given its tally never does.
    buckets: OnceLock<Box<Buckets>>,
}

/// The names of the rate-limit buckets of an account.
#[derive(Debug)]
struct Buckets {
    live: Box<str>,
    test: Box<str>,
}

impl AccountCell {
    pub(crate) fn new(id: AccountId, plan: Arc<Plan>, revision: Revision) -> Self {
        Self {
            id,
            plan,
            current: AtomicBool::new(true),
            revision,
            buckets: OnceLock::new(),
        }
    }

    /// Whether nothing has been heard of the account since it was read.
    pub(crate) fn is_current(&self) -> bool {
        self.current.load(Ordering::Acquire)
    }

    /// Has the processor fetch what stands at the beginning. Nothing is decided by it, so that later
    /// loads need not wait for it.
    #[inline]
    pub(crate) fn fetch(&self) {
        black_box(self.current.load(Ordering::Relaxed));
    }

    fn retire(&self) {
        self.current.store(false, Ordering::Release);
    }

    /// The name of the rate-limit bucket that keys of this mode share.
    pub(crate) fn bucket(&self, mode: Mode) -> &str {
        let named = |mode| bucket_name(&self.id, mode).into();
        let buckets = self.buckets.get_or_init(|| {
            Box::new(Buckets {
                live: named(Mode::Live),
                test: named(Mode::Test),
            })
        });
        match mode {
            Mode::Live => &buckets.live,
            Mode::Test => &buckets.test,
        }
    }
}

/// Live and test keys have a bucket each, so that a test run cannot starve production.
pub(crate) fn bucket_name(account: &AccountId, mode: Mode) -> String {
    format!("{account}/{mode}")
}

/// The time between two moments at which everything was forgotten. Revisions of the store that was
/// read before and of the one that is read now have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Epoch(u64);

/// The accounts that cached keys hold on to.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    epoch: Epoch,
    cells: HashTable<Entry>,
    hasher: RandomState,
}

/// An account by the hash of its id, which it holds itself.
#[derive(Debug)]
struct Entry {
    hash: u64,
    cell: Weak<AccountCell>,
}

impl Known {
    fn find(&self, id: &AccountId) -> Option<Arc<AccountCell>> {
        let hash = self.hasher.hash_one(id);
        let mut entries = self.cells.iter_hash(hash);
        entries.find_map(|entry| entry.holds(hash, id))
    }

    fn put(&mut self, cell: &Arc<AccountCell>) {
        let hash = self.hasher.hash_one(&cell.id);
        let entry = Entry {
            hash,
            cell: Arc::downgrade(cell),
        };
        let is_of_it = |known: &Entry| known.holds(hash, &cell.id).is_some();
        if let Some(known) = self.cells.find_mut(hash, is_of_it) {
            *known = entry;
            return;
        }
        // Growing is the moment to drop the accounts whose last key has left the cache.
        if self.cells.len() >= self.cells.capacity() {
            self.cells.retain(|entry| entry.cell.strong_count() > 0);
        }
        self.cells.insert_unique(hash, entry, |entry| entry.hash);
    }

    fn remove(&mut self, id: &AccountId) -> Option<Arc<AccountCell>> {
        let hash = self.hasher.hash_one(id);
        let is_of_it = |known: &Entry| known.holds(hash, id).is_some();
        let (known, _) = self.cells.find_entry(hash, is_of_it).ok()?.remove();
        known.cell.upgrade()
    }
}

impl Entry {
    /// The cell, if it is there still and that of the account.
    fn holds(&self, hash: u64, id: &AccountId) -> Option<Arc<AccountCell>> {
        if self.hash != hash {
            return None;
        }
        self.cell.upgrade().filter(|cell| cell.id == *id)
    }
}

impl Accounts {
    /// The epoch, for who is about to read.
    pub(crate) fn epoch(&self) -> Epoch {
        self.lock().epoch
    }

    /// The cell that all keys of the account use, for a reading of it that began in that epoch.
    ///
    /// Readings of different revisions cannot both be right: the later one replaces the earlier,
    /// whose keys ask again. A reading that began in an earlier epoch is for those who wait for it
    /// and nobody else.
    pub(crate) fn share(&self, read: AccountCell, epoch: Epoch) -> Arc<AccountCell> {
        let mut known = self.lock();
        if epoch != known.epoch {
            read.retire();
            return Arc::new(read);
        }
        if let Some(cell) = known.find(&read.id)
            && cell.is_current()
        {
            match cell.revision.cmp(&read.revision) {
                cmp::Ordering::Equal => return cell,
                cmp::Ordering::Greater => {
                    read.retire();
                    return Arc::new(read);
                }
                cmp::Ordering::Less => cell.retire(),
            }
        }
        let cell = Arc::new(read);
        known.put(&cell);
        cell
    }

    /// Makes every key of the account ask again. Loads under way must have been fenced off before:
    /// one that published after this would bring the old reading back.
    pub(crate) fn forget(&self, id: &AccountId) {
        if let Some(cell) = self.lock().remove(id) {
            cell.retire();
        }
    }

    /// The same for every account.
    pub(crate) fn forget_all(&self) {
        let mut known = self.lock();
        known.epoch.0 += 1;
        for entry in known.cells.drain() {
            if let Some(cell) = entry.cell.upgrade() {
                cell.retire();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(plan: &str) -> AccountCell {
        let id = AccountId::new("acct_1").unwrap();
        AccountCell::new(id, Arc::new(Plan::without_api(plan)), Revision::NONE)
    }

    /// The locks here are the scheduler's, which wants to be there.
    fn scheduled(test: fn()) {
        shuttle::check_random(test, 1);
    }

    #[test]
    fn readings_of_one_epoch_and_revision_share_a_cell() {
        scheduled(|| {
            let accounts = Accounts::default();
            let epoch = accounts.epoch();
            let one = accounts.share(read("pro"), epoch);
            let other = accounts.share(read("pro"), epoch);
            assert!(Arc::ptr_eq(&one, &other) && one.is_current());
        });
    }

    #[test]
    fn what_was_read_before_everything_was_forgotten_is_shared_with_nobody() {
        scheduled(|| {
            let accounts = Accounts::default();
            let before = accounts.epoch();
            accounts.forget_all();
            // The store that was restored counts its revisions anew: both are the same one.
            let old = accounts.share(read("agency"), before);
            let new = accounts.share(read("starter"), accounts.epoch());
            assert_eq!(old.plan.name, "agency");
            assert_eq!(new.plan.name, "starter");
            assert!(!old.is_current() && new.is_current());
        });
    }

    #[test]
    fn of_two_readings_the_later_one_counts_whichever_comes_first() {
        let read = |plan: &str, revision| {
            let id = AccountId::new("acct_1").unwrap();
            let plan = Arc::new(Plan::without_api(plan));
            AccountCell::new(id, plan, Revision::new(revision))
        };
        for revisions in [[7, 8], [8, 7]] {
            shuttle::check_random(
                move || {
                    let accounts = Accounts::default();
                    let epoch = accounts.epoch();
                    let cells =
                        revisions.map(|revision| accounts.share(read("pro", revision), epoch));
                    for (cell, revision) in cells.iter().zip(revisions) {
                        assert_eq!(cell.is_current(), revision == 8);
                    }
                    let later = accounts.share(read("pro", 8), epoch);
                    assert!(cells.iter().any(|cell| Arc::ptr_eq(cell, &later)));
                },
                1,
            );
        }
    }

    /// Accounts come and go, and some stay.
    #[test]
    fn who_has_left_is_dropped_and_who_is_there_is_not() {
        scheduled(|| {
            let accounts = Accounts::default();
            let share = |number: u32| {
                let id = AccountId::new(format!("acct_{number}")).unwrap();
                let plan = Arc::new(Plan::without_api("pro"));
                let cell = AccountCell::new(id, plan, Revision::NONE);
                accounts.share(cell, accounts.epoch())
            };
            let staying: Vec<_> = (0..50).map(share).collect();
            for number in 50..1_000 {
                share(number);
            }
            let known = accounts.lock().cells.len();
            assert!((50..500).contains(&known), "{known} accounts");
            for (number, cell) in (0..).zip(&staying) {
                assert!(Arc::ptr_eq(cell, &share(number)), "account {number}");
                accounts.forget(&cell.id);
                assert!(!cell.is_current(), "account {number}");
            }
        });
    }
}
