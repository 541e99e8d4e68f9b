use std::error::Error;
use std::fmt;

/// A store did not do what it was asked to.
///
/// [`kind`](Self::kind) says what a caller can do about it, [`source`](Error::source) what the
/// system below said. No text in it comes from a secret.
pub struct StoreError {
    kind: StoreErrorKind,
    context: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What a caller can do about a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// There is nothing of that id. Do not try again.
    NotFound,
    /// The id is taken. Take another.
    AlreadyExists,
    /// Somebody else wrote first: read again, decide again, write again. Also an operation id that
    /// has been used for something else.
    Conflict,
    /// The key is revoked, and stays it.
    Revoked,
    /// The account has as many keys as it may have.
    TooManyKeys,
    /// The balance is smaller than the amount.
    InsufficientCredits,
    /// No answer for now: locked, overloaded, unreachable, out of disk. Try later; whether a write
    /// was done is unknown.
    Unavailable,
    /// The store can be read but not written.
    ReadOnly,
    /// What is stored makes no sense: damaged, or not a store of this library.
    Corrupt,
    /// The store was written by a newer version of this library. Update.
    NewerSchema,
}

impl StoreError {
    /// An error without a cause below it.
    #[must_use]
    pub const fn new(kind: StoreErrorKind, context: &'static str) -> Self {
        Self {
            kind,
            context,
            source: None,
        }
    }

    /// An error with what the system below said.
    pub fn with_source(
        kind: StoreErrorKind,
        context: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            context,
            source: Some(source.into()),
        }
    }

    /// What a caller can do about it.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.context)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError")
            .field("kind", &self.kind)
            .field("context", &self.context)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
