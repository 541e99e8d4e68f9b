use axum::http::StatusCode;
use ringyo::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::own::Own;
use crate::answer::{Created, Data, DataBody, List, ListBody, Problem};
use crate::documents::Document;
use crate::form::{Fields, Form, Payload};
use crate::name::Name;
use crate::openapi::words;
use crate::query::{Id, Params};
use crate::random;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Agent {
    #[schema(pattern = "^agent_[0-9A-Za-z]{16}$")]
    id: String,
    #[schema(value_type = Name)]
    name: String,
    #[schema(value_type = Language)]
    language: String,
    #[schema(value_type = words::Time)]
    created_at: Timestamp,
}

impl Document for Agent {
    const KIND: &'static str = "agent";
    fn id(&self) -> &str {
        &self.id
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAgent {
    name: Name,
    /// `en` unless said otherwise.
    language: Option<Language>,
}

impl Fields for NewAgent {
    fn take(form: &mut Form) -> Self {
        Self {
            name: form.required("name"),
            language: form.optional("language"),
        }
    }
}

/// What is left out or `null` stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentChange {
    name: Option<Name>,
    language: Option<Language>,
}

impl Fields for AgentChange {
    fn take(form: &mut Form) -> Self {
        Self {
            name: form.optional("name"),
            language: form.optional("language"),
        }
    }
}

/// What an agent speaks, as a language tag (RFC 5646).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(
    value_type = String,
    max_length = 35,
    pattern = "^[0-9A-Za-z]{1,8}(-[0-9A-Za-z]{1,8})*$",
    example = "pt-BR",
)]
pub(super) struct Language(String);

impl TryFrom<String> for Language {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_subtag = |tag: &str| {
            (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        match text.len() <= 35 && text.split('-').all(is_subtag) {
            true => Ok(Self(text)),
            false => Err("must be a language tag, e.g. `en` or `pt-BR`"),
        }
    }
}

/// List agents, newest first.
#[utoipa::path(
    get, path = "/agents", operation_id = "list_agents", tag = "Agents",
    params(Params),
    responses((status = 200, description = "A part of the list", body = ListBody<Agent>)),
)]
pub(super) async fn list(own: Own, params: Params) -> Result<List<Agent>, Problem> {
    own.list(params).await
}

/// Show an agent.
#[utoipa::path(
    get, path = "/agents/{id}", operation_id = "show_agent", tag = "Agents",
    params(("id" = String, Path, example = "agent_0a1B2c3D4e5F6g7H")),
    responses((status = 200, description = "The agent", body = DataBody<Agent>)),
)]
pub(super) async fn show(own: Own, Id(id): Id) -> Result<Data<Agent>, Problem> {
    own.show(&id).await
}

/// Make an agent.
#[utoipa::path(
    post, path = "/agents", operation_id = "create_agent", tag = "Agents",
    request_body = NewAgent,
    responses((status = 201, description = "The new agent", body = DataBody<Agent>, links(
        ("call" = (operation_id = "place_call", request_body = json!({
            "agent_id": "$response.body#/data/id", "phone_number": "+14155550123",
        }))),
    ))),
)]
pub(super) async fn create(own: Own, payload: Payload) -> Result<Created<Agent>, Problem> {
    let new: NewAgent = payload.read()?;
    own.add(Agent {
        id: random::id("agent"),
        name: new.name.into(),
        language: new.language.map_or("en".to_owned(), |Language(tag)| tag),
        created_at: own.asked_at(),
    })
    .await
}

/// Change an agent.
#[utoipa::path(
    patch, path = "/agents/{id}", operation_id = "update_agent", tag = "Agents",
    params(("id" = String, Path, example = "agent_0a1B2c3D4e5F6g7H")),
    request_body = AgentChange,
    responses((status = 200, description = "The agent as it is now", body = DataBody<Agent>)),
)]
pub(super) async fn update(own: Own, Id(id): Id, payload: Payload) -> Result<Data<Agent>, Problem> {
    let AgentChange { name, language } = payload.read()?;
    own.update(&id, |agent: &mut Agent| {
        agent.name = name.map_or_else(|| agent.name.clone(), String::from);
        agent.language = language.map_or_else(|| agent.language.clone(), |Language(tag)| tag);
    })
    .await
}

/// Take an agent away.
#[utoipa::path(
    delete, path = "/agents/{id}", operation_id = "remove_agent", tag = "Agents",
    params(("id" = String, Path, example = "agent_0a1B2c3D4e5F6g7H")),
    responses((status = 204, description = "It is gone")),
)]
pub(super) async fn remove(own: Own, Id(id): Id) -> Result<StatusCode, Problem> {
    own.remove::<Agent>(&id).await
}
