//! The API that keys open. Each handler first says what it needs, `caller.require(…)`; where it
//! is about one object, `require_on` also lets in keys for that object alone.

mod agents;
mod calls;
mod carrier;
mod phone_numbers;
mod webhooks;
mod whoami;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;

use crate::answer::Problem;
use crate::app::App;
use crate::authentication::authenticate;
use crate::request::contain;

pub(crate) use calls::end_cut_off;
pub(crate) use phone_numbers::PhoneNumber;

/// Everything under `/v1`. Whoever has no key learns nothing, not even what there is.
pub(crate) fn routes(app: &App) -> Router {
    Router::new()
        .route("/agents", get(agents::list).post(agents::create))
        .route(
            "/agents/{id}",
            get(agents::show)
                .patch(agents::update)
                .delete(agents::remove),
        )
        .route("/calls", get(calls::list).post(calls::place))
        .route("/calls/{id}", get(calls::show))
        .route("/phone-numbers", get(phone_numbers::list))
        .route(
            "/phone-numbers/{id}",
            get(phone_numbers::show).patch(phone_numbers::update),
        )
        .route("/webhooks", get(webhooks::list).post(webhooks::create))
        .route(
            "/webhooks/{id}",
            get(webhooks::show)
                .patch(webhooks::update)
                .delete(webhooks::remove),
        )
        .route("/whoami", get(whoami::show))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(from_fn(contain))
        .layer(from_fn_with_state(app.clone(), authenticate))
        .with_state(app.clone())
}

/// Whether a text can be the name of something: 1–100 characters, none of them control characters.
fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.chars().count()) && !text.contains(char::is_control)
}

const NAME_RULE: &str = "must have 1 to 100 characters, no control characters";
