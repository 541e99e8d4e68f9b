//! What the demo itself keeps: agents, calls, phone numbers and webhooks, one set for each
//! account, whether a live or a test key asks for them.
//!
//! They are JSON in two tables of their own, in the file that the keys are in or, with
//! `--store memory`, in a database in memory. ringyo's own tables are never touched from here.

mod claims;
mod daily;
mod database;

use std::error::Error;
use std::path::Path;

use ringyo::{AccountId, Page};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::query::Paging;
use database::Database;

pub(crate) use claims::Claim;
pub(crate) use daily::DayOfCalls;

/// What kept a document from being read or written.
pub(crate) type Fault = Box<dyn Error + Send + Sync>;

/// Something the demo keeps.
pub(crate) trait Document: Serialize + DeserializeOwned + Send + 'static {
    /// What it is, as the table says.
    const KIND: &'static str;

    /// Its id, never used for another.
    fn id(&self) -> &str;
}

/// All documents. A cheap handle.
#[derive(Debug, Clone)]
pub(crate) struct Documents {
    database: Database,
}

impl Documents {
    /// Documents that are gone with the process.
    pub(crate) fn in_memory() -> Result<Self, Fault> {
        let database = Database::in_memory()?;
        Ok(Self { database })
    }

    /// Documents in a SQLite file that exists.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let database = Database::open(path)?;
        Ok(Self { database })
    }

    /// Adds a document. One of the same id that is there already stays, and is what comes back.
    pub(crate) async fn insert<D: Document>(
        &self,
        account: &AccountId,
        document: D,
    ) -> Result<D, Fault> {
        let account = account.clone();
        self.database
            .write(move |database| {
                insert(database, &account, &document)?;
                find(database, &account, document.id())?
                    .ok_or("the id belongs to something else".into())
            })
            .await
    }

    /// Adds documents, all or none, unless the account has any of their kind.
    pub(crate) async fn insert_unless_any<D: Document>(
        &self,
        account: &AccountId,
        documents: Vec<D>,
    ) -> Result<(), Fault> {
        let account = account.clone();
        self.database
            .write(move |database| {
                let has_any = database
                    .prepare_cached(
                        "SELECT 1 FROM demo_documents WHERE account = ?1 AND kind = ?2",
                    )?
                    .exists(params![account.as_str(), D::KIND])?;
                if !has_any {
                    for document in &documents {
                        insert(database, &account, document)?;
                    }
                }
                Ok(())
            })
            .await
    }

    /// The document of that id, if the account has one.
    pub(crate) async fn find<D: Document>(
        &self,
        account: &AccountId,
        id: &str,
    ) -> Result<Option<D>, Fault> {
        let (account, id) = (account.clone(), id.to_owned());
        self.database
            .read(move |database| find(database, &account, &id))
            .await
    }

    /// A part of all documents of a kind, newest first.
    pub(crate) async fn list<D: Document>(
        &self,
        account: &AccountId,
        paging: Paging<u64>,
    ) -> Result<Page<D, i64>, Fault> {
        let account = account.clone();
        self.database
            .read(move |database| {
                let size = paging.size.as_usize();
                let before = paging.after.and_then(|place| i64::try_from(place).ok());
                let before = before.unwrap_or(i64::MAX);
                let mut rows = database
                    .prepare_cached(
                        "SELECT place, body FROM demo_documents
                     WHERE account = ?1 AND kind = ?2 AND place < ?3
                     ORDER BY place DESC LIMIT ?4",
                    )?
                    .query_map(
                        params![account.as_str(), D::KIND, before, size as i64 + 1],
                        |row| Ok((row.get(0)?, row.get(1)?)),
                    )?
                    .collect::<Result<Vec<(i64, String)>, _>>()?;
                let is_last = rows.len() <= size;
                rows.truncate(size);
                let next = rows.last().map(|(place, _)| *place).filter(|_| !is_last);
                let items = rows.iter().map(|(_, body)| serde_json::from_str(body));
                Ok(Page {
                    items: items.collect::<Result<_, _>>()?,
                    next,
                })
            })
            .await
    }

    /// All documents of a kind whose body has that status, with whose they are.
    pub(crate) async fn in_status<D: Document>(
        &self,
        status: &'static str,
    ) -> Result<Vec<(AccountId, D)>, Fault> {
        self.database
            .read(move |database| {
                database
                    .prepare_cached(
                        "SELECT account, body FROM demo_documents
                         WHERE kind = ?1 AND body ->> '$.status' = ?2",
                    )?
                    .query_map(params![D::KIND, status], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .map(|row| {
                        let (account, body): (String, String) = row?;
                        Ok((account.parse()?, serde_json::from_str(&body)?))
                    })
                    .collect()
            })
            .await
    }

    /// Changes a document; `None` if there is none of that id.
    pub(crate) async fn update<D: Document>(
        &self,
        account: &AccountId,
        id: &str,
        change: impl FnOnce(&mut D) + Send + 'static,
    ) -> Result<Option<D>, Fault> {
        let (account, id) = (account.clone(), id.to_owned());
        self.database
            .write(move |database| {
                let Some(mut document) = find(database, &account, &id)? else {
                    return Ok(None);
                };
                change(&mut document);
                database
                    .prepare_cached("UPDATE demo_documents SET body = ?2 WHERE id = ?1")?
                    .execute(params![id, serde_json::to_string(&document)?])?;
                Ok(Some(document))
            })
            .await
    }

    /// Takes a document away; whether there was one.
    pub(crate) async fn remove<D: Document>(
        &self,
        account: &AccountId,
        id: &str,
    ) -> Result<bool, Fault> {
        let (account, id) = (account.clone(), id.to_owned());
        self.database
            .write(move |database| {
                let removed = database
                    .prepare_cached(
                        "DELETE FROM demo_documents WHERE account = ?1 AND kind = ?2 AND id = ?3",
                    )?
                    .execute(params![account.as_str(), D::KIND, id])?;
                Ok(removed > 0)
            })
            .await
    }

    /// Whether the database answers.
    pub(crate) async fn ready(&self) -> Result<(), Fault> {
        self.database
            .read(|database| {
                let one = "SELECT 1 FROM demo_documents LIMIT 1";
                database.query_row(one, [], |_| Ok(())).optional()?;
                Ok(())
            })
            .await
    }

    /// Lets go of the file, once what is being done is done.
    pub(crate) async fn close(&self) {
        self.database.close().await;
    }
}

fn insert<D: Document>(
    database: &Connection,
    account: &AccountId,
    document: &D,
) -> Result<(), Fault> {
    let body = serde_json::to_string(document)?;
    database
        .prepare_cached(
            "INSERT INTO demo_documents (account, kind, id, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![account.as_str(), D::KIND, document.id(), body])?;
    Ok(())
}

fn find<D: Document>(
    database: &Connection,
    account: &AccountId,
    id: &str,
) -> Result<Option<D>, Fault> {
    let body: Option<String> = database
        .prepare_cached(
            "SELECT body FROM demo_documents WHERE account = ?1 AND kind = ?2 AND id = ?3",
        )?
        .query_row(params![account.as_str(), D::KIND, id], |row| row.get(0))
        .optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}
