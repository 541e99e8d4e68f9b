//! The middleware in front of `/v1`.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ringyo::Credential;

use crate::answer::Problem;
use crate::app::App;
use crate::request::peer;

/// Lets requests with a good key pass, with the [`Caller`](ringyo::Caller) among their
/// extensions, and puts the rate-limit headers on whatever is answered.
pub(crate) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut credential = Credential::from_headers(request.headers());
    if let Some(address) = peer(&request) {
        credential = credential.client(address);
    }
    let caller = match app.ringyo.authenticate(credential).await {
        Ok(caller) => caller,
        Err(refusal) => return Problem::from(refusal).into_response(),
    };
    request.extensions_mut().insert(caller.clone());
    let mut response = next.run(request).await;
    if let Some(rate) = caller.rate() {
        let rate = app.ringyo.http().rate_headers(rate, app.ringyo.now());
        response.headers_mut().extend(rate);
    }
    response
}
