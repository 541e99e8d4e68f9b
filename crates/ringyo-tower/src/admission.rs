//! One request on its way in, and its response on the way out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Request, Response};
use ringyo_auth::{Caller, Credential, KnownKey, Refused};
use tracing::Span;

use crate::demand::{Demand, Denial, Guard};
use crate::layer::Settings;
use crate::observe;
use crate::outgoing::Outgoing;
use crate::refusal::{Answer, Form};
use crate::request_id::RequestId;

/// What the layer tells the service inside, and layers there, in the extensions of a request. All
/// in one, since each extension is an allocation and a look-up more.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) id: RequestId,
    pub(crate) admitted: Option<Admitted>,
}

/// Who let a request in: a layer inside asks that caller, whatever others put there in between, and
/// extractors refuse in its style.
#[derive(Clone)]
pub(crate) struct Admitted {
    pub(crate) settings: Arc<Settings>,
    pub(crate) caller: Caller,
    pub(crate) span: Span,
}

/// The caller of a request that an [`AuthLayer`](crate::AuthLayer) has let in, for the service
/// inside; `None` on a public route. What others put into the extensions does not count.
///
/// Extractors for axum do the same, see the module `axum`.
#[must_use]
pub fn caller(extensions: &Extensions) -> Option<&Caller> {
    admitted(extensions).map(|admitted| &admitted.caller)
}

/// What is known of a request before its key is looked at.
pub(crate) struct Arrival {
    pub(crate) id: RequestId,
    pub(crate) span: Span,
    /// Whether the id is among the extensions already.
    is_told: bool,
    is_inside: bool,
}

/// Who goes on to the service inside, which on a public route is nobody in particular; or the
/// answer to those who do not.
pub(crate) type Outcome = Result<Option<Caller>, Box<Response<Bytes>>>;

impl Arrival {
    #[inline]
    pub(crate) fn of<B>(settings: &Settings, request: &Request<B>) -> Self {
        let extensions = request.extensions();
        let known = extensions.get::<Known>();
        let outside = known.and_then(|known| known.admitted_by(settings));
        // Clients cannot write extensions: this is the id that a layer outside gave it.
        let given = match known {
            Some(known) => Some(&known.id),
            None => extensions.get(),
        };
        let is_told = given.is_some();
        let id = match given {
            Some(id) => id.clone(),
            None => RequestId::of(request.headers()),
        };
        let span = match outside {
            Some(admitted) => admitted.span.clone(),
            None => observe::span(&id),
        };
        Self {
            id,
            span,
            is_told,
            is_inside: outside.is_some(),
        }
    }

    /// Decides, if that takes no I/O.
    #[inline]
    pub(crate) fn decide_now<B>(
        &self,
        settings: &Settings,
        request: &Request<B>,
    ) -> Option<Outcome> {
        let demand = settings.demand(request);
        if self.is_inside
            && let Some(admitted) = admitted(request.extensions())
        {
            let caller = &admitted.caller;
            return Some(match demand.check(caller) {
                Ok(()) => Ok(None),
                Err(denial) => {
                    Err(self.refuse(settings, request, &denial, Who::Caller(caller), None))
                }
            });
        }
        if matches!(demand, Demand::Nothing) {
            observe::public(&self.span);
            return Some(Ok(None));
        }
        let stopwatch = settings.stopwatch();
        let credential = settings.credential(Head::of(request));
        let decided = settings.authenticator.decide_now(credential)?;
        let took = stopwatch.map(|stop| stop(settings));
        Some(self.with_key(settings, request, &demand, decided, took))
    }

    /// Decides by what came out about the key.
    #[inline]
    pub(crate) fn with_key<B>(
        &self,
        settings: &Settings,
        request: &Request<B>,
        demand: &Demand<'_>,
        decided: Result<Caller, Refused>,
        took: Option<Duration>,
    ) -> Outcome {
        let caller = match decided {
            Ok(caller) => caller,
            Err(Refused { error, key }) => {
                let who = Who::of_key(key.as_ref());
                return Err(self.refuse(settings, request, &Denial::Auth(error), who, took));
            }
        };
        if let Err(denial) = demand.check(&caller) {
            return Err(self.refuse(settings, request, &denial, Who::Caller(&caller), took));
        }
        observe::allowed(&settings.meters, &self.span, &caller, took);
        Ok(Some(caller))
    }

    /// Tells the service inside who is calling.
    #[inline]
    pub(crate) fn pass<B>(
        &self,
        settings: &Arc<Settings>,
        request: &mut Request<B>,
        caller: Option<Caller>,
    ) -> Outgoing {
        let outgoing = self.outgoing(settings, request, caller.as_ref());
        if caller.is_some() || !self.is_told {
            let admitted = caller.map(|caller| Admitted {
                settings: settings.clone(),
                caller,
                span: self.span.clone(),
            });
            let id = self.id.clone();
            request.extensions_mut().insert(Known { id, admitted });
        }
        outgoing
    }

    #[cold]
    #[inline(never)]
    fn refuse<B>(
        &self,
        settings: &Settings,
        request: &Request<B>,
        denial: &Denial,
        who: Who<'_>,
        took: Option<Duration>,
    ) -> Box<Response<Bytes>> {
        let answer = Answer::to(denial, &settings.ringyo, &self.id);
        observe::refused(
            &settings.meters,
            &self.span,
            denial,
            answer.code(),
            who,
            took,
        );
        let form = Form::of(request.method(), request.headers());
        let mut response = answer.into_response(form);
        self.outgoing(settings, request, who.caller())
            .put_on(response.headers_mut());
        Box::new(response)
    }

    #[inline]
    fn outgoing<B>(
        &self,
        settings: &Settings,
        request: &Request<B>,
        caller: Option<&Caller>,
    ) -> Outgoing {
        if self.is_inside {
            return Outgoing::nothing();
        }
        match caller {
            Some(caller) => {
                let http = settings.ringyo.http();
                settings
                    .rated
                    .outgoing(http, request.headers(), caller, &self.id)
            }
            None => Outgoing::of_nobody(&self.id),
        }
    }
}

/// Who sent a request that is refused.
#[derive(Clone, Copy)]
pub(crate) enum Who<'a> {
    Unknown,
    /// Somebody with a proven key who is not let in.
    Key(&'a KnownKey),
    /// Somebody who was let in.
    Caller(&'a Caller),
}

impl<'a> Who<'a> {
    fn of_key(key: Option<&'a KnownKey>) -> Self {
        key.map_or(Self::Unknown, Self::Key)
    }

    pub(crate) fn caller(self) -> Option<&'a Caller> {
        match self {
            Self::Caller(caller) => Some(caller),
            Self::Unknown | Self::Key(_) => None,
        }
    }
}

impl Settings {
    pub(crate) fn demand<'r, B>(&self, request: &'r Request<B>) -> Demand<'r> {
        let chosen = match self.guard {
            Guard::Uniform(_) => None,
            Guard::Map(_) => chosen_route(request.extensions()),
        };
        self.guard
            .demand(request.method(), request.uri().path(), chosen)
    }

    /// Starts to count how long a decision takes, if anybody wants to know.
    #[inline]
    pub(crate) fn stopwatch(&self) -> Option<impl FnOnce(&Self) -> Duration + Send + use<>> {
        let is_read = self.meters.are_read();
        let arrived = is_read.then(|| self.ringyo.now().monotonic)?;
        Some(move |this: &Self| this.ringyo.now().monotonic.saturating_since(arrived))
    }

    /// What a request brings to prove who sent it.
    pub(crate) fn credential<'r>(&self, head: Head<'r>) -> Credential<'r> {
        let credential = self.ringyo.http().credential(head.headers, head.query);
        match self.client_address.find(head.headers, head.extensions) {
            Some(address) => credential.client(address),
            None => credential,
        }
    }
}

/// What of a request tells who sent it.
pub(crate) struct Head<'r> {
    headers: &'r HeaderMap,
    query: Option<&'r str>,
    extensions: &'r Extensions,
}

impl<'r> Head<'r> {
    pub(crate) fn of<B>(request: &'r Request<B>) -> Self {
        Self {
            headers: request.headers(),
            query: request.uri().query(),
            extensions: request.extensions(),
        }
    }

    pub(crate) fn of_parts(parts: &'r http::request::Parts) -> Self {
        Self {
            headers: &parts.headers,
            query: parts.uri.query(),
            extensions: &parts.extensions,
        }
    }
}

/// The path of the route that the framework has chosen already, as it was written there.
fn chosen_route(extensions: &Extensions) -> Option<&str> {
    #[cfg(feature = "axum")]
    return extensions
        .get::<::axum::extract::MatchedPath>()
        .map(::axum::extract::MatchedPath::as_str);
    #[cfg(not(feature = "axum"))]
    {
        let _ = extensions;
        None
    }
}

/// Who let the request in.
pub(crate) fn admitted(extensions: &Extensions) -> Option<&Admitted> {
    extensions.get::<Known>()?.admitted.as_ref()
}

impl Known {
    /// Who let the request in, if it was a layer of the same service.
    #[inline]
    fn admitted_by(&self, settings: &Settings) -> Option<&Admitted> {
        let admitted = self.admitted.as_ref();
        admitted.filter(|admitted| admitted.settings.is_same_service(settings))
    }
}
