//! The API that keys open.

mod agents;
mod calls;
mod carrier;
mod e164;
mod own;
mod phone_numbers;
mod webhooks;
mod whoami;

use axum::Router;
use axum::middleware::from_fn;
use ringyo::preset::ringyo::{
    AGENTS_CREATE, AGENTS_DELETE, AGENTS_READ, AGENTS_UPDATE, CALLS_CREATE, CALLS_READ,
    PHONE_NUMBERS_READ, PHONE_NUMBERS_UPDATE, WEBHOOKS_CREATE, WEBHOOKS_DELETE, WEBHOOKS_READ,
    WEBHOOKS_UPDATE,
};
use ringyo::tower::Access::{AnyKey, Requires, RequiresOn};
use ringyo::tower::{AuthLayer, RouteMap};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::request::contain;

pub(crate) use calls::end_cut_off;
pub(crate) use e164::E164;
pub(crate) use phone_numbers::PhoneNumber;

/// What each route asks of a key. A route that is not here is not served: forgetting one shuts it.
pub(crate) fn access() -> RouteMap {
    RouteMap::new()
        .get("/agents", Requires(&AGENTS_READ))
        .post("/agents", Requires(&AGENTS_CREATE))
        .get("/agents/{id}", RequiresOn(&AGENTS_READ, "id"))
        .patch("/agents/{id}", RequiresOn(&AGENTS_UPDATE, "id"))
        .delete("/agents/{id}", RequiresOn(&AGENTS_DELETE, "id"))
        .get("/calls", Requires(&CALLS_READ))
        .post("/calls", Requires(&CALLS_CREATE))
        .get("/calls/{id}", RequiresOn(&CALLS_READ, "id"))
        .get("/phone-numbers", Requires(&PHONE_NUMBERS_READ))
        .get("/phone-numbers/{id}", RequiresOn(&PHONE_NUMBERS_READ, "id"))
        .patch(
            "/phone-numbers/{id}",
            RequiresOn(&PHONE_NUMBERS_UPDATE, "id"),
        )
        .get("/webhooks", Requires(&WEBHOOKS_READ))
        .post("/webhooks", Requires(&WEBHOOKS_CREATE))
        .get("/webhooks/{id}", RequiresOn(&WEBHOOKS_READ, "id"))
        .patch("/webhooks/{id}", RequiresOn(&WEBHOOKS_UPDATE, "id"))
        .delete("/webhooks/{id}", RequiresOn(&WEBHOOKS_DELETE, "id"))
        .get("/whoami", AnyKey)
}

/// What stands around all of it. Whoever has no key learns nothing, not even what there is.
pub(crate) fn guard(app: &App) -> AuthLayer {
    AuthLayer::new(app.ringyo.clone()).routes(access())
}

/// Everything under `/v1`.
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
    let router = router.layer(from_fn(contain)).with_state(app.clone());
    (router, document)
}
