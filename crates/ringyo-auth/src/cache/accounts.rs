use std::collections::HashMap;
use std::sync::{Arc, PoisonError, Weak};

use ringyo_key::Mode;
use ringyo_store::{AccountId, Revision};

use crate::Plan;
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// An account as all its cached keys see it; when it changes, they all know at once.
#[derive(Debug)]
pub(crate) struct AccountCell {
    pub(crate) id: AccountId,
    pub(crate) plan: Arc<Plan>,
    current: AtomicBool,
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

/// The accounts that cached keys hold on to.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    cells: Mutex<HashMap<AccountId, Weak<AccountCell>>>,
}

impl Accounts {
    /// The cell that all keys of the account use, for a reading of it.
    ///
    /// Readings of different revisions cannot both be right: the later one replaces the earlier,
    /// whose keys ask again.
    pub(crate) fn share(&self, read: AccountCell) -> Arc<AccountCell> {
        let mut cells = self.lock();
        if let Some(cell) = cells.get(&read.id).and_then(Weak::upgrade)
            && cell.is_current()
        {
            if cell.revision == read.revision {
                return cell;
            }
            if cell.revision > read.revision {
                read.retire();
                return Arc::new(read);
            }
            cell.retire();
        }
        // Growing is the moment to drop the accounts whose last key has left the cache.
        if cells.len() == cells.capacity() {
            cells.retain(|_, cell| cell.strong_count() > 0);
        }
        let cell = Arc::new(read);
        cells.insert(cell.id.clone(), Arc::downgrade(&cell));
        cell
    }

    /// Makes every key of the account ask again. Loads under way must have been fenced off before:
    /// one that published after this would bring the old reading back.
    pub(crate) fn forget(&self, id: &AccountId) {
        if let Some(cell) = self.lock().remove(id).and_then(|cell| cell.upgrade()) {
            cell.retire();
        }
    }

    /// The same for every account.
    pub(crate) fn forget_all(&self) {
        for (_, cell) in self.lock().drain() {
            if let Some(cell) = cell.upgrade() {
                cell.retire();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Weak<AccountCell>>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
