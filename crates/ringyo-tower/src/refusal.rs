//! The answers of the layer itself.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use ringyo_auth::Ringyo;

use crate::RequestId;
use crate::demand::{Denial, Unrouted};
use crate::grpc;

/// Which kind of answer a client understands.
pub(crate) enum Form {
    Plain,
    /// Headers as for the body that is left out (RFC 9110 §9.3.2).
    Head,
    Grpc(HeaderValue),
}

/// A refusal as HTTP, before it is sent.
pub(crate) struct Answer {
    code: &'static str,
    message: String,
    response: Response<Bytes>,
}

impl Form {
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Self {
        match *method {
            Method::HEAD => Self::Head,
            // gRPC knows no other method; whoever sends one gets no status 200 for a refusal.
            Method::POST => grpc::content_type(headers).map_or(Self::Plain, Self::Grpc),
            _ => Self::Plain,
        }
    }
}

impl Answer {
    pub(crate) fn to(denial: &Denial, ringyo: &Ringyo, id: &RequestId) -> Self {
        let http = ringyo.http();
        let rejection = match denial {
            Denial::Auth(error) => http.reject(error, ringyo.now()),
            Denial::Unrouted(Unrouted::NotFound) => http.refuse(
                StatusCode::NOT_FOUND,
                "not_found",
                "There is nothing at this address.",
            ),
            Denial::Unrouted(Unrouted::OtherMethod { .. }) => http.refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This address does not answer to this method.",
            ),
        };
        let (code, message) = (rejection.code(), rejection.message().to_owned());
        let mut response = rejection.into_response::<Bytes>(id.as_str());
        if let Denial::Unrouted(Unrouted::OtherMethod { allow }) = denial {
            response.headers_mut().insert(ALLOW, allow.clone());
        }
        Self {
            code,
            message,
            response,
        }
    }

    /// The stable word for the reason.
    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn into_response(self, form: Form) -> Response<Bytes> {
        let mut response = self.response;
        match form {
            Form::Plain => response,
            Form::Head => {
                let length = HeaderValue::from(response.body().len());
                response.headers_mut().insert(CONTENT_LENGTH, length);
                response.map(|_| Bytes::new())
            }
            Form::Grpc(content_type) => {
                grpc::response(content_type, self.code, &self.message, response)
            }
        }
    }
}
