//! The JSON behind the dashboard, where people manage the keys of their account.

mod account;
mod keys;
mod login;
mod origin;
mod session;
mod visitor;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, patch, post};

use crate::answer::Problem;
use crate::app::App;
use crate::request::contain;

pub(crate) use login::DemoLogin;
pub(crate) use session::Sessions;

/// Everything under `/dashboard`. Only the way in is open to those who have no session.
pub(crate) fn routes(app: &App) -> Router {
    let inside = Router::new()
        .route("/logout", post(login::log_out))
        .route("/api/account", get(account::show))
        .route("/api/keys", get(keys::list).post(keys::issue))
        .route("/api/keys/{id}", patch(keys::edit))
        .route("/api/keys/{id}/revoke", post(keys::revoke))
        .route("/api/keys/{id}/disable", post(keys::disable))
        .route("/api/keys/{id}/enable", post(keys::enable))
        .route("/api/keys/{id}/regenerate", post(keys::regenerate))
        .route("/api/keys/{id}/events", get(keys::events))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(from_fn_with_state(app.clone(), visitor::admit));
    Router::new()
        .route("/login", get(login::page).post(login::log_in))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .merge(inside)
        .layer(from_fn(contain))
        .with_state(app.clone())
}
