use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ringyo::{AccountId, Actor, KeyManager};

use super::origin::{Origin, origin};
use crate::answer::Problem;
use crate::app::App;
use crate::request::peer;

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) account: AccountId,
    from: Option<IpAddr>,
}

impl Visitor {
    /// The keys of their account, managed in their name.
    pub(super) fn keys(&self, app: &App) -> KeyManager {
        // A service that knows people names the person; the demo knows accounts only.
        let actor = Actor::user(self.account.as_str(), self.account.clone());
        app.ringyo.keys().acting_as(match self.from {
            Some(address) => actor.from(address),
            None => actor,
        })
    }
}

/// The middleware behind which somebody is logged in, and wants what they ask for: a change is
/// made only for a page of this site.
pub(super) async fn admit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let Some(account) = app.sessions.account(request.headers()) else {
        let refusal = Problem::new(StatusCode::UNAUTHORIZED, "login_required", "Log in first.");
        return refusal.into_response();
    };
    if !request.method().is_safe() && origin(request.headers()) != Origin::Own {
        return cross_site().into_response();
    }
    let from = peer(&request);
    request.extensions_mut().insert(Visitor { account, from });
    next.run(request).await
}

pub(super) fn cross_site() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "cross_site_request",
        "Changes are made from the dashboard's own pages.",
    )
}
