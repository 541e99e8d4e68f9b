use axum::Extension;
use axum::extract::State;
use ringyo::{AccountId, ApiAccess};
use serde::Serialize;
use utoipa::ToSchema;

use super::visitor::Visitor;
use crate::answer::{Data, DataBody, Problem};
use crate::app::App;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountView {
    #[schema(value_type = String, example = "acct_pro")]
    pub(super) id: AccountId,
    pub(super) plan: String,
    pub(super) api_access: bool,
    pub(super) credits: u64,
    /// Requests a minute; none for a plan without API access or without a limit.
    #[schema(required, minimum = 1)]
    pub(super) limit_per_minute: Option<u32>,
}

/// Show the account.
#[utoipa::path(
    get, path = "/api/account", operation_id = "show_account", tag = "Dashboard",
    responses((status = 200, description = "The account", body = DataBody<AccountView>)),
    security(("session" = [])),
)]
pub(super) async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Data<AccountView>, Problem> {
    Ok(Data(AccountView::of(&app, &visitor.account).await?))
}

impl AccountView {
    pub(super) async fn of(app: &App, id: &AccountId) -> Result<Self, Problem> {
        let account = app.ringyo.accounts().find(id).await?;
        let credits = app.ringyo.wallet().balance(&account.id).await?;
        let mut plans = app.ringyo.plans().iter();
        let plan = plans.find(|plan| plan.name == account.plan);
        let access = plan.map_or(ApiAccess::None, |plan| plan.access);
        Ok(Self {
            id: account.id,
            plan: account.plan,
            api_access: access != ApiAccess::None,
            credits,
            limit_per_minute: match access {
                // The plans of Ringyo count by the minute.
                ApiAccess::Limited(quota) => Some(quota.limit()),
                ApiAccess::None | ApiAccess::Unlimited => None,
            },
        })
    }
}
