use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{
    AccountId, Credits, NewDebit, OperationId, OperationKind, Outcome, Settlement, StoreError,
    StoreErrorKind, Timestamp, WalletOperation, WalletReceipt, WalletStore,
};

#[async_trait]
impl WalletStore for MemoryStore {
    async fn balance(&self, account: &AccountId) -> Result<Option<Credits>, StoreError> {
        Ok(self.state().balances.get(account).copied())
    }

    async fn grant(
        &self,
        account: &AccountId,
        operation: &OperationId,
        amount: Credits,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        let entry = WalletOperation::grant(account.clone(), operation.clone(), amount, at);
        self.state().begin(entry)
    }

    async fn debit(&self, debit: &NewDebit) -> Result<WalletReceipt, StoreError> {
        self.state().begin(debit.to_operation()?)
    }

    async fn settle(
        &self,
        account: &AccountId,
        operation: &OperationId,
        settlement: Settlement,
        _at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        let mut state = self.state();
        let balance = state.balance_of(account)?;
        let entry = state
            .operations
            .get(&(account.clone(), operation.clone()))
            .filter(|entry| entry.kind == OperationKind::Debit)
            .cloned()
            .ok_or(StoreError::new(
                StoreErrorKind::NotFound,
                "there is no debit of that operation id",
            ))?;
        let receipt = entry.settled(settlement, balance)?;
        state.write(&receipt);
        Ok(receipt)
    }
}

impl State {
    fn balance_of(&self, account: &AccountId) -> Result<Credits, StoreError> {
        self.balances.get(account).copied().ok_or(StoreError::new(
            StoreErrorKind::NotFound,
            "there is no account of that id",
        ))
    }

    /// Does an operation for the first time, or says how it stands.
    fn begin(&mut self, entry: WalletOperation) -> Result<WalletReceipt, StoreError> {
        let before = self.balance_of(&entry.account)?;
        let place = (entry.account.clone(), entry.id.clone());
        if let Some(done) = self.operations.get(&place) {
            return done.clone().replayed(&entry, before);
        }
        let balance = entry.balance_after(before)?;
        let receipt = entry.receipt(balance, Outcome::Done);
        self.write(&receipt);
        Ok(receipt)
    }

    fn write(&mut self, receipt: &WalletReceipt) {
        let WalletReceipt {
            operation, balance, ..
        } = receipt;
        self.balances.insert(operation.account.clone(), *balance);
        let place = (operation.account.clone(), operation.id.clone());
        self.operations.insert(place, operation.clone());
    }
}
