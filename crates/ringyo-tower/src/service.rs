use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::admission::{Arrival, Head, Outcome};
use crate::layer::Settings;
use crate::{AuthBody, AuthFuture};

/// The service that [`AuthLayer`](crate::AuthLayer) makes of another.
///
/// It is ready when that one is. A request that is refused gives back what the service inside had
/// reserved for it (a place in a concurrency limit, say), so that refusals cannot use it up.
#[derive(Clone)]
pub struct AuthService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> AuthService<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S, B, R> Service<Request<B>> for AuthService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    B: Send + 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<AuthBody<R>>;
    type Error = S::Error;
    type Future = AuthFuture<S, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> AuthFuture<S, B> {
        let arrival = Arrival::of(&self.settings, &request);
        let span = arrival.span.clone();
        span.in_scope(|| self.begin(arrival, request))
    }
}

impl<S: Clone> AuthService<S> {
    fn begin<B>(&mut self, arrival: Arrival, mut request: Request<B>) -> AuthFuture<S, B>
    where
        S: Service<Request<B>>,
        B: Send + 'static,
    {
        if let Some(outcome) = arrival.without_key(&mut request) {
            return self.end(arrival, request, outcome);
        }
        let Settings {
            ringyo,
            authenticator,
            meters,
            ..
        } = &*arrival.settings;
        let arrived = meters.are_read().then(|| ringyo.now().monotonic);
        let credential = arrival.settings.credential(Head::of(&request));
        if let Some(decided) = authenticator.decide_now(credential) {
            let took = arrived.map(|arrived| ringyo.now().monotonic.saturating_since(arrived));
            let outcome = arrival.with_key(&mut request, decided, took);
            return self.end(arrival, request, outcome);
        }

        let settings = arrival.settings.clone();
        let (parts, body) = request.into_parts();
        let deciding = async move {
            let credential = settings.credential(Head::of_parts(&parts));
            let decided = settings.authenticator.decide(credential).await;
            let took = arrived.map(|at| settings.ringyo.now().monotonic.saturating_since(at));
            (Request::from_parts(parts, body), decided, took)
        };
        // The one that was polled ready is the one that will be called.
        let fresh = self.inner.clone();
        let ready = mem::replace(&mut self.inner, fresh);
        AuthFuture::cold(arrival, ready, Box::pin(deciding))
    }

    fn end<B>(
        &mut self,
        arrival: Arrival,
        request: Request<B>,
        outcome: Outcome,
    ) -> AuthFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        match outcome {
            Outcome::Pass(outgoing) => {
                AuthFuture::warm(arrival.span, outgoing, self.inner.call(request))
            }
            Outcome::Refuse(response) => {
                self.inner = self.inner.clone();
                AuthFuture::refused(response)
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for AuthService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService")
            .field("inner", &self.inner)
            .field("settings", &self.settings)
            .finish()
    }
}
