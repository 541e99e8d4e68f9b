//! What a backend implements. The contract that all methods share is on the crate's page.

use async_trait::async_trait;
use auto_impl::auto_impl;
use ringyo_key::{KeyId, PepperId};

use crate::{
    Account, AccountId, Changes, Credits, Cursor, Event, EventQuery, KeyQuery, KeyRecord,
    LoadedKey, NewDebit, NewEvent, OperationId, Page, Revision, Settlement, StoreError, Timestamp,
    WalletReceipt,
};

/// Keeps the records of keys.
#[async_trait]
#[auto_impl(&, Arc)]
pub trait KeyStore: std::fmt::Debug + Send + Sync {
    /// Adds a key. The store sets [`revision`](KeyRecord::revision) and ignores
    /// [`last_used_at`](KeyRecord::last_used_at); the record comes back as stored.
    ///
    /// With `max_keys` the account's keys that are [current](KeyRecord::is_current_at) at `event.at`
    /// are counted in the same transaction, so that no race gets past it.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if the id was ever used, `TooManyKeys`, `NotFound` if there is no such
    /// account, and what any method may answer.
    async fn insert_key(
        &self,
        key: &KeyRecord,
        max_keys: Option<u32>,
        event: &NewEvent,
    ) -> Result<KeyRecord, StoreError>;

    /// The record of that id, whatever its state.
    ///
    /// # Errors
    ///
    /// What any read may answer: `Unavailable`, `Corrupt`.
    async fn find_key(&self, id: KeyId) -> Result<Option<KeyRecord>, StoreError>;

    /// The record of that id with its account, both as of one moment, in one round trip. This is
    /// the read behind authentication.
    ///
    /// # Errors
    ///
    /// What any read may answer: `Unavailable`, `Corrupt`.
    async fn load_key(&self, id: KeyId) -> Result<Option<LoadedKey>, StoreError>;

    /// Writes a changed record over the one whose revision it carries, with an event about that
    /// key. Fields that never change, and `last_used_at`, are left as they are in the store.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Revoked` if the stored record is revoked, whatever the revision; `Conflict`
    /// if its revision is another.
    async fn update_key(&self, key: &KeyRecord, event: &NewEvent) -> Result<KeyRecord, StoreError>;

    /// Writes a changed record as [`update_key`](Self::update_key) does and adds another in the
    /// same transaction, with an event each: the atomic half of regenerating.
    ///
    /// With `max_keys` the account may end up with one key more than that, for as long as the two
    /// overlap, and no more: `TooManyKeys` if, at `new_event.at`, more than `max_keys` keys are
    /// current after `old` has been changed and before `new` is added.
    ///
    /// # Errors
    ///
    /// As `update_key` for `old` and `insert_key` for `new`; then neither is changed.
    async fn replace_key(
        &self,
        old: &KeyRecord,
        old_event: &NewEvent,
        new: &KeyRecord,
        new_event: &NewEvent,
        max_keys: Option<u32>,
    ) -> Result<(KeyRecord, KeyRecord), StoreError>;

    /// A page of records. Going through all pages shows every key that was there at the start
    /// once, whatever is inserted meanwhile.
    ///
    /// # Errors
    ///
    /// What any read may answer: `Unavailable`, `Corrupt`.
    async fn list_keys(&self, query: &KeyQuery) -> Result<Page<KeyRecord>, StoreError>;

    /// Notes when keys were last used. A time only ever moves forward; ids that are unknown are
    /// passed over. This is no change in the sense of revisions and the feed, and may be lost
    /// when the machine loses power.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `ReadOnly`.
    async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError>;

    /// How many keys that are [current](KeyRecord::is_current_at) each pepper still has, by pepper;
    /// `None` stands for keys of foreign origin. A pepper that is not listed can go.
    ///
    /// # Errors
    ///
    /// What any read may answer: `Unavailable`, `Corrupt`.
    async fn count_by_pepper(
        &self,
        at: Timestamp,
    ) -> Result<Vec<(Option<PepperId>, u64)>, StoreError>;
}

/// Keeps the accounts.
#[async_trait]
#[auto_impl(&, Arc)]
pub trait AccountStore: std::fmt::Debug + Send + Sync {
    /// Adds an account, with a balance of zero. The store sets its revision.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`.
    async fn insert_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError>;

    /// The account of that id.
    ///
    /// # Errors
    ///
    /// What any read may answer: `Unavailable`, `Corrupt`.
    async fn find_account(&self, id: &AccountId) -> Result<Option<Account>, StoreError>;

    /// Writes a changed account over the one whose revision it carries; `created_at` stays.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Conflict` if its revision is another.
    async fn update_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError>;

    /// Up to `limit` accounts whose id comes behind `after`, in byte order of their ids.
    ///
    /// # Errors
    ///
    /// What any read may answer: `Unavailable`, `Corrupt`.
    async fn list_accounts(
        &self,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError>;
}

/// Keeps the credits of accounts and the ledger behind them.
///
/// Every change has an [`OperationId`]; within an account the same id is the same change, done
/// once. Asked again with the same content it answers [`Replayed`](crate::Outcome::Replayed) with
/// the ledger entry as it stands, with other content `Conflict`. The balance is never below zero.
#[async_trait]
#[auto_impl(&, Arc)]
pub trait WalletStore: std::fmt::Debug + Send + Sync {
    /// The balance; `None` if there is no such account.
    ///
    /// # Errors
    ///
    /// What any read may answer: `Unavailable`, `Corrupt`.
    async fn balance(&self, account: &AccountId) -> Result<Option<Credits>, StoreError>;

    /// Puts credits in. Same content means the same amount.
    ///
    /// # Errors
    ///
    /// `NotFound` without such an account; `Conflict` for a used id, or a balance above 2⁶³ − 1.
    async fn grant(
        &self,
        account: &AccountId,
        operation: &OperationId,
        amount: Credits,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError>;

    /// Takes credits out, held or spent as [`settlement`](NewDebit::settlement) says
    /// ([`Settlement::Refund`] is a `Conflict`). Same content means the same amount: a debit that
    /// has been settled since is answered as it stands.
    ///
    /// # Errors
    ///
    /// `InsufficientCredits`, and then nothing is noted: the id may be tried again. `NotFound`
    /// without such an account; `Conflict` for a used id.
    async fn debit(&self, debit: &NewDebit) -> Result<WalletReceipt, StoreError>;

    /// Commits or refunds a held debit. Asked again it answers `Replayed`.
    ///
    /// # Errors
    ///
    /// `NotFound` without such a debit; `Conflict` if it has been settled the other way, for
    /// [`Settlement::Reserve`], or if the refund would raise the balance above 2⁶³ − 1.
    async fn settle(
        &self,
        account: &AccountId,
        operation: &OperationId,
        settlement: Settlement,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError>;
}

/// Gives the audit trail back.
#[async_trait]
#[auto_impl(&, Arc)]
pub trait EventStore: std::fmt::Debug + Send + Sync {
    /// A page of events, newest first.
    ///
    /// # Errors
    ///
    /// What any read may answer: `Unavailable`, `Corrupt`.
    async fn list_events(&self, query: &EventQuery) -> Result<Page<Event, Revision>, StoreError>;
}

/// Tells other nodes, and other processes on the same file, what to forget.
#[async_trait]
#[auto_impl(&, Arc)]
pub trait ChangeFeed: std::fmt::Debug + Send + Sync {
    /// What has changed since a cursor; with none, nothing, and the cursor of now.
    ///
    /// A change that was committed before this call started is in this answer or in one that the
    /// same follower has been given before: none is ever skipped.
    ///
    /// # Errors
    ///
    /// What any read may answer: `Unavailable`, `Corrupt`.
    async fn changes_since(&self, cursor: Option<&Cursor>) -> Result<Changes, StoreError>;

    /// Returns when there may be changes behind the cursor: at once if there are some already.
    ///
    /// A hint and no more: it may come without need, late, or never. Who must not miss a change
    /// also asks [`changes_since`](Self::changes_since) on a timer. Dropping the future is fine.
    async fn changed(&self, cursor: &Cursor);

    /// Whether the store answers, for health checks.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from answering.
    async fn ready(&self) -> Result<(), StoreError>;
}

/// A whole store. Implemented by whatever implements the parts, `Arc`s of them included.
pub trait Store: KeyStore + AccountStore + WalletStore + EventStore + ChangeFeed {}

impl<T> Store for T where T: KeyStore + AccountStore + WalletStore + EventStore + ChangeFeed + ?Sized
{}
