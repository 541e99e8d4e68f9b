//! The dashboard, where people manage the keys of their account: pages, and the JSON behind them.

mod account;
mod api_keys;
mod assets;
mod demo_login;
mod key_form;
mod key_view;
mod keys;
mod login;
mod origin;
mod page;
mod session;
mod visitor;

use axum::Router;
use axum::http::{HeaderMap, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Redirect, Response};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Problem;
use crate::app::App;
use crate::request::contain;

use api_keys::API_KEYS;
use page::wants_page;

pub(crate) use demo_login::DemoLogin;
pub(crate) use session::Sessions;

/// What is at no address of its own. Who types the beginning of one is led to the page.
pub(crate) async fn lead_in(uri: Uri, headers: HeaderMap) -> Response {
    match uri.path() {
        "/" if wants_page(&headers) => Redirect::to(API_KEYS).into_response(),
        _ => Problem::not_found().into_response(),
    }
}

/// Everything under `/dashboard`. Only the way in is open to those who have no session, and the
/// page, which sends them there.
pub(crate) fn routes(app: &App) -> (Router, OpenApi) {
    let (inside, mut document) = OpenApiRouter::default()
        .routes(routes!(login::log_out))
        .routes(routes!(account::show))
        .routes(routes!(keys::list, keys::issue))
        .routes(routes!(keys::edit))
        .routes(routes!(keys::revoke))
        .routes(routes!(keys::disable))
        .routes(routes!(keys::enable))
        .routes(routes!(keys::regenerate))
        .routes(routes!(keys::events))
        .split_for_parts();
    let inside = inside
        .fallback(lead_in)
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(from_fn_with_state(app.clone(), visitor::admit));
    let (way_in, its_document) = OpenApiRouter::default()
        .routes(routes!(login::page, login::log_in))
        .routes(routes!(api_keys::show))
        .routes(routes!(assets::show))
        .split_for_parts();
    let router = way_in
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .merge(inside)
        .layer(from_fn(contain))
        .with_state(app.clone());
    document.merge(its_document);
    (router, document)
}
