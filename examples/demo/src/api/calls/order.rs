//! What somebody asks for, and the name they give to it.

use axum::http::{HeaderMap, StatusCode};
use ringyo::Caller;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use utoipa::ToSchema;

use crate::answer::Problem;
use crate::api::E164;
use crate::api::agents::Agent;
use crate::app::App;
use crate::documents::Claim;
use crate::form::{Fields, Form};
use crate::random;

/// What somebody asks for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCall)]
pub(crate) struct Order {
    /// Who speaks.
    #[schema(example = "agent_0a1B2c3D4e5F6g7H")]
    pub(super) agent_id: String,
    /// Who is called.
    pub(super) phone_number: E164,
}

impl Fields for Order {
    fn take(form: &mut Form) -> Self {
        Self {
            agent_id: form.required("agent_id"),
            phone_number: form.required("phone_number"),
        }
    }
}

/// The id of the call that an idempotency key stands for, within an account and a mode.
pub(super) async fn claimed_id(
    app: &App,
    caller: &Caller,
    key: &str,
    order: &Order,
) -> Result<String, Problem> {
    let scope = format!("{} {}", caller.account(), caller.mode());
    let request = serde_json::to_string(order).map_err(Problem::internal)?;
    let claim = match app.documents.find_claim(&scope, key).await? {
        Some(claim) => claim,
        None => {
            // Later the agent may be gone: whoever asks again still gets the same answer.
            check_agent(app, caller, order).await?;
            let claim = Claim {
                request: request.clone(),
                document: random::id("call"),
            };
            app.documents.claim(&scope, key, claim).await?
        }
    };
    if claim.request != request {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_conflict",
            "This idempotency key came with another body before.",
        ));
    }
    Ok(claim.document)
}

pub(super) async fn check_agent(app: &App, caller: &Caller, order: &Order) -> Result<(), Problem> {
    let agent = app
        .documents
        .find::<Agent>(caller.account(), &order.agent_id);
    match agent.await? {
        Some(_) => Ok(()),
        None => Err(invalid("agent_id", "there is no such agent")),
    }
}

/// The `Idempotency-Key` of a request: 1–255 visible ASCII characters.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    const HEADER: &str = "idempotency-key";
    let mut values = headers.get_all(HEADER).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.as_bytes(),
        (Some(_), Some(_)) => return Err(invalid(HEADER, "must come once")),
    };
    std::str::from_utf8(value)
        .ok()
        .filter(|key| (1..=255).contains(&key.len()))
        .filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
        .map(Some)
        .ok_or_else(|| invalid(HEADER, "must be 1 to 255 visible ASCII characters"))
}

fn invalid(name: &str, rule: &str) -> Problem {
    Problem::invalid(Map::from_iter([(name.to_owned(), rule.into())]))
}
