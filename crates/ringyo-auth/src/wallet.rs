use std::sync::Arc;

use ringyo_store::{
    AccountId, Credits, NewDebit, OperationId, OperationState, Outcome, Settlement, StoreError,
    StoreErrorKind, WalletReceipt,
};

use crate::LiveCaller;
use crate::error::Unavailable;
use crate::service::Service;

/// Spends the credits of accounts. A cheap handle; clone it freely.
///
/// Only a [`LiveCaller`] can be charged, and a test key cannot become one. Every change has an
/// [`OperationId`], for instance the idempotency key of the request: asked for again it is the
/// same change, done once. A balance never goes below zero.
///
/// Credits that are [reserved](Self::reserve) and never settled, because the process died in
/// between, stay off the balance and stand in the ledger as `reserved` until somebody settles
/// them: dying can cost a customer a call, never give one away.
#[derive(Debug, Clone)]
pub struct Wallet {
    service: Arc<Service>,
}

/// Credits that have been taken off a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// How many.
    pub amount: Credits,
    /// What is left.
    pub balance: Credits,
    /// Whether this call took them, or an earlier one of the same operation.
    pub outcome: Outcome,
}

/// Credits that are held until they are [committed](Wallet::commit) or
/// [refunded](Wallet::refund).
#[derive(Debug, Clone)]
#[must_use = "held credits stay off the balance until they are committed or refunded"]
pub struct Reservation {
    account: AccountId,
    operation: OperationId,
    /// What was taken.
    pub charge: Charge,
}

impl Wallet {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// The balance of an account.
    ///
    /// # Errors
    ///
    /// [`WalletError::NoAccount`], [`WalletError::Unavailable`].
    pub async fn balance(&self, account: &AccountId) -> Result<Credits, WalletError> {
        let balance = self.service.core.store.balance(account).await?;
        balance.ok_or(WalletError::NoAccount)
    }

    /// Puts credits into a wallet; answers the balance.
    ///
    /// # Errors
    ///
    /// [`WalletError`].
    pub async fn grant(
        &self,
        account: &AccountId,
        amount: Credits,
        operation: &OperationId,
    ) -> Result<Credits, WalletError> {
        let core = &self.service.core;
        let at = core.timestamp();
        let receipt = core.store.grant(account, operation, amount, at).await?;
        Ok(receipt.balance)
    }

    /// Takes credits for something that is certain to happen.
    ///
    /// # Errors
    ///
    /// [`WalletError::Insufficient`] and nothing is taken; [`WalletError::Conflict`] if the
    /// operation has been something else or was refunded.
    pub async fn charge(
        &self,
        caller: &LiveCaller,
        amount: Credits,
        operation: &OperationId,
    ) -> Result<Charge, WalletError> {
        self.debit(caller, amount, operation, Settlement::Commit)
            .await
    }

    /// Holds credits for something that may fail. [Commit](Self::commit) when it happened,
    /// [refund](Self::refund) when it did not.
    ///
    /// # Errors
    ///
    /// As [`charge`](Self::charge).
    pub async fn reserve(
        &self,
        caller: &LiveCaller,
        amount: Credits,
        operation: &OperationId,
    ) -> Result<Reservation, WalletError> {
        let charge = self
            .debit(caller, amount, operation, Settlement::Reserve)
            .await?;
        Ok(Reservation {
            account: caller.account().clone(),
            operation: operation.clone(),
            charge,
        })
    }

    /// Spends what was held. Doing it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`WalletError::Conflict`] if it has been refunded.
    pub async fn commit(&self, reservation: &Reservation) -> Result<Charge, WalletError> {
        self.settle(reservation, Settlement::Commit).await
    }

    /// Gives back what was held. Doing it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`WalletError::Conflict`] if it has been committed.
    pub async fn refund(&self, reservation: &Reservation) -> Result<Charge, WalletError> {
        self.settle(reservation, Settlement::Refund).await
    }

    async fn debit(
        &self,
        caller: &LiveCaller,
        amount: Credits,
        operation: &OperationId,
        settlement: Settlement,
    ) -> Result<Charge, WalletError> {
        let debit = NewDebit {
            account: caller.account().clone(),
            operation: operation.clone(),
            amount,
            key: caller.key_id(),
            at: self.service.core.timestamp(),
            settlement,
        };
        let answer = self.service.core.store.debit(&debit).await;
        let receipt = answer.map_err(|error| match error.kind() {
            StoreErrorKind::InsufficientCredits => WalletError::Insufficient { needed: amount },
            _ => error.into(),
        })?;
        // The operation was asked for before, and its credits were given back: nothing is paid.
        if receipt.operation.state == OperationState::Refunded {
            return Err(WalletError::Conflict);
        }
        Ok(receipt.into())
    }

    async fn settle(
        &self,
        reservation: &Reservation,
        settlement: Settlement,
    ) -> Result<Charge, WalletError> {
        let Reservation {
            account, operation, ..
        } = reservation;
        let core = &self.service.core;
        let receipt = core
            .store
            .settle(account, operation, settlement, core.timestamp())
            .await?;
        Ok(receipt.into())
    }
}

impl From<WalletReceipt> for Charge {
    fn from(receipt: WalletReceipt) -> Self {
        Self {
            amount: receipt.operation.amount,
            balance: receipt.balance,
            outcome: receipt.outcome,
        }
    }
}

/// Why a wallet did not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WalletError {
    /// The balance is smaller than the amount.
    #[error("{needed} credits are needed")]
    Insufficient {
        /// The amount.
        needed: Credits,
    },
    /// There is no account of that id.
    #[error("there is no such account")]
    NoAccount,
    /// The operation id stands for something else, or the operation has been settled the other
    /// way.
    #[error("the operation has been used for something else or is settled differently")]
    Conflict,
    /// The store gave no answer; ask again with the same operation id.
    #[error("the wallet is unavailable")]
    Unavailable(#[source] Unavailable),
}

impl From<StoreError> for WalletError {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::NotFound => Self::NoAccount,
            StoreErrorKind::Conflict => Self::Conflict,
            _ => Self::Unavailable(error.into()),
        }
    }
}
