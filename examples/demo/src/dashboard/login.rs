//! The demo's way in: pick an account. A real service puts its own log-in here.

use askama::Template;
use axum::extract::{Form as HtmlForm, FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use ringyo::{Account, AccountId, ManageError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api_keys::API_KEYS;
use super::assets;
use super::origin::{Origin, origin};
use super::page::{Page, sorry, wants_page};
use super::visitor::cross_site;
use crate::answer::{Data, DataBody, ErrorBody, Problem};
use crate::app::App;
use crate::form::{Fields, Form, Payload};

/// Where somebody logs in.
pub(super) const LOGIN: &str = "/dashboard/login";

/// How many accounts there are to pick from. Where there are more, their ids can be typed.
const SHOWN: usize = 10;

/// The accounts of the store, or the first of them.
#[derive(Debug, Template)]
#[template(path = "login.html")]
struct LoginPage {
    accounts: Vec<Account>,
    has_more: bool,
}

/// Show the page to log in with.
#[utoipa::path(
    get, path = "/login", operation_id = "show_login", tag = "Dashboard",
    responses(
        (status = 200, description = "The page", content_type = "text/html", body = String),
        (status = 403, description = "`demo_login_disabled`: the log-in works on loopback only",
            content((ErrorBody = "application/json"), (String = "text/html"))),
        (status = 503, description = "A page that says that the accounts are out of reach",
            content_type = "text/html", body = String,
            headers(("retry-after" = u32, description = "Seconds to wait"))),
        (status = 500, description = "A fault of the service, said by a page if it can be",
            content((String = "text/html"), (ErrorBody = "application/json"))),
    ),
)]
pub(super) async fn page(State(app): State<App>, headers: HeaderMap) -> Response {
    in_kind(&headers, list(&app, &headers).await)
}

async fn list(app: &App, headers: &HeaderMap) -> Result<Response, Problem> {
    app.login.check(headers)?;
    let mut accounts = match app.ringyo.accounts().list(None, SHOWN + 1).await {
        Ok(accounts) => accounts,
        Err(error) => return Ok(sorry(error.into())),
    };
    let has_more = accounts.len() > SHOWN;
    accounts.truncate(SHOWN);
    let page = LoginPage { accounts, has_more };
    Ok(Page(page).into_response())
}

/// Log in, from a program with JSON or from the page with a form.
#[utoipa::path(
    post, path = "/login", operation_id = "log_in", tag = "Dashboard",
    request_body(content(
        (LogIn = "application/json"),
        (Choice = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 200, description = "For JSON: a session has begun", body = DataBody<LoggedIn>,
            headers(("set-cookie" = String, description = "The cookie of the session"))),
        (status = 303, description = "For a form: a session has begun", headers(
            ("set-cookie" = String, description = "The cookie of the session"),
            ("location" = String, description = "Where to go on"),
        )),
        (status = 403, description = "`demo_login_disabled`: the log-in works on loopback only; \
            `cross_site_request`: a foreign page asks",
            content((ErrorBody = "application/json"), (String = "text/html"))),
        (status = 404, description = "`not_found`: there is no such account",
            content((ErrorBody = "application/json"), (String = "text/html"))),
        (status = 503, description = "`store_unavailable`",
            content((ErrorBody = "application/json"), (String = "text/html")),
            headers(("retry-after" = u32, description = "Seconds to wait"))),
    ),
)]
pub(super) async fn log_in(
    State(app): State<App>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    in_kind(&headers, begin(&app, &headers, request).await)
}

async fn begin(app: &App, headers: &HeaderMap, request: Request) -> Result<Response, Problem> {
    app.login.check(headers)?;
    // There is no session yet that could be abused, but a foreign page has no business here.
    if origin(headers) == Origin::Foreign {
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
        true => Redirect::to(API_KEYS).into_response(),
        false => Data(LoggedIn {
            account: account.id.clone(),
        })
        .into_response(),
    };
    let cookie = app.sessions.begin(account.id);
    Ok(([(header::SET_COOKIE, cookie)], answer).into_response())
}

/// What is refused is said on a page to who reads pages.
fn in_kind(headers: &HeaderMap, answer: Result<Response, Problem>) -> Response {
    match answer {
        Err(problem) if wants_page(headers) => sorry(problem),
        answer => answer.into_response(),
    }
}

/// Log out.
#[utoipa::path(
    post, path = "/logout", operation_id = "log_out", tag = "Dashboard",
    responses(
        (status = 204, description = "The session is over",
            headers(("set-cookie" = String, description = "Takes the cookie away"))),
        (status = 303, description = "The same, for a form", headers(
            ("set-cookie" = String, description = "Takes the cookie away"),
            ("location" = String, description = "Where to go on"),
        )),
        (status = 413, description = "`payload_too_large`", body = ErrorBody),
    ),
    security(("session" = [])),
)]
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

/// What a program sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogIn {
    #[schema(example = "acct_pro")]
    account: String,
}

impl Fields for LogIn {
    fn take(form: &mut Form) -> Self {
        Self {
            account: form.required("account"),
        }
    }
}

/// What the page sends.
#[derive(Debug, Deserialize, ToSchema)]
struct Choice {
    #[serde(default)]
    #[schema(required, example = "acct_pro")]
    account: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct LoggedIn {
    #[schema(value_type = String, example = "acct_pro")]
    account: AccountId,
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
        let HtmlForm(choice) = choice.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
            status => Problem::new(status, "invalid_request", "The form is not valid."),
        })?;
        return Ok((choice.account, true));
    }
    let payload = Payload::from_request(request, &()).await?;
    let LogIn { account } = payload.read()?;
    Ok((account, false))
}
