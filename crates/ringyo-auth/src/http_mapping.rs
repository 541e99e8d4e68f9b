//! What the library says over HTTP, for any framework: the one place that knows status codes and
//! headers.

mod headers;
mod meaning;
mod rate;
mod rejection;
mod text;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use ringyo_limit::{Decision, Now};
use ringyo_scope::Catalog;

use crate::{AuthError, Caller, Credential, CredentialSources, ManageError, WalletError};
use meaning::Meaning;

pub use rate::RateHeaderMaps;
pub use rejection::{Rejection, envelope};

/// How a service speaks HTTP where clients have different habits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpStyle {
    /// What `WWW-Authenticate` names as the realm (RFC 9110 §11.5).
    pub realm: String,
    /// Which headers tell clients about their rate.
    pub rate_headers: RateHeaders,
    /// What the body of a refusal looks like.
    pub body: BodyStyle,
    /// Where requests may carry their key.
    pub credentials: CredentialSources,
}

impl HttpStyle {
    /// Both kinds of rate-limit headers, bodies in the envelope, keys as bearer tokens only.
    pub fn new(realm: impl Into<String>) -> Self {
        Self {
            realm: realm.into(),
            rate_headers: RateHeaders::default(),
            body: BodyStyle::default(),
            credentials: CredentialSources::bearer(),
        }
    }
}

/// Which headers tell clients about their rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RateHeaders {
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset`, as most clients know
    /// them: requests a period, requests left, the Unix second at which the bucket is full.
    Legacy,
    /// `RateLimit-Policy` and `RateLimit`, structured fields (RFC 9651) of
    /// draft-ietf-httpapi-ratelimit-headers: for each bucket `q` requests in `w` seconds, `r`
    /// left, `t` seconds until it is full or, where nothing is left, until there is more.
    Draft,
    /// All five.
    #[default]
    Both,
}

/// What the body of a refusal looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyStyle {
    /// `{"error":{"code","message","details"},"meta":{"request_id"}}` as `application/json`.
    #[default]
    Envelope,
    /// Problem details (RFC 9457) as `application/problem+json`: `title` and `status` of the
    /// status code, `detail` for people, and as extensions `code`, `details` and `request_id`.
    Problem,
}

/// Turns refusals and rates into HTTP. Get it from [`Ringyo::http`](crate::Ringyo::http).
#[derive(Debug, Clone)]
pub struct HttpMapping {
    catalog: Catalog,
    style: HttpStyle,
}

impl HttpMapping {
    pub(crate) const fn new(catalog: Catalog, style: HttpStyle) -> Self {
        Self { catalog, style }
    }

    /// How the service speaks HTTP.
    #[must_use]
    pub const fn style(&self) -> &HttpStyle {
        &self.style
    }

    /// The key of a request, from where the service allows it to be.
    #[must_use]
    pub fn credential<'a>(&self, headers: &'a HeaderMap, query: Option<&'a str>) -> Credential<'a> {
        self.style.credentials.find(headers, query)
    }

    /// The response to a refusal: an [`AuthError`], a [`ManageError`] or a [`WalletError`].
    ///
    /// `now` is the time by the service's clock, [`Ringyo::now`](crate::Ringyo::now); it turns the
    /// limiter's durations into the Unix time of `X-RateLimit-Reset`.
    #[must_use]
    pub fn reject(&self, refusal: &impl Refusal, now: Now) -> Rejection {
        let meaning = refusal.meaning(&self.catalog);
        let challenge = headers::challenge(&self.style.realm, &meaning.challenge);
        let retry_after = meaning.retry_after.map(headers::retry_after);
        let rate = refusal.decision();
        let rate =
            rate.map(|decision| rate::rate(self.style.rate_headers, &decision, now.unix_millis));
        let headers = challenge
            .into_iter()
            .chain(retry_after)
            .chain(rate.into_iter().flatten());
        Rejection::new(meaning, self.style.body, headers)
    }

    /// A refusal of the service's own, such as a path that is not there, in the style of all others.
    ///
    /// ```
    /// # use ringyo_auth::HttpMapping;
    /// use http::StatusCode;
    ///
    /// # fn show(http: &HttpMapping) {
    /// let refusal = http
    ///     .refuse(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", "A field is not valid.")
    ///     .with_detail("language", "must be a language tag");
    /// let response: http::Response<String> = refusal.into_response("req_1");
    /// # }
    /// ```
    #[must_use]
    pub fn refuse(&self, status: StatusCode, code: &'static str, message: &str) -> Rejection {
        Rejection::new(Meaning::new(status, code, message), self.style.body, None)
    }

    /// The rate-limit headers for the response to an authenticated request, whatever its status:
    /// pass what [`Caller::rate`](crate::Caller::rate) gives.
    pub fn rate_headers(
        &self,
        decision: &Decision,
        now: Now,
    ) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
        rate::rate(self.style.rate_headers, decision, now.unix_millis).into_iter()
    }

    /// The same for the response to a caller, as of the moment when it was authenticated; none if
    /// its plan has no rate limit. Reads no clock.
    pub fn rate_headers_of(
        &self,
        caller: &Caller,
    ) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
        let at = caller.authenticated_at().as_unix_millis();
        let which = self.style.rate_headers;
        let rate = caller.rate();
        let headers = rate.map(|decision| rate::rate(which, &decision, at));
        headers.unwrap_or_default().into_iter()
    }

    /// Makes the same headers for many responses with less work: for middleware, which has one
    /// header more to put on each. If that is one of them, its value takes the place of theirs.
    #[must_use]
    pub fn rate_header_maps(&self, other: HeaderName) -> RateHeaderMaps {
        RateHeaderMaps::new(self.style.rate_headers, other)
    }
}

/// What can be refused with a [`Rejection`].
pub trait Refusal {
    #[doc(hidden)]
    fn meaning(&self, catalog: &Catalog) -> Meaning;

    #[doc(hidden)]
    fn decision(&self) -> Option<Decision> {
        None
    }
}

impl Refusal for AuthError {
    fn meaning(&self, catalog: &Catalog) -> Meaning {
        meaning::of_auth(self, catalog)
    }

    fn decision(&self) -> Option<Decision> {
        match self {
            Self::RateLimited(exceeded) => Some(exceeded.decision()),
            _ => None,
        }
    }
}

impl Refusal for ManageError {
    fn meaning(&self, _: &Catalog) -> Meaning {
        meaning::of_manage(self)
    }
}

impl Refusal for WalletError {
    fn meaning(&self, _: &Catalog) -> Meaning {
        meaning::of_wallet(self)
    }
}
