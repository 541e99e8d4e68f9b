//! Keys that GitHub has found in public, and tells of: off unless its public keys are configured.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use ringyo::leak::{AlertError, GithubAlerts, GithubKeys};
use ringyo::{Actor, LeakedKey};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{ErrorBody, Problem};
use crate::app::App;
use crate::service::StartError;

/// Takes what GitHub signs with the keys in a file, which somebody else keeps up to date, such as
/// a timer with `curl https://api.github.com/meta/public_keys/secret_scanning`. A cheap handle.
#[derive(Debug, Clone)]
pub(crate) struct Github {
    alerts: GithubAlerts,
    file: Arc<Path>,
    /// What was last read of it.
    text: Arc<Mutex<Vec<u8>>>,
}

impl Github {
    pub(crate) fn open(file: &Path) -> Result<Self, StartError> {
        let named = |error: &dyn std::fmt::Display| {
            format!("the keys of GitHub in {}: {error}", file.display())
        };
        let text = std::fs::read(file).map_err(|error| named(&error))?;
        let keys = GithubKeys::from_json(&text).map_err(|error| named(&error))?;
        Ok(Self {
            alerts: GithubAlerts::new(keys),
            file: file.into(),
            text: Arc::new(Mutex::new(text)),
        })
    }

    /// Takes in what has changed in the file. With one that cannot be read the keys stay as they
    /// are.
    pub(crate) async fn refresh(&self) {
        let file = PathBuf::from(&*self.file);
        // Where nobody waits for it: a file can be on a disk that does not answer.
        let read = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
        let Ok(Ok(text)) = read else {
            tracing::warn!("the keys of GitHub cannot be read any more");
            return;
        };
        let mut known = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == text {
            return;
        }
        match GithubKeys::from_json(&text) {
            Ok(keys) => self.alerts.replace_keys(keys),
            Err(error) => tracing::warn!(%error, "the keys of GitHub have changed to nothing"),
        }
        *known = text;
    }
}

/// Its route, which is only there if it is configured.
pub(crate) fn routes(github: Github) -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(report))
        // Instead of the limit for all others.
        .layer(DefaultBodyLimit::max(GithubAlerts::MAX_BODY))
        .layer(Extension(github))
}

/// What GitHub has found.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the library reads it; this is what it looks like")]
pub(crate) struct AlertBody {
    /// The text that was found.
    token: String,
    /// The name of the expression that has found it.
    r#type: String,
    /// Where it was found; may be empty.
    url: Option<String>,
    /// What kind of place that is.
    source: Option<String>,
}

/// What it was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FeedbackBody {
    /// The SHA-256 of what was found, in hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    token_hash: String,
    token_type: String,
    label: FeedbackLabel,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    dead_code,
    reason = "the library writes it; this is what it looks like"
)]
pub(crate) enum FeedbackLabel {
    TruePositive,
    FalsePositive,
}

/// Revoke keys that GitHub's secret scanning has found, and say which texts were keys.
#[utoipa::path(
    post, path = "/integrations/github/secret-scanning", operation_id = "report_leaked_keys",
    tag = "Integrations",
    params(
        ("Github-Public-Key-Identifier" = String, Header,
            description = "Which of GitHub's keys has signed it"),
        ("Github-Public-Key-Signature" = String, Header,
            description = "ECDSA on P-256 with SHA-256 over the body, as DER in base64"),
    ),
    request_body = Vec<AlertBody>,
    responses(
        (status = 200, description = "What each of them was, in their order",
            body = Vec<FeedbackBody>),
        (status = 400, description = "`invalid_request`: signed, and no list of alerts",
            body = ErrorBody),
        (status = 403, description = "`bad_signature`: not signed by GitHub", body = ErrorBody),
        (status = 413, description = "`payload_too_large`: more than 1 MiB, or 5,000 alerts",
            body = ErrorBody),
        (status = 503, description = "`unavailable`: the store does not answer, send it again",
            body = ErrorBody, headers(("retry-after" = u32, description = "Seconds to wait"))),
    ),
)]
pub(crate) async fn report(
    State(app): State<App>,
    Extension(github): Extension<Github>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        status => Problem::new(status, "invalid_request", "The body could not be read."),
    })?;
    let actor = Actor::operator("github-secret-scanning");
    let keys = app.ringyo.keys().acting_as(actor);
    match github.alerts.receive(&keys, &headers, &body).await {
        Ok(received) => {
            tell_owners(&received.leaked);
            let json = [(header::CONTENT_TYPE, "application/json")];
            Ok((json, received.feedback.to_json()))
        }
        Err(error) => Err(refuse(&error)),
    }
}

fn refuse(error: &AlertError) -> Problem {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "a message of GitHub was refused"
    );
    if let AlertError::Interrupted { leaked, .. } = error {
        tell_owners(leaked);
    }
    let (code, message) = match error.status() {
        StatusCode::FORBIDDEN => ("bad_signature", "This is not signed by GitHub."),
        StatusCode::PAYLOAD_TOO_LARGE => ("payload_too_large", "There is too much of it."),
        StatusCode::BAD_REQUEST => ("invalid_request", "The body is no list of alerts."),
        _ => {
            let message = "The store does not answer. Send it again.";
            return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
                .retry_after(Duration::from_secs(1));
        }
    };
    Problem::new(error.status(), code, message)
}

/// A service of your own sends mail; the demo knows nobody's address.
fn tell_owners(leaked: &[LeakedKey]) {
    for LeakedKey { record, response } in leaked {
        let (key, account) = (record.id.as_str(), record.account.as_str());
        tracing::warn!(key, account, ?response, "a key has leaked");
    }
}
