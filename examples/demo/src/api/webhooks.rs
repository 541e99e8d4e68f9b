use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use ringyo::preset::ringyo::{WEBHOOKS_CREATE, WEBHOOKS_DELETE, WEBHOOKS_READ, WEBHOOKS_UPDATE};
use ringyo::{Caller, Timestamp};
use serde::{Deserialize, Serialize};

use crate::answer::{Created, Data, List, Problem};
use crate::app::App;
use crate::documents::Document;
use crate::form::{Form, Payload};
use crate::query::{Id, Params};
use crate::random;

/// Where an account wants to hear of events. The demo sends none.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Webhook {
    id: String,
    url: String,
    events: Vec<String>,
    created_at: Timestamp,
}

impl Document for Webhook {
    const KIND: &'static str = "webhook";
    fn id(&self) -> &str {
        &self.id
    }
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<List<Webhook>, Problem> {
    caller.require(&WEBHOOKS_READ)?;
    let webhooks = app
        .documents
        .list(caller.account(), params.paging()?)
        .await?;
    Ok(List::of(webhooks, |webhook| webhook))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Data<Webhook>, Problem> {
    caller.require_on(&WEBHOOKS_READ, &id)?;
    let webhook = app.documents.find(caller.account(), &id).await?;
    webhook.map(Data).ok_or_else(Problem::not_found)
}

pub(super) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    payload: Payload,
) -> Result<Created<Webhook>, Problem> {
    caller.require(&WEBHOOKS_CREATE)?;
    let mut form = payload.form()?;
    let (url, events) = (form.required("url"), form.required("events"));
    let webhook = Webhook {
        id: random::id("wh"),
        url: checked_url(&mut form, url),
        events: checked_events(&mut form, events),
        created_at: caller.authenticated_at(),
    };
    form.check()?;
    Ok(Created(
        app.documents.insert(caller.account(), webhook).await?,
    ))
}

pub(super) async fn update(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    payload: Payload,
) -> Result<Data<Webhook>, Problem> {
    caller.require_on(&WEBHOOKS_UPDATE, &id)?;
    let mut form = payload.form()?;
    let (url, events) = (form.optional("url"), form.optional("events"));
    let url = url.map(|url| checked_url(&mut form, url));
    let events = events.map(|events| checked_events(&mut form, events));
    form.check()?;
    let change = |webhook: &mut Webhook| {
        webhook.url = url.unwrap_or_else(|| webhook.url.clone());
        webhook.events = events.unwrap_or_else(|| webhook.events.clone());
    };
    let webhook = app.documents.update(caller.account(), &id, change).await?;
    webhook.map(Data).ok_or_else(Problem::not_found)
}

pub(super) async fn remove(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    caller.require_on(&WEBHOOKS_DELETE, &id)?;
    match app
        .documents
        .remove::<Webhook>(caller.account(), &id)
        .await?
    {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found()),
    }
}

/// What is sent to a webhook is for its owner alone, so it goes over HTTPS.
fn checked_url(form: &mut Form, url: String) -> String {
    let is_https = |uri: &Uri| {
        let host = uri
            .authority()
            .filter(|authority| !authority.as_str().contains('@'));
        uri.scheme_str() == Some("https") && host.is_some_and(|host| !host.host().is_empty())
    };
    let fits = url.len() <= 2_048 && url.parse().is_ok_and(|uri| is_https(&uri));
    form.expect(
        "url",
        fits,
        "must be an https:// address without a user name",
    );
    url
}

fn checked_events(form: &mut Form, events: Vec<String>) -> Vec<String> {
    let is_event = |event: &String| {
        (1..=100).contains(&event.len()) && event.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let fits = (1..=50).contains(&events.len()) && events.iter().all(is_event);
    form.expect(
        "events",
        fits,
        "must list 1 to 50 names of events, e.g. `call.completed`",
    );
    events
}
