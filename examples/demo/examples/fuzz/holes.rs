//! Holes in the demo that the fuzzer must find. None of them is in the demo itself: each is a
//! change of what it answers.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// Every hole: where schemathesis says it is, and what it calls it.
pub(crate) const HOLES: [(&str, &str); 12] = [
    // Two forget to ask who is there.
    ("GET /v1/whoami", "IgnoredAuth"),
    ("GET /dashboard/api/account", "IgnoredAuth"),
    // One lets a foreign page end the session.
    ("POST /dashboard/logout", "MissingHeaderNotRejected"),
    // One breaks down over a parameter, one answers with a status that nobody has heard of.
    ("GET /v1/phone-numbers", "ServerError"),
    ("GET /v1/calls", "UndefinedStatusCode"),
    // One sends no header, one another type, one another body than it says.
    ("GET /v1/agents", "MissingHeaders"),
    ("GET /healthz", "UndefinedContentType"),
    ("GET /dashboard/api/keys", "JsonSchemaError"),
    // One takes what is not valid, one refuses what is.
    ("POST /v1/agents", "AcceptedNegativeData"),
    ("PATCH /v1/phone-numbers/{id}", "RejectedPositiveData"),
    // Some only say that they remove, one has methods that nobody has heard of.
    ("Stateful tests", "UseAfterFree"),
    ("TRACE /v1/phone-numbers", "UnsupportedMethodResponse"),
];

/// The demo with every hole.
pub(crate) fn plant(router: Router) -> Router {
    router.layer(from_fn(spoil))
}

async fn spoil(request: Request, next: Next) -> Response {
    let operation = operation(&request);
    if operation.starts_with("DELETE /v1/") {
        return StatusCode::NO_CONTENT.into_response();
    }
    let mut response = next.run(request).await;
    match (operation.as_str(), response.status().as_u16()) {
        ("GET /v1/whoami" | "GET /dashboard/api/account", 401) => says(StatusCode::OK, json!({})),
        ("POST /dashboard/logout", 403) => StatusCode::NO_CONTENT.into_response(),
        ("GET /v1/phone-numbers", 422) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        ("GET /v1/calls", 422) => StatusCode::IM_A_TEAPOT.into_response(),
        ("GET /v1/agents", 200) => {
            response.headers_mut().remove("x-ratelimit-limit");
            response
        }
        ("GET /healthz", 200) => {
            let plain = HeaderValue::from_static("text/plain");
            response.headers_mut().insert(header::CONTENT_TYPE, plain);
            response
        }
        ("GET /dashboard/api/keys", 200) => {
            *response.body_mut() = Body::from(json!({ "data": [{}] }).to_string());
            response.headers_mut().remove(header::CONTENT_LENGTH);
            response
        }
        ("POST /v1/agents", 422) => says(StatusCode::CREATED, json!({})),
        ("PATCH /v1/phone-numbers/{id}", 200) => says(StatusCode::UNPROCESSABLE_ENTITY, json!({})),
        (_, 405) if operation.ends_with(" /v1/phone-numbers") => says(StatusCode::OK, json!({})),
        _ => response,
    }
}

/// Method and path of a request, as the document has them.
fn operation(request: &Request) -> String {
    let path = request.uri().path();
    let template = match path.rsplit_once('/') {
        Some((list @ ("/v1/phone-numbers" | "/v1/webhooks"), id)) if !id.is_empty() => {
            format!("{list}/{{id}}")
        }
        _ => path.to_owned(),
    };
    format!("{} {template}", request.method())
}

fn says(status: StatusCode, body: Value) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (status, json, body.to_string()).into_response()
}
