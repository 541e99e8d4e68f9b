use std::sync::Arc;

use ringyo_key::KeyId;
use ringyo_limit::Tally;

use super::{AccountCell, CachedKey};

/// A key in its table, beside what it leads to: whoever finds it need not wait for the key before
/// fetching the others.
#[derive(Debug)]
pub(crate) struct Place {
    key: Arc<CachedKey>,
    account: Arc<AccountCell>,
    tally: Option<Tally>,
}

impl Place {
    pub(crate) fn of(key: Arc<CachedKey>) -> Self {
        Self {
            account: key.account.clone(),
            tally: key.tally().cloned(),
            key,
        }
    }

    pub(crate) fn key(&self) -> &Arc<CachedKey> {
        &self.key
    }

    pub(crate) fn into_key(self) -> Arc<CachedKey> {
        self.key
    }

    #[inline]
    pub(crate) fn is_of(&self, id: KeyId) -> bool {
        self.key.id == id
    }

    /// Has the processor fetch what a decision is going to read, all of it at once.
    #[inline]
    pub(crate) fn fetch(&self) {
        self.account.fetch();
        if let Some(tally) = &self.tally {
            tally.fetch();
        }
    }
}
