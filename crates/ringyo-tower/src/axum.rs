//! Extractors for axum: who calls, as an argument of a handler.
//!
//! ```
//! use axum::{Router, routing::{get, post}};
//! use ringyo_tower::AuthLayer;
//! use ringyo_tower::axum::{Caller, LiveCaller, RequestId};
//!
//! async fn whoami(caller: Caller, id: RequestId) -> String {
//!     format!("{} of {} asks as {id}", caller.key_name(), caller.account())
//! }
//!
//! // A test key is refused with 403 `live_key_required` before the handler runs.
//! async fn dial(caller: LiveCaller) -> String {
//!     format!("{} pays for this call", caller.account())
//! }
//!
//! fn router(ringyo: ringyo_auth::Ringyo) -> Router {
//!     Router::new()
//!         .route("/whoami", get(whoami))
//!         .route("/calls", post(dial))
//!         .layer(AuthLayer::new(ringyo))
//! }
//! ```
//!
//! Without an [`AuthLayer`](crate::AuthLayer) around the route, or on a route that it was told is
//! public, an extractor answers 500 `internal_error` and logs why: nobody gets in by a layer that
//! was forgotten.

use std::collections::BTreeMap;
use std::ops::Deref;

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use ringyo_auth::envelope;
use tracing::error;

use crate::admission::{Admitted, Who, admitted};
use crate::demand::Denial;
use crate::observe;
use crate::refusal::{Answer, Form};

pub use crate::RequestId;

/// Who is calling, as an argument of a handler: a [`ringyo_auth::Caller`], to which it
/// dereferences.
#[derive(Debug, Clone)]
pub struct Caller(pub ringyo_auth::Caller);

/// Who is calling with a live key, as an argument of a handler: a [`ringyo_auth::LiveCaller`], to
/// which it dereferences and which the wallet asks for. Others get 403 `live_key_required`, in the
/// style of the service.
#[derive(Debug, Clone)]
pub struct LiveCaller(pub ringyo_auth::LiveCaller);

impl Deref for Caller {
    type Target = ringyo_auth::Caller;
    fn deref(&self) -> &ringyo_auth::Caller {
        &self.0
    }
}

impl Deref for LiveCaller {
    type Target = ringyo_auth::LiveCaller;
    fn deref(&self) -> &ringyo_auth::LiveCaller {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let caller = admitted(&parts.extensions).map(|admitted| Self(admitted.caller.clone()));
        caller.ok_or_else(|| not_admitted(parts))
    }
}

impl<S: Sync> FromRequestParts<S> for LiveCaller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let Some(admitted) = admitted(&parts.extensions) else {
            return Err(not_admitted(parts));
        };
        match admitted.caller.require_live() {
            Ok(caller) => Ok(Self(caller)),
            Err(error) => Err(refuse(parts, admitted, Denial::Auth(error))),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let given = Self::of_extensions(&parts.extensions);
        given.cloned().ok_or_else(|| not_admitted(parts))
    }
}

fn refuse(parts: &Parts, admitted: &Admitted, denial: Denial) -> Response {
    let id = id_of(parts);
    let answer = Answer::to(&denial, &admitted.settings.ringyo, &id);
    observe::refused(
        &admitted.settings.meters,
        &admitted.span,
        &denial,
        answer.code(),
        Who::Caller(&admitted.caller),
        None,
    );
    let form = Form::of(&parts.method, &parts.headers);
    answer.into_response(form).map(Body::from)
}

/// A mistake of the program: nobody was asked for a key.
fn not_admitted(parts: &Parts) -> Response {
    let id = id_of(parts);
    error!(
        target: "ringyo",
        request_id = id.as_str(),
        "a handler asks who is calling and nobody was asked for a key: \
         no `AuthLayer` around it, or a public route"
    );
    let none = BTreeMap::<&str, &str>::new();
    let message = "The service is not set up to answer this.";
    let body = envelope("internal_error", message, &none, id.as_str());
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        headers,
        Bytes::from(body),
    )
        .into_response()
}

fn id_of(parts: &Parts) -> RequestId {
    let given = RequestId::of_extensions(&parts.extensions);
    given
        .cloned()
        .unwrap_or_else(|| RequestId::of(&parts.headers))
}
