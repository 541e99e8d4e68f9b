//! The accounts.

use async_trait::async_trait;
use ringyo_store::{Account, AccountId, AccountStore, NewEvent, StoreError, StoreErrorKind};
use rusqlite::{Connection, Row, params};

use crate::SqliteStore;
use crate::columns::{Columns, column};
use crate::events;
use crate::failure::Failure;

#[async_trait]
impl AccountStore for SqliteStore {
    async fn insert_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        let (account, event) = (account.clone(), event.clone());
        self.write(move |database| insert(database, account, &event))
            .await
    }

    async fn find_account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let id = id.clone();
        self.read(move |database| find(database, &id)).await
    }

    async fn update_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        let (account, event) = (account.clone(), event.clone());
        self.write(move |database| update(database, account, &event))
            .await
    }

    async fn list_accounts(
        &self,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        // No id is empty, so all come behind the empty text.
        let after = after.map_or_else(String::new, AccountId::to_string);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |database| {
            database
                .prepare_cached(
                    "SELECT id, plan, created_at, revision FROM accounts
                     WHERE id > ?1 ORDER BY id LIMIT ?2",
                )?
                .query_and_then(params![after, limit], decode)?
                .collect()
        })
        .await
    }
}

pub(crate) fn exists(database: &Connection, id: &AccountId) -> Result<bool, Failure> {
    Ok(database
        .prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?
        .exists([id.as_str()])?)
}

pub(crate) const fn unknown() -> Failure {
    Failure::new(StoreErrorKind::NotFound, "there is no account of that id")
}

/// Reads `id, plan, created_at, revision`.
pub(crate) fn columns(columns: &mut Columns<'_>) -> Result<Account, Failure> {
    Ok(Account {
        id: columns.parse(column!("accounts.id"))?,
        plan: columns.text(column!("accounts.plan"))?.to_owned(),
        created_at: columns.parse(column!("accounts.created_at"))?,
        revision: columns.revision(column!("accounts.revision"))?,
    })
}

fn insert(database: &Connection, account: Account, event: &NewEvent) -> Result<Account, Failure> {
    if exists(database, &account.id)? {
        return Err(Failure::new(
            StoreErrorKind::AlreadyExists,
            "an account of that id exists",
        ));
    }
    let account = Account {
        revision: events::record(database, event)?,
        ..account
    };
    // A trigger adds the wallet.
    database
        .prepare_cached(
            "INSERT INTO accounts (id, plan, created_at, revision) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            account.id.as_str(),
            account.plan,
            account.created_at.to_string(),
            account.revision.as_u64() as i64,
        ])?;
    Ok(account)
}

fn find(database: &Connection, id: &AccountId) -> Result<Option<Account>, Failure> {
    database
        .prepare_cached("SELECT id, plan, created_at, revision FROM accounts WHERE id = ?1")?
        .query_and_then([id.as_str()], decode)?
        .next()
        .transpose()
}

fn update(database: &Connection, account: Account, event: &NewEvent) -> Result<Account, Failure> {
    let stored = find(database, &account.id)?.ok_or_else(unknown)?;
    if stored.revision != account.revision {
        return Err(Failure::new(
            StoreErrorKind::Conflict,
            "the account has been changed meanwhile",
        ));
    }
    let account = Account {
        created_at: stored.created_at,
        revision: events::record(database, event)?,
        ..account
    };
    database
        .prepare_cached("UPDATE accounts SET plan = ?2, revision = ?3 WHERE id = ?1")?
        .execute(params![
            account.id.as_str(),
            account.plan,
            account.revision.as_u64() as i64,
        ])?;
    Ok(account)
}

fn decode(row: &Row<'_>) -> Result<Account, Failure> {
    columns(&mut Columns::of(row))
}
