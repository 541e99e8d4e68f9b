use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ringyo_key::{KeyId, ParseError};
use ringyo_limit::{Decision, LimitError, Outcome};
use ringyo_scope::Missing;
use ringyo_store::StoreError;

use crate::cache::CachedKey;

/// Why a request was not let through.
///
/// What of it a client is told is decided in one place, by [`HttpMapping`](crate::HttpMapping): every
/// [`InvalidKey`](Self::InvalidKey) is the same answer to it, whatever the reason.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No credential of a kind that is understood here came with the request.
    #[error("no API key was presented")]
    MissingCredential,
    /// More than one credential came with the request.
    #[error("more than one credential was presented")]
    AmbiguousCredential,
    /// What came is no key of this service. The reason is for logs and counters only.
    #[error("the API key is not valid: {0}")]
    InvalidKey(InvalidKey),
    /// The key was revoked.
    #[error("key {0} is revoked")]
    Revoked(KeyId),
    /// The key was replaced by another and the overlap is over.
    #[error("key {0} was replaced by another key")]
    Superseded(KeyId),
    /// The key's time is over.
    #[error("key {0} is expired")]
    Expired(KeyId),
    /// The key is switched off.
    #[error("key {0} is disabled")]
    Disabled(KeyId),
    /// The key may not be used from the address of the client, or that address is not known.
    #[error("key {0} may not be used from this address")]
    AddressNotAllowed(KeyId),
    /// The plan of the account does not open the API.
    #[error("the plan of the account has no API access")]
    PlanRequired,
    /// The account, or the key, has used up its rate.
    #[error("rate limit exceeded")]
    RateLimited(Exceeded),
    /// The key may not do that.
    #[error("the key lacks a permission")]
    InsufficientPermissions(Missing),
    /// Only a live key may do that.
    #[error("a live key is needed")]
    LiveKeyRequired,
    /// Store or limiter gave no answer, so the question is open. Never a verdict on the key.
    #[error("authentication is unavailable")]
    Unavailable(#[source] Unavailable),
}

/// The rate that a request has run into.
///
/// Made from a [`Decision`] by services that limit something else besides.
#[derive(Clone)]
pub struct Exceeded(Rate);

/// A decision, or what it can be made of again: errors are kept small, because the answer to every
/// request is as large as the largest of them.
#[derive(Clone)]
enum Rate {
    Of(Arc<CachedKey>, Outcome),
    Given(Arc<Decision>),
}

impl Exceeded {
    pub(crate) fn by(key: Arc<CachedKey>, outcome: Outcome) -> Self {
        Self(Rate::Of(key, outcome))
    }

    /// What the rate limiter said.
    ///
    /// # Panics
    ///
    /// Never: a key that ran into a limit has one.
    #[must_use]
    pub fn decision(&self) -> Decision {
        match &self.0 {
            Rate::Of(key, outcome) => key.decision(*outcome).expect("a key with a limit"),
            Rate::Given(decision) => **decision,
        }
    }
}

impl From<Decision> for Exceeded {
    fn from(decision: Decision) -> Self {
        Self(Rate::Given(Arc::new(decision)))
    }
}

impl fmt::Debug for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exceeded").field(&self.decision()).finish()
    }
}

/// Why a presented text is no key of this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// It does not have the shape of a key, or its checksum is wrong.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// Its tag was not made here.
    #[error("its tag was not made under a pepper of this service")]
    Forged,
    /// It was made here, and there is no record of it.
    #[error("there is no record of it")]
    Unknown,
    /// There is a record of its id, and its secret is another.
    #[error("its secret does not fit the record")]
    WrongSecret,
}

/// Who gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Arc<StoreError>),
    /// The store did not answer in time.
    #[error("the store did not answer within {0:?}")]
    StoreTimeout(Duration),
    /// So many texts that look like keys of another origin are being looked up, or were just now
    /// and are none, that no more are: [`Builder::foreign_look_ups`](crate::Builder::foreign_look_ups).
    #[error("too many unknown keys of a foreign format came within a second")]
    TooManyForeign,
    /// The limiter failed.
    #[error("the rate limiter failed")]
    Limiter(#[source] Arc<LimitError>),
}

impl From<InvalidKey> for AuthError {
    fn from(reason: InvalidKey) -> Self {
        Self::InvalidKey(reason)
    }
}

impl From<Unavailable> for AuthError {
    fn from(who: Unavailable) -> Self {
        Self::Unavailable(who)
    }
}
