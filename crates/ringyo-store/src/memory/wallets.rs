use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{
    AccountId, Credits, NewDebit, OperationId, OperationKind, OperationState, Outcome, Settlement,
    StoreError, StoreErrorKind, Timestamp, WalletOperation, WalletReceipt, WalletStore,
};

const MAX_BALANCE: Credits = i64::MAX as Credits;

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
        let mut state = self.state();
        if let Some(done) = state.replay(account, operation, OperationKind::Grant, amount)? {
            return Ok(done);
        }
        let balance = raised(state.balance_of(account)?, amount)?;
        let entry = WalletOperation {
            account: account.clone(),
            id: operation.clone(),
            kind: OperationKind::Grant,
            amount,
            state: OperationState::Committed,
            key: None,
            at,
        };
        Ok(state.write(entry, balance))
    }

    async fn debit(&self, debit: &NewDebit) -> Result<WalletReceipt, StoreError> {
        let NewDebit {
            account,
            operation,
            amount,
            key,
            at,
            settlement,
        } = debit;
        if *settlement == Settlement::Refund {
            return Err(StoreError::new(
                StoreErrorKind::Conflict,
                "a new debit is reserved or committed",
            ));
        }
        let mut state = self.state();
        if let Some(done) = state.replay(account, operation, OperationKind::Debit, *amount)? {
            return Ok(done);
        }
        let balance = state
            .balance_of(account)?
            .checked_sub(*amount)
            .ok_or(StoreError::new(
                StoreErrorKind::InsufficientCredits,
                "the balance is smaller than the amount",
            ))?;
        let entry = WalletOperation {
            account: account.clone(),
            id: operation.clone(),
            kind: OperationKind::Debit,
            amount: *amount,
            state: (*settlement).into(),
            key: Some(*key),
            at: *at,
        };
        Ok(state.write(entry, balance))
    }

    async fn settle(
        &self,
        account: &AccountId,
        operation: &OperationId,
        settlement: Settlement,
        _at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        let mut state = self.state();
        let mut balance = state.balance_of(account)?;
        let entry = state
            .operations
            .get(&(account.clone(), operation.clone()))
            .filter(|entry| entry.kind == OperationKind::Debit)
            .cloned()
            .ok_or(StoreError::new(
                StoreErrorKind::NotFound,
                "there is no debit of that operation id",
            ))?;
        let wanted = OperationState::from(settlement);
        match entry.state {
            _ if settlement == Settlement::Reserve => Err(StoreError::new(
                StoreErrorKind::Conflict,
                "a held debit is committed or refunded",
            )),
            OperationState::Reserved => {
                if settlement == Settlement::Refund {
                    balance = raised(balance, entry.amount)?;
                }
                let entry = WalletOperation {
                    state: wanted,
                    ..entry
                };
                Ok(state.write(entry, balance))
            }
            settled if settled == wanted => Ok(WalletReceipt {
                operation: entry,
                balance,
                outcome: Outcome::Replayed,
            }),
            _ => Err(StoreError::new(
                StoreErrorKind::Conflict,
                "the debit has been settled the other way",
            )),
        }
    }
}

fn raised(balance: Credits, amount: Credits) -> Result<Credits, StoreError> {
    balance
        .checked_add(amount)
        .filter(|&balance| balance <= MAX_BALANCE)
        .ok_or(StoreError::new(
            StoreErrorKind::Conflict,
            "the balance would be too large",
        ))
}

impl State {
    fn balance_of(&self, account: &AccountId) -> Result<Credits, StoreError> {
        self.balances.get(account).copied().ok_or(StoreError::new(
            StoreErrorKind::NotFound,
            "there is no account of that id",
        ))
    }

    fn replay(
        &self,
        account: &AccountId,
        operation: &OperationId,
        kind: OperationKind,
        amount: Credits,
    ) -> Result<Option<WalletReceipt>, StoreError> {
        let Some(entry) = self.operations.get(&(account.clone(), operation.clone())) else {
            return Ok(None);
        };
        if (entry.kind, entry.amount) != (kind, amount) {
            return Err(StoreError::new(
                StoreErrorKind::Conflict,
                "the operation id has been used for something else",
            ));
        }
        Ok(Some(WalletReceipt {
            operation: entry.clone(),
            balance: self.balance_of(account)?,
            outcome: Outcome::Replayed,
        }))
    }

    fn write(&mut self, entry: WalletOperation, balance: Credits) -> WalletReceipt {
        self.balances.insert(entry.account.clone(), balance);
        let place = (entry.account.clone(), entry.id.clone());
        self.operations.insert(place, entry.clone());
        WalletReceipt {
            operation: entry,
            balance,
            outcome: Outcome::Done,
        }
    }
}
