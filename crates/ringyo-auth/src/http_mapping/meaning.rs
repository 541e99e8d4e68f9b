use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use ringyo_scope::Catalog;
use ringyo_store::KeyState;
use serde_json::{Value, json};

use super::headers::whole_seconds;
use crate::{AuthError, ManageError, WalletError};

/// What programs are told beside the code; ordered, whatever map the JSON library uses.
pub(super) type Details = BTreeMap<String, Value>;

/// A refusal before it becomes headers and a body.
#[derive(Debug)]
pub struct Meaning {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) details: Details,
    pub(super) challenge: Challenge,
    pub(super) retry_after: Option<Duration>,
}

/// What `WWW-Authenticate` says (RFC 6750 §3).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// There is no such header: trying with another key would not help.
    None,
    /// The scheme and the realm alone: no credential came, so there is nothing to say about it.
    Bare,
    /// The token is not good, or no longer.
    InvalidToken,
    /// The request is malformed.
    InvalidRequest,
    /// The token is good and not enough; these scopes would be.
    InsufficientScope(String),
}

/// How long to wait when nobody knows how long.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(1);

pub(super) fn of_auth(error: &AuthError, catalog: &Catalog) -> Meaning {
    match error {
        AuthError::MissingCredential => refuse(
            StatusCode::UNAUTHORIZED,
            "missing_api_key",
            "Send your API key as `Authorization: Bearer …`.",
        )
        .challenge(Challenge::Bare),
        AuthError::AmbiguousCredential => refuse(
            StatusCode::BAD_REQUEST,
            "ambiguous_credentials",
            "Send exactly one API key.",
        )
        .challenge(Challenge::InvalidRequest),
        // One answer for all: whoever guesses learns nothing from it.
        AuthError::InvalidKey(_) => refuse(
            StatusCode::UNAUTHORIZED,
            "invalid_api_key",
            "This is not a valid API key.",
        )
        .challenge(Challenge::InvalidToken),
        AuthError::Revoked(_) => refuse(
            StatusCode::UNAUTHORIZED,
            "api_key_revoked",
            "This API key was revoked.",
        )
        .challenge(Challenge::InvalidToken),
        AuthError::Superseded(_) => refuse(
            StatusCode::UNAUTHORIZED,
            "api_key_revoked",
            "This API key was replaced by a new one.",
        )
        .challenge(Challenge::InvalidToken),
        AuthError::Expired(_) => refuse(
            StatusCode::UNAUTHORIZED,
            "api_key_expired",
            "This API key is expired.",
        )
        .challenge(Challenge::InvalidToken),
        AuthError::Disabled(_) => refuse(
            StatusCode::UNAUTHORIZED,
            "api_key_disabled",
            "This API key is disabled.",
        )
        .challenge(Challenge::InvalidToken),
        AuthError::AddressNotAllowed(_) => refuse(
            StatusCode::FORBIDDEN,
            "ip_not_allowed",
            "This API key may not be used from this address.",
        )
        .challenge(Challenge::Bare),
        AuthError::PlanRequired => plan_required().challenge(Challenge::Bare),
        AuthError::RateLimited(exceeded) => {
            let wait = exceeded.decision().retry_after();
            let refusal = refuse(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                "Too many requests. Wait, then try again with exponential backoff.",
            );
            match wait {
                Some(wait) => refusal
                    .detail("retry_after_seconds", whole_seconds(wait).max(1))
                    .retry_after(wait),
                None => refusal,
            }
        }
        AuthError::InsufficientPermissions(missing) => {
            let scopes = missing.scope_text(catalog);
            let listed: Vec<&str> = scopes
                .split(' ')
                .filter(|scope| !scope.is_empty())
                .collect();
            refuse(
                StatusCode::FORBIDDEN,
                "insufficient_permissions",
                "This API key lacks a permission that this call needs.",
            )
            .detail("missing", json!(listed))
            .challenge(Challenge::InsufficientScope(scopes))
        }
        AuthError::LiveKeyRequired => refuse(
            StatusCode::FORBIDDEN,
            "live_key_required",
            "This call needs a live API key.",
        )
        .challenge(Challenge::Bare),
        AuthError::Unavailable(_) => unavailable("auth_unavailable"),
    }
}

pub(super) fn of_manage(error: &ManageError) -> Meaning {
    match error {
        ManageError::NotFound => refuse(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such key or account.",
        ),
        ManageError::Invalid(fields) => fields.iter().fold(
            refuse(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_request",
                "Some fields are not valid.",
            ),
            |refusal, field| refusal.detail(field.field, field.message.clone()),
        ),
        ManageError::PlanRequired => plan_required(),
        ManageError::TooManyKeys => refuse(
            StatusCode::CONFLICT,
            "too_many_keys",
            "The account has as many API keys as its plan allows.",
        ),
        ManageError::Broader(surplus) => refuse(
            StatusCode::FORBIDDEN,
            "insufficient_permissions",
            &format!("You cannot make a key that has {surplus} you do not have."),
        ),
        ManageError::ActorEnded => refuse(
            StatusCode::FORBIDDEN,
            "actor_not_active",
            "The API key that asks for this is not active any more.",
        ),
        ManageError::State { state, .. } => {
            let (code, message) = match state {
                KeyState::Revoked => ("key_revoked", "The key is revoked for good."),
                KeyState::Superseded => ("key_superseded", "The key was replaced by a new one."),
                KeyState::Expired => ("key_expired", "The key is expired."),
                KeyState::Disabled => ("key_disabled", "The key is disabled; enable it first."),
                KeyState::Active => ("key_active", "The key is active."),
            };
            refuse(StatusCode::CONFLICT, code, message)
        }
        ManageError::AlreadyExists => refuse(
            StatusCode::CONFLICT,
            "already_exists",
            "An account of that id exists.",
        ),
        ManageError::Conflict => refuse(
            StatusCode::CONFLICT,
            "conflict",
            "Others are changing the same key. Try again.",
        ),
        ManageError::Unavailable(_) => unavailable("store_unavailable"),
    }
}

pub(super) fn of_wallet(error: &WalletError) -> Meaning {
    match error {
        WalletError::Insufficient { needed } => refuse(
            StatusCode::PAYMENT_REQUIRED,
            "insufficient_credits",
            "The account has too few credits for this call.",
        )
        .detail("needed", *needed),
        WalletError::NotFound => refuse(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such account or operation.",
        ),
        WalletError::Refunded => refuse(
            StatusCode::CONFLICT,
            "operation_refunded",
            "The credits of this operation were given back; it is over.",
        ),
        WalletError::Conflict => refuse(
            StatusCode::CONFLICT,
            "operation_conflict",
            "This operation id was used for something else.",
        ),
        WalletError::Unavailable(_) => unavailable("wallet_unavailable"),
    }
}

fn plan_required() -> Meaning {
    refuse(
        StatusCode::FORBIDDEN,
        "plan_required",
        "The plan of this account has no API access.",
    )
}

fn unavailable(code: &'static str) -> Meaning {
    refuse(
        StatusCode::SERVICE_UNAVAILABLE,
        code,
        "This cannot be decided right now. Try again soon.",
    )
    .retry_after(UNAVAILABLE_RETRY)
}

fn refuse(status: StatusCode, code: &'static str, message: &str) -> Meaning {
    Meaning::new(status, code, message)
}

impl Meaning {
    pub(super) fn new(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self {
            status,
            code,
            message: message.to_owned(),
            details: Details::new(),
            challenge: Challenge::None,
            retry_after: None,
        }
    }

    fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    fn challenge(self, challenge: Challenge) -> Self {
        Self { challenge, ..self }
    }

    fn retry_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }
}
