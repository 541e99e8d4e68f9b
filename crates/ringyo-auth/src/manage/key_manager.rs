use std::sync::Arc;

use ringyo_key::{KeyId, PepperId};
use ringyo_store::{
    AccountId, Event, EventKind, EventQuery, KeyCursor, KeyFilter, KeyQuery, KeyRecord, KeyState,
    KeyStatus, NewEvent, Page, PageSize, Revision, StoreErrorKind, Timestamp,
};

use super::actor::{Limit, within_key, within_scopes};
use super::fields::Fields;
use super::{Actor, ManageError};
use crate::Plan;
use crate::core::Core;
use crate::service::Service;

/// How often a change is tried again because another came first. Each time another one has
/// succeeded, so this ends.
const ATTEMPTS: usize = 100;

/// Issues keys and changes them, on behalf of an [`Actor`]. A cheap handle; clone it freely.
///
/// Each change is one transaction together with its entry in the audit trail. When a method has
/// returned, no request that starts later on this node is decided by the old state; other nodes
/// follow within the bound of [`Builder::max_staleness`](crate::Builder::max_staleness). Calls
/// that ask for what is already so succeed and change nothing.
#[derive(Debug, Clone)]
pub struct KeyManager {
    service: Arc<Service>,
    actor: Actor,
}

/// What to change about a key. `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// A new name: 1–100 characters after trimming.
    pub name: Option<String>,
    /// A new description, up to 1,000 characters; the empty text takes it away.
    pub description: Option<String>,
    /// New permissions, in place of all it has.
    pub scopes: Option<Vec<String>>,
}

/// Which keys to list.
#[derive(Debug, Clone)]
pub struct ListKeys {
    /// Of this account; `None`: of all that the actor sees.
    pub account: Option<AccountId>,
    /// Active ones only, or all.
    pub filter: KeyFilter,
    /// Of this mode only.
    pub mode: Option<ringyo_key::Mode>,
    /// Whose name contains this text.
    pub name_contains: Option<String>,
    /// Continue behind this one: [`Page::next`] of the page before.
    pub after: Option<KeyCursor>,
    /// At most so many.
    pub size: PageSize,
}

impl Default for ListKeys {
    fn default() -> Self {
        Self {
            account: None,
            filter: KeyFilter::Active,
            mode: None,
            name_contains: None,
            after: None,
            size: PageSize::DEFAULT,
        }
    }
}

impl KeyManager {
    pub(crate) fn new(service: Arc<Service>, actor: Actor) -> Self {
        Self { service, actor }
    }

    /// The same keys in the hands of somebody else.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self::new(self.service.clone(), actor)
    }

    /// A page of keys, newest first, with the last-used times that this node knows.
    ///
    /// # Errors
    ///
    /// [`ManageError::Unavailable`].
    pub async fn list(&self, list: ListKeys) -> Result<Page<KeyRecord>, ManageError> {
        let ListKeys {
            account,
            filter,
            mode,
            name_contains,
            after,
            size,
        } = list;
        let own = self.actor.account();
        if let (Some(own), Some(asked)) = (own, &account)
            && own != asked
        {
            return Err(ManageError::NotFound);
        }
        let core = self.core();
        let query = KeyQuery {
            account: own.cloned().or(account),
            filter,
            at: core.timestamp(),
            mode,
            name_contains,
            after,
            size,
        };
        let mut page = core.managed(core.store.list_keys(&query)).await?;
        for record in &mut page.items {
            add_last_use(core, record);
        }
        Ok(page)
    }

    /// One key, whatever its state.
    ///
    /// # Errors
    ///
    /// [`ManageError::NotFound`], [`ManageError::Unavailable`].
    pub async fn find(&self, id: KeyId) -> Result<KeyRecord, ManageError> {
        let core = self.core();
        let found = core.managed(core.store.find_key(id)).await?;
        let mut record = found
            .filter(|record| self.actor.sees(&record.account))
            .ok_or(ManageError::NotFound)?;
        add_last_use(core, &mut record);
        Ok(record)
    }

    /// Changes name, description or permissions, together or not at all.
    ///
    /// # Errors
    ///
    /// [`ManageError`].
    pub async fn edit(&self, id: KeyId, edit: Edit) -> Result<KeyRecord, ManageError> {
        let mut fields = Fields::default();
        let name = edit.name.map(|name| fields.name(&name));
        let description = edit.description.map(|text| fields.description(&text));
        let catalog = &self.core().catalog;
        let scopes = edit.scopes.map(|scopes| fields.scopes(&scopes, catalog));
        fields.check()?;

        self.change(id, |key, _| {
            let mut detail = Vec::new();
            let mut kind = EventKind::KeyRenamed;
            if let Some(name) = name.clone().filter(|name| *name != key.name) {
                detail.push(format!("name: {:?} to {name:?}", key.name));
                key.name = name;
            }
            if let Some(text) = description.clone().filter(|text| *text != key.description) {
                detail.push("description changed".to_owned());
                key.description = text;
            }
            if let Some(scopes) = scopes.clone().filter(|scopes| *scopes != key.scopes) {
                detail.push(format!("permissions: {} to {scopes}", key.scopes));
                key.scopes = scopes;
                kind = EventKind::KeyScopesChanged;
            }
            if detail.is_empty() {
                return Ok(Change::None);
            }
            let detail = detail.join("; ");
            Ok(match kind {
                EventKind::KeyScopesChanged => Change::HandOut(kind, detail),
                _ => Change::Write(kind, detail),
            })
        })
        .await
    }

    /// Changes the name: [`edit`](Self::edit).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn rename(
        &self,
        id: KeyId,
        name: impl Into<String>,
    ) -> Result<KeyRecord, ManageError> {
        let name = Some(name.into());
        self.edit(
            id,
            Edit {
                name,
                ..Edit::default()
            },
        )
        .await
    }

    /// Changes the permissions: [`edit`](Self::edit).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn set_scopes(
        &self,
        id: KeyId,
        scopes: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<KeyRecord, ManageError> {
        let scopes = Some(scopes.into_iter().map(Into::into).collect());
        self.edit(
            id,
            Edit {
                scopes,
                ..Edit::default()
            },
        )
        .await
    }

    /// Switches a key off until it is enabled again.
    ///
    /// # Errors
    ///
    /// [`ManageError`].
    pub async fn disable(&self, id: KeyId) -> Result<KeyRecord, ManageError> {
        self.change(id, |key, _| {
            Ok(match key.status {
                KeyStatus::Disabled => Change::None,
                _ => {
                    key.status = KeyStatus::Disabled;
                    Change::Write(EventKind::KeyDisabled, String::new())
                }
            })
        })
        .await
    }

    /// Switches a disabled key on again.
    ///
    /// # Errors
    ///
    /// [`ManageError`]; [`ManageError::State`] for a key that is revoked, expired or superseded.
    pub async fn enable(&self, id: KeyId) -> Result<KeyRecord, ManageError> {
        self.change(id, |key, _| {
            Ok(match key.status {
                KeyStatus::Active => Change::None,
                _ => {
                    key.status = KeyStatus::Active;
                    Change::HandOut(EventKind::KeyEnabled, String::new())
                }
            })
        })
        .await
    }

    /// Ends a key for good. Nothing brings it back.
    ///
    /// # Errors
    ///
    /// [`ManageError::NotFound`], [`ManageError::Conflict`], [`ManageError::Unavailable`]: only
    /// when this returns `Ok` is the key certainly gone.
    pub async fn revoke(&self, id: KeyId) -> Result<KeyRecord, ManageError> {
        let revoke = |key: &mut KeyRecord, at| {
            if key.status == KeyStatus::Revoked {
                return Ok(Change::None);
            }
            key.status = KeyStatus::Revoked;
            key.revoked_at = Some(at);
            Ok(Change::Write(EventKind::KeyRevoked, String::new()))
        };
        self.change_any(id, revoke).await
    }

    /// What happened to a key, newest first.
    ///
    /// # Errors
    ///
    /// [`ManageError::NotFound`], [`ManageError::Unavailable`].
    pub async fn events(
        &self,
        id: KeyId,
        before: Option<Revision>,
        size: PageSize,
    ) -> Result<Page<Event, Revision>, ManageError> {
        let record = self.find(id).await?;
        let query = EventQuery {
            account: Some(record.account),
            key: Some(id),
            before,
            size,
        };
        Ok(self
            .core()
            .managed(self.core().store.list_events(&query))
            .await?)
    }

    /// How many keys that are active or disabled each pepper still has, so that one without any can be
    /// taken out of the ring. `None` stands for keys of foreign origin. Only for actors that see
    /// every account.
    ///
    /// # Errors
    ///
    /// [`ManageError::NotFound`] for an actor that is bound to an account,
    /// [`ManageError::Unavailable`].
    pub async fn pepper_usage(&self) -> Result<Vec<(Option<PepperId>, u64)>, ManageError> {
        match self.actor.account() {
            None => {
                let core = self.core();
                let counts = core.store.count_by_pepper(core.timestamp());
                Ok(core.managed(counts).await?)
            }
            Some(_) => Err(ManageError::NotFound),
        }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.service.core
    }

    /// The plan of an account that may have keys.
    pub(super) async fn plan_of(&self, account: &AccountId) -> Result<Arc<Plan>, ManageError> {
        if !self.actor.sees(account) {
            return Err(ManageError::NotFound);
        }
        let core = self.core();
        let account = core.managed(core.store.find_account(account)).await?;
        let plan = core.plan(&account.ok_or(ManageError::NotFound)?.plan);
        if plan.has_api_access() {
            Ok(plan)
        } else {
            Err(ManageError::PlanRequired)
        }
    }

    /// Whether the actor may bring a key like this one to life.
    pub(super) async fn check_handing_out(&self, key: &KeyRecord) -> Result<(), ManageError> {
        let core = self.core();
        for limit in self.actor.limits() {
            match limit {
                Limit::Scopes(scopes) => within_scopes(key, scopes, &core.catalog)?,
                Limit::Key(id) => {
                    let maker = core.managed(core.store.find_key(*id)).await?;
                    let is_active =
                        |maker: &KeyRecord| maker.state_at(core.timestamp()) == KeyState::Active;
                    let maker = maker.filter(is_active).ok_or(ManageError::ActorEnded)?;
                    within_key(key, &maker, &core.catalog)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn event(
        &self,
        kind: EventKind,
        key: &KeyRecord,
        at: Timestamp,
        detail: String,
    ) -> NewEvent {
        NewEvent {
            at,
            kind,
            actor: self.actor.name().to_owned(),
            from: self.actor.address(),
            account: key.account.clone(),
            key: Some(key.id),
            detail,
        }
    }

    /// Changes a key that is not at its end.
    async fn change(
        &self,
        id: KeyId,
        change: impl Fn(&mut KeyRecord, Timestamp) -> Result<Change, ManageError>,
    ) -> Result<KeyRecord, ManageError> {
        self.change_any(id, |key, at| match key.state_at(at) {
            KeyState::Active | KeyState::Disabled => change(key, at),
            state => Err(ManageError::State { id, state }),
        })
        .await
    }

    /// Reads, decides and writes until no other write comes in between.
    async fn change_any(
        &self,
        id: KeyId,
        change: impl Fn(&mut KeyRecord, Timestamp) -> Result<Change, ManageError>,
    ) -> Result<KeyRecord, ManageError> {
        let core = self.core();
        // Also when it turns out to be done already: by another node, of which this one may not
        // have heard yet.
        let _forget = Forget(core, id);
        for _ in attempts() {
            let mut key = self.find(id).await?;
            let at = core.timestamp();
            let (kind, detail) = match change(&mut key, at)? {
                Change::None => return Ok(key),
                Change::Write(kind, detail) => (kind, detail),
                Change::HandOut(kind, detail) => {
                    self.check_handing_out(&key).await?;
                    (kind, detail)
                }
            };
            let event = self.event(kind, &key, at, detail);
            match core.managed(core.store.update_key(&key, &event)).await {
                Ok(mut key) => {
                    add_last_use(core, &mut key);
                    return Ok(key);
                }
                Err(error) => match error.kind() {
                    // Read again: the next round sees what came first, a revocation included.
                    StoreErrorKind::Conflict | StoreErrorKind::Revoked => {}
                    _ => return Err(error.into()),
                },
            }
        }
        Err(ManageError::Conflict)
    }
}

/// What a change comes to.
enum Change {
    None,
    Write(EventKind, String),
    /// A write after which the key is worth more than before.
    HandOut(EventKind, String),
}

/// Tries that a change is given.
pub(super) const fn attempts() -> std::ops::Range<usize> {
    0..ATTEMPTS
}

/// Forgets a key when the attempt to change it is over, however it ends: it failed without
/// saying whether it was done, or nobody waited for its end.
pub(super) struct Forget<'a>(pub(super) &'a Core, pub(super) KeyId);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.cache.forget_key(self.1);
    }
}

fn add_last_use(core: &Core, record: &mut KeyRecord) {
    record.last_used_at = record.last_used_at.max(core.cache.last_used(record.id));
}
