//! What answers are made of.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::request::current_id;

/// One thing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DataBody<T> {
    pub(super) data: T,
    pub(super) meta: Meta,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListBody<T> {
    #[schema(max_items = 100)]
    pub(super) data: Vec<T>,
    /// Whether there is more behind these.
    pub(super) has_more: bool,
    /// The `cursor` with which the list goes on.
    #[schema(required)]
    pub(super) next_cursor: Option<String>,
    pub(super) meta: Meta,
}

impl<T> ListBody<T> {
    /// Whether there is nothing in this part.
    pub(crate) fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

/// What is said about an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Meta {
    /// Names the request, as the header `x-request-id` does.
    #[schema(pattern = "^[0-9A-Za-z._-]{1,128}$")]
    request_id: String,
}

/// Why a request is not done.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "the library writes it; this is what it looks like"
)]
pub(crate) struct ErrorBody {
    error: ErrorFields,
    pub(super) meta: Meta,
}

#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "the library writes it; this is what it looks like"
)]
pub(crate) struct ErrorFields {
    /// For programs: it stays the same.
    #[schema(pattern = "^[a-z][a-z0-9_]*$")]
    code: String,
    /// For people: it may change.
    message: String,
    /// More about it, such as each field that is not valid with the rule it breaks.
    details: Map<String, Value>,
}

impl Meta {
    /// What is said about the answer of the current task.
    pub(super) fn current() -> Self {
        Self {
            request_id: current_id().to_string(),
        }
    }
}
