//! Faults of the store of accounts.

use async_trait::async_trait;
use ringyo_store::{
    Account, AccountId, AccountStore, NewEvent, OperationId, StoreError, StoreErrorKind,
    WalletStore,
};

use crate::faulty::{Fault, Faulty, gap, is_kind};

#[async_trait]
impl AccountStore for Faulty {
    async fn insert_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        let mut account = account.clone();
        if self.is(Fault::TrimsPlans) {
            account.plan = account.plan.trim().to_owned();
        }
        let result = self.inner.insert_account(&account, event).await;
        if is_kind(&result, StoreErrorKind::AlreadyExists) && self.is(Fault::OverwritesAccounts) {
            return Ok(account);
        }
        if self.is(Fault::GivesACredit) {
            let welcome = OperationId::new("welcome").unwrap();
            let granted = self.inner.grant(&account.id, &welcome, 1, event.at);
            granted.await.unwrap();
        }
        self.log_if_refused(&result, event).await;
        result
    }

    async fn find_account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let found = self.inner.find_account(id).await?;
        if found.is_none() && self.is(Fault::FoldsAccountIds) {
            let all = self.inner.list_accounts(None, usize::MAX).await?;
            let like = |account: &Account| account.id.as_str().eq_ignore_ascii_case(id.as_str());
            return Ok(all.into_iter().find(like));
        }
        Ok(found)
    }

    async fn update_account(
        &self,
        account: &Account,
        event: &NewEvent,
    ) -> Result<Account, StoreError> {
        let mut account = account.clone();
        if self.is(Fault::IgnoresAccountRevisions)
            && self.inner.find_account(&account.id).await?.is_some()
        {
            gap().await;
            let stored = self.inner.find_account(&account.id).await?.unwrap();
            account.revision = stored.revision;
        }
        let result = self.inner.update_account(&account, event).await;
        if is_kind(&result, StoreErrorKind::NotFound) && self.is(Fault::InsertsAccountsOnUpdate) {
            return self.inner.insert_account(&account, event).await;
        }
        self.log_if_refused(&result, event).await;
        result
    }

    async fn list_accounts(
        &self,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        if !self.is(Fault::ListsAccountsByLetters) {
            return self.inner.list_accounts(after, limit).await;
        }
        let folded = |id: &AccountId| (id.as_str().to_ascii_lowercase(), id.clone());
        let mut accounts = self.inner.list_accounts(None, usize::MAX).await?;
        accounts.sort_by_key(|account| folded(&account.id));
        if let Some(after) = after {
            accounts.retain(|account| folded(&account.id) > folded(after));
        }
        accounts.truncate(limit);
        Ok(accounts)
    }
}
