//! Pages: HTML from a template, with headers that let it load and be nothing else.

use askama::Template;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
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

const LATER: &str = "Try again in a moment";

/// What is shown in place of a page that cannot be made.
#[derive(Debug, Template)]
#[template(path = "sorry.html")]
struct Sorry {
    title: &'static str,
    message: &'static str,
}

/// Whether a browser asks that will show the answer to somebody: what scripts and programs send
/// asks for anything.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The answer to a request for a page that is not to be had.
pub(super) fn sorry(problem: Problem) -> Response {
    let mut response = problem.into_response();
    let (title, message) = match response.status() {
        StatusCode::SERVICE_UNAVAILABLE => (LATER, "Your keys are out of reach for the moment."),
        StatusCode::NOT_FOUND => ("Not found", "There is no such account."),
        StatusCode::FORBIDDEN => (
            "Not from here",
            "This log-in asks for no password, so it works on this machine only, and from its own \
             page. Start the demo with --allow-demo-login to open it to everybody.",
        ),
        _ => (LATER, "Something went wrong here."),
    };
    let (parts, body) = Page(Sorry { title, message }).into_response().into_parts();
    // The status and `Retry-After` stay as they are.
    response.headers_mut().extend(parts.headers);
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = body;
    response
}
