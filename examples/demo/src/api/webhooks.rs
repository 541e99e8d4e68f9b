use axum::http::StatusCode;
use ringyo::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::own::Own;
use crate::answer::{Created, Data, DataBody, List, ListBody, Problem};
use crate::documents::Document;
use crate::form::{Fields, Form, Payload};
use crate::openapi::words;
use crate::query::{Id, Params};
use crate::random;

/// Where an account wants to hear of events. The demo sends none.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Webhook {
    #[schema(pattern = "^wh_[0-9A-Za-z]{16}$")]
    id: String,
    #[schema(value_type = Address)]
    url: String,
    #[schema(value_type = EventNames)]
    events: Vec<String>,
    #[schema(value_type = words::Time)]
    created_at: Timestamp,
}

impl Document for Webhook {
    const KIND: &'static str = "webhook";
    fn id(&self) -> &str {
        &self.id
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWebhook {
    url: Address,
    events: EventNames,
}

impl Fields for NewWebhook {
    fn take(form: &mut Form) -> Self {
        Self {
            url: form.required("url"),
            events: form.required("events"),
        }
    }
}

/// What is left out or `null` stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookChange {
    url: Option<Address>,
    events: Option<EventNames>,
}

impl Fields for WebhookChange {
    fn take(form: &mut Form) -> Self {
        Self {
            url: form.optional("url"),
            events: form.optional("events"),
        }
    }
}

/// Where events are sent: over HTTPS, since they are for their owner alone, and without a user
/// name.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(
    value_type = String,
    max_length = 2048,
    pattern = r"^https://[0-9A-Za-z.-]+(:[0-9]{1,5})?([/?][0-9A-Za-z._~:/?@!$&'()*+,;=%-]*)?$",
    example = "https://example.com/ringyo",
)]
pub(super) struct Address(String);

impl TryFrom<String> for Address {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.len() <= 2_048 && is_https(&text) {
            true => Ok(Self(text)),
            false => Err("must be an https:// address without a user name"),
        }
    }
}

fn is_https(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else {
        return false;
    };
    let (authority, place) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let is_in = |text: &str, marks: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
    };
    !host.is_empty()
        && is_in(host, ".-")
        && (1..=5).contains(&port.len())
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && is_in(place, "._~:/?@!$&'()*+,;=%-")
}

/// What a webhook wants to hear of.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(try_from = "Vec<String>")]
#[schema(value_type = Vec<EventName>, min_items = 1, max_items = 50)]
pub(super) struct EventNames(Vec<String>);

/// The name of a kind of event.
#[derive(Debug, ToSchema)]
#[schema(pattern = "^[!-~]{1,100}$", example = "call.completed")]
#[expect(
    dead_code,
    reason = "names are checked together; this is what one looks like"
)]
struct EventName(String);

impl TryFrom<Vec<String>> for EventNames {
    type Error = &'static str;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        let is_name = |name: &String| {
            (1..=100).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
        };
        match (1..=50).contains(&names.len()) && names.iter().all(is_name) {
            true => Ok(Self(names)),
            false => Err("must list 1 to 50 names of events, e.g. `call.completed`"),
        }
    }
}

/// List webhooks, newest first.
#[utoipa::path(
    get, path = "/webhooks", operation_id = "list_webhooks", tag = "Webhooks",
    params(Params),
    responses((status = 200, description = "A part of the list", body = ListBody<Webhook>)),
)]
pub(super) async fn list(own: Own, params: Params) -> Result<List<Webhook>, Problem> {
    own.list(params).await
}

/// Show a webhook.
#[utoipa::path(
    get, path = "/webhooks/{id}", operation_id = "show_webhook", tag = "Webhooks",
    params(("id" = String, Path, example = "wh_0a1B2c3D4e5F6g7H")),
    responses((status = 200, description = "The webhook", body = DataBody<Webhook>)),
)]
pub(super) async fn show(own: Own, Id(id): Id) -> Result<Data<Webhook>, Problem> {
    own.show(&id).await
}

/// Make a webhook.
#[utoipa::path(
    post, path = "/webhooks", operation_id = "create_webhook", tag = "Webhooks",
    request_body = NewWebhook,
    responses((status = 201, description = "The new webhook", body = DataBody<Webhook>)),
)]
pub(super) async fn create(own: Own, payload: Payload) -> Result<Created<Webhook>, Problem> {
    let new: NewWebhook = payload.read()?;
    own.add(Webhook {
        id: random::id("wh"),
        url: new.url.0,
        events: new.events.0,
        created_at: own.asked_at(),
    })
    .await
}

/// Change a webhook.
#[utoipa::path(
    patch, path = "/webhooks/{id}", operation_id = "update_webhook", tag = "Webhooks",
    params(("id" = String, Path, example = "wh_0a1B2c3D4e5F6g7H")),
    request_body = WebhookChange,
    responses((status = 200, description = "The webhook as it is now", body = DataBody<Webhook>)),
)]
pub(super) async fn update(
    own: Own,
    Id(id): Id,
    payload: Payload,
) -> Result<Data<Webhook>, Problem> {
    let WebhookChange { url, events } = payload.read()?;
    own.update(&id, |webhook: &mut Webhook| {
        webhook.url = url.map_or_else(|| webhook.url.clone(), |Address(url)| url);
        webhook.events = events.map_or_else(|| webhook.events.clone(), |EventNames(names)| names);
    })
    .await
}

/// Take a webhook away.
#[utoipa::path(
    delete, path = "/webhooks/{id}", operation_id = "remove_webhook", tag = "Webhooks",
    params(("id" = String, Path, example = "wh_0a1B2c3D4e5F6g7H")),
    responses((status = 204, description = "It is gone")),
)]
pub(super) async fn remove(own: Own, Id(id): Id) -> Result<StatusCode, Problem> {
    own.remove::<Webhook>(&id).await
}
