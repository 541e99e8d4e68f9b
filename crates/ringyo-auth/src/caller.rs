use std::fmt;
use std::sync::Arc;

use ringyo_key::{KeyId, Mode};
use ringyo_limit::{Decision, Outcome};
use ringyo_scope::{Requirement, ScopeSet};
use ringyo_store::{AccountId, Timestamp};

use crate::cache::CachedKey;
use crate::{AuthError, Plan};

/// Who is calling: an authenticated key, within its limits.
///
/// Having one proves the key; what it may do is asked with [`require`](Self::require). Cloning is
/// cheap and copies no text.
#[derive(Clone)]
pub struct Caller {
    key: Arc<CachedKey>,
    at: Timestamp,
    rate: Option<Outcome>,
}

impl Caller {
    #[inline]
    pub(crate) fn new(key: Arc<CachedKey>, at: Timestamp, rate: Option<Outcome>) -> Self {
        Self { key, at, rate }
    }

    /// The public id of the key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key.id
    }

    /// The name that its owner gave the key.
    #[must_use]
    pub fn key_name(&self) -> &str {
        &self.key.name
    }

    /// Live or test.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.key.mode
    }

    /// The account that is charged and limited.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.key.account.id
    }

    /// The plan of the account.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.key.account.plan
    }

    /// What the key was given, as text. To decide, use [`require`](Self::require).
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.key.permissions.scopes
    }

    /// From when on the key is refused at the latest: its expiry, or the end of its overlap with
    /// the key that replaced it.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.key.ends_at()
    }

    /// When the request was authenticated.
    #[must_use]
    pub fn authenticated_at(&self) -> Timestamp {
        self.at
    }

    /// What the rate limiter said, for the headers of the response; `None` if the plan has no
    /// rate limit.
    #[must_use]
    #[inline]
    pub fn rate(&self) -> Option<Decision> {
        self.key.decision(self.rate?)
    }

    /// Lets the call go on if the key may do what it needs. Pure and without allocation.
    ///
    /// # Errors
    ///
    /// [`AuthError::InsufficientPermissions`], naming what is missing.
    pub fn require(&self, requirement: &Requirement) -> Result<(), AuthError> {
        self.key
            .permissions
            .grants
            .check(requirement)
            .map_err(AuthError::InsufficientPermissions)
    }

    /// The same for one instance of a resource: `agents:update@agent_123` is enough for
    /// `agents:update` on `agent_123`.
    ///
    /// # Errors
    ///
    /// [`AuthError::InsufficientPermissions`], naming what is missing.
    pub fn require_on(&self, requirement: &Requirement, instance: &str) -> Result<(), AuthError> {
        self.key
            .permissions
            .grants
            .check_on(requirement, instance)
            .map_err(AuthError::InsufficientPermissions)
    }

    /// The caller as one that does the real thing, if its key is live.
    #[must_use]
    pub fn as_live(&self) -> Option<LiveCaller> {
        match self.mode() {
            Mode::Live => Some(LiveCaller(self.clone())),
            Mode::Test => None,
        }
    }

    /// The caller as one that does the real thing.
    ///
    /// # Errors
    ///
    /// [`AuthError::LiveKeyRequired`] for a test key.
    pub fn require_live(&self) -> Result<LiveCaller, AuthError> {
        self.as_live().ok_or(AuthError::LiveKeyRequired)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("key", &self.key_id())
            .field("account", self.account())
            .field("mode", &self.mode())
            .field("rate", &self.rate())
            .finish()
    }
}

/// A caller with a live key: the proof that [`Wallet`](crate::Wallet) asks for, so that a test
/// key cannot be charged even by mistake.
///
/// ```
/// # use ringyo_auth::{AuthError, Caller, Wallet};
/// # async fn f(wallet: Wallet, caller: Caller, id: ringyo_store::OperationId) -> Result<(), AuthError> {
/// let caller = caller.require_live()?;
/// wallet.charge(&caller, 1, &id).await;
/// # Ok(())
/// # }
/// ```
///
/// Without that it does not compile:
///
/// ```compile_fail,E0308
/// # use ringyo_auth::{AuthError, Caller, Wallet};
/// # async fn f(wallet: Wallet, caller: Caller, id: ringyo_store::OperationId) -> Result<(), AuthError> {
/// wallet.charge(&caller, 1, &id).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LiveCaller(Caller);

impl std::ops::Deref for LiveCaller {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}
