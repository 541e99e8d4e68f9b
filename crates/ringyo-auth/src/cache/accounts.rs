use std::cmp;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, Weak};

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
    live_bucket: Box<str>,
    test_bucket: Box<str>,
}

impl AccountCell {
    pub(crate) fn new(id: AccountId, plan: Arc<Plan>, revision: Revision) -> Self {
        Self {
            live_bucket: bucket_name(&id, Mode::Live).into(),
            test_bucket: bucket_name(&id, Mode::Test).into(),
            id,
            plan,
            current: AtomicBool::new(true),
            revision,
        }
    }

    /// Whether nothing has been heard of the account since it was read.
    pub(crate) fn is_current(&self) -> bool {
        self.current.load(Ordering::Acquire)
    }

    fn retire(&self) {
        self.current.store(false, Ordering::Release);
    }

    /// The name of the rate-limit bucket that keys of this mode share.
    pub(crate) fn bucket(&self, mode: Mode) -> &str {
        match mode {
            Mode::Live => &self.live_bucket,
            Mode::Test => &self.test_bucket,
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
    cells: HashMap<AccountId, Weak<AccountCell>>,
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
        let cells = &mut known.cells;
        if let Some(cell) = cells.get(&read.id).and_then(Weak::upgrade)
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
        // Growing is the moment to drop the accounts whose last key has left the cache.
        if cells.len() >= cells.capacity() {
            cells.retain(|_, cell| cell.strong_count() > 0);
        }
        let cell = Arc::new(read);
        cells.insert(cell.id.clone(), Arc::downgrade(&cell));
        cell
    }

    /// Makes every key of the account ask again. Loads under way must have been fenced off before:
    /// one that published after this would bring the old reading back.
    pub(crate) fn forget(&self, id: &AccountId) {
        if let Some(cell) = self.lock().cells.remove(id).and_then(|cell| cell.upgrade()) {
            cell.retire();
        }
    }

    /// The same for every account.
    pub(crate) fn forget_all(&self) {
        let mut known = self.lock();
        known.epoch.0 += 1;
        for (_, cell) in known.cells.drain() {
            if let Some(cell) = cell.upgrade() {
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
