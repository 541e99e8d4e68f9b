use std::fmt;
use std::sync::Arc;

use ringyo_auth::{Authenticator, Ringyo};
use ringyo_scope::Requirement;
use tower_layer::Layer;

use crate::client_address::ClientAddress;
use crate::demand::Guard;
use crate::meters::{self, Meters};
use crate::outgoing::Rated;
use crate::{Access, AuthService, RouteMap};

/// Puts API keys in front of a service. A cheap handle; clone it freely.
///
/// Every request is authenticated before the service inside sees it. Its extensions then tell the
/// [`caller`](crate::caller()) and the [`RequestId`](crate::RequestId::of_extensions); whatever is answered gets the rate-limit headers and `x-request-id`. Refusals are answered
/// here: with a body of the style that the service chose, and to gRPC requests (`content-type:
/// application/grpc…`) as a status, see [the crate's page](crate#grpc).
///
/// # One in another
///
/// A layer inside of another one of the same [`Ringyo`] authenticates and charges nothing again:
/// it asks the caller that the outer one let in for its own requirement. So one layer can go
/// around all, and [`require`](Self::require) around single routes.
///
/// ```
/// use axum::{Router, routing::get};
/// use ringyo_auth::preset::ringyo::AGENTS_READ;
/// use ringyo_tower::AuthLayer;
///
/// fn router(ringyo: ringyo_auth::Ringyo) -> Router {
///     let auth = AuthLayer::new(ringyo);
///     Router::new()
///         .route("/agents", get(async || "agents").layer(auth.require(&AGENTS_READ)))
///         .route("/whoami", get(async || "any key will do"))
///         .layer(auth)
/// }
/// ```
#[derive(Clone)]
pub struct AuthLayer {
    settings: Arc<Settings>,
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) ringyo: Ringyo,
    pub(crate) authenticator: Authenticator,
    pub(crate) guard: Guard,
    pub(crate) client_address: ClientAddress,
    pub(crate) meters: Arc<Meters>,
    pub(crate) rated: Rated,
}

impl AuthLayer {
    /// Asks for a valid key, whatever it may do.
    #[must_use]
    pub fn new(ringyo: Ringyo) -> Self {
        meters::describe();
        Self {
            settings: Arc::new(Settings {
                authenticator: ringyo.authenticator(),
                rated: Rated::new(ringyo.http()),
                ringyo,
                guard: Guard::Uniform(Access::AnyKey),
                client_address: ClientAddress::default(),
                meters: Arc::default(),
            }),
        }
    }

    /// The same layer, asking for a key that may do this: for one route, or for a group of them.
    /// It takes the place of what was asked before.
    #[must_use]
    pub fn require(&self, requirement: &'static Requirement) -> Self {
        self.with(|settings| settings.guard = Guard::Uniform(Access::Requires(requirement)))
    }

    /// The same layer, asking what the map says of each route, and serving no other. It takes the
    /// place of what was asked before.
    #[must_use]
    pub fn routes(&self, routes: RouteMap) -> Self {
        self.with(|settings| settings.guard = Guard::Map(Arc::new(routes)))
    }

    /// The same layer, learning the client's address in this way; from the connection if nothing
    /// is said.
    #[must_use]
    pub fn client_address(&self, client_address: ClientAddress) -> Self {
        self.with(|settings| settings.client_address = client_address)
    }

    fn with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::clone(&self.settings);
        change(&mut settings);
        Self {
            settings: Arc::new(settings),
        }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService::new(inner, self.settings.clone())
    }
}

impl Settings {
    /// Whether both ask the same service about keys.
    pub(crate) fn is_same_service(&self, other: &Self) -> bool {
        self.ringyo.is_same_service(&other.ringyo)
    }
}

impl fmt::Debug for AuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.settings, f)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthLayer")
            .field("guard", &self.guard)
            .field("client_address", &self.client_address)
            .finish_non_exhaustive()
    }
}
