//! The credits and the ledger behind them.

use async_trait::async_trait;
use ringyo_key::KeyId;
use ringyo_store::{
    AccountId, Credits, NewDebit, OperationId, OperationKind, OperationState, Outcome, Settlement,
    StoreError, StoreErrorKind, Timestamp, WalletOperation, WalletReceipt, WalletStore,
};

use crate::PostgresStore;
use crate::accounts;
use crate::call::Call;
use crate::call::Repeat::{AfterLoss, NotAfterLoss};
use crate::columns::{Columns, column, corrupt};
use crate::failure::Failure;
use crate::moment::Moment;

#[async_trait]
impl WalletStore for PostgresStore {
    async fn balance(&self, account: &AccountId) -> Result<Option<Credits>, StoreError> {
        self.database()
            .ask(
                AfterLoss,
                |call| async move { balance(&call, account).await },
            )
            .await
    }

    async fn grant(
        &self,
        account: &AccountId,
        operation: &OperationId,
        amount: Credits,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        let entry = WalletOperation::grant(account.clone(), operation.clone(), amount, at);
        self.combiner().begin(self.database(), entry).await
    }

    async fn debit(&self, debit: &NewDebit) -> Result<WalletReceipt, StoreError> {
        self.combiner()
            .begin(self.database(), debit.to_operation()?)
            .await
    }

    async fn settle(
        &self,
        account: &AccountId,
        operation: &OperationId,
        settlement: Settlement,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        let settled = self.database().ask(NotAfterLoss, |call| async move {
            settle(&call, account, operation, settlement, at).await
        });
        settled.await
    }
}

async fn balance(call: &Call, account: &AccountId) -> Result<Option<Credits>, Failure> {
    let sql = "SELECT balance FROM wallets WHERE account = $1";
    let row = call.row(sql, &[&account.as_str()]).await?;
    row.map(|row| Columns::of(&row).count(column!("wallets.balance")))
        .transpose()
}

/// Does operations of one account for the first time, or says how each stands. No two may have
/// the same id.
pub(crate) async fn begin(
    call: &Call,
    entries: &[WalletOperation],
) -> Result<Vec<Result<WalletReceipt, StoreError>>, Failure> {
    const BEGIN: &str = "
        SELECT outcome, before, kind, amount, state, key, at
        FROM wallet_begin($1, $2, $3, $4, $5, $6, $7)";
    let Some(first) = entries.first() else {
        return Ok(Vec::new());
    };
    let account = &first.account;
    let operations: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    // What no balance reaches has no number there.
    let amounts: Vec<Option<i64>> = entries
        .iter()
        .map(|entry| i64::try_from(entry.amount).ok())
        .collect();
    let states: Vec<&str> = entries.iter().map(|entry| entry.state.as_str()).collect();
    let spenders: Vec<Option<&str>> = entries
        .iter()
        .map(|entry| entry.key.as_ref().map(KeyId::as_str))
        .collect();
    let moments: Vec<Moment> = entries.iter().map(|entry| Moment(entry.at)).collect();
    let rows = call
        .query(
            BEGIN,
            &[
                &account.as_str(),
                &operations,
                &kinds,
                &amounts,
                &states,
                &spenders,
                &moments,
            ],
        )
        .await?;

    let Some(row) = rows.first() else {
        return Ok(entries
            .iter()
            .map(|_| Err(accounts::unknown().into()))
            .collect());
    };
    let mut columns = Columns::of(row);
    if columns.text(OUTCOME)? == "all" {
        let mut balance = columns.count(column!("wallets.balance"))?;
        let all_done = entries.iter().map(|entry| {
            balance = entry.balance_after(balance)?;
            Ok(Ok(entry.clone().receipt(balance, Outcome::Done)))
        });
        return all_done.collect();
    }
    if rows.len() != entries.len() {
        return Err(corrupt(OUTCOME));
    }
    let each = rows.iter().zip(entries).map(|(row, asked)| {
        let mut columns = Columns::of(row);
        let outcome = columns.text(OUTCOME)?;
        let before = columns.count(column!("wallets.balance"))?;
        match outcome {
            "known" => Ok(entry(&mut columns, &asked.account, &asked.id)?.replayed(asked, before)),
            "done" => {
                let balance = asked.balance_after(before)?;
                Ok(Ok(asked.clone().receipt(balance, Outcome::Done)))
            }
            "refused" => match asked.balance_after(before) {
                Err(refusal) => Ok(Err(refusal)),
                Ok(_) => Err(corrupt(OUTCOME)),
            },
            _ => Err(corrupt(OUTCOME)),
        }
    });
    each.collect()
}

const OUTCOME: &str = "the function wallet_begin does not answer as it should";

async fn settle(
    call: &Call,
    account: &AccountId,
    operation: &OperationId,
    settlement: Settlement,
    at: Timestamp,
) -> Result<WalletReceipt, Failure> {
    const SETTLE: &str = "
        SELECT before, kind, amount, state, key, at FROM wallet_settle($1, $2, $3, $4)";
    let becomes = OperationState::from(settlement).as_str();
    let row = call
        .row(
            SETTLE,
            &[
                &account.as_str(),
                &operation.as_str(),
                &becomes,
                &Moment(at),
            ],
        )
        .await;
    let row = row?.ok_or_else(accounts::unknown)?;
    let mut columns = Columns::of(&row);
    let before = columns.count(column!("wallets.balance"))?;
    let unknown = Failure::new(
        StoreErrorKind::NotFound,
        "there is no debit of that operation id",
    );
    if columns.is_null(column!("wallet_operations.kind"))? {
        return Err(unknown);
    }
    let entry = entry(&mut columns, account, operation)?;
    if entry.kind != OperationKind::Debit {
        return Err(unknown);
    }
    // The function has done it just where this says that it can be done.
    Ok(entry.settled(settlement, before)?)
}

/// Reads `kind, amount, state, key, at`.
fn entry(
    columns: &mut Columns<'_>,
    account: &AccountId,
    operation: &OperationId,
) -> Result<WalletOperation, Failure> {
    Ok(WalletOperation {
        account: account.clone(),
        id: operation.clone(),
        kind: kind(columns)?,
        amount: columns.count(column!("wallet_operations.amount"))?,
        state: state(columns)?,
        key: columns.parse_optional(column!("wallet_operations.key"))?,
        at: columns.moment(column!("wallet_operations.at"))?,
    })
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
