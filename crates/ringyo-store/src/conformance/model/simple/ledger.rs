//! A wallet is its ledger: the balance is counted anew whenever it is asked for.

use async_trait::async_trait;

use super::{Lists, SimpleStore, refuse};
use crate::{
    AccountId, Credits, NewDebit, OperationId, OperationKind, OperationState, Outcome, Settlement,
    StoreError, StoreErrorKind, Timestamp, WalletOperation, WalletReceipt, WalletStore,
};

impl Lists {
    fn balance(&self, account: &AccountId) -> Option<i128> {
        if !self.accounts.iter().any(|known| known.id == *account) {
            return None;
        }
        let entries = self.ledger.iter().filter(|entry| entry.account == *account);
        Some(entries.map(worth).sum())
    }

    fn entry(&mut self, account: &AccountId, id: &OperationId) -> Option<&mut WalletOperation> {
        let mut ledger = self.ledger.iter_mut();
        ledger.find(|entry| entry.account == *account && entry.id == *id)
    }

    fn receipt(&self, operation: WalletOperation, outcome: Outcome) -> WalletReceipt {
        let balance = self.balance(&operation.account).expect("it has an account");
        WalletReceipt {
            operation,
            balance: Credits::try_from(balance).expect("no balance is below zero"),
            outcome,
        }
    }

    fn ask(&mut self, asked: WalletOperation) -> Result<WalletReceipt, StoreError> {
        let Some(balance) = self.balance(&asked.account) else {
            return refuse(StoreErrorKind::NotFound);
        };
        if let Some(done) = self.entry(&asked.account, &asked.id).cloned() {
            if done.kind != asked.kind || done.amount != asked.amount {
                return refuse(StoreErrorKind::Conflict);
            }
            return Ok(self.receipt(done, Outcome::Replayed));
        }
        let after = balance + worth(&asked);
        if after < 0 {
            return refuse(StoreErrorKind::InsufficientCredits);
        }
        if after > i128::from(i64::MAX) {
            return refuse(StoreErrorKind::Conflict);
        }
        self.ledger.push(asked.clone());
        Ok(self.receipt(asked, Outcome::Done))
    }
}

/// What an entry does to the balance.
fn worth(entry: &WalletOperation) -> i128 {
    match (entry.kind, entry.state) {
        (OperationKind::Grant, _) => i128::from(entry.amount),
        (OperationKind::Debit, OperationState::Refunded) => 0,
        (OperationKind::Debit, _) => -i128::from(entry.amount),
    }
}

#[async_trait]
impl WalletStore for SimpleStore {
    async fn balance(&self, account: &AccountId) -> Result<Option<Credits>, StoreError> {
        let balance = self.lists().balance(account);
        Ok(balance.map(|balance| Credits::try_from(balance).expect("no balance is below zero")))
    }

    async fn grant(
        &self,
        account: &AccountId,
        operation: &OperationId,
        amount: Credits,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        self.lists().ask(WalletOperation {
            account: account.clone(),
            id: operation.clone(),
            kind: OperationKind::Grant,
            amount,
            state: OperationState::Committed,
            key: None,
            at,
        })
    }

    async fn debit(&self, debit: &NewDebit) -> Result<WalletReceipt, StoreError> {
        let state = match debit.settlement {
            Settlement::Reserve => OperationState::Reserved,
            Settlement::Commit => OperationState::Committed,
            Settlement::Refund => return refuse(StoreErrorKind::Conflict),
        };
        self.lists().ask(WalletOperation {
            account: debit.account.clone(),
            id: debit.operation.clone(),
            kind: OperationKind::Debit,
            amount: debit.amount,
            state,
            key: Some(debit.key),
            at: debit.at,
        })
    }

    async fn settle(
        &self,
        account: &AccountId,
        operation: &OperationId,
        settlement: Settlement,
        _at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        let mut lists = self.lists();
        let balance = lists.balance(account);
        let debit = lists.entry(account, operation);
        let debit = debit.filter(|entry| entry.kind == OperationKind::Debit);
        let (Some(balance), Some(debit)) = (balance, debit) else {
            return refuse(StoreErrorKind::NotFound);
        };
        let wanted = match settlement {
            Settlement::Reserve => return refuse(StoreErrorKind::Conflict),
            Settlement::Commit => OperationState::Committed,
            Settlement::Refund => OperationState::Refunded,
        };
        if debit.state == wanted {
            let debit = debit.clone();
            return Ok(lists.receipt(debit, Outcome::Replayed));
        }
        let given_back = match wanted {
            OperationState::Refunded => i128::from(debit.amount),
            _ => 0,
        };
        if debit.state != OperationState::Reserved || balance + given_back > i128::from(i64::MAX) {
            return refuse(StoreErrorKind::Conflict);
        }
        debit.state = wanted;
        let debit = debit.clone();
        Ok(lists.receipt(debit, Outcome::Done))
    }
}
