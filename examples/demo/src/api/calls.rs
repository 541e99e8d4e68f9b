//! Calls, the one thing here that costs credits.

mod order;

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use ringyo::tower::axum::Caller;
use ringyo::{AccountId, LiveCaller, OperationId, OperationState, Timestamp, WalletError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::E164;
use super::carrier::{self, Connection};
use super::own::Own;
use crate::answer::{Created, Data, DataBody, ErrorBody, List, ListBody, Problem};
use crate::app::App;
use crate::documents::{Document, Fault};
use crate::form::Payload;
use crate::openapi::words;
use crate::query::{Id, Params};
use crate::random;
use crate::service::StartError;
use order::{Order, check_agent, claimed_id, idempotency_key};

/// What a call costs, in credits.
const PRICE: u64 = 1;

/// A call that was placed. Once it is over it never changes, so whoever asks for it again gets the
/// same answer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Call {
    #[schema(pattern = "^call_[0-9A-Za-z]{16}$")]
    id: String,
    #[schema(pattern = "^agent_[0-9A-Za-z]{16}$")]
    agent_id: String,
    #[schema(value_type = E164)]
    phone_number: String,
    status: Status,
    /// Whether a test key asked for it, so that nobody's telephone rang.
    simulated: bool,
    /// What it cost.
    #[schema(maximum = 1)]
    credits: u64,
    #[schema(value_type = words::Time)]
    created_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CallStatus)]
enum Status {
    /// Begun. It does not last: the call is about to be over, or was cut off and is cleaned up.
    Pending,
    Completed,
    Failed,
}

impl Document for Call {
    const KIND: &'static str = "call";
    fn id(&self) -> &str {
        &self.id
    }
}

/// List calls, newest first.
#[utoipa::path(
    get, path = "/calls", operation_id = "list_calls", tag = "Calls",
    params(Params),
    responses((status = 200, description = "A part of the list", body = ListBody<Call>)),
)]
pub(super) async fn list(own: Own, params: Params) -> Result<List<Call>, Problem> {
    own.list(params).await
}

/// Show a call.
#[utoipa::path(
    get, path = "/calls/{id}", operation_id = "show_call", tag = "Calls",
    params(("id" = String, Path, example = "call_0a1B2c3D4e5F6g7H")),
    responses((status = 200, description = "The call", body = DataBody<Call>)),
)]
pub(super) async fn show(own: Own, Id(id): Id) -> Result<Data<Call>, Problem> {
    own.show(&id).await
}

/// Place a call.
///
/// With a live key it costs one credit; with a test key it is simulated and free. Send an
/// `Idempotency-Key`, and the same request can be sent again: there is one call, one credit and
/// one answer.
// The id of the call is drawn before anything else is done, and bound to the key. It names the
// credits and the call at the carrier, so that a request that comes again, at the same time or
// after a crash at any point, goes on where the first one got to.
#[utoipa::path(
    post, path = "/calls", operation_id = "place_call", tag = "Calls",
    params((
        "Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$",
        description = "Names the request. The same one with another body is refused.",
    )),
    request_body = Order,
    responses(
        (status = 201, description = "The call, which is over", body = DataBody<Call>, links(
            ("show" = (operation_id = "show_call", parameters(("id" = "$response.body#/data/id")))),
        )),
        (status = 402, description = "`insufficient_credits`", body = ErrorBody),
        (status = 409, description = "`operation_refunded`, `operation_conflict`: the credits of \
            this request are settled already, and not by a call", body = ErrorBody),
    ),
)]
pub(super) async fn place(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    payload: Payload,
) -> Result<Created<Call>, Problem> {
    let key = idempotency_key(&headers)?;
    let order: Order = payload.read()?;
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
        phone_number: order.phone_number.into(),
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
        Some(live) => {
            let operation = OperationId::new(&call.id).map_err(Problem::internal)?;
            place_live(&app, live, &call, &operation).await
        }
        None => Ok(carrier::dial(&call.id, &call.phone_number)),
    };
    match placed {
        Ok(connection) => Ok(Created(
            end(&app, caller.account(), call, connection).await?,
        )),
        Err(refusal) => {
            // Only who is told that there is too little is told that nothing was held. After any
            // other answer credits may be held under the id of the call. They are found by the
            // call that is pending, and by nothing else, so it stays: either the same request
            // comes again and goes on with it, or it is ended as one that was cut off.
            if matches!(refusal, WalletError::Insufficient { .. }) {
                let documents = &app.documents;
                documents.remove::<Call>(caller.account(), &call.id).await?;
            }
            Err(refusal.into())
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
async fn place_live(
    app: &App,
    caller: &LiveCaller,
    call: &Call,
    operation: &OperationId,
) -> Result<Connection, WalletError> {
    let wallet = app.ringyo.wallet();
    let reservation = match wallet.reserve(caller, PRICE, operation).await {
        Ok(reservation) => reservation,
        // This very call has been tried before, failed, and the price was given back.
        Err(WalletError::Refunded) => return Ok(Connection::Failed),
        Err(error) => return Err(error),
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
