//! The API that keys open. Each handler first says what it needs, `caller.require(…)`; where it
//! is about one object, `require_on` also lets in keys for that object alone.

mod agents;
mod calls;
mod carrier;
mod e164;
mod phone_numbers;
mod webhooks;
mod whoami;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Problem;
use crate::app::App;
use crate::authentication::authenticate;
use crate::request::contain;

pub(crate) use calls::end_cut_off;
pub(crate) use e164::E164;
pub(crate) use phone_numbers::PhoneNumber;

/// Everything under `/v1`. Whoever has no key learns nothing, not even what there is.
pub(crate) fn routes(app: &App) -> (Router, OpenApi) {
    let (router, document) = OpenApiRouter::default()
        .routes(routes!(agents::list, agents::create))
        .routes(routes!(agents::show, agents::update, agents::remove))
        .routes(routes!(calls::list, calls::place))
        .routes(routes!(calls::show))
        .routes(routes!(phone_numbers::list))
        .routes(routes!(phone_numbers::show, phone_numbers::update))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::show, webhooks::update, webhooks::remove))
        .routes(routes!(whoami::show))
        .split_for_parts();
    let router = router
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(from_fn(contain))
        .layer(from_fn_with_state(app.clone(), authenticate))
        .with_state(app.clone());
    (router, document)
}
