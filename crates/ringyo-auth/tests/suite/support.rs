//! A service on a manual clock, and a store that counts what reaches it and can be broken.

use std::future::ready;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ringyo_auth::{ApiAccess, AuthError, Builder, Caller, Credential, IssuedKey, NewKey, Plan};
use ringyo_auth::{Preset, Ringyo};
use ringyo_key::{KeyId, Pepper, PepperId, PepperRing};
use ringyo_limit::ManualClock;
use ringyo_store::*;
use tokio::sync::Semaphore;

/// 2026-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_767_225_600_000;

#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) ringyo: Ringyo,
    pub(crate) clock: ManualClock,
    pub(crate) store: Watched,
}

pub(crate) const PEPPER: &str = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub(crate) fn peppers() -> PepperRing {
    PepperRing::parse(PEPPER).unwrap()
}

pub(crate) async fn setting() -> Setting {
    setting_with(|builder| builder).await
}

pub(crate) async fn setting_with(adjust: impl FnOnce(Builder) -> Builder) -> Setting {
    xtask::log::follow();
    let store = Watched::default();
    let clock = ManualClock::new(START);
    let ringyo = node(&store, &clock, adjust).await;
    for (id, plan) in [
        ("acct_pro", "pro"),
        ("acct_agency", "agency"),
        ("acct_starter", "starter"),
    ] {
        ringyo.accounts().create(id, plan).await.unwrap();
    }
    Setting {
        ringyo,
        clock,
        store,
    }
}

/// A preset with the plan `open`, which has no limit, and `closed`, which has no API.
pub(crate) fn unlimited() -> Preset {
    let open = Plan {
        access: ApiAccess::Unlimited,
        ..Plan::without_api("open")
    };
    Preset {
        plans: [open, Plan::without_api("closed")].into_iter().collect(),
        ..Preset::ringyo()
    }
}

/// A service by that preset, with an account on its plan `open`.
pub(crate) async fn setting_of(preset: Preset) -> Setting {
    let store = Watched::default();
    let clock = ManualClock::new(START);
    let builder = Ringyo::builder(preset, peppers());
    let builder = builder.store(store.clone()).clock(clock.clone());
    let ringyo = builder.build().await.unwrap();
    ringyo.accounts().create("acct_open", "open").await.unwrap();
    Setting {
        ringyo,
        clock,
        store,
    }
}

/// One of several nodes on a store.
pub(crate) async fn node(
    store: &Watched,
    clock: &ManualClock,
    adjust: impl FnOnce(Builder) -> Builder,
) -> Ringyo {
    let builder = Ringyo::builder(Preset::ringyo(), peppers())
        .store(store.clone())
        .clock(clock.clone());
    adjust(builder).build().await.unwrap()
}

impl Setting {
    pub(crate) async fn issue(&self, new: NewKey) -> IssuedKey {
        self.ringyo.keys().issue(new).await.unwrap()
    }

    /// A live key of `acct_agency` that may do anything.
    pub(crate) async fn key(&self) -> IssuedKey {
        self.issue(NewKey::live("acct_agency", "Server").scopes(["*"]))
            .await
    }

    /// The record as the store has it, without what the node knows beside.
    pub(crate) async fn stored(&self, id: KeyId) -> KeyRecord {
        self.store.inner.find_key(id).await.unwrap().unwrap()
    }

    /// Writes a record past this library, as somebody with access to the database does.
    pub(crate) async fn write_by_hand(&self, record: &KeyRecord) {
        let event = NewEvent {
            key: Some(record.id),
            ..NewEvent::new(
                EventKind::KeyEdited,
                record.account.clone(),
                "sql",
                record.created_at,
            )
        };
        self.store.inner.update_key(record, &event).await.unwrap();
    }

    pub(crate) async fn authenticate(&self, key: &IssuedKey) -> Result<Caller, AuthError> {
        authenticate(&self.ringyo, key).await
    }
}

pub(crate) async fn authenticate(ringyo: &Ringyo, key: &IssuedKey) -> Result<Caller, AuthError> {
    ringyo.authenticate(Credential::key(key.key.expose())).await
}

/// A pepper that no service in these tests has.
pub(crate) fn strange_peppers() -> PepperRing {
    PepperRing::new(Pepper::generate(PepperId::new(1)))
}

/// A store behind a door: what goes through is counted, and the door can be shut.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) inner: Arc<dyn Store>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    loads: AtomicU64,
    calls: AtomicU64,
    touched: AtomicU64,
    is_down: AtomicBool,
    is_feed_down: AtomicBool,
    is_contended: AtomicBool,
    refusals: Mutex<Vec<StoreErrorKind>>,
    is_restored: AtomicBool,
    loads_wait: AtomicBool,
    loads_panic: AtomicBool,
    let_through: Semaphore,
    waiting: AtomicU64,
    feed_answers: AtomicU64,
    feed_refusals: AtomicU64,
}

impl Default for Watched {
    fn default() -> Self {
        Self::before(Arc::new(MemoryStore::new()))
    }
}

impl Watched {
    /// A door of its own for one of the nodes on a store.
    pub(crate) fn before(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            shared: Arc::new(Shared {
                loads: AtomicU64::new(0),
                calls: AtomicU64::new(0),
                touched: AtomicU64::new(0),
                is_down: AtomicBool::new(false),
                is_feed_down: AtomicBool::new(false),
                is_contended: AtomicBool::new(false),
                refusals: Mutex::default(),
                is_restored: AtomicBool::new(false),
                loads_wait: AtomicBool::new(false),
                loads_panic: AtomicBool::new(false),
                let_through: Semaphore::new(0),
                waiting: AtomicU64::new(0),
                feed_answers: AtomicU64::new(0),
                feed_refusals: AtomicU64::new(0),
            }),
        }
    }

    pub(crate) fn loads(&self) -> u64 {
        self.shared.loads.load(Ordering::SeqCst)
    }

    /// Calls of any method but those of the change feed.
    pub(crate) fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::SeqCst)
    }

    /// Rows that [`KeyStore::touch_keys`] was given.
    pub(crate) fn touched(&self) -> u64 {
        self.shared.touched.load(Ordering::SeqCst)
    }

    /// Makes every call fail, or work again.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::SeqCst);
        self.set_feed_down(is_down);
    }

    /// Cuts the change feed alone.
    pub(crate) fn set_feed_down(&self, is_down: bool) {
        self.shared.is_feed_down.store(is_down, Ordering::SeqCst);
    }

    /// Lets every compare-and-set lose, as against somebody who always writes first.
    pub(crate) fn set_contended(&self, is_contended: bool) {
        self.shared
            .is_contended
            .store(is_contended, Ordering::SeqCst);
    }

    /// Answers the next writes of keys and accounts with these errors, the last one first.
    pub(crate) fn refuse_writes(&self, refusals: &[StoreErrorKind]) {
        *self.shared.refusals.lock().unwrap() = refusals.to_vec();
    }

    /// The next answer of the change feed is "everything", as after a restore.
    pub(crate) fn restore(&self) {
        self.shared.is_restored.store(true, Ordering::SeqCst);
    }

    /// Lets so many of the loads that wait give their row back, and goes on holding.
    pub(crate) fn release_some(&self, loads: usize) {
        self.shared.let_through.add_permits(loads);
    }

    /// From now on loads read their row and then wait before they give it back.
    pub(crate) fn hold_loads(&self) {
        self.shared.loads_wait.store(true, Ordering::SeqCst);
    }

    /// Lets loads panic, or work again.
    pub(crate) fn let_loads_panic(&self, panic: bool) {
        self.shared.loads_panic.store(panic, Ordering::SeqCst);
    }

    /// Gives back what waits, and holds no more.
    pub(crate) fn release_loads(&self) {
        self.shared.loads_wait.store(false, Ordering::SeqCst);
        self.shared.let_through.add_permits(1_000);
    }

    /// Returns when so many loads have read their row and wait.
    pub(crate) async fn until_held(&self, loads: u64) {
        until(|| self.shared.waiting.load(Ordering::SeqCst) >= loads).await;
    }

    /// How many times the change feed has answered.
    pub(crate) fn told(&self) -> u64 {
        self.shared.feed_answers.load(Ordering::SeqCst)
    }

    /// Whether this is the only one.
    pub(crate) fn is_let_go(&self) -> bool {
        Arc::strong_count(&self.shared) == 1
    }

    /// Returns when no service has it any more.
    pub(crate) async fn until_let_go(&self) {
        until(|| self.is_let_go()).await;
    }

    /// Returns when the change feed has answered so many times more. What one answer told has been
    /// applied when the next is asked for.
    pub(crate) async fn until_told(&self, answers: u64) {
        let goal = self.told() + answers;
        until(|| self.told() >= goal).await;
    }

    /// Returns when the change feed has refused to answer so many times in all.
    pub(crate) async fn until_refused(&self, times: u64) {
        until(|| self.shared.feed_refusals.load(Ordering::SeqCst) >= times).await;
    }

    fn contend(&self) -> Result<(), StoreError> {
        if self.shared.is_contended.load(Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::Conflict, "too late"));
        }
        self.refuse()
    }

    fn refuse(&self) -> Result<(), StoreError> {
        match self.shared.refusals.lock().unwrap().pop() {
            Some(kind) => Err(StoreError::new(kind, "refused")),
            None => Ok(()),
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        down(self.shared.is_down.load(Ordering::SeqCst))
    }
}

/// Waits for what must happen soon, however busy the machine is.
pub(crate) async fn until(has_happened: impl Fn() -> bool) {
    until_so(|| ready(has_happened())).await;
}

/// The same of what somebody has to be asked for.
pub(crate) async fn until_so<F: Future<Output = bool>>(has_happened: impl Fn() -> F) {
    for _ in 0..60_000 {
        if has_happened().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it did not happen");
}

fn down(is_down: bool) -> Result<(), StoreError> {
    if is_down {
        return Err(StoreError::new(StoreErrorKind::Unavailable, "unplugged"));
    }
    Ok(())
}

#[async_trait]
impl KeyStore for Watched {
    async fn insert_key(
        &self,
        key: &KeyRecord,
        max_keys: Option<u32>,
        event: &NewEvent,
    ) -> Result<KeyRecord, StoreError> {
        self.check()?;
        self.refuse()?;
        self.inner.insert_key(key, max_keys, event).await
    }
    async fn find_key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        self.check()?;
        self.inner.find_key(id).await
    }
    async fn load_key(&self, id: KeyId) -> Result<Option<LoadedKey>, StoreError> {
        self.shared.loads.fetch_add(1, Ordering::SeqCst);
        self.check()?;
        let panics = self.shared.loads_panic.load(Ordering::SeqCst);
        assert!(!panics, "a fault of the store");
        let loaded = self.inner.load_key(id).await;
        if self.shared.loads_wait.load(Ordering::SeqCst) {
            self.shared.waiting.fetch_add(1, Ordering::SeqCst);
            self.shared.let_through.acquire().await.unwrap().forget();
        }
        loaded
    }
    async fn update_key(&self, key: &KeyRecord, event: &NewEvent) -> Result<KeyRecord, StoreError> {
        self.check()?;
        self.contend()?;
        self.inner.update_key(key, event).await
    }
    async fn replace_key(
        &self,
        old: &KeyRecord,
        old_event: &NewEvent,
        new: &KeyRecord,
        new_event: &NewEvent,
        max_keys: Option<u32>,
    ) -> Result<(KeyRecord, KeyRecord), StoreError> {
        self.check()?;
        self.contend()?;
        self.inner
            .replace_key(old, old_event, new, new_event, max_keys)
            .await
    }
    async fn list_keys(&self, query: &KeyQuery) -> Result<Page<KeyRecord>, StoreError> {
        self.check()?;
        self.inner.list_keys(query).await
    }
    async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        self.check()?;
        self.shared
            .touched
            .fetch_add(used.len() as u64, Ordering::SeqCst);
        self.inner.touch_keys(used).await
    }
    async fn count_by_pepper(
        &self,
        at: Timestamp,
    ) -> Result<Vec<(Option<PepperId>, u64)>, StoreError> {
        self.check()?;
        self.inner.count_by_pepper(at).await
    }
}

#[async_trait]
impl AccountStore for Watched {
    async fn insert_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        self.check()?;
        self.inner.insert_account(account, event).await
    }
    async fn find_account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        self.check()?;
        self.inner.find_account(id).await
    }
    async fn update_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        self.check()?;
        self.contend()?;
        self.inner.update_account(account, event).await
    }
    async fn list_accounts(
        &self,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        self.check()?;
        self.inner.list_accounts(after, limit).await
    }
}

#[async_trait]
impl WalletStore for Watched {
    async fn balance(&self, account: &AccountId) -> Result<Option<Credits>, StoreError> {
        self.check()?;
        self.inner.balance(account).await
    }
    async fn grant(
        &self,
        account: &AccountId,
        operation: &OperationId,
        amount: Credits,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        self.check()?;
        self.inner.grant(account, operation, amount, at).await
    }
    async fn debit(&self, debit: &NewDebit) -> Result<WalletReceipt, StoreError> {
        self.check()?;
        self.inner.debit(debit).await
    }
    async fn settle(
        &self,
        account: &AccountId,
        operation: &OperationId,
        settlement: Settlement,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        self.check()?;
        self.inner.settle(account, operation, settlement, at).await
    }
}

#[async_trait]
impl EventStore for Watched {
    async fn list_events(&self, query: &EventQuery) -> Result<Page<Event, Revision>, StoreError> {
        self.check()?;
        self.inner.list_events(query).await
    }
}

#[async_trait]
impl ChangeFeed for Watched {
    async fn changes_since(&self, cursor: Option<&Cursor>) -> Result<Changes, StoreError> {
        let refused = down(self.shared.is_feed_down.load(Ordering::SeqCst));
        if refused.is_err() {
            self.shared.feed_refusals.fetch_add(1, Ordering::SeqCst);
        }
        refused?;
        let changes = self.inner.changes_since(cursor).await?;
        // An answer that is under way when the feed is cut is lost as well.
        down(self.shared.is_feed_down.load(Ordering::SeqCst))?;
        self.shared.feed_answers.fetch_add(1, Ordering::SeqCst);
        if self.shared.is_restored.swap(false, Ordering::SeqCst) {
            return Ok(Changes {
                changed: ChangeSet::Everything,
                ..changes
            });
        }
        Ok(changes)
    }
    async fn changed(&self, cursor: &Cursor) {
        if self.shared.is_feed_down.load(Ordering::SeqCst) {
            // A message that never comes.
            std::future::pending::<()>().await;
        }
        self.inner.changed(cursor).await;
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.check()?;
        self.inner.ready().await
    }
}
