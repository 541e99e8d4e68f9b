use std::num::NonZeroU32;
use std::time::Duration;

use ringyo_key::{ApiKey, Mode};
use ringyo_store::{IpNet, KeyQuota, KeyRecord};

/// A key that is asked for. What it holds is checked by
/// [`KeyManager::issue`](crate::KeyManager::issue), all of it at once.
///
/// ```
/// use ringyo_auth::NewKey;
///
/// let new = NewKey::live("acct_1", "Production Server")
///     .scopes(["agents", "calls:read"])
///     .expires_in(std::time::Duration::from_secs(90 * 24 * 3600));
/// ```
#[derive(Debug, Clone)]
#[must_use = "a key is made by `KeyManager::issue`"]
pub struct NewKey {
    pub(crate) account: String,
    pub(crate) mode: Mode,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) quota: Option<KeyQuota>,
    pub(crate) allowed_networks: Vec<IpNet>,
}

impl NewKey {
    /// A production key for an account, with a name for people.
    pub fn live(account: impl Into<String>, name: impl Into<String>) -> Self {
        Self::new(Mode::Live, account, name)
    }

    /// A development key for an account, with a name for people.
    pub fn test(account: impl Into<String>, name: impl Into<String>) -> Self {
        Self::new(Mode::Test, account, name)
    }

    /// A key of either mode.
    pub fn new(mode: Mode, account: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            mode,
            name: name.into(),
            description: String::new(),
            scopes: Vec::new(),
            expires_in: None,
            quota: None,
            allowed_networks: Vec::new(),
        }
    }

    /// More about the key, for people: up to 1,000 characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// What the key may do, e.g. `agents`, `calls:read`, `read_only`. At least one is needed.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// How long the key lasts; without it, until it is revoked.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.expires_in = Some(lifetime);
        self
    }

    /// A rate limit of the key's own, beside the account's.
    pub fn quota_per_minute(mut self, per_minute: NonZeroU32) -> Self {
        self.quota = Some(KeyQuota {
            per_minute,
            burst: None,
        });
        self
    }

    /// The networks the key may be used from; none: any. Read them with
    /// [`parse_network`](ringyo_store::parse_network) where they come as text.
    pub fn allowed_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.allowed_networks = networks.into_iter().collect();
        self
    }
}

/// A key just made. This is the only time it can be seen.
#[derive(Debug)]
pub struct IssuedKey {
    /// The secret, to be shown once.
    pub key: ApiKey,
    /// What is kept of it.
    pub record: KeyRecord,
}
