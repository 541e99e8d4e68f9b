//! Pages: HTML from a template, with headers that let it load and be nothing else.

use askama::Template;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::assets;
use crate::answer::Problem;

/// A page. Its template is checked when the demo is compiled, and escapes all it is given.
#[derive(Debug)]
pub(super) struct Page<T>(pub(super) T);

/// Nothing comes from another host, nothing runs that is written into the page, and no script can
/// make HTML from text. Nobody may show the page within theirs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; \
    base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 2] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    // With `no-referrer` a form would be sent from the origin `null`, and be refused.
    (header::REFERRER_POLICY, "same-origin"),
];

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => (HEADERS, Html(html)).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

/// What is shown in place of a page that cannot be made.
#[derive(Debug, Template)]
#[template(path = "sorry.html")]
struct Sorry {
    message: &'static str,
}

/// The answer to a request for a page that cannot be made now.
pub(super) fn sorry(problem: Problem) -> Response {
    let mut response = problem.into_response();
    let message = match response.status() {
        StatusCode::SERVICE_UNAVAILABLE => "Your keys are out of reach for the moment.",
        _ => "Something went wrong here.",
    };
    let (parts, body) = Page(Sorry { message }).into_response().into_parts();
    // The status and `Retry-After` stay as they are.
    response.headers_mut().extend(parts.headers);
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = body;
    response
}
