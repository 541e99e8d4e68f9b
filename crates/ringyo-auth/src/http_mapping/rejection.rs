use std::fmt;
use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use serde::Serialize;

use super::meaning::{Details, Meaning};
use super::{BodyStyle, headers};

/// A refusal as HTTP: a status, headers, and a body in the style of the service.
///
/// Its `code` is stable and meant for programs; `message` is meant for people and may change.
#[derive(Debug, Clone)]
pub struct Rejection {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    style: BodyStyle,
    code: &'static str,
    message: String,
    details: Details,
}

impl Rejection {
    pub(super) fn new(
        meaning: Meaning,
        style: BodyStyle,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> Self {
        let content_type = match style {
            BodyStyle::Envelope => "application/json",
            BodyStyle::Problem => "application/problem+json",
        };
        let of_body = [
            (CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        Self {
            status: meaning.status,
            headers: of_body.into_iter().chain(headers).collect(),
            style,
            code: meaning.code,
            message: meaning.message,
            details: meaning.details,
        }
    }

    /// The same with a detail more, for programs. One of that name is replaced.
    #[must_use]
    pub fn with_detail(mut self, name: &str, value: impl Serialize) -> Self {
        // Fails only for maps whose keys are no text.
        let value = serde_json::to_value(value).unwrap_or_default();
        self.details.insert(name.to_owned(), value);
        self
    }

    /// The same with `Retry-After`: whole seconds, rounded up, at least one. What was there is
    /// replaced.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.headers.retain(|(name, _)| *name != RETRY_AFTER);
        self.headers.push(headers::retry_after(wait));
        self
    }

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

    /// What people are told, as in the body.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The headers, those of the body included.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.headers.iter().map(|(name, value)| (name, value))
    }

    /// The body.
    #[must_use]
    pub fn body(&self, request_id: &str) -> String {
        match self.style {
            BodyStyle::Envelope => envelope(self.code, &self.message, &self.details, request_id),
            // Without a `type` it is `about:blank`, and then the title is the status code's
            // (RFC 9457 §4.2.1).
            BodyStyle::Problem => text(&Problem {
                title: self.status.canonical_reason(),
                status: self.status.as_u16(),
                detail: &self.message,
                code: self.code,
                details: &self.details,
                request_id,
            }),
        }
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

/// The body of an error of the service itself, in the same form as a [`Rejection`] in the
/// [envelope](BodyStyle::Envelope).
#[must_use]
pub fn envelope(code: &str, message: &str, details: &impl Serialize, request_id: &str) -> String {
    text(&Envelope {
        error: ErrorPart {
            code,
            message,
            details,
        },
        meta: MetaPart { request_id },
    })
}

// Structs, since the order of their fields is part of the bytes that clients see.

#[derive(Serialize)]
struct Envelope<'a, D> {
    error: ErrorPart<'a, D>,
    meta: MetaPart<'a>,
}

#[derive(Serialize)]
struct ErrorPart<'a, D> {
    code: &'a str,
    message: &'a str,
    details: &'a D,
}

#[derive(Serialize)]
struct MetaPart<'a> {
    request_id: &'a str,
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    status: u16,
    detail: &'a str,
    code: &'a str,
    details: &'a Details,
    request_id: &'a str,
}

fn text(body: &impl Serialize) -> String {
    // Fails only for maps whose keys are no text, which no caller of this module has.
    serde_json::to_string(body).unwrap_or_default()
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.code)
    }
}
