//! What the library and the service count, for Prometheus to fetch.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderName, header};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use ringyo::tower::DECISION_DURATION_SECONDS;

use crate::app::App;

/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds in seconds: a decision takes a microsecond when the key is known, and as long as
/// the store takes when it is not.
const DECISION_BUCKETS: [f64; 10] = [1e-6, 2e-6, 5e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 2.0];

/// What has been counted. A cheap handle.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Takes in whatever is counted from now on. There is one recorder in a process, which all of
    /// its services share.
    pub(crate) fn record() -> Result<Self, BuildError> {
        static RECORDER: Mutex<Option<Metrics>> = Mutex::new(None);
        let mut recorder = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = &*recorder {
            return Ok(metrics.clone());
        }
        let durations = Matcher::Full(DECISION_DURATION_SECONDS.to_owned());
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(durations, &DECISION_BUCKETS)?
            .install_recorder()?;
        Ok(recorder.insert(Self(handle)).clone())
    }

    /// Adds up what came in, so that it takes no more room when nobody fetches it.
    pub(crate) fn add_up(&self) {
        self.0.run_upkeep();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Show what the service counts, in the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", operation_id = "show_metrics", tag = "Service",
    responses((status = 200, description = "Counters and histograms",
        content_type = "text/plain", body = String)),
)]
pub(crate) async fn show(State(app): State<App>) -> ([(HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, TEXT)], app.metrics.0.render())
}
