//! Where documents are kept: what each database does in its own words.

use std::error::Error;
use std::fmt::Debug;

use async_trait::async_trait;
use ringyo::{AccountId, Timestamp};

use super::{Claim, DayOfCalls};

/// What kept a document from being read or written.
pub(crate) type Fault = Box<dyn Error + Send + Sync>;

/// A fault that passes: the database cannot be reached, or somebody else holds it.
#[derive(Debug, thiserror::Error)]
#[error("the documents are out of reach")]
pub(crate) struct OutOfReach(#[source] pub(crate) Fault);

/// Which documents: those of one account and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawer {
    pub(super) account: AccountId,
    pub(super) kind: &'static str,
}

/// A document as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sheet {
    /// Never used for another.
    pub(super) id: String,
    /// JSON.
    pub(super) body: String,
}

/// What becomes of a body.
pub(super) type Change = Box<dyn FnOnce(&str) -> Result<String, Fault> + Send>;

/// A place for documents. What changes something is one transaction, durable when it returns.
#[async_trait]
pub(super) trait Shelf: Debug + Send + Sync {
    /// Adds a document. One of the same id that is there already stays; the body that is there
    /// then, unless the id belongs to another drawer.
    async fn insert(&self, into: Drawer, sheet: Sheet) -> Result<Option<String>, Fault>;

    /// Adds documents, all or none, unless the drawer has any.
    async fn insert_unless_any(&self, into: Drawer, sheets: Vec<Sheet>) -> Result<(), Fault>;

    /// The body of that id.
    async fn find(&self, from: Drawer, id: String) -> Result<Option<String>, Fault>;

    /// Up to so many bodies before a place, the newest first, each with its place.
    async fn list(
        &self,
        from: Drawer,
        before: i64,
        most: usize,
    ) -> Result<Vec<(i64, String)>, Fault>;

    /// All bodies of a kind with that `status` in it, with the ids of their accounts.
    async fn in_status(
        &self,
        kind: &'static str,
        status: &'static str,
    ) -> Result<Vec<(String, String)>, Fault>;

    /// Changes a body, which nobody else changes meanwhile; what it then is, if there is one.
    async fn update(
        &self,
        from: Drawer,
        id: String,
        change: Change,
    ) -> Result<Option<String>, Fault>;

    /// Takes a document away; whether there was one.
    async fn remove(&self, from: Drawer, id: String) -> Result<bool, Fault>;

    /// What an idempotency key is bound to.
    async fn find_claim(&self, scope: String, key: String) -> Result<Option<Claim>, Fault>;

    /// Binds an idempotency key, unless it is bound already; answers what it is bound to.
    async fn claim(&self, scope: String, key: String, claim: Claim) -> Result<Claim, Fault>;

    /// The calls of an account since a moment, by day, the oldest first. Days without are left out.
    async fn calls_by_day(
        &self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<Vec<DayOfCalls>, Fault>;

    /// Whether the database answers.
    async fn ready(&self) -> Result<(), Fault>;

    /// Lets go of the database, once what is being done is done.
    async fn close(&self);
}
