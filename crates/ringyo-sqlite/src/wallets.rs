//! The credits and the ledger behind them.

use async_trait::async_trait;
use ringyo_key::KeyId;
use ringyo_store::{
    AccountId, Credits, NewDebit, OperationId, OperationKind, OperationState, Outcome, Settlement,
    StoreError, StoreErrorKind, Timestamp, WalletOperation, WalletReceipt, WalletStore,
};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::accounts;
use crate::columns::{Columns, column, corrupt};
use crate::failure::Failure;

#[async_trait]
impl WalletStore for SqliteStore {
    async fn balance(&self, account: &AccountId) -> Result<Option<Credits>, StoreError> {
        let account = account.clone();
        self.read(move |database| balance(database, &account)).await
    }

    async fn grant(
        &self,
        account: &AccountId,
        operation: &OperationId,
        amount: Credits,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        let entry = WalletOperation::grant(account.clone(), operation.clone(), amount, at);
        self.write(move |database| begin(database, entry)).await
    }

    async fn debit(&self, debit: &NewDebit) -> Result<WalletReceipt, StoreError> {
        let entry = debit.to_operation()?;
        self.write(move |database| begin(database, entry)).await
    }

    async fn settle(
        &self,
        account: &AccountId,
        operation: &OperationId,
        settlement: Settlement,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        let (account, operation) = (account.clone(), operation.clone());
        self.write(move |database| settle(database, &account, &operation, settlement, at))
            .await
    }
}

fn balance(database: &Connection, account: &AccountId) -> Result<Option<Credits>, Failure> {
    database
        .prepare_cached("SELECT balance FROM wallets WHERE account = ?1")?
        .query_and_then([account.as_str()], |row| {
            Columns::of(row).count(column!("wallets.balance"))
        })?
        .next()
        .transpose()
}

/// Does an operation for the first time, or says how it stands.
fn begin(database: &Connection, entry: WalletOperation) -> Result<WalletReceipt, Failure> {
    let before = balance(database, &entry.account)?.ok_or_else(accounts::unknown)?;
    if let Some(done) = find(database, &entry.account, &entry.id)? {
        return Ok(done.replayed(&entry, before)?);
    }
    let balance = entry.balance_after(before)?;
    set_balance(database, &entry.account, balance)?;
    insert(database, &entry)?;
    Ok(entry.receipt(balance, Outcome::Done))
}

fn settle(
    database: &Connection,
    account: &AccountId,
    operation: &OperationId,
    settlement: Settlement,
    at: Timestamp,
) -> Result<WalletReceipt, Failure> {
    let balance = balance(database, account)?.ok_or_else(accounts::unknown)?;
    let receipt = find(database, account, operation)?
        .filter(|entry| entry.kind == OperationKind::Debit)
        .ok_or(Failure::new(
            StoreErrorKind::NotFound,
            "there is no debit of that operation id",
        ))?
        .settled(settlement, balance)?;
    if receipt.outcome == Outcome::Done {
        if receipt.balance != balance {
            set_balance(database, account, receipt.balance)?;
        }
        database
            .prepare_cached(
                "UPDATE wallet_operations SET state = ?3, settled_at = ?4
                 WHERE account = ?1 AND operation = ?2",
            )?
            .execute(params![
                account.as_str(),
                operation.as_str(),
                receipt.operation.state.as_str(),
                at.to_string(),
            ])?;
    }
    Ok(receipt)
}

fn find(
    database: &Connection,
    account: &AccountId,
    operation: &OperationId,
) -> Result<Option<WalletOperation>, Failure> {
    database
        .prepare_cached(
            "SELECT kind, amount, state, key, at FROM wallet_operations
             WHERE account = ?1 AND operation = ?2",
        )?
        .query_and_then([account.as_str(), operation.as_str()], |row| {
            let mut columns = Columns::of(row);
            Ok(WalletOperation {
                account: account.clone(),
                id: operation.clone(),
                kind: kind(&mut columns)?,
                amount: columns.count(column!("wallet_operations.amount"))?,
                state: state(&mut columns)?,
                key: columns.parse_optional::<KeyId>(column!("wallet_operations.key"))?,
                at: columns.parse(column!("wallet_operations.at"))?,
            })
        })?
        .next()
        .transpose()
}

fn insert(database: &Connection, entry: &WalletOperation) -> Result<(), Failure> {
    let WalletOperation {
        account,
        id,
        kind,
        amount,
        state,
        key,
        at,
    } = entry;
    database
        .prepare_cached(
            "INSERT INTO wallet_operations (account, operation, kind, amount, state, key, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            account.as_str(),
            id.as_str(),
            kind.as_str(),
            // Neither a grant nor a debit above the largest balance comes this far.
            *amount as i64,
            state.as_str(),
            key.as_ref().map(|key| key.as_str()),
            at.to_string(),
        ])?;
    Ok(())
}

fn set_balance(
    database: &Connection,
    account: &AccountId,
    balance: Credits,
) -> Result<(), Failure> {
    database
        .prepare_cached("UPDATE wallets SET balance = ?2 WHERE account = ?1")?
        .execute(params![account.as_str(), balance as i64])?;
    Ok(())
}

fn kind(columns: &mut Columns<'_>) -> Result<OperationKind, Failure> {
    let context = column!("wallet_operations.kind");
    let text = columns.text(context)?;
    [OperationKind::Grant, OperationKind::Debit]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or(corrupt(context))
}

fn state(columns: &mut Columns<'_>) -> Result<OperationState, Failure> {
    let context = column!("wallet_operations.state");
    let text = columns.text(context)?;
    [
        OperationState::Reserved,
        OperationState::Committed,
        OperationState::Refunded,
    ]
    .into_iter()
    .find(|state| state.as_str() == text)
    .ok_or(corrupt(context))
}
