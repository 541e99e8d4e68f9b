//! The demo's way in: pick an account. A real service puts its own log-in here.

use std::net::IpAddr;

use axum::extract::{Form as HtmlForm, FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use ringyo::{AccountId, ManageError};
use serde::Deserialize;
use serde_json::json;

use super::origin::{Origin, origin};
use super::visitor::cross_site;
use crate::answer::{Data, Problem};
use crate::app::App;
use crate::form::Payload;

/// Who may pick an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DemoLogin {
    /// Whoever reaches the service.
    Anybody,
    /// Whoever is on this machine and calls it by a name of its own. A page on the internet can
    /// have its own name lead here, and be asked for under that name.
    ThisMachine,
    /// Nobody.
    Refused,
}

impl DemoLogin {
    /// What is right for a service that listens on this address.
    pub(crate) fn new(address: IpAddr, allow_demo_login: bool) -> Self {
        if address.is_loopback() {
            Self::ThisMachine
        } else if allow_demo_login {
            Self::Anybody
        } else {
            Self::Refused
        }
    }

    fn check(self, headers: &HeaderMap) -> Result<(), Problem> {
        let is_open = match self {
            Self::Anybody => true,
            Self::ThisMachine => names_this_machine(headers),
            Self::Refused => false,
        };
        if is_open {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "demo_login_disabled",
            "This log-in asks for no password, so it works on loopback only. \
             Start the demo with --allow-demo-login to open it to everybody.",
        ))
    }
}

const PAGE: &str = "<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content='width=device-width, initial-scale=1'>
<title>Log in · Ringyo demo</title>
<h1>Log in</h1>
<p>This is a demo: pick an account, there is no password.
A real service puts its own log-in here.</p>
<form method=post action=/dashboard/login>
<label>Account
<select name=account>
<option>acct_pro
<option>acct_agency
<option>acct_starter
</select></label>
<button>Log in</button>
</form>
";

/// Where somebody goes who has logged in with the HTML form.
const HOME: &str = "/dashboard/api/keys";
const LOGIN: &str = "/dashboard/login";

/// `GET /dashboard/login`.
pub(super) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Html<&'static str>, Problem> {
    app.login.check(&headers)?;
    Ok(Html(PAGE))
}

/// `POST /dashboard/login`, from a program with JSON or from the page with a form.
pub(super) async fn log_in(
    State(app): State<App>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    app.login.check(&headers)?;
    // There is no session yet that could be abused, but a foreign page has no business here.
    if origin(&headers) == Origin::Foreign {
        return Err(cross_site());
    }
    let (account, is_html) = asked_account(request).await?;
    let id = AccountId::new(&account).map_err(|_| Problem::not_found())?;
    let account = match app.ringyo.accounts().find(&id).await {
        Ok(account) => account,
        Err(ManageError::NotFound) => return Err(Problem::not_found()),
        Err(error) => return Err(error.into()),
    };
    let answer = match is_html {
        true => Redirect::to(HOME).into_response(),
        false => Data(json!({ "account": account.id })).into_response(),
    };
    let cookie = app.sessions.begin(account.id);
    Ok(([(header::SET_COOKIE, cookie)], answer).into_response())
}

/// `POST /dashboard/logout`.
pub(super) async fn log_out(
    State(app): State<App>,
    headers: HeaderMap,
    payload: Payload,
) -> Response {
    let answer = match payload.is_html_form() {
        true => Redirect::to(LOGIN).into_response(),
        false => StatusCode::NO_CONTENT.into_response(),
    };
    let cookie = app.sessions.end(&headers);
    ([(header::SET_COOKIE, cookie)], answer).into_response()
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    account: String,
}

async fn asked_account(request: Request) -> Result<(String, bool), Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let is_html = content_type.is_some_and(|value| {
        value
            .as_bytes()
            .to_ascii_lowercase()
            .starts_with(b"application/x-www-form-urlencoded")
    });
    if is_html {
        let choice = HtmlForm::<Choice>::from_request(request, &()).await;
        let HtmlForm(choice) = choice.map_err(|rejection| {
            Problem::new(
                rejection.status(),
                "invalid_request",
                "The form is not valid.",
            )
        })?;
        return Ok((choice.account, true));
    }
    let payload = Payload::from_request(request, &()).await?;
    let mut form = payload.form()?;
    let account = form.required("account");
    form.check()?;
    Ok((account, false))
}

/// Whether the `Host` of a request is a name that only ever means the machine itself.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let Some(host) = host.and_then(|host| host.parse::<Uri>().ok()) else {
        return false;
    };
    let name = host.host().unwrap_or_default().trim_matches(['[', ']']);
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_machine_itself_are_its_own() {
        let is_own = |host: &str| {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            names_this_machine(&headers)
        };
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8787",
            "127.9.9.9",
            "[::1]:8787",
        ] {
            assert!(is_own(host), "{host}");
        }
        for host in [
            "evil.example:8787",
            "localhost.evil.example",
            "10.0.0.1",
            "[::2]",
            "",
            ":80",
        ] {
            assert!(!is_own(host), "{host}");
        }
        assert!(!names_this_machine(&HeaderMap::new()));
    }
}
