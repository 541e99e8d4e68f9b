use std::fmt;
use std::sync::Arc;

use ringyo_key::{KeyId, Mode};
use ringyo_store::AccountId;

use crate::AuthError;
use crate::cache::CachedKey;

/// Why a request was refused, and whose key it came with.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Why.
    pub error: AuthError,
    /// The key, if its secret was proven: whoever sent another one has not shown to be anybody.
    pub key: Option<KnownKey>,
}

/// A key whose secret has been proven, and which was refused all the same.
#[derive(Clone)]
pub struct KnownKey(Arc<CachedKey>);

impl Refused {
    /// With the key, if it is proven.
    pub(crate) fn of(error: AuthError, key: Option<Arc<CachedKey>>) -> Self {
        Self {
            error,
            key: key.map(KnownKey),
        }
    }
}

impl KnownKey {
    /// Its public id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.0.account.id
    }

    /// Live or test.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.0.mode
    }
}

impl fmt::Debug for KnownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownKey({})", self.id())
    }
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        Self { error, key: None }
    }
}

impl From<Refused> for AuthError {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}
