use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::admission::{Answered, Arrival, Head, introduce, tell};
use crate::future::Cold;
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

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> AuthFuture<S, B> {
        let settings = &self.settings;
        let arrival = Arrival::of(settings, &request);
        let entered = arrival.span.enter();
        let demand = settings.guard.demand(&request);
        // Each way is gone to its end: a caller that is packed up to be handed on is waited for.
        match arrival.without_key(settings, &request, &demand) {
            Some(Ok(())) => {
                let outgoing = arrival.outgoing(settings, &request, None);
                if !arrival.is_told {
                    tell(&mut request, arrival.id, None);
                }
                let response = self.inner.call(request);
                drop(entered);
                return AuthFuture::warm(arrival.span, outgoing, response);
            }
            Some(Err(response)) => return self.answer(response),
            None => {}
        }
        let stopwatch = settings.stopwatch();
        let credential = settings.credential(Head::of(&request));
        match settings.authenticator.decide_now(credential) {
            Some(Ok(caller)) => {
                let took = stopwatch.map(|stop| stop(settings));
                match arrival.admit(settings, &request, &demand, &caller, took) {
                    Ok(()) => {
                        let outgoing = arrival.outgoing(settings, &request, Some(&caller));
                        introduce(settings, &mut request, arrival.id, &arrival.span, caller);
                        let response = self.inner.call(request);
                        drop(entered);
                        AuthFuture::warm(arrival.span, outgoing, response)
                    }
                    Err(response) => self.answer(response),
                }
            }
            Some(Err(refused)) => {
                let took = stopwatch.map(|stop| stop(settings));
                self.answer(arrival.reject(settings, &request, refused, took))
            }
            None => {
                drop(entered);
                self.wait(arrival, request)
            }
        }
    }
}

impl<S: Clone> AuthService<S> {
    /// Answers here, and gives back what the service inside had reserved for the request.
    #[cold]
    fn answer<B>(&mut self, response: Answered) -> AuthFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        self.inner = self.inner.clone();
        AuthFuture::refused(response)
    }

    #[cold]
    #[inline(never)]
    fn wait<B>(&mut self, arrival: Arrival, request: Request<B>) -> AuthFuture<S, B>
    where
        S: Service<Request<B>>,
        B: Send + 'static,
    {
        // The one that was polled ready is the one that will be called.
        let fresh = self.inner.clone();
        let service = mem::replace(&mut self.inner, fresh);
        let settings = self.settings.clone();
        let (parts, body) = request.into_parts();
        let deciding = async move {
            let stopwatch = settings.stopwatch();
            let credential = settings.credential(Head::of_parts(&parts));
            let decided = settings.authenticator.decide(credential).await;
            let took = stopwatch.map(|stop| stop(&settings));
            (Request::from_parts(parts, body), decided, took)
        };
        AuthFuture::cold(Cold {
            deciding: Box::pin(deciding),
            settings: self.settings.clone(),
            arrival,
            service,
        })
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
