use std::net::IpAddr;

use ringyo_key::Mode;
use ringyo_scope::{Catalog, ScopeSet};
use ringyo_store::{AccountId, KeyRecord, Timestamp};

use super::{ManageError, Surplus};
use crate::Caller;

/// Who manages keys: what the audit trail names, whose keys they see, and what they may hand out.
#[derive(Debug, Clone)]
pub struct Actor {
    name: String,
    account: Option<AccountId>,
    from: Option<IpAddr>,
    authority: Authority,
}

#[derive(Debug, Clone)]
enum Authority {
    Full,
    Limited {
        scopes: ScopeSet,
        modes: Modes,
        expires_at: Option<Timestamp>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Modes {
    Any,
    TestOnly,
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
    /// scopes, its mode (a live key may make test keys), its expiry.
    #[must_use]
    pub fn caller(caller: &Caller) -> Self {
        Self {
            name: format!("key:{}", caller.key_id()),
            account: Some(caller.account().clone()),
            from: None,
            authority: Authority::Limited {
                scopes: caller.scopes().clone(),
                modes: match caller.mode() {
                    Mode::Live => Modes::Any,
                    Mode::Test => Modes::TestOnly,
                },
                expires_at: caller.expires_at(),
            },
        }
    }

    /// The same actor, handing out no more than these scopes.
    #[must_use]
    pub fn limited_to(mut self, scopes: ScopeSet) -> Self {
        let (modes, expires_at) = match self.authority {
            Authority::Full => (Modes::Any, None),
            Authority::Limited {
                modes, expires_at, ..
            } => (modes, expires_at),
        };
        self.authority = Authority::Limited {
            scopes,
            modes,
            expires_at,
        };
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

    /// Whether they may bring a key like this one to life.
    pub(super) fn may_hand_out(
        &self,
        key: &KeyRecord,
        catalog: &Catalog,
    ) -> Result<(), ManageError> {
        let Authority::Limited {
            scopes,
            modes,
            expires_at,
        } = &self.authority
        else {
            return Ok(());
        };
        let outlives = |end: &Timestamp| key.expires_at.is_none_or(|expires| expires > *end);
        let surplus = if !scopes.covers(&key.scopes, catalog) {
            Surplus::Scopes
        } else if *modes == Modes::TestOnly && key.mode == Mode::Live {
            Surplus::Mode
        } else if expires_at.as_ref().is_some_and(outlives) {
            Surplus::Expiry
        } else {
            return Ok(());
        };
        Err(ManageError::Broader(surplus))
    }

    fn unbounded(name: String) -> Self {
        Self {
            name,
            account: None,
            from: None,
            authority: Authority::Full,
        }
    }
}
