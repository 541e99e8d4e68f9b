use axum::extract::State;
use ringyo::tower::axum::Caller;
use ringyo::{AccountId, KeyId, Mode, ScopeSet};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{Data, DataBody, Problem};
use crate::app::App;
use crate::name::Name;
use crate::openapi::words;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Whoami {
    #[schema(value_type = words::KeyId)]
    key_id: KeyId,
    #[schema(value_type = Name)]
    name: String,
    #[schema(value_type = words::Mode)]
    mode: Mode,
    #[schema(value_type = String, example = "acct_pro")]
    account: AccountId,
    plan: String,
    #[schema(value_type = Vec<words::Permission>)]
    scopes: ScopeSet,
    credits: u64,
}

/// Show the key that is used. It needs no permission.
#[utoipa::path(
    get, path = "/whoami", operation_id = "whoami", tag = "Keys",
    responses((status = 200, description = "What the key is", body = DataBody<Whoami>)),
)]
pub(super) async fn show(State(app): State<App>, caller: Caller) -> Result<Data<Whoami>, Problem> {
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
