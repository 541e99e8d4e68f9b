use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use ringyo_auth::{Caller, Refused};
use tower_service::Service;
use tracing::Span;

use crate::AuthBody;
use crate::admission::Arrival;
use crate::layer::Settings;
use crate::outgoing::Outgoing;

/// The request and what came out about its key.
type Deciding<B> =
    Pin<Box<dyn Future<Output = (Request<B>, Result<Caller, Refused>, Option<Duration>)> + Send>>;

pin_project! {
    /// The response of an [`AuthService`](crate::AuthService) that is on its way.
    ///
    /// It is boxed only while store or limiter are asked.
    pub struct AuthFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F> {
        Refused {
            response: Option<Box<Response<Bytes>>>,
        },
        Warm {
            #[pin]
            response: F,
            outgoing: Outgoing,
            span: Span,
        },
        // Boxed, like a refusal, to keep small what every request moves about.
        Cold {
            cold: Box<Cold<S, B>>,
        },
    }
}

/// A request about which store or limiter are asked.
pub(crate) struct Cold<S, B> {
    pub(crate) deciding: Deciding<B>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) arrival: Arrival,
    pub(crate) service: S,
}

impl<S, B> AuthFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(crate) fn refused(response: Box<Response<Bytes>>) -> Self {
        let response = Some(response);
        Self {
            state: State::Refused { response },
        }
    }

    #[inline]
    pub(crate) fn warm(span: Span, outgoing: Outgoing, response: S::Future) -> Self {
        Self {
            state: State::Warm {
                response,
                outgoing,
                span,
            },
        }
    }

    pub(crate) fn cold(cold: Cold<S, B>) -> Self {
        let cold = Box::new(cold);
        Self {
            state: State::Cold { cold },
        }
    }
}

impl<S, B, R> Future for AuthFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<AuthBody<R>>, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Refused { response } => {
                    return match response.take() {
                        Some(response) => Poll::Ready(Ok((*response).map(AuthBody::refusal))),
                        // Polled again after it was ready, which no executor does.
                        None => Poll::Pending,
                    };
                }
                StateProjection::Warm {
                    response,
                    outgoing,
                    span,
                } => {
                    let mut response = ready!(span.in_scope(|| response.poll(context)))?;
                    outgoing.put_on(response.headers_mut());
                    return Poll::Ready(Ok(response.map(AuthBody::inner)));
                }
                StateProjection::Cold { cold } => ready!(cold.poll(context)),
            };
            state.set(next);
        }
    }
}

impl<S, B> Cold<S, B>
where
    S: Service<Request<B>>,
{
    #[cold]
    #[inline(never)]
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<State<S, B, S::Future>> {
        let Self {
            deciding,
            settings,
            arrival,
            service,
        } = self;
        let span = arrival.span.clone();
        let _entered = span.enter();
        let (mut request, decided, took) = ready!(deciding.as_mut().poll(context));
        let outcome = {
            let demand = settings.demand(&request);
            arrival.with_key(settings, &request, &demand, decided, took)
        };
        Poll::Ready(match outcome {
            Err(response) => State::Refused {
                response: Some(response),
            },
            Ok(caller) => {
                let outgoing = arrival.pass(settings, &mut request, caller);
                State::Warm {
                    response: service.call(request),
                    outgoing,
                    span: span.clone(),
                }
            }
        })
    }
}

impl<S, B> fmt::Debug for AuthFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Refused { .. } => "refused",
            State::Warm { .. } => "let in",
            State::Cold { .. } => "deciding",
        };
        f.debug_tuple("AuthFuture").field(&state).finish()
    }
}
