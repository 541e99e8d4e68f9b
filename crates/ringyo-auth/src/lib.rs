//! The decision behind ringyo: authenticate API keys, manage them, charge credits, and answer
//! over HTTP when something is refused. It forces no web framework on anybody.
//!
//! ```
//! use ringyo_auth::{Credential, NewKey, Preset, Ringyo, preset::ringyo::AGENTS_READ};
//! use ringyo_key::{Pepper, PepperId};
//! use ringyo_store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ringyo = Ringyo::builder(Preset::ringyo(), Pepper::generate(PepperId::new(1)))
//!     .store(MemoryStore::new())
//!     .build()
//!     .await?;
//! ringyo.accounts().create("acct_1", "pro").await?;
//!
//! let new = NewKey::live("acct_1", "Production Server").scopes(["agents", "calls:read"]);
//! let issued = ringyo.keys().issue(new).await?;
//! let header = format!("Bearer {}", issued.key.expose()); // shown once
//!
//! let caller = ringyo.authenticate(Credential::bearer(&header)).await?; // who, and within limits
//! caller.require(&AGENTS_READ)?;                                        // may they
//!
//! ringyo.keys().revoke(caller.key_id()).await?;
//! assert!(ringyo.authenticate(Credential::bearer(&header)).await.is_err());
//! # Ok(()) }
//! ```
//!
//! # Vocabulary
//!
//! * **preset**: how keys look, what they can be given, what plans allow ([`Preset`]).
//! * **caller**: an authenticated key within its limits ([`Caller`]); a **live caller** is one
//!   that may be charged ([`LiveCaller`]).
//! * **actor**: who manages keys, and what they may hand out ([`Actor`]).
//! * **rejection**: a refusal as HTTP ([`Rejection`]).
//!
//! # What is promised
//!
//! * After a change has returned, no request that starts later on this node is decided by the old
//!   state. Other nodes hear of it through the store's change feed, and no record is believed for
//!   longer than [`max_staleness`](Builder::max_staleness) without hearing from the store.
//! * Store or limiter not answering is [`AuthError::Unavailable`]: neither yes nor no.
//! * A warm decision needs no I/O and no allocation. A key that was not minted here is refused
//!   before anything is looked up.
//! * A key or user never hands out more than they have.
//!
//! # Contents
//!
//! [`Ringyo`] holds it all together: [`Authenticator`], [`KeyManager`], [`Accounts`], [`Wallet`],
//! [`HttpMapping`] · [`Credential`] is what a request brings · [`AuthError`], [`ManageError`],
//! [`WalletError`] say why not.

mod authenticator;
mod background;
mod cache;
mod caller;
mod core;
mod credential;
mod error;
mod http_mapping;
mod imported;
mod last_used;
mod manage;
mod plan;
pub mod preset;
mod proven;
mod refused;
mod service;
mod sync;
mod wallet;

pub use authenticator::{Authenticator, Inspection};
pub use caller::{Caller, LiveCaller};
pub use credential::{Credential, CredentialSources};
pub use error::{AuthError, Exceeded, InvalidKey, Unavailable};
pub use http_mapping::{
    BodyStyle, HttpMapping, HttpStyle, RateHeaderMaps, RateHeaders, Refusal, Rejection, envelope,
};
pub use manage::{
    Accounts, Actor, Edit, FieldError, IssuedKey, KeyManager, LeakPolicy, LeakResponse,
    LeakVerdict, LeakedKey, ListKeys, ManageError, NewKey, Overlap, RegeneratedKey, Surplus,
};
pub use plan::{ApiAccess, Plan, Plans};
pub use preset::Preset;
pub use refused::{KnownKey, Refused};
pub use service::{BuildError, Builder, Ringyo};
pub use wallet::{Charge, Reservation, Wallet, WalletError};
