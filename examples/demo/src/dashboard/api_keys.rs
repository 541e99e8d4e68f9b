//! Dashboard → Developers → API Keys: the page. What it lists it is given with the HTML; from then
//! on its script speaks the JSON of this dashboard.

mod permissions;
mod usage;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use ringyo::{AccountId, ApiAccess, KeyFilter, ListKeys, PageSize};

use super::account::AccountView;
use super::assets;
use super::key_view::{KeyView, view};
use super::login::LOGIN;
use super::page::{Page, sorry};
use crate::answer::{ErrorBody, List, ListBody, Problem};
use crate::app::App;
use permissions::{Choice, choices, label};
use usage::Usage;

/// Where the page is.
pub(super) const API_KEYS: &str = "/dashboard/developers/api-keys";

/// Show the page where keys are managed.
#[utoipa::path(
    get, path = "/developers/api-keys", operation_id = "show_api_keys", tag = "Dashboard",
    responses(
        (status = 200, description = "The page", content_type = "text/html", body = String),
        (status = 303, description = "Nobody is logged in",
            headers(("location" = String, description = "Where to log in"))),
        (status = 503, description = "A page that says that the keys are out of reach",
            content_type = "text/html", body = String,
            headers(("retry-after" = u32, description = "Seconds to wait"))),
        (status = 500, description = "A fault of the service, said by a page if it can be",
            content((String = "text/html"), (ErrorBody = "application/json"))),
    ),
    security((), ("session" = [])),
)]
pub(super) async fn show(State(app): State<App>, headers: HeaderMap) -> Response {
    let Some(account) = app.sessions.account(&headers) else {
        return Redirect::to(LOGIN).into_response();
    };
    match ApiKeys::of(&app, &account).await {
        Ok(page) => Page(page).into_response(),
        Err(problem) => sorry(problem),
    }
}

#[derive(Debug, Template)]
#[template(path = "api_keys.html")]
struct ApiKeys {
    account: AccountView,
    usage: Usage,
    choices: Vec<Choice>,
    /// What `GET /dashboard/api/keys` answers, so that the list is there with the page.
    keys: ListBody<KeyView>,
    /// The plans that open the API, in words.
    plans: String,
}

impl ApiKeys {
    async fn of(app: &App, id: &AccountId) -> Result<Self, Problem> {
        let account = AccountView::of(app, id).await?;
        let list = ListKeys {
            account: Some(id.clone()),
            // Where no key is of use, those that there are matter all the same.
            filter: match account.api_access {
                true => KeyFilter::Active,
                false => KeyFilter::All,
            },
            mode: None,
            name_contains: None,
            after: None,
            size: PageSize::DEFAULT,
        };
        let keys = app.ringyo.keys().list(list).await?;
        let with_access = app.ringyo.plans().iter();
        let mut plans: Vec<String> = with_access
            .filter(|plan| plan.access != ApiAccess::None)
            .map(|plan| label(plan.name.as_str()))
            .collect();
        plans.sort_unstable();
        Ok(Self {
            usage: Usage::of(app, id).await?,
            choices: choices(app.ringyo.catalog()),
            keys: List::of(keys, |record| view(app, record)).into(),
            plans: plans.join(" or "),
            account,
        })
    }
}
