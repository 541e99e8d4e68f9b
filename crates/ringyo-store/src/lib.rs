//! What a store of API keys keeps and promises: the records, the traits a backend implements,
//! an in-memory store that is complete, and the suite that every store must pass.
//!
//! ```
//! use ringyo_store::{Account, AccountId, AccountStore, EventKind, MemoryStore, NewEvent, Timestamp};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new();
//! let at: Timestamp = "2026-01-02T03:04:05.678Z".parse()?;
//! let account = Account::new(AccountId::new("acct_1")?, "pro", at);
//! let event = NewEvent::new(EventKind::AccountCreated, account.id.clone(), "operator:alice", at);
//! let stored = store.insert_account(&account, &event).await?;
//! assert_eq!(store.find_account(&account.id).await?, Some(stored));
//! # Ok(()) }
//! ```
//!
//! # Vocabulary
//!
//! * **record**: what is kept of a key, never the key itself ([`KeyRecord`]).
//! * **event**: who did what to which key or account, when and from where ([`Event`]). Events are
//!   the audit trail and, being the same rows, the log that tells other nodes what to forget.
//! * **revision**: the number of the event that last changed a record ([`Revision`]). A store
//!   hands them out in rising order; a write names the revision it has read and loses if another
//!   write came first.
//! * **change feed**: what has changed since a [`Cursor`] ([`ChangeFeed`]).
//!
//! # The contract of a store
//!
//! A store knows no policy: it gives back revoked and expired records as they are. What it does
//! promise, and what [`conformance`] checks:
//!
//! 1. A method that changes something is one transaction together with its event: all of it is
//!    durable when the method returns `Ok`, none of it is visible when it returns an error whose
//!    kind is not [`Unavailable`](StoreErrorKind::Unavailable). After `Unavailable` the outcome is
//!    unknown: read again.
//! 2. A dropped future does not undo or tear a change: it happened whole or not at all.
//! 3. Texts are compared byte for byte; ids that differ in case differ.
//! 4. A revoked record stays revoked and an id is never used twice, whatever is called in
//!    whatever order; a store that can refuse it below its own code does so.
//! 5. A read that starts after a write has returned sees that write, from any clone or process.
//!
//! # Features
//!
//! * `conformance` adds the [`conformance`] suite and the [`conformance_tests!`] macro.
//! * `model` adds `conformance::model` to it, for tests with `proptest`.
//!
//! # Contents
//!
//! Records: [`KeyRecord`], [`Account`], [`Event`], [`WalletOperation`] · traits: [`KeyStore`],
//! [`AccountStore`], [`WalletStore`], [`EventStore`], [`ChangeFeed`], all of them [`Store`] ·
//! [`MemoryStore`] · [`StoreError`].

mod account;
mod changes;
mod error;
mod event;
mod key_list;
mod key_record;
mod memory;
mod network;
mod timestamp;
mod traits;
mod wallet;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use account::{Account, AccountId, AccountIdError};
pub use changes::{ChangeSet, Changed, Changes, Cursor};
pub use error::{StoreError, StoreErrorKind};
pub use event::{Event, EventKind, EventQuery, NewEvent, UnknownEventKind};
pub use ipnet::IpNet;
pub use key_list::{CursorError, KeyCursor, KeyFilter, KeyQuery, Page, PageSize};
pub use key_record::{
    KeyQuota, KeyRecord, KeyState, KeyStatus, LoadedKey, Revision, UnknownStatus,
};
pub use memory::MemoryStore;
pub use network::{NetworkError, parse_network};
pub use timestamp::{Timestamp, TimestampError};
pub use traits::{AccountStore, ChangeFeed, EventStore, KeyStore, Store, WalletStore};
pub use wallet::{
    Credits, NewDebit, OperationId, OperationIdError, OperationKind, OperationState, Outcome,
    Settlement, WalletOperation, WalletReceipt,
};
