use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Revision, Timestamp};

/// Who owns keys, a rate limit and a wallet: one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id, given by the service.
    pub id: AccountId,
    /// The name of its plan. What a plan allows is not the store's business; a name that no plan
    /// has grants nothing.
    pub plan: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The event that last changed it; [`Revision::NONE`] before it is stored.
    pub revision: Revision,
}

impl Account {
    /// An account that is not stored yet.
    pub fn new(id: AccountId, plan: impl Into<String>, created_at: Timestamp) -> Self {
        Self {
            id,
            plan: plan.into(),
            created_at,
            revision: Revision::NONE,
        }
    }
}

/// The id of an account: 1–128 characters of `A-Z a-z 0-9 . _ ~ : @ -`. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// The most characters an id has.
    pub const MAX_LEN: usize = 128;

    /// Checks and keeps an id.
    ///
    /// # Errors
    ///
    /// [`AccountIdError`] when the length or a character is outside the rule.
    pub fn new(text: impl AsRef<str>) -> Result<Self, AccountIdError> {
        let text = text.as_ref();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._~:@-".contains(&byte);
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.bytes().all(allowed) {
            return Err(AccountIdError);
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is not an [`AccountId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an account id is 1 to 128 characters of A-Z, a-z, 0-9 and . _ ~ : @ -")]
pub struct AccountIdError;

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({})", self.0)
    }
}

impl FromStr for AccountId {
    type Err = AccountIdError;
    fn from_str(text: &str) -> Result<Self, AccountIdError> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(text).map_err(serde::de::Error::custom)
    }
}

impl Serialize for AccountId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
