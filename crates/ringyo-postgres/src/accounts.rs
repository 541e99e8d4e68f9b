//! The accounts.

use async_trait::async_trait;
use ringyo_store::{Account, AccountId, AccountStore, NewEvent, StoreError, StoreErrorKind};
use tokio_postgres::Row;

use crate::PostgresStore;
use crate::call::Call;
use crate::call::Repeat::AfterLoss;
use crate::columns::{Columns, column};
use crate::events;
use crate::failure::Failure;
use crate::moment::Moment;

#[async_trait]
impl AccountStore for PostgresStore {
    async fn insert_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        self.database()
            .change(|call| async move { insert(&call, account, event).await })
            .await
    }

    async fn find_account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        self.database()
            .ask(AfterLoss, |call| async move { find(&call, id).await })
            .await
    }

    async fn update_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        self.database()
            .change(|call| async move { update(&call, account, event).await })
            .await
    }

    async fn list_accounts(
        &self,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        // No id is empty, so all come behind the empty text.
        let after = after.map_or("", AccountId::as_str);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.database()
            .ask(
                AfterLoss,
                |call| async move { list(&call, after, limit).await },
            )
            .await
    }
}

/// Whether there is such an account. It stays: accounts are never deleted.
pub(crate) async fn exists(call: &Call, id: &AccountId) -> Result<bool, Failure> {
    let sql = "SELECT FROM accounts WHERE id = $1";
    Ok(call.row(sql, &[&id.as_str()]).await?.is_some())
}

/// Holds an account until the transaction ends, so that nobody else adds to its keys.
pub(crate) async fn hold(call: &Call, id: &AccountId) -> Result<(), Failure> {
    let sql = "SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE";
    call.row(sql, &[&id.as_str()]).await.map(|_| ())
}

pub(crate) const fn unknown() -> Failure {
    Failure::new(StoreErrorKind::NotFound, "there is no account of that id")
}

/// Reads `id, plan, created_at, revision`.
pub(crate) fn columns(columns: &mut Columns<'_>) -> Result<Account, Failure> {
    Ok(Account {
        id: columns.parse(column!("accounts.id"))?,
        plan: columns.text(column!("accounts.plan"))?.to_owned(),
        created_at: columns.moment(column!("accounts.created_at"))?,
        revision: columns.revision(column!("accounts.revision"))?,
    })
}

async fn insert(call: &Call, account: &Account, event: &NewEvent) -> Result<Account, Failure> {
    const TAKEN: Failure = Failure::new(
        StoreErrorKind::AlreadyExists,
        "an account of that id exists",
    );
    if exists(call, &account.id).await? {
        return Err(TAKEN);
    }
    let account = Account {
        revision: events::record(call, event).await?,
        ..account.clone()
    };
    // A trigger adds the wallet.
    let sql = "INSERT INTO accounts (id, plan, created_at, revision) VALUES ($1, $2, $3, $4)";
    let inserted = call
        .query(
            sql,
            &[
                &account.id.as_str(),
                &account.plan,
                &Moment(account.created_at),
                &events::number(account.revision),
            ],
        )
        .await;
    match inserted {
        // Somebody was faster.
        Err(failure) if failure.is_duplicate("accounts_pkey") => Err(TAKEN),
        inserted => inserted.map(|_| account),
    }
}

async fn find(call: &Call, id: &AccountId) -> Result<Option<Account>, Failure> {
    let sql = "SELECT id, plan, created_at, revision FROM accounts WHERE id = $1";
    let row = call.row(sql, &[&id.as_str()]).await?;
    row.as_ref().map(decode).transpose()
}

async fn update(call: &Call, account: &Account, event: &NewEvent) -> Result<Account, Failure> {
    // Held from here on: the number of the event is taken after every earlier one about it.
    let sql = "SELECT id, plan, created_at, revision FROM accounts WHERE id = $1
               FOR NO KEY UPDATE";
    let row = call.row(sql, &[&account.id.as_str()]).await?;
    let stored = decode(&row.ok_or_else(unknown)?)?;
    if stored.revision != account.revision {
        return Err(Failure::new(
            StoreErrorKind::Conflict,
            "the account has been changed meanwhile",
        ));
    }
    let account = Account {
        created_at: stored.created_at,
        revision: events::record(call, event).await?,
        ..account.clone()
    };
    let sql = "UPDATE accounts SET plan = $2, revision = $3 WHERE id = $1";
    let revision = events::number(account.revision);
    call.query(sql, &[&account.id.as_str(), &account.plan, &revision])
        .await?;
    Ok(account)
}

async fn list(call: &Call, after: &str, limit: i64) -> Result<Vec<Account>, Failure> {
    let sql = "SELECT id, plan, created_at, revision FROM accounts
               WHERE id > $1 ORDER BY id LIMIT $2";
    let rows = call.query(sql, &[&after, &limit]).await?;
    rows.iter().map(decode).collect()
}

fn decode(row: &Row) -> Result<Account, Failure> {
    columns(&mut Columns::of(row))
}
