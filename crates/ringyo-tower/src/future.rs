use std::fmt;
use std::future::Future;
use std::mem;
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
use crate::admission::{Answered, Arrival, introduce};
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
        // Of the service inside, once the request has been let in. No variant of an enum, which is
        // made in one place and copied to another.
        #[pin]
        response: Option<S::Future>,
        outgoing: Outgoing,
        span: Span,
        instead: Instead<S, B>,
    }
}

/// What there is without a response of the service inside. Boxed to keep small what every request
/// moves about.
enum Instead<S, B> {
    Nothing,
    Refusal(Answered),
    Deciding(Box<Cold<S, B>>),
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
    #[inline(always)]
    pub(crate) fn warm(span: Span, outgoing: Outgoing, response: S::Future) -> Self {
        Self {
            response: Some(response),
            outgoing,
            span,
            instead: Instead::Nothing,
        }
    }

    pub(crate) fn refused(response: Answered) -> Self {
        Self::instead(Instead::Refusal(response))
    }

    pub(crate) fn cold(cold: Cold<S, B>) -> Self {
        Self::instead(Instead::Deciding(Box::new(cold)))
    }

    fn instead(instead: Instead<S, B>) -> Self {
        Self {
            response: None,
            outgoing: Outgoing::nothing(),
            span: Span::none(),
            instead,
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
        let mut this = self.project();
        loop {
            if let Some(response) = this.response.as_mut().as_pin_mut() {
                let entered = this.span.enter();
                let mut polled = response.poll(context);
                drop(entered);
                // Where it is: a response that is handed on is waited for.
                if let Poll::Ready(Ok(response)) = &mut polled {
                    this.outgoing.put_on(response.headers_mut());
                }
                return polled.map_ok(|response| response.map(AuthBody::inner));
            }
            let decided = ready!(this.instead.poll(context));
            *this.instead = Instead::Nothing;
            match decided {
                Ok(admitted) => {
                    this.response.set(Some(admitted.response));
                    (*this.outgoing, *this.span) = (admitted.outgoing, admitted.span);
                }
                Err(refusal) => return Poll::Ready(Ok((*refusal).map(AuthBody::refusal))),
            }
        }
    }
}

/// A request that has been let in late.
struct Admission<F> {
    response: F,
    outgoing: Outgoing,
    span: Span,
}

impl<S, B> Instead<S, B>
where
    S: Service<Request<B>>,
{
    #[cold]
    #[inline(never)]
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Admission<S::Future>, Answered>> {
        if let Self::Deciding(cold) = self {
            return cold.poll(context);
        }
        match mem::replace(self, Self::Nothing) {
            Self::Refusal(refusal) => Poll::Ready(Err(refusal)),
            // Polled again after it was ready, which no executor does.
            Self::Nothing | Self::Deciding(_) => Poll::Pending,
        }
    }
}

impl<S, B> Cold<S, B>
where
    S: Service<Request<B>>,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Admission<S::Future>, Answered>> {
        let Self {
            deciding,
            settings,
            arrival,
            service,
        } = self;
        let span = arrival.span.clone();
        let entered = span.enter();
        let (mut request, decided, took) = ready!(deciding.as_mut().poll(context));
        let caller = match decided {
            Ok(caller) => caller,
            Err(refused) => {
                return Poll::Ready(Err(arrival.reject(settings, &request, refused, took)));
            }
        };
        let demand = settings.guard.demand(&request);
        if let Err(refusal) = arrival.admit(settings, &request, &demand, &caller, took) {
            return Poll::Ready(Err(refusal));
        }
        let outgoing = arrival.outgoing(settings, &request, Some(&caller));
        introduce(settings, &mut request, arrival.id.clone(), &span, caller);
        let response = service.call(request);
        drop(entered);
        Poll::Ready(Ok(Admission {
            response,
            outgoing,
            span,
        }))
    }
}

impl<S, B> fmt::Debug for AuthFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (&self.response, &self.instead) {
            (Some(_), _) => "let in",
            (None, Instead::Deciding(_)) => "deciding",
            (None, Instead::Refusal(_) | Instead::Nothing) => "refused",
        };
        f.debug_tuple("AuthFuture").field(&state).finish()
    }
}
