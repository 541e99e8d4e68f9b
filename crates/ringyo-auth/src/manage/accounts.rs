use std::sync::Arc;

use ringyo_store::{Account, AccountId, EventKind, NewEvent, StoreErrorKind};

use super::fields::Fields;
use super::key_manager::attempts;
use super::{Actor, ManageError};
use crate::service::Service;

/// Creates accounts and changes their plans. A cheap handle; clone it freely.
///
/// It is for the service itself and those who run it: an [`Actor`] that is bound to an account
/// can look at that account and change nothing.
#[derive(Debug, Clone)]
pub struct Accounts {
    service: Arc<Service>,
    actor: Actor,
}

impl Accounts {
    pub(crate) fn new(service: Arc<Service>, actor: Actor) -> Self {
        Self { service, actor }
    }

    /// The same accounts in the hands of somebody else.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self::new(self.service.clone(), actor)
    }

    /// Creates an account on one of the plans of the service.
    ///
    /// # Errors
    ///
    /// [`ManageError::Invalid`] for a bad id or an unknown plan, [`ManageError::AlreadyExists`],
    /// [`ManageError::Unavailable`].
    pub async fn create(&self, id: &str, plan: &str) -> Result<Account, ManageError> {
        self.refuse_bound()?;
        let mut fields = Fields::default();
        self.check_plan(plan, &mut fields);
        let id = match AccountId::new(id) {
            Ok(id) => id,
            Err(error) => {
                fields.refuse("id", error.to_string());
                return Err(fields.into());
            }
        };
        fields.check()?;
        let at = self.service.core.timestamp();
        let account = Account::new(id, plan, at);
        let event = self.event(
            EventKind::AccountCreated,
            &account,
            format!("plan {plan:?}"),
        );
        let core = &self.service.core;
        Ok(core
            .managed(core.store.insert_account(&account, &event))
            .await?)
    }

    /// The account of that id.
    ///
    /// # Errors
    ///
    /// [`ManageError::NotFound`], [`ManageError::Unavailable`].
    pub async fn find(&self, id: &AccountId) -> Result<Account, ManageError> {
        if !self.actor.sees(id) {
            return Err(ManageError::NotFound);
        }
        let core = &self.service.core;
        let found = core.managed(core.store.find_account(id)).await?;
        found.ok_or(ManageError::NotFound)
    }

    /// Up to `limit` accounts behind `after`, in byte order of their ids.
    ///
    /// # Errors
    ///
    /// [`ManageError::NotFound`] for a bound actor, [`ManageError::Unavailable`].
    pub async fn list(
        &self,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<Account>, ManageError> {
        self.refuse_bound()?;
        let core = &self.service.core;
        Ok(core.managed(core.store.list_accounts(after, limit)).await?)
    }

    /// Puts an account on another plan, at once for every request on this node. What it has used
    /// of its rate stays used.
    ///
    /// # Errors
    ///
    /// [`ManageError`].
    pub async fn set_plan(&self, id: &AccountId, plan: &str) -> Result<Account, ManageError> {
        self.refuse_bound()?;
        let mut fields = Fields::default();
        self.check_plan(plan, &mut fields);
        fields.check()?;
        let core = &self.service.core;
        // Also when it turns out to be done already: by another node, of which this one may not
        // have heard yet.
        let _forget = ForgetAccount(&self.service, id);
        for _ in attempts() {
            let mut account = self.find(id).await?;
            if account.plan == plan {
                return Ok(account);
            }
            let detail = format!("plan: {:?} to {plan:?}", account.plan);
            account.plan = plan.to_owned();
            let event = self.event(EventKind::AccountPlanChanged, &account, detail);
            match core
                .managed(core.store.update_account(&account, &event))
                .await
            {
                Ok(account) => return Ok(account),
                Err(error) if error.kind() == StoreErrorKind::Conflict => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ManageError::Conflict)
    }

    fn refuse_bound(&self) -> Result<(), ManageError> {
        match self.actor.account() {
            None => Ok(()),
            Some(_) => Err(ManageError::NotFound),
        }
    }

    fn check_plan(&self, plan: &str, fields: &mut Fields) {
        if !self.service.core.plans.contains(plan) {
            fields.refuse("plan", "must be one of the plans of the service");
        }
    }

    fn event(&self, kind: EventKind, account: &Account, detail: String) -> NewEvent {
        let at = self.service.core.timestamp();
        NewEvent {
            from: self.actor.address(),
            detail,
            ..NewEvent::new(kind, account.id.clone(), self.actor.name(), at)
        }
    }
}

/// Forgets an account when the attempt to change it is over, however it ends.
struct ForgetAccount<'a>(&'a Service, &'a AccountId);

impl Drop for ForgetAccount<'_> {
    fn drop(&mut self) {
        self.0.core.forget_account(self.1);
    }
}
