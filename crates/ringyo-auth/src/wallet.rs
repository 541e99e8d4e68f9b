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
/// [`OperationId`]: asked for again it is the same change, done once. A balance never goes below
/// zero.
///
/// **What a replay means.** A [`Charge`] says whether this call did it
/// ([`Outcome::Done`]) or an earlier or parallel one of the same id
/// ([`Outcome::Replayed`]), and what state the operation is in. Whoever is told `Replayed` has
/// not been charged: go on only if doing the thing itself again is harmless, as when whoever does
/// it knows it by the same id. So take an id that stands for one thing to be done, such as the id
/// of the call that an idempotency key was bound to.
///
/// Credits that are [reserved](Self::reserve) and never settled, because the process died in
/// between, stay off the balance until somebody settles them. So write down what is to be done,
/// under the same id, before you reserve; after a crash look for what was begun and not finished,
/// and [give its credits back](Self::refund_abandoned).
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
    /// What state the operation is in now.
    pub state: OperationState,
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
    /// [`WalletError::NotFound`], [`WalletError::Unavailable`].
    pub async fn balance(&self, account: &AccountId) -> Result<Credits, WalletError> {
        let core = &self.service.core;
        let balance = core.managed(core.store.balance(account)).await?;
        balance.ok_or(WalletError::NotFound)
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
        let granted = core.store.grant(account, operation, amount, at);
        let receipt = core.managed(granted).await?;
        Ok(receipt.balance)
    }

    /// Takes credits for something that is certain to happen.
    ///
    /// # Errors
    ///
    /// [`WalletError::Insufficient`] and nothing is taken; [`WalletError::Refunded`];
    /// [`WalletError::Conflict`] if the operation is something else, or held by a reservation.
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
    /// Asked for again it is the reservation as it stands, so that a request that comes again
    /// after a crash can go on: look at [`Charge::outcome`] and [`Charge::state`], which is
    /// `Committed` when all has been done before.
    ///
    /// # Errors
    ///
    /// [`WalletError::Insufficient`] and nothing is held; [`WalletError::Refunded`];
    /// [`WalletError::Conflict`] if the operation is something else.
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
    /// [`WalletError::Conflict`] if it has been refunded, by somebody with the same reservation.
    pub async fn commit(&self, reservation: &Reservation) -> Result<Charge, WalletError> {
        let Reservation {
            account, operation, ..
        } = reservation;
        self.settle(account, operation, Settlement::Commit).await
    }

    /// Gives back what was held. Doing it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`WalletError::Conflict`] if it has been committed.
    pub async fn refund(&self, reservation: &Reservation) -> Result<Charge, WalletError> {
        let Reservation {
            account, operation, ..
        } = reservation;
        self.settle(account, operation, Settlement::Refund).await
    }

    /// Gives back what a process held when it died, for whoever finds out that the thing was never
    /// done: nobody has the [`Reservation`] any more. Doing it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`WalletError::NotFound`] if the operation never held anything; [`WalletError::Conflict`]
    /// if it has been committed.
    pub async fn refund_abandoned(
        &self,
        account: &AccountId,
        operation: &OperationId,
    ) -> Result<Charge, WalletError> {
        self.settle(account, operation, Settlement::Refund).await
    }

    async fn debit(
        &self,
        caller: &LiveCaller,
        amount: Credits,
        operation: &OperationId,
        settlement: Settlement,
    ) -> Result<Charge, WalletError> {
        let core = &self.service.core;
        let debit = NewDebit {
            account: caller.account().clone(),
            operation: operation.clone(),
            amount,
            key: caller.key_id(),
            at: core.timestamp(),
            settlement,
        };
        let answer = core.managed(core.store.debit(&debit)).await;
        let receipt = answer.map_err(|error| match error.kind() {
            StoreErrorKind::InsufficientCredits => WalletError::Insufficient { needed: amount },
            _ => error.into(),
        })?;
        match (settlement, receipt.operation.state) {
            // Asked for before, and given back: nothing is paid, and nothing can be any more.
            (_, OperationState::Refunded) => Err(WalletError::Refunded),
            // Held by somebody who may still give it back: not paid for good.
            (Settlement::Commit, OperationState::Reserved) => Err(WalletError::Conflict),
            _ => Ok(receipt.into()),
        }
    }

    async fn settle(
        &self,
        account: &AccountId,
        operation: &OperationId,
        settlement: Settlement,
    ) -> Result<Charge, WalletError> {
        let core = &self.service.core;
        let settled = core
            .store
            .settle(account, operation, settlement, core.timestamp());
        let receipt = core.managed(settled).await?;
        Ok(receipt.into())
    }
}

impl From<WalletReceipt> for Charge {
    fn from(receipt: WalletReceipt) -> Self {
        Self {
            amount: receipt.operation.amount,
            balance: receipt.balance,
            outcome: receipt.outcome,
            state: receipt.operation.state,
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
    /// There is no account, or no operation, of that id.
    #[error("there is no such account or operation")]
    NotFound,
    /// The credits of the operation were given back: it is over.
    #[error("the operation was refunded")]
    Refunded,
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
            StoreErrorKind::NotFound => Self::NotFound,
            StoreErrorKind::Conflict => Self::Conflict,
            _ => Self::Unavailable(error.into()),
        }
    }
}
