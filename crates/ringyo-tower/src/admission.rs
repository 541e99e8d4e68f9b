//! One request on its way in, and its response on the way out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use http::{Extensions, HeaderMap, HeaderValue, Request, Response};
use ringyo_auth::{Caller, Credential, KnownKey, Refused};
use tracing::Span;

use crate::demand::{Demand, Denial};
use crate::layer::Settings;
use crate::observe;
use crate::refusal::{Answer, Form};
use crate::request_id::{RequestId, X_REQUEST_ID};

/// Says in the extensions of a request who let it in: a layer inside asks that caller, whatever
/// others put there in between, and extractors refuse in its style.
#[derive(Clone)]
pub(crate) struct Admitted {
    pub(crate) settings: Arc<Settings>,
    pub(crate) caller: Caller,
    pub(crate) span: Span,
}

/// What is known of a request before its key is looked at.
pub(crate) struct Arrival {
    pub(crate) settings: Arc<Settings>,
    pub(crate) id: RequestId,
    pub(crate) span: Span,
    is_inside: bool,
    is_key_elsewhere: bool,
}

/// What becomes of a request.
pub(crate) enum Outcome {
    /// It goes on to the service inside; something is put on the response.
    Pass(Outgoing),
    Refuse(Response<Bytes>),
}

/// What is put on the response: nothing by a layer inside of another, which does it.
#[derive(Default)]
pub(crate) struct Outgoing {
    id: Option<RequestId>,
    rated: Option<(Arc<Settings>, Caller)>,
    /// Whether the key did not come in the header that keeps shared caches away.
    is_key_elsewhere: bool,
}

impl Arrival {
    pub(crate) fn of<B>(settings: &Arc<Settings>, request: &Request<B>) -> Self {
        let extensions = request.extensions();
        // Clients cannot write extensions: this is the id that a layer outside gave it.
        let given = extensions.get::<RequestId>().cloned();
        let id = given.unwrap_or_else(|| RequestId::of(request.headers()));
        let outside = admitted(settings, extensions);
        let span = match outside {
            Some(admitted) => admitted.span.clone(),
            None => observe::span(&id),
        };
        Self {
            settings: settings.clone(),
            id,
            span,
            is_inside: outside.is_some(),
            is_key_elsewhere: !request.headers().contains_key(AUTHORIZATION),
        }
    }

    /// Decides what needs no key: public routes, and requests that were let in by a layer outside.
    /// `None` if the key has to be looked at.
    pub(crate) fn without_key<B>(&self, request: &mut Request<B>) -> Option<Outcome> {
        let demand = self.demand(request);
        if let Some(admitted) = admitted(&self.settings, request.extensions()) {
            let caller = &admitted.caller;
            return Some(match demand.check(caller) {
                Ok(()) => self.pass(request, None),
                Err(denial) => self.refuse(request, &denial, Who::Caller(caller), None),
            });
        }
        if !matches!(demand, Demand::Nothing) {
            return None;
        }
        observe::public(&self.span);
        Some(self.pass(request, None))
    }

    /// Decides by what came out about the key.
    pub(crate) fn with_key<B>(
        &self,
        request: &mut Request<B>,
        decided: Result<Caller, Refused>,
        took: Option<Duration>,
    ) -> Outcome {
        let caller = match decided {
            Ok(caller) => caller,
            Err(Refused { error, key }) => {
                let who = Who::of_key(key.as_ref());
                return self.refuse(request, &Denial::Auth(error), who, took);
            }
        };
        if let Err(denial) = self.demand(request).check(&caller) {
            return self.refuse(request, &denial, Who::Caller(&caller), took);
        }
        observe::allowed(&self.settings.meters, &self.span, &caller, took);
        self.pass(request, Some(caller))
    }

    fn demand<'r, B>(&self, request: &'r Request<B>) -> Demand<'r> {
        let (method, path) = (request.method(), request.uri().path());
        let chosen = chosen_route(request.extensions());
        self.settings.guard.demand(method, path, chosen)
    }

    fn pass<B>(&self, request: &mut Request<B>, caller: Option<Caller>) -> Outcome {
        let extensions = request.extensions_mut();
        if extensions.get::<RequestId>().is_none() {
            extensions.insert(self.id.clone());
        }
        if let Some(caller) = &caller {
            extensions.insert(caller.clone());
            extensions.insert(Admitted {
                settings: self.settings.clone(),
                caller: caller.clone(),
                span: self.span.clone(),
            });
        }
        Outcome::Pass(self.outgoing(caller))
    }

    fn refuse<B>(
        &self,
        request: &Request<B>,
        denial: &Denial,
        who: Who<'_>,
        took: Option<Duration>,
    ) -> Outcome {
        let answer = Answer::to(denial, &self.settings.ringyo, &self.id);
        observe::refused(
            &self.settings.meters,
            &self.span,
            denial,
            answer.code(),
            who,
            took,
        );
        let form = Form::of(request.method(), request.headers());
        let mut response = answer.into_response(form);
        self.outgoing(who.caller().cloned())
            .put_on(response.headers_mut());
        Outcome::Refuse(response)
    }

    fn outgoing(&self, caller: Option<Caller>) -> Outgoing {
        if self.is_inside {
            return Outgoing::default();
        }
        Outgoing {
            id: Some(self.id.clone()),
            is_key_elsewhere: caller.is_some() && self.is_key_elsewhere,
            rated: caller.map(|caller| (self.settings.clone(), caller)),
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

impl Outgoing {
    pub(crate) fn put_on(&self, headers: &mut HeaderMap) {
        if let Some((settings, caller)) = &self.rated {
            // Five about the rate and the id: the map grows once, if it has to.
            headers.reserve(6);
            // The numbers are those of the decision, and the handler may have taken its time.
            for (name, value) in settings.ringyo.http().rate_headers_of(caller) {
                headers.insert(name, value);
            }
        }
        if self.is_key_elsewhere {
            // RFC 9111 §3.5 speaks of `Authorization` alone, so it has to be said (RFC 6750 §2.3).
            let private = HeaderValue::from_static("private");
            headers.entry(CACHE_CONTROL).or_insert(private);
        }
        if let Some(id) = &self.id {
            headers.insert(X_REQUEST_ID, id.header_value());
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

/// Who let the request in, if it was a layer of the same service.
pub(crate) fn admitted<'r>(
    settings: &Settings,
    extensions: &'r Extensions,
) -> Option<&'r Admitted> {
    extensions
        .get::<Admitted>()
        .filter(|admitted| admitted.settings.is_same_service(settings))
}
