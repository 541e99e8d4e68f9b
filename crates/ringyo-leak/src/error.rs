use http::StatusCode;
use ringyo_auth::{LeakedKey, ManageError};

/// Why a message was not taken, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlertError {
    /// A header that each message has is missing, or there are two of it, or it is no text.
    #[error("expected one header `{0}`")]
    Header(&'static str),
    /// The message names a key that is not among those that the service has. If it is GitHub's,
    /// they have changed.
    #[error("the identifier names none of the public keys")]
    UnknownKey,
    /// The signature is none, or not one of this body by the key that the message names.
    #[error("the signature is not one of this body")]
    Signature,
    /// The body is longer than [`GithubAlerts::MAX_BODY`](crate::GithubAlerts::MAX_BODY).
    #[error("the body is too long")]
    TooLong,
    /// There are more than [`GithubAlerts::MAX_ALERTS`](crate::GithubAlerts::MAX_ALERTS).
    #[error("there are too many alerts in the message")]
    TooMany,
    /// The body is signed, and no list of alerts. It may be that GitHub has changed its form.
    #[error("the body is no list of alerts")]
    Malformed,
    /// The store gave no answer on the way. The same message may come again.
    #[error("the store is unavailable")]
    Interrupted {
        /// What kept it from going on.
        #[source]
        source: ManageError,
        /// The keys of this service up to there, as in [`Received`](crate::Received). Another time
        /// they are dealt with already, so tell their owners now.
        leaked: Vec<LeakedKey>,
    },
}

impl AlertError {
    /// The status to answer with: 403 to who is not known to be GitHub, 413 and 400 for what cannot
    /// be read, 503 when it may be tried again.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Header(_) | Self::UnknownKey | Self::Signature => StatusCode::FORBIDDEN,
            Self::TooLong | Self::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Interrupted { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
