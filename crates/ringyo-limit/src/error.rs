//! Why a limiter could not decide.

use std::error::Error;
use std::fmt;

/// A limiter did not decide. Never a denial: what to do without a decision is for the caller to
/// choose, and refusing with 503 is the safe choice.
///
/// ```
/// use ringyo_limit::{LimitError, LimitErrorKind};
///
/// let error = LimitError::new(LimitErrorKind::Unavailable)
///     .with_source(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
/// assert_eq!(error.kind(), LimitErrorKind::Unavailable);
/// assert_eq!(error.to_string(), "rate limiter is unavailable");
/// ```
pub struct LimitError {
    kind: LimitErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What a caller can do about a [`LimitError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitErrorKind {
    /// The limiter cannot be reached. Nothing was charged; try again later.
    Unavailable,
    /// No answer in time, or the connection broke while it was awaited. The charge may or may not
    /// have been made; do not repeat it within the same request.
    Timeout,
    /// The limiter answered, but refuses to work as it is set up: wrong credentials, no
    /// permission, an unsupported version. Waiting does not help, an operator does.
    Misconfigured,
}

impl LimitErrorKind {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Unavailable => 0,
            Self::Timeout => 1,
            Self::Misconfigured => 2,
        }
    }

    /// The kind with that number, or the least particular one.
    pub(crate) const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Timeout,
            2 => Self::Misconfigured,
            _ => Self::Unavailable,
        }
    }

    /// One word for it, as metrics show it: `unavailable`, `timeout` or `misconfigured`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Misconfigured => "misconfigured",
        }
    }
}

impl LimitError {
    /// An error without a cause.
    #[must_use]
    pub const fn new(kind: LimitErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// The same error with its cause, as [`source`](Error::source) gives it.
    #[must_use]
    pub fn with_source(self, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            source: Some(Box::new(source)),
            ..self
        }
    }

    /// What a caller can do.
    #[must_use]
    pub const fn kind(&self) -> LimitErrorKind {
        self.kind
    }
}

impl fmt::Display for LimitErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "rate limiter is unavailable",
            Self::Timeout => "rate limiter did not answer in time",
            Self::Misconfigured => "rate limiter refuses to work as it is configured",
        })
    }
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl fmt::Debug for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitError")
            .field("kind", &self.kind)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for LimitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
