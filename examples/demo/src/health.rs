use axum::extract::State;
use axum::http::StatusCode;
use ringyo::Unavailable;
use serde_json::{Value, json};

use crate::answer::{Data, Problem};
use crate::app::App;

/// `GET /healthz`: whether store and limiter answer, or which of them does not.
pub(crate) async fn show(State(app): State<App>) -> Result<Data<Value>, Problem> {
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
    Ok(Data(json!({ "status": "ok" })))
}

fn not_answering(who: &'static str, error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::warn!(error, who, "not healthy");
    let message = format!("The {who} does not answer.");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
        .detail(who, "does not answer")
}
