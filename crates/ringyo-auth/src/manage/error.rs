use std::fmt;

use ringyo_key::KeyId;
use ringyo_store::{KeyState, StoreError, StoreErrorKind};

use crate::error::Unavailable;

/// Why keys or accounts were not changed. Then nothing is.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ManageError {
    /// There is no such key or account, or it is another account's: the two are not told apart.
    #[error("there is no such key or account")]
    NotFound,
    /// What was asked for breaks a rule; each field that does is named.
    #[error("{} field(s) are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// The plan of the account does not open the API.
    #[error("the plan of the account has no API access")]
    PlanRequired,
    /// The account has as many keys as its plan allows.
    #[error("the account has as many keys as its plan allows")]
    TooManyKeys,
    /// The key would be more than whoever asked for it.
    #[error("the key would have {0} that its maker does not have")]
    Broader(Surplus),
    /// The key that asks for it may itself not be used any more.
    #[error("the key that asks is not active any more")]
    ActorEnded,
    /// The state of the key does not allow it.
    #[error("key {id} is {state}")]
    State {
        /// Which key.
        id: KeyId,
        /// What it is.
        state: KeyState,
    },
    /// An account of that id exists.
    #[error("an account of that id exists")]
    AlreadyExists,
    /// Others kept changing the same record. Try again.
    #[error("the record kept being changed by others")]
    Conflict,
    /// The store gave no answer; whether it was done is unknown. Look before trying again.
    #[error("the store is unavailable")]
    Unavailable(#[source] Unavailable),
}

/// What a key would have too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surplus {
    /// Permissions.
    Scopes,
    /// The live mode.
    Mode,
    /// Time.
    Expiry,
    /// Networks it may be used from.
    Networks,
    /// Requests a minute, or at once.
    Rate,
}

impl fmt::Display for Surplus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scopes => "permissions",
            Self::Mode => "the live mode",
            Self::Expiry => "a lifetime",
            Self::Networks => "networks",
            Self::Rate => "a rate",
        })
    }
}

/// One field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Its name, as in [`NewKey`](crate::NewKey).
    pub field: &'static str,
    /// The rule.
    pub message: String,
}

impl From<StoreError> for ManageError {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::NotFound => Self::NotFound,
            StoreErrorKind::AlreadyExists => Self::AlreadyExists,
            StoreErrorKind::TooManyKeys => Self::TooManyKeys,
            StoreErrorKind::Conflict | StoreErrorKind::Revoked => Self::Conflict,
            _ => Self::Unavailable(error.into()),
        }
    }
}
