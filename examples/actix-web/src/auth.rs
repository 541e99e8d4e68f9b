//! A middleware that authenticates, an extractor that knows who asks, and refusals as responses.

use std::fmt;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::ErrorInternalServerError;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use ringyo::{AuthError, Caller, LiveCaller, Refusal, Rejection, Requirement, Ringyo};
use std::future::{Ready, ready};

/// Who asks for something, as an argument of a handler.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) caller: Caller,
    ringyo: Ringyo,
    request_id: String,
}

/// Lets requests with a good key pass, and puts the rate-limit headers on what they get.
pub(crate) async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let ringyo = request.app_data::<Data<Ringyo>>();
    let ringyo = ringyo.ok_or_else(|| ErrorInternalServerError("there is no Ringyo"))?;
    let ringyo = Ringyo::clone(ringyo);
    let request_id = format!("req_{:016x}", rand::random::<u64>());

    let headers = in_other_words(request.headers());
    let query = request.uri().query();
    let mut credential = ringyo.http().credential(&headers, query);
    if let Some(peer) = request.peer_addr() {
        credential = credential.client(peer.ip());
    }
    let caller = match ringyo.authenticate(credential).await {
        Ok(caller) => caller,
        Err(error) => return Err(Refused::new(&error, &ringyo, &request_id).into()),
    };
    request.extensions_mut().insert(Asker {
        caller: caller.clone(),
        ringyo: ringyo.clone(),
        request_id: request_id.clone(),
    });

    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    if let Some(rate) = caller.rate() {
        let rate = ringyo.http().rate_headers(&rate, ringyo.now());
        rate.for_each(|(name, value)| put(headers, name.as_str(), value.as_bytes()));
    }
    put(headers, "x-request-id", request_id.as_bytes());
    Ok(response)
}

impl Asker {
    pub(crate) fn require(&self, requirement: &Requirement) -> Result<(), Refused> {
        self.or_refuse(self.caller.require(requirement))
    }

    pub(crate) fn require_on(&self, needed: &Requirement, instance: &str) -> Result<(), Refused> {
        self.or_refuse(self.caller.require_on(needed, instance))
    }

    pub(crate) fn require_live(&self) -> Result<LiveCaller, Refused> {
        self.or_refuse(self.caller.require_live())
    }

    fn or_refuse<T>(&self, result: Result<T, AuthError>) -> Result<T, Refused> {
        result.map_err(|error| Refused::new(&error, &self.ringyo, &self.request_id))
    }
}

impl FromRequest for Asker {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let asker = request.extensions().get::<Self>().cloned();
        ready(asker.ok_or_else(|| ErrorInternalServerError("nobody was asked for a key")))
    }
}

/// A refusal on its way to becoming a response.
#[derive(Debug)]
pub(crate) struct Refused {
    rejection: Rejection,
    request_id: String,
}

impl Refused {
    fn new(refusal: &impl Refusal, ringyo: &Ringyo, request_id: &str) -> Self {
        Self {
            rejection: ringyo.http().reject(refusal, ringyo.now()),
            request_id: request_id.to_owned(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rejection.fmt(f)
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        let status = StatusCode::from_u16(self.rejection.status().as_u16());
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let body = self.rejection.body(&self.request_id);
        let mut response = HttpResponse::new(self.status_code()).set_body(body);
        let headers = response.headers_mut();
        for (name, value) in self.rejection.headers() {
            put(headers, name.as_str(), value.as_bytes());
        }
        put(headers, "x-request-id", self.request_id.as_bytes());
        response.map_into_boxed_body()
    }
}

/// The headers in the types of the `http` crate's newer series, which actix-web does not have.
fn in_other_words(headers: &HeaderMap) -> http::HeaderMap {
    let words = headers.iter().filter_map(|(name, value)| {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, http::HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let mut all = http::HeaderMap::new();
    for (name, value) in words {
        // All of them: whoever sends two keys is refused.
        all.append(name, value);
    }
    all
}

/// The same the other way round.
fn put(headers: &mut HeaderMap, name: &str, value: &[u8]) {
    let name = HeaderName::try_from(name);
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
        headers.insert(name, value);
    }
}
