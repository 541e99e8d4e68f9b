use axum::Extension;
use axum::extract::State;
use ringyo::{AccountId, Caller, KeyId, Mode, ScopeSet};
use serde::Serialize;

use crate::answer::{Data, Problem};
use crate::app::App;

#[derive(Debug, Serialize)]
pub(super) struct Whoami {
    key_id: KeyId,
    name: String,
    mode: Mode,
    account: AccountId,
    plan: String,
    scopes: ScopeSet,
    credits: u64,
}

/// `GET /v1/whoami`: what a key is, for whoever holds it. Needs no permission.
pub(super) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Data<Whoami>, Problem> {
    let credits = app.ringyo.wallet().balance(caller.account()).await?;
    Ok(Data(Whoami {
        key_id: caller.key_id(),
        name: caller.key_name().to_owned(),
        mode: caller.mode(),
        account: caller.account().clone(),
        plan: caller.plan().name.clone(),
        scopes: caller.scopes().clone(),
        credits,
    }))
}
