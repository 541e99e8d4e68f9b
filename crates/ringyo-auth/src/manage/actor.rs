use std::net::IpAddr;

use ringyo_key::{KeyId, Mode};
use ringyo_scope::{Catalog, ScopeSet};
use ringyo_store::{AccountId, KeyQuota, KeyRecord};

use super::{ManageError, Surplus};
use crate::Caller;

/// Who manages keys: what the audit trail names, whose keys they see, and what they may hand out.
///
/// Making a key, changing its permissions, enabling and regenerating it hand out; renaming,
/// disabling and revoking do not, and whoever sees a key may do them. Whether a user or a key may
/// manage keys at all is for the service to ask before it comes here.
#[derive(Debug, Clone)]
pub struct Actor {
    name: String,
    account: Option<AccountId>,
    from: Option<IpAddr>,
    // Each of them holds.
    limits: Vec<Limit>,
}

/// What an actor cannot go beyond.
#[derive(Debug, Clone)]
pub(super) enum Limit {
    /// These scopes.
    Scopes(ScopeSet),
    /// This key, as it stands when something is handed out.
    Key(KeyId),
}

impl Actor {
    /// The service itself.
    #[must_use]
    pub fn system() -> Self {
        Self::unbounded("system".to_owned())
    }

    /// Somebody who runs the service, and manages the keys of every account.
    #[must_use]
    pub fn operator(name: &str) -> Self {
        Self::unbounded(format!("operator:{name}"))
    }

    /// Somebody logged in to an account: keys of other accounts do not exist for them.
    #[must_use]
    pub fn user(name: &str, account: AccountId) -> Self {
        Self {
            account: Some(account),
            ..Self::unbounded(format!("user:{name}"))
        }
    }

    /// A key that manages keys of its account, and hands out no more than it is itself: its
    /// scopes, its mode (a live key may make test keys), its end, its networks and its rate.
    ///
    /// The key is read again each time it hands something out, so that one that has been revoked
    /// or cut down since cannot.
    #[must_use]
    pub fn caller(caller: &Caller) -> Self {
        Self {
            account: Some(caller.account().clone()),
            limits: vec![Limit::Key(caller.key_id())],
            ..Self::unbounded(format!("key:{}", caller.key_id()))
        }
    }

    /// The same actor, handing out no more than these scopes either.
    #[must_use]
    pub fn limited_to(mut self, scopes: ScopeSet) -> Self {
        self.limits.push(Limit::Scopes(scopes));
        self
    }

    /// The same actor, with the address that the audit trail shows.
    #[must_use]
    pub fn from(self, address: IpAddr) -> Self {
        Self {
            from: Some(address),
            ..self
        }
    }

    /// What the audit trail calls them.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account whose keys they see; `None`: all.
    #[must_use]
    pub const fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    pub(super) const fn address(&self) -> Option<IpAddr> {
        self.from
    }

    pub(super) fn sees(&self, account: &AccountId) -> bool {
        self.account.as_ref().is_none_or(|own| own == account)
    }

    pub(super) fn limits(&self) -> &[Limit] {
        &self.limits
    }

    fn unbounded(name: String) -> Self {
        Self {
            name,
            account: None,
            from: None,
            limits: Vec::new(),
        }
    }
}

/// Whether a key goes beyond the scopes of its maker.
pub(super) fn within_scopes(
    key: &KeyRecord,
    scopes: &ScopeSet,
    catalog: &Catalog,
) -> Result<(), ManageError> {
    if scopes.covers(&key.scopes, catalog) {
        Ok(())
    } else {
        Err(ManageError::Broader(Surplus::Scopes))
    }
}

/// Whether a key goes beyond the key that makes it.
pub(super) fn within_key(
    key: &KeyRecord,
    maker: &KeyRecord,
    catalog: &Catalog,
) -> Result<(), ManageError> {
    within_scopes(key, &maker.scopes, catalog)?;
    let outlives = maker
        .ends_at()
        .is_some_and(|end| key.ends_at().is_none_or(|later| later > end));
    let reaches_further = !maker.allowed_networks.is_empty()
        && (key.allowed_networks.is_empty()
            || !key.allowed_networks.iter().all(|network| {
                let mut own = maker.allowed_networks.iter();
                own.any(|own| own.contains(network))
            }));
    let is_faster = maker
        .quota
        .is_some_and(|own| key.quota.is_none_or(|quota| exceeds(quota, own)));
    let surplus = if maker.mode == Mode::Test && key.mode == Mode::Live {
        Surplus::Mode
    } else if outlives {
        Surplus::Expiry
    } else if reaches_further {
        Surplus::Networks
    } else if is_faster {
        Surplus::Rate
    } else {
        return Ok(());
    };
    Err(ManageError::Broader(surplus))
}

fn exceeds(quota: KeyQuota, own: KeyQuota) -> bool {
    let burst = |quota: KeyQuota| quota.burst.unwrap_or(quota.per_minute);
    quota.per_minute > own.per_minute || burst(quota) > burst(own)
}
