use std::sync::Arc;
use std::time::Duration;

use ringyo_key::{KeyFormat, KeyId, Mode, PepperRing};
use ringyo_limit::{Clock, LimitError, Monotonic, Now, RateLimiter};
use ringyo_scope::Catalog;
use ringyo_store::{
    AccountId, ChangeSet, Changed, LoadedKey, Revision, Store, StoreError, StoreErrorKind,
    Timestamp,
};

use crate::cache::{
    AccountCell, CachedKey, Epoch, KeyCache, LoadEntry, LoadOutcome, Loading, bucket_name,
};
use crate::error::Unavailable;
use crate::imported::LookUps;
use crate::sync::spawn;
use crate::{Plan, Plans};

/// Longer than any store waits for a lock or a connection; only one that hangs takes it up.
const MANAGEMENT_DEADLINE: Duration = Duration::from_secs(30);

/// What all handles of a service share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) limiter: Arc<dyn RateLimiter>,
    pub(crate) clock: Arc<dyn Clock>,
    /// That of the clock.
    pub(crate) lag: Duration,
    pub(crate) peppers: PepperRing,
    pub(crate) format: KeyFormat,
    pub(crate) catalog: Catalog,
    pub(crate) plans: Plans,
    pub(crate) cache: KeyCache,
    pub(crate) foreign_look_ups: LookUps,
    pub(crate) store_deadline: Duration,
    pub(crate) stale_if_error: Duration,
}

impl Core {
    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    /// A time that is at most [`lag`](Self::lag) old.
    #[inline]
    pub(crate) fn lately(&self) -> Now {
        self.clock.lately()
    }

    /// Whether somebody was asked so lately that the answer is one for now, and not for a moment
    /// before this node stood still, and who knows for how long.
    pub(crate) fn is_recent(&self, asked_at: Monotonic, now: Now) -> bool {
        let bound = self.cache.max_staleness().max(self.store_deadline);
        now.monotonic.saturating_since(asked_at) <= bound
    }

    pub(crate) fn timestamp(&self) -> Timestamp {
        wall(self.now())
    }

    pub(crate) fn plan(&self, name: &str) -> Arc<Plan> {
        self.plans.find(name)
    }

    /// Does what changes that were committed elsewhere ask for.
    pub(crate) fn apply(&self, changes: &ChangeSet) {
        match changes {
            ChangeSet::Everything => self.cache.forget_everything(),
            ChangeSet::These(changes) => {
                for changed in changes {
                    match changed {
                        Changed::Key(id) => self.cache.forget_key(*id),
                        Changed::Account(id) => self.forget_account(id),
                    }
                }
            }
        }
    }

    pub(crate) fn forget_account(&self, id: &AccountId) {
        self.cache.forget_account(id);
        for mode in Mode::ALL {
            self.limiter.quota_changed(&bucket_name(id, mode));
        }
    }

    /// Reads a key from the store; requests that ask for it at the same time share one read.
    pub(crate) async fn load(self: &Arc<Self>, id: KeyId) -> LoadOutcome {
        let asked_at = self.now().monotonic;
        let mut outcome = match self.cache.begin_load(id, asked_at) {
            Loading::Joined(outcome) => outcome,
            Loading::Started(entry) => {
                let outcome = entry.subscribe();
                let load = Load {
                    core: self.clone(),
                    id,
                    asked_at,
                    entry,
                };
                // A task of its own: the first to ask may hang up while others still wait.
                spawn(load.run());
                outcome
            }
        };
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            // The sender is never dropped without an outcome; if it were, nothing is known.
            Ok(None) | Err(_) => Err(Unavailable::StoreTimeout(self.store_deadline)),
        }
    }

    /// Waits for the store no longer than that.
    pub(crate) async fn within<T>(
        &self,
        deadline: Duration,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        tokio::time::timeout(deadline, call)
            .await
            .unwrap_or(Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "the store did not answer in time",
            )))
    }

    /// Waits for the store as long as a request does.
    pub(crate) async fn ask_store<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Unavailable> {
        match tokio::time::timeout(self.store_deadline, call).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Unavailable::StoreTimeout(self.store_deadline)),
        }
    }

    /// Waits for the store as long as somebody who manages keys would.
    pub(crate) async fn managed<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.within(MANAGEMENT_DEADLINE, call).await
    }

    async fn read(&self, id: KeyId, asked_at: Monotonic) -> LoadOutcome {
        let epoch = self.cache.accounts().epoch();
        let found = self.ask_store(self.store.load_key(id)).await?;
        Ok(found.map(|loaded| Arc::new(self.entry(loaded, asked_at, epoch))))
    }

    /// What requests need of a record that the store was asked for at that time, and in that epoch.
    pub(crate) fn entry(&self, loaded: LoadedKey, asked_at: Monotonic, epoch: Epoch) -> CachedKey {
        let LoadedKey { key, account } = loaded;
        let (plan, revision) = match &account {
            Some(account) => (self.plan(&account.plan), account.revision),
            None => (self.plan(""), Revision::NONE),
        };
        let cell = AccountCell::new(key.account.clone(), plan, revision);
        let cell = self.cache.accounts().share(cell, epoch);
        let tally = self.limiter.tally(&bucket_name(&cell.id, key.mode));
        let permissions = self.cache.permission_sets();
        let permissions = permissions.share(key.scopes.clone(), &self.catalog);
        CachedKey::new(key, cell, tally, permissions, asked_at)
    }
}

/// One read of the store on behalf of all who wait for it.
struct Load {
    core: Arc<Core>,
    id: KeyId,
    asked_at: Monotonic,
    entry: LoadEntry,
}

impl Load {
    async fn run(self) {
        let outcome = self.core.read(self.id, self.asked_at).await;
        match &outcome {
            Ok(found) => {
                let cache = &self.core.cache;
                cache.finish_load(self.id, &self.entry, found.clone());
            }
            // A failed read says nothing about what is cached.
            Err(_) => self.core.cache.abandon_load(self.id, &self.entry),
        }
        self.entry.send_replace(Some(outcome));
    }
}

impl Drop for Load {
    /// Nobody waits for a load that a panic or the end of the runtime has ended.
    fn drop(&mut self) {
        if self.entry.borrow().is_none() {
            self.core.cache.abandon_load(self.id, &self.entry);
            let lost = StoreError::new(
                StoreErrorKind::Unavailable,
                "the read of the store ended without an answer",
            );
            self.entry.send_replace(Some(Err(lost.into())));
        }
    }
}

/// The wall-clock half of a reading.
pub(crate) fn wall(now: Now) -> Timestamp {
    Timestamp::from_unix_millis(now.unix_millis)
}

impl From<LimitError> for Unavailable {
    fn from(error: LimitError) -> Self {
        Self::Limiter(Arc::new(error))
    }
}

impl From<StoreError> for Unavailable {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}
