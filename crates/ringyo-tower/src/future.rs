use std::fmt;
use std::future::Future;
use std::pin::Pin;
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
use crate::admission::{Arrival, Outcome, Outgoing};

/// The request and what came out about its key.
pub(crate) type Deciding<B> =
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
            response: Option<Response<Bytes>>,
        },
        Warm {
            #[pin]
            response: F,
            outgoing: Outgoing,
            span: Span,
        },
        Cold {
            deciding: Deciding<B>,
            arrival: Arrival,
            service: S,
        },
    }
}

impl<S, B> AuthFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(crate) fn refused(response: Response<Bytes>) -> Self {
        let response = Some(response);
        Self {
            state: State::Refused { response },
        }
    }

    pub(crate) fn warm(span: Span, outgoing: Outgoing, response: S::Future) -> Self {
        Self {
            state: State::Warm {
                response,
                outgoing,
                span,
            },
        }
    }

    pub(crate) fn cold(arrival: Arrival, service: S, deciding: Deciding<B>) -> Self {
        Self {
            state: State::Cold {
                deciding,
                arrival,
                service,
            },
        }
    }
}

impl<S, B, R> Future for AuthFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<AuthBody<R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Refused { response } => {
                    return match response.take() {
                        Some(response) => Poll::Ready(Ok(response.map(AuthBody::refusal))),
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
                StateProjection::Cold {
                    deciding,
                    arrival,
                    service,
                } => {
                    let span = arrival.span.clone();
                    let _entered = span.enter();
                    let (mut request, decided, took) = ready!(deciding.as_mut().poll(context));
                    match arrival.with_key(&mut request, decided, took) {
                        Outcome::Refuse(response) => State::Refused {
                            response: Some(response),
                        },
                        Outcome::Pass(outgoing) => State::Warm {
                            response: service.call(request),
                            outgoing,
                            span: span.clone(),
                        },
                    }
                }
            };
            state.set(next);
        }
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
