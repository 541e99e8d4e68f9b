use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use ringyo::Unavailable;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{Data, DataBody, ErrorBody, Problem};
use crate::app::App;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    status: HealthStatus,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HealthStatus {
    Ok,
}

/// Show whether store and limiter answer, or which of them does not.
#[utoipa::path(
    get, path = "/healthz", operation_id = "show_health", tag = "Service",
    responses(
        (status = 200, description = "Both answer", body = DataBody<Health>),
        (status = 503, description = "`unavailable`: one does not", body = ErrorBody,
            headers(("retry-after" = u32, description = "Seconds to wait"))),
    ),
)]
pub(crate) async fn show(State(app): State<App>) -> Result<Data<Health>, Problem> {
    if let Err(fault) = app.documents.ready().await {
        return Err(not_answering("store", &*fault));
    }
    app.ringyo.ready().await.map_err(|unavailable| {
        let who = match unavailable {
            Unavailable::Limiter(_) => "limiter",
            _ => "store",
        };
        not_answering(who, &unavailable)
    })?;
    Ok(Data(Health {
        status: HealthStatus::Ok,
    }))
}

fn not_answering(who: &'static str, error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::warn!(error, who, "not healthy");
    let message = format!("The {who} does not answer.");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &message)
        .retry_after(Duration::from_secs(1))
        .detail(who, "does not answer")
}
