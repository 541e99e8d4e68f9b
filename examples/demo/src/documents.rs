//! What the demo itself keeps: agents, calls, phone numbers and webhooks, one set for each
//! account, whether a live or a test key asks for them.
//!
//! They are JSON in two tables of their own, in the database that the keys are in or, with
//! `--store memory`, in one in memory. ringyo's own tables are never touched from here.

mod postgres;
mod shelf;
mod sqlite;

use std::path::Path;
use std::sync::Arc;

use ringyo::{AccountId, Page, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::query::Paging;
use postgres::Postgres;
use shelf::{Drawer, Sheet, Shelf};
use sqlite::Sqlite;

pub(crate) use shelf::{Fault, OutOfReach};

/// Something the demo keeps.
pub(crate) trait Document: Serialize + DeserializeOwned + Send + 'static {
    /// What it is, as the table says.
    const KIND: &'static str;

    /// Its id, never used for another.
    fn id(&self) -> &str;
}

/// An idempotency key, bound to the first request that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// What was asked for.
    pub(crate) request: String,
    /// The id of the document that comes of it.
    pub(crate) document: String,
}

/// The calls of one day in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DayOfCalls {
    /// As `2026-01-02`.
    pub(crate) date: String,
    /// Placed with live keys.
    pub(crate) live: u32,
    /// Placed with test keys.
    pub(crate) simulated: u32,
    /// What the live ones cost.
    pub(crate) credits: u32,
}

/// All documents. A cheap handle.
#[derive(Debug, Clone)]
pub(crate) struct Documents {
    shelf: Arc<dyn Shelf>,
}

impl Documents {
    /// Documents that are gone with the process.
    pub(crate) fn in_memory() -> Result<Self, Fault> {
        Ok(Self::on(Sqlite::in_memory()?))
    }

    /// Documents in a SQLite file that exists.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        Ok(Self::on(Sqlite::open(path)?))
    }

    /// Documents in a PostgreSQL database.
    pub(crate) async fn connect(url: &str) -> Result<Self, Fault> {
        Ok(Self::on(Postgres::connect(url).await?))
    }

    fn on(shelf: impl Shelf + 'static) -> Self {
        Self {
            shelf: Arc::new(shelf),
        }
    }

    /// Adds a document. One of the same id that is there already stays, and is what comes back.
    pub(crate) async fn insert<D: Document>(
        &self,
        account: &AccountId,
        document: D,
    ) -> Result<D, Fault> {
        let sheet = sheet(&document)?;
        let kept = self.shelf.insert(drawer::<D>(account), sheet).await?;
        let kept = kept.ok_or("the id belongs to something else")?;
        Ok(serde_json::from_str(&kept)?)
    }

    /// Adds documents, all or none, unless the account has any of their kind.
    pub(crate) async fn insert_unless_any<D: Document>(
        &self,
        account: &AccountId,
        documents: Vec<D>,
    ) -> Result<(), Fault> {
        let sheets = documents.iter().map(sheet).collect::<Result<_, _>>()?;
        let drawer = drawer::<D>(account);
        self.shelf.insert_unless_any(drawer, sheets).await
    }

    /// The document of that id, if the account has one.
    pub(crate) async fn find<D: Document>(
        &self,
        account: &AccountId,
        id: &str,
    ) -> Result<Option<D>, Fault> {
        let body = self.shelf.find(drawer::<D>(account), id.to_owned()).await?;
        Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
    }

    /// A part of all documents of a kind, newest first.
    pub(crate) async fn list<D: Document>(
        &self,
        account: &AccountId,
        paging: Paging<u64>,
    ) -> Result<Page<D, i64>, Fault> {
        let size = paging.size.as_usize();
        let before = paging.after.and_then(|place| i64::try_from(place).ok());
        let before = before.unwrap_or(i64::MAX);
        let drawer = drawer::<D>(account);
        let mut rows = self.shelf.list(drawer, before, size + 1).await?;
        let is_last = rows.len() <= size;
        rows.truncate(size);
        let next = rows.last().map(|(place, _)| *place).filter(|_| !is_last);
        let items = rows.iter().map(|(_, body)| serde_json::from_str(body));
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            next,
        })
    }

    /// All documents of a kind whose body has that status, with whose they are.
    pub(crate) async fn in_status<D: Document>(
        &self,
        status: &'static str,
    ) -> Result<Vec<(AccountId, D)>, Fault> {
        let rows = self.shelf.in_status(D::KIND, status).await?;
        let rows = rows.into_iter();
        rows.map(|(account, body)| Ok((account.parse()?, serde_json::from_str(&body)?)))
            .collect()
    }

    /// Changes a document; `None` if there is none of that id.
    pub(crate) async fn update<D: Document>(
        &self,
        account: &AccountId,
        id: &str,
        change: impl FnOnce(&mut D) + Send + 'static,
    ) -> Result<Option<D>, Fault> {
        let change = |body: &str| {
            let mut document: D = serde_json::from_str(body)?;
            change(&mut document);
            Ok(serde_json::to_string(&document)?)
        };
        let (drawer, id) = (drawer::<D>(account), id.to_owned());
        let body = self.shelf.update(drawer, id, Box::new(change)).await?;
        Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
    }

    /// Takes a document away; whether there was one.
    pub(crate) async fn remove<D: Document>(
        &self,
        account: &AccountId,
        id: &str,
    ) -> Result<bool, Fault> {
        let drawer = drawer::<D>(account);
        self.shelf.remove(drawer, id.to_owned()).await
    }

    /// What an idempotency key is bound to within a scope.
    pub(crate) async fn find_claim(&self, scope: &str, key: &str) -> Result<Option<Claim>, Fault> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.shelf.find_claim(scope, key).await
    }

    /// Binds an idempotency key, unless it is bound already; answers what it is bound to.
    pub(crate) async fn claim(&self, scope: &str, key: &str, claim: Claim) -> Result<Claim, Fault> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.shelf.claim(scope, key, claim).await
    }

    /// The calls of an account since a moment, by day, the oldest first. Days without are left out.
    pub(crate) async fn calls_by_day(
        &self,
        account: &AccountId,
        since: Timestamp,
    ) -> Result<Vec<DayOfCalls>, Fault> {
        self.shelf.calls_by_day(account.clone(), since).await
    }

    /// Whether the database answers.
    pub(crate) async fn ready(&self) -> Result<(), Fault> {
        self.shelf.ready().await
    }

    /// Lets go of the database, once what is being done is done.
    pub(crate) async fn close(&self) {
        self.shelf.close().await;
    }
}

fn drawer<D: Document>(account: &AccountId) -> Drawer {
    Drawer {
        account: account.clone(),
        kind: D::KIND,
    }
}

fn sheet<D: Document>(document: &D) -> Result<Sheet, Fault> {
    Ok(Sheet {
        id: document.id().to_owned(),
        body: serde_json::to_string(document)?,
    })
}
