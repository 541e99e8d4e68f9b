//! One request on its way in, and its response on the way out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Request, Response};
use ringyo_auth::{Caller, Credential, KnownKey, Refused};
use tracing::Span;

use crate::demand::{Demand, Denial};
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
    pub(crate) is_told: bool,
    is_inside: bool,
}

/// What is answered here.
pub(crate) type Answered = Box<Response<Bytes>>;

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

    /// Whether the request goes on, where that takes no key: within a layer that has let it in, and
    /// on a public route.
    #[inline]
    pub(crate) fn without_key<B>(
        &self,
        settings: &Settings,
        request: &Request<B>,
        demand: &Demand<'_>,
    ) -> Option<Result<(), Answered>> {
        if self.is_inside
            && let Some(admitted) = admitted(request.extensions())
        {
            let caller = &admitted.caller;
            return Some(demand.check(caller).map_err(|denial| {
                self.refuse(settings, request, &denial, Who::Caller(caller), None)
            }));
        }
        if matches!(demand, Demand::Nothing) {
            observe::public(&self.span);
            return Some(Ok(()));
        }
        None
    }

    /// Whether the request of a caller goes on.
    #[inline]
    pub(crate) fn admit<B>(
        &self,
        settings: &Settings,
        request: &Request<B>,
        demand: &Demand<'_>,
        caller: &Caller,
        took: Option<Duration>,
    ) -> Result<(), Answered> {
        if let Err(denial) = demand.check(caller) {
            return Err(self.refuse(settings, request, &denial, Who::Caller(caller), took));
        }
        observe::allowed(&settings.meters, &self.span, caller, took);
        Ok(())
    }

    /// The answer to a request whose key does not let it in.
    #[cold]
    #[inline(never)]
    pub(crate) fn reject<B>(
        &self,
        settings: &Settings,
        request: &Request<B>,
        Refused { error, key }: Refused,
        took: Option<Duration>,
    ) -> Answered {
        let who = Who::of_key(key.as_ref());
        self.refuse(settings, request, &Denial::Auth(error), who, took)
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
    ) -> Answered {
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

    /// What will be put on the response.
    #[inline]
    pub(crate) fn outgoing<B>(
        &self,
        settings: &Settings,
        request: &Request<B>,
        caller: Option<&Caller>,
    ) -> Outgoing {
        if self.is_inside {
            return Outgoing::nothing();
        }
        match caller {
            Some(caller) => settings.rated.outgoing(request.headers(), caller, &self.id),
            None => Outgoing::of_nobody(&self.id),
        }
    }
}

/// Tells the service inside who is calling.
#[inline(always)]
pub(crate) fn introduce<B>(
    settings: &Arc<Settings>,
    request: &mut Request<B>,
    id: RequestId,
    span: &Span,
    caller: Caller,
) {
    let admitted = Admitted {
        settings: settings.clone(),
        caller,
        span: span.clone(),
    };
    tell(request, id, Some(admitted));
}

/// Tells the service inside which request it is, and who let it in.
#[inline(always)]
pub(crate) fn tell<B>(request: &mut Request<B>, id: RequestId, admitted: Option<Admitted>) {
    request.extensions_mut().insert(Known { id, admitted });
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
