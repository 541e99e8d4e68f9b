//! The one shape of every answer: `{"data", "meta"}`, or the envelope of an error.

mod body;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ringyo::{ManageError, Page, Rejection, StoreError, StoreErrorKind, WalletError};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::time::Duration;

use crate::documents::{Fault, OutOfReach};
use crate::request::{current_id, refuse, reject};
use body::Meta;

pub(crate) use body::{DataBody, ErrorBody, ListBody};

/// 200 with one thing.
#[derive(Debug)]
pub(crate) struct Data<T>(pub(crate) T);

/// 201 with the thing that was made.
#[derive(Debug)]
pub(crate) struct Created<T>(pub(crate) T);

/// 200 with a part of a list.
#[derive(Debug)]
pub(crate) struct List<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// Why a request is not done: a refusal by the library, or one of the demo's own in the same form.
#[derive(Debug)]
pub(crate) struct Problem(Rejection);

impl<T> List<T> {
    /// A page of something, shown in another form.
    pub(crate) fn of<S, C: Display>(page: Page<S, C>, show: impl FnMut(S) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(show).collect(),
            next: page.next.map(|cursor| cursor.to_string()),
        }
    }
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self(refuse(status, code, message))
    }

    /// The same with a detail more.
    pub(crate) fn detail(self, name: &str, value: impl Serialize) -> Self {
        Self(self.0.with_detail(name, value))
    }

    /// The same, asking to come again after that time.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        Self(self.0.with_retry_after(wait))
    }

    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such thing.",
        )
    }

    pub(crate) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            "The body is too large.",
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This path has no such method.",
        )
    }

    /// Fields or parameters that break a rule, each with the rule.
    pub(crate) fn invalid(faults: Map<String, Value>) -> Self {
        let invalid = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_request",
            "Some fields are not valid.",
        );
        let faults = faults.into_iter();
        faults.fold(invalid, |invalid, (name, rule)| invalid.detail(&name, rule))
    }

    /// A fault of the service. What it was stands in the log and not in the answer.
    pub(crate) fn internal(fault: impl Display) -> Self {
        tracing::error!(request_id = current_id().as_str(), %fault, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something went wrong here. Try again later.",
        )
    }
}

impl<T: Serialize> IntoResponse for Data<T> {
    fn into_response(self) -> Response {
        let meta = Meta::current();
        Json(DataBody { data: self.0, meta }).into_response()
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Data(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        Json(ListBody::from(self)).into_response()
    }
}

impl<T> From<List<T>> for ListBody<T> {
    fn from(list: List<T>) -> Self {
        Self {
            data: list.items,
            has_more: list.next.is_some(),
            next_cursor: list.next,
            meta: Meta::current(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.0.into_response(current_id().as_str())
    }
}

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        refused(reject(&error), &error)
    }
}

impl From<WalletError> for Problem {
    fn from(error: WalletError) -> Self {
        refused(reject(&error), &error)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault.downcast::<OutOfReach>() {
            Ok(passing) => {
                let context = "the documents are out of reach";
                let kind = StoreErrorKind::Unavailable;
                ManageError::from(StoreError::with_source(kind, context, passing)).into()
            }
            Err(fault) => Self::internal(fault),
        }
    }
}

fn refused(rejection: Rejection, error: &(dyn std::error::Error + 'static)) -> Problem {
    let code = rejection.code();
    if rejection.status().is_server_error() {
        tracing::error!(request_id = current_id().as_str(), code, error, "refused");
    } else {
        tracing::debug!(request_id = current_id().as_str(), code, error, "refused");
    }
    Problem(rejection)
}
