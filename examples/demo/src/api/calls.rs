//! Calls, the one thing here that costs credits.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ringyo::preset::ringyo::{CALLS_CREATE, CALLS_READ};
use ringyo::{AccountId, Caller, LiveCaller, OperationId, OperationState, Timestamp, WalletError};
use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::agents::Agent;
use super::carrier::{self, Connection};
use crate::answer::{Created, Data, List, Problem};
use crate::app::App;
use crate::documents::{Claim, Document, Fault};
use crate::form::Payload;
use crate::query::{Id, Params};
use crate::random;
use crate::service::StartError;

/// What a call costs, in credits.
const PRICE: u64 = 1;

/// A call that was placed. Once it is over it never changes, so whoever asks for it again gets the
/// same answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    id: String,
    agent_id: String,
    phone_number: String,
    status: Status,
    /// Whether a test key asked for it, so that nobody's telephone rang.
    simulated: bool,
    /// What it cost.
    credits: u64,
    created_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// Begun. It does not last: the call is about to be over, or was cut off and is cleaned up.
    Pending,
    Completed,
    Failed,
}

/// What somebody asks for.
#[derive(Debug, Serialize)]
struct Order {
    agent_id: String,
    phone_number: String,
}

impl Document for Call {
    const KIND: &'static str = "call";
    fn id(&self) -> &str {
        &self.id
    }
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<List<Call>, Problem> {
    caller.require(&CALLS_READ)?;
    let calls = app
        .documents
        .list(caller.account(), params.paging()?)
        .await?;
    Ok(List::of(calls, |call| call))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Data<Call>, Problem> {
    caller.require_on(&CALLS_READ, &id)?;
    let call = app.documents.find(caller.account(), &id).await?;
    call.map(Data).ok_or_else(Problem::not_found)
}

/// `POST /v1/calls`. The id of the call is drawn before anything else is done, and bound to the
/// `Idempotency-Key`. It names the credits and the call at the carrier, so that a request that
/// comes again, at the same time or after a crash at any point, goes on where the first one got
/// to: one call, one credit, one answer.
pub(super) async fn place(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    payload: Payload,
) -> Result<Created<Call>, Problem> {
    caller.require(&CALLS_CREATE)?;
    let key = idempotency_key(&headers)?;
    let order = order(&payload)?;
    let id = match key {
        Some(key) => claimed_id(&app, &caller, key, &order).await?,
        None => {
            check_agent(&app, &caller, &order).await?;
            random::id("call")
        }
    };
    // Only a live key can be turned into a live caller, and only that can be charged.
    let live = caller.as_live();
    // Written down before any credit is touched: what is cut off from here on is found again.
    let begun = Call {
        id,
        agent_id: order.agent_id,
        phone_number: order.phone_number,
        status: Status::Pending,
        simulated: live.is_none(),
        credits: 0,
        created_at: caller.authenticated_at(),
    };
    let call: Call = app.documents.insert(caller.account(), begun).await?;
    if call.status != Status::Pending {
        return Ok(Created(call));
    }
    let placed = match &live {
        Some(live) => place_live(&app, live, &call).await,
        None => Ok(carrier::dial(&call.id, &call.phone_number)),
    };
    match placed {
        Ok(connection) => Ok(Created(
            end(&app, caller.account(), call, connection).await?,
        )),
        Err(refusal) => {
            // The credits were refused, so there is no call; the same request may come again.
            let documents = &app.documents;
            documents.remove::<Call>(caller.account(), &call.id).await?;
            Err(refusal)
        }
    }
}

/// Writes down how a call ended, unless that is written down already.
async fn end(
    app: &App,
    account: &AccountId,
    mut call: Call,
    connection: Connection,
) -> Result<Call, Fault> {
    let is_paid = !call.simulated && connection == Connection::Connected;
    let end = move |call: &mut Call| {
        if call.status == Status::Pending {
            call.credits = if is_paid { PRICE } else { 0 };
            call.status = match connection {
                Connection::Connected => Status::Completed,
                Connection::Failed => Status::Failed,
            };
        }
    };
    if let Some(ended) = app.documents.update(account, &call.id, end).await? {
        return Ok(ended);
    }
    // The same request came twice, and the other one was refused and has cleaned up.
    end(&mut call);
    app.documents.insert(account, call).await
}

/// How long a call may be pending. One that is so for longer belongs to a process that is gone.
const CUT_OFF_AFTER: Duration = Duration::from_secs(15);

/// Ends the calls that a crash has cut off: credits that were only held are given back, and a call
/// that was paid for is one that was made.
pub(crate) async fn end_cut_off(app: &App) -> Result<(), StartError> {
    let now = Timestamp::from_unix_millis(app.ringyo.now().unix_millis);
    for (account, call) in app.documents.in_status::<Call>("pending").await? {
        if now.since(call.created_at) < CUT_OFF_AFTER {
            continue;
        }
        let operation = OperationId::new(&call.id)?;
        let wallet = app.ringyo.wallet();
        let connection = match wallet.refund_abandoned(&account, &operation).await {
            Ok(_) | Err(WalletError::NotFound) => Connection::Failed,
            Err(WalletError::Conflict) => Connection::Connected,
            Err(error) => return Err(error.into()),
        };
        tracing::warn!(call = call.id, %account, ?connection, "ended a call that was cut off");
        end(app, &account, call, connection).await?;
    }
    Ok(())
}

/// Holds the price, places the call, and pays or gives the price back. Every step can be done
/// again.
async fn place_live(app: &App, caller: &LiveCaller, call: &Call) -> Result<Connection, Problem> {
    let wallet = app.ringyo.wallet();
    let operation = OperationId::new(&call.id).map_err(Problem::internal)?;
    let reservation = match wallet.reserve(caller, PRICE, &operation).await {
        Ok(reservation) => reservation,
        // This very call has been tried before, failed, and the price was given back.
        Err(WalletError::Refunded) => return Ok(Connection::Failed),
        Err(error) => return Err(error.into()),
    };
    if reservation.charge.state == OperationState::Committed {
        // It was placed and paid for before, and only its end was not written down.
        return Ok(Connection::Connected);
    }
    let connection = carrier::dial(&call.id, &call.phone_number);
    match connection {
        Connection::Connected => wallet.commit(&reservation).await?,
        Connection::Failed => wallet.refund(&reservation).await?,
    };
    Ok(connection)
}

/// The id of the call that an idempotency key stands for, within an account and a mode.
async fn claimed_id(
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

async fn check_agent(app: &App, caller: &Caller, order: &Order) -> Result<(), Problem> {
    let agent = app
        .documents
        .find::<Agent>(caller.account(), &order.agent_id);
    match agent.await? {
        Some(_) => Ok(()),
        None => Err(invalid("agent_id", "there is no such agent")),
    }
}

fn order(payload: &Payload) -> Result<Order, Problem> {
    let mut form = payload.form()?;
    let order = Order {
        agent_id: form.required("agent_id"),
        phone_number: form.required("phone_number"),
    };
    let rule = "must be a number in the form of E.164, e.g. +14155550123";
    form.expect("phone_number", is_e164(&order.phone_number), rule);
    form.check()?;
    Ok(order)
}

/// `+`, a country code that does not begin with 0, and 7 to 15 digits in all.
fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The `Idempotency-Key` of a request: 1–255 visible ASCII characters.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
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
