//! Refusals as HTTP, for any framework. The one place that knows status codes and headers.

mod headers;
mod mapping;

use std::fmt;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use ringyo_limit::{Decision, Now};
use ringyo_scope::Catalog;
use serde::Serialize;

use crate::{AuthError, Caller, ManageError, WalletError};

pub use headers::rate_headers;
pub(crate) use mapping::Meaning;

/// Turns refusals into HTTP responses. Get it from [`Ringyo::rejector`](crate::Ringyo::rejector).
#[derive(Debug, Clone)]
pub struct Rejector {
    catalog: Catalog,
    realm: String,
}

/// A refusal as HTTP: a status, headers, and a body of JSON.
///
/// The body is `{"error":{"code","message","details"},"meta":{"request_id"}}`. Its `code` is
/// stable and meant for programs; `message` is meant for people and may change.
#[derive(Debug, Clone)]
pub struct Rejection {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    code: &'static str,
    message: String,
    details: serde_json::Map<String, serde_json::Value>,
}

/// What can be refused with a [`Rejection`].
pub trait Refusal {
    #[doc(hidden)]
    fn meaning(&self, catalog: &Catalog) -> Meaning;

    #[doc(hidden)]
    fn decision(&self) -> Option<&Decision> {
        None
    }
}

impl Rejector {
    pub(crate) fn new(catalog: Catalog, realm: impl Into<String>) -> Self {
        Self {
            catalog,
            realm: realm.into(),
        }
    }

    /// The response to a refusal: an [`AuthError`], a [`ManageError`] or a [`WalletError`].
    ///
    /// `now` is the time by the service's clock; it turns the limiter's durations into the Unix
    /// time of `X-RateLimit-Reset`.
    #[must_use]
    pub fn reject(&self, refusal: &impl Refusal, now: Now) -> Rejection {
        let meaning = refusal.meaning(&self.catalog);
        let mut headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        headers.extend(headers::challenge(&self.realm, &meaning));
        headers.extend(headers::retry_after(meaning.retry_after));
        if let Some(decision) = refusal.decision() {
            headers.extend(rate_headers(decision, now));
        }
        Rejection {
            status: meaning.status,
            headers,
            code: meaning.code,
            message: meaning.message,
            details: meaning.details,
        }
    }
}

impl Rejection {
    /// The status code.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable word for the reason, as in the body.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The headers, those of the body included.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.headers.iter().map(|(name, value)| (name, value))
    }

    /// The body.
    #[must_use]
    pub fn body(&self, request_id: &str) -> String {
        envelope(self.code, &self.message, &self.details, request_id)
    }

    /// All of it, for whatever body type a framework has.
    #[must_use]
    pub fn into_response<B: From<String>>(self, request_id: &str) -> Response<B> {
        let mut response = Response::new(B::from(self.body(request_id)));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}

/// The body of an error of the service itself, in the same form as a [`Rejection`].
#[must_use]
pub fn envelope(code: &str, message: &str, details: &impl Serialize, request_id: &str) -> String {
    serde_json::json!({
        "error": { "code": code, "message": message, "details": details },
        "meta": { "request_id": request_id },
    })
    .to_string()
}

impl Caller {
    /// The rate-limit headers for the response to this caller's request, whatever its status.
    pub fn rate_headers(&self, now: Now) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.rate()
            .into_iter()
            .flat_map(move |decision| rate_headers(decision, now))
    }
}

impl Refusal for AuthError {
    fn meaning(&self, catalog: &Catalog) -> Meaning {
        mapping::of_auth(self, catalog)
    }

    fn decision(&self) -> Option<&Decision> {
        match self {
            Self::RateLimited(decision) => Some(decision),
            _ => None,
        }
    }
}

impl Refusal for ManageError {
    fn meaning(&self, _: &Catalog) -> Meaning {
        mapping::of_manage(self)
    }
}

impl Refusal for WalletError {
    fn meaning(&self, _: &Catalog) -> Meaning {
        mapping::of_wallet(self)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.code)
    }
}
