//! Faults of the wallets.

use async_trait::async_trait;
use ringyo_store::{
    AccountId, Credits, NewDebit, OperationId, Outcome, Settlement, StoreError, StoreErrorKind,
    Timestamp, WalletReceipt, WalletStore,
};

use crate::faulty::{Fault, Faulty, gap, is_kind};

const CEILING: Credits = i64::MAX as Credits;

#[async_trait]
impl WalletStore for Faulty {
    async fn balance(&self, account: &AccountId) -> Result<Option<Credits>, StoreError> {
        self.inner.balance(account).await
    }

    async fn grant(
        &self,
        account: &AccountId,
        operation: &OperationId,
        amount: Credits,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        let mut amount = amount;
        let before = self.inner.balance(account).await?;
        if let Some(before) = before.filter(|_| self.is(Fault::CapsTheBalance)) {
            amount = amount.min(CEILING - before);
        }
        let operation = self.named(operation);
        let result = self.inner.grant(account, &operation, amount, at).await;
        if is_kind(&result, StoreErrorKind::Conflict) && self.is(Fault::TakesOtherContent) {
            let other = self.hidden();
            return self.inner.grant(account, &other, amount, at).await;
        }
        self.lagging(result, before)
    }

    async fn debit(&self, debit: &NewDebit) -> Result<WalletReceipt, StoreError> {
        let mut debit = debit.clone();
        debit.operation = self.named(&debit.operation);
        let name = (debit.account.clone(), debit.operation.clone());
        let before = self.inner.balance(&debit.account).await?;
        if self.is(Fault::ReadsThenWritesBalance) && before >= Some(debit.amount) {
            gap().await;
            if self.inner.balance(&debit.account).await? < Some(debit.amount) {
                let (account, amount) = (&debit.account, debit.amount);
                let hidden = self.hidden();
                self.inner.grant(account, &hidden, amount, debit.at).await?;
            }
        }
        if self.is(Fault::NotesUnpaidDebits) && self.notes().operations.contains(&name) {
            return Err(StoreError::new(StoreErrorKind::Conflict, "used"));
        }
        let known = self.notes().operations.contains(&name);
        if self.is(Fault::ChargesRacingReplays) && !known {
            gap().await;
        }
        let result = self.inner.debit(&debit).await;
        if is_kind(&result, StoreErrorKind::InsufficientCredits) || self.charges_replays() {
            self.notes().operations.insert(name);
        }
        let replayed = matches!(&result, Ok(receipt) if receipt.outcome == Outcome::Replayed);
        if replayed
            && (self.is(Fault::ChargesReplays) || self.is(Fault::ChargesRacingReplays) && !known)
        {
            debit.operation = self.hidden();
            return self.inner.debit(&debit).await;
        }
        self.lagging(result, before)
    }

    async fn settle(
        &self,
        account: &AccountId,
        operation: &OperationId,
        settlement: Settlement,
        at: Timestamp,
    ) -> Result<WalletReceipt, StoreError> {
        let operation = self.named(operation);
        let settled = self.inner.settle(account, &operation, settlement, at).await;
        let conflict = is_kind(&settled, StoreErrorKind::Conflict);
        if conflict && self.is(Fault::SettlesBothWays) && settlement != Settlement::Reserve {
            let done = |settlement| self.inner.settle(account, &operation, settlement, at);
            let receipt = match done(Settlement::Commit).await {
                Ok(receipt) => receipt,
                Err(_) => done(Settlement::Refund).await?,
            };
            return Ok(WalletReceipt {
                outcome: Outcome::Done,
                ..receipt
            });
        }
        if conflict && settlement == Settlement::Refund && self.is(Fault::RefundsSpentCredits) {
            let hidden = self.hidden();
            return self.inner.grant(account, &hidden, 1, at).await;
        }
        settled
    }
}

impl Faulty {
    fn charges_replays(&self) -> bool {
        self.is(Fault::ChargesReplays) || self.is(Fault::ChargesRacingReplays)
    }

    fn hidden(&self) -> OperationId {
        OperationId::new(format!("hidden {}", self.fresh_number())).unwrap()
    }

    fn named(&self, operation: &OperationId) -> OperationId {
        match self.is(Fault::FoldsOperationIds) {
            true => OperationId::new(operation.as_str().to_ascii_lowercase()).unwrap(),
            false => operation.clone(),
        }
    }

    fn lagging(
        &self,
        result: Result<WalletReceipt, StoreError>,
        before: Option<Credits>,
    ) -> Result<WalletReceipt, StoreError> {
        result.map(|receipt| match before {
            Some(balance) if self.is(Fault::ReceiptLags) => WalletReceipt { balance, ..receipt },
            _ => receipt,
        })
    }
}
