use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router};
use ringyo::Ringyo;
use tokio_util::task::TaskTracker;
use tower::Layer as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Problem;
use crate::dashboard::{DemoLogin, Sessions};
use crate::documents::Documents;
use crate::github::{self, Github};
use crate::metrics::Metrics;
use crate::openapi::Document;
use crate::request::{contain, identify};
use crate::{api, dashboard, health, metrics, openapi};

/// The largest body that is read, in bytes. The largest that makes sense has a description of
/// 1,000 characters and 100 permissions.
const MAX_BODY: usize = 64 * 1024;

/// What handlers work with. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) ringyo: Ringyo,
    pub(crate) documents: Documents,
    pub(crate) sessions: Sessions,
    pub(crate) login: DemoLogin,
    pub(crate) metrics: Metrics,
    /// If it is configured.
    pub(crate) github: Option<Github>,
    /// The requests that are being answered.
    pub(crate) tasks: TaskTracker,
}

/// Every route of the service.
pub(crate) fn router(app: App) -> Router {
    let mut open = OpenApiRouter::default()
        .routes(routes!(health::show))
        .routes(routes!(metrics::show))
        .routes(routes!(openapi::show));
    if let Some(github) = app.github.clone() {
        open = open.merge(github::routes(github));
    }
    let (open, document) = open.split_for_parts();
    let (v1, v1_document) = api::routes(&app);
    let (dashboard, dashboard_document) = dashboard::routes(&app);
    let document = document
        .nest("/v1", v1_document)
        .nest("/dashboard", dashboard_document);

    let open = open
        .layer(Extension(Document::new(document, "/v1", &api::access())))
        .fallback(dashboard::lead_in)
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(from_fn(contain));
    Router::new()
        // As services, so that `/v1/` and all that is not there asks for a key as well.
        // The guard is around the router: inside of it, it would let the router tell anybody
        // which methods a path has.
        .nest_service("/v1", api::guard(&app).layer(v1))
        .nest_service("/dashboard", dashboard)
        .merge(open)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(app.clone(), identify))
        .with_state(app)
}

#[cfg(test)]
impl App {
    pub(crate) async fn for_test() -> Self {
        use ringyo::{MemoryStore, Pepper, PepperId, Preset};
        let pepper = Pepper::generate(PepperId::new(1));
        let builder = Ringyo::builder(Preset::ringyo(), pepper).store(MemoryStore::new());
        Self {
            ringyo: builder.build().await.unwrap(),
            documents: Documents::in_memory().unwrap(),
            sessions: Sessions::default(),
            login: DemoLogin::Refused,
            metrics: Metrics::record().unwrap(),
            github: None,
            tasks: TaskTracker::new(),
        }
    }
}
