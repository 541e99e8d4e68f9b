use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use ringyo::{AccountId, Actor, KeyManager};

use super::login::LOGIN;
use super::origin::{Origin, origin};
use super::page::wants_page;
use crate::answer::Problem;
use crate::app::App;
use crate::request::peer;

/// The account that a page was made for. All tabs of a browser share a session, and a page must not
/// act on the account that somebody logged in with elsewhere.
const ACCOUNT: &str = "x-ringyo-account";

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
        // Who leaves is where they want to be; who reads pages is shown the way in.
        if wants_page(request.headers()) || is_sign_out(&request) {
            return Redirect::to(LOGIN).into_response();
        }
        let refusal = Problem::new(StatusCode::UNAUTHORIZED, "login_required", "Log in first.");
        return refusal.into_response();
    };
    let meant = request.headers().get(ACCOUNT);
    if meant.is_some_and(|meant| meant.as_bytes() != account.as_str().as_bytes()) {
        let refusal = Problem::new(
            StatusCode::UNAUTHORIZED,
            "other_account",
            "Another account has logged in since, in another tab.",
        );
        return refusal.into_response();
    }
    if !request.method().is_safe() && origin(request.headers()) != Origin::Own {
        return cross_site().into_response();
    }
    let from = peer(&request);
    request.extensions_mut().insert(Visitor { account, from });
    next.run(request).await
}

/// The form of the page that ends a session, once there is none.
fn is_sign_out(request: &Request) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let is_form = content_type.is_some_and(|it| it == "application/x-www-form-urlencoded");
    is_form && request.uri().path() == "/logout"
}

pub(super) fn cross_site() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "cross_site_request",
        "Changes are made from the dashboard's own pages.",
    )
}
