use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use ringyo::preset::ringyo::{AGENTS_CREATE, AGENTS_DELETE, AGENTS_READ, AGENTS_UPDATE};
use ringyo::{Caller, Timestamp};
use serde::{Deserialize, Serialize};

use super::{NAME_RULE, is_name};
use crate::answer::{Created, Data, List, Problem};
use crate::app::App;
use crate::documents::Document;
use crate::form::{Form, Payload};
use crate::query::{Id, Params};
use crate::random;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Agent {
    id: String,
    name: String,
    /// What it speaks, as a language tag (RFC 5646), e.g. `en` or `pt-BR`.
    language: String,
    created_at: Timestamp,
}

impl Document for Agent {
    const KIND: &'static str = "agent";
    fn id(&self) -> &str {
        &self.id
    }
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<List<Agent>, Problem> {
    caller.require(&AGENTS_READ)?;
    let agents = app
        .documents
        .list(caller.account(), params.paging()?)
        .await?;
    Ok(List::of(agents, |agent| agent))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Data<Agent>, Problem> {
    caller.require_on(&AGENTS_READ, &id)?;
    let agent = app.documents.find(caller.account(), &id).await?;
    agent.map(Data).ok_or_else(Problem::not_found)
}

pub(super) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    payload: Payload,
) -> Result<Created<Agent>, Problem> {
    caller.require(&AGENTS_CREATE)?;
    let mut form = payload.form()?;
    let name = form.required("name");
    let agent = Agent {
        id: random::id("agent"),
        name: checked_name(&mut form, name),
        language: language(&mut form).unwrap_or_else(|| "en".to_owned()),
        created_at: caller.authenticated_at(),
    };
    form.check()?;
    Ok(Created(
        app.documents.insert(caller.account(), agent).await?,
    ))
}

pub(super) async fn update(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    payload: Payload,
) -> Result<Data<Agent>, Problem> {
    caller.require_on(&AGENTS_UPDATE, &id)?;
    let mut form = payload.form()?;
    let name = form.optional("name");
    let name = name.map(|name| checked_name(&mut form, name));
    let language = language(&mut form);
    form.check()?;
    let change = |agent: &mut Agent| {
        agent.name = name.unwrap_or_else(|| agent.name.clone());
        agent.language = language.unwrap_or_else(|| agent.language.clone());
    };
    let agent = app.documents.update(caller.account(), &id, change).await?;
    agent.map(Data).ok_or_else(Problem::not_found)
}

pub(super) async fn remove(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    caller.require_on(&AGENTS_DELETE, &id)?;
    match app.documents.remove::<Agent>(caller.account(), &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found()),
    }
}

fn checked_name(form: &mut Form, name: String) -> String {
    let name = name.trim();
    form.expect("name", is_name(name), NAME_RULE);
    name.to_owned()
}

fn language(form: &mut Form) -> Option<String> {
    let language: String = form.optional("language")?;
    let is_subtag = |tag: &str| {
        (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let is_tag = language.len() <= 35 && language.split('-').all(is_subtag);
    form.expect(
        "language",
        is_tag,
        "must be a language tag, e.g. `en` or `pt-BR`",
    );
    Some(language)
}
