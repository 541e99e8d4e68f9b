//! The answers of the layer itself.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use ringyo_auth::{BodyStyle, Ringyo, envelope};

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
        match grpc::content_type(headers) {
            Some(content_type) => Self::Grpc(content_type),
            None if *method == Method::HEAD => Self::Head,
            None => Self::Plain,
        }
    }
}

impl Answer {
    pub(crate) fn to(denial: &Denial, ringyo: &Ringyo, id: &RequestId) -> Self {
        match denial {
            Denial::Auth(error) => {
                let rejection = ringyo.http().reject(error, ringyo.now());
                Self {
                    code: rejection.code(),
                    message: rejection.message().to_owned(),
                    response: rejection.into_response(id.as_str()),
                }
            }
            Denial::Unrouted(unrouted) => of_unrouted(unrouted, ringyo.http().style().body, id),
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

fn of_unrouted(unrouted: &Unrouted, style: BodyStyle, id: &RequestId) -> Answer {
    let (status, code, message) = match unrouted {
        Unrouted::NotFound => (
            StatusCode::NOT_FOUND,
            "not_found",
            "There is nothing at this address.",
        ),
        Unrouted::OtherMethod { .. } => (
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address does not answer to this method.",
        ),
    };
    let (content_type, body) = match style {
        BodyStyle::Envelope => (
            "application/json",
            envelope(code, message, &BTreeMap::<&str, &str>::new(), id.as_str()),
        ),
        // Nothing in here holds anything that JSON would have to escape, the id included.
        BodyStyle::Problem => (
            "application/problem+json",
            format!(
                r#"{{"title":"{}","status":{},"detail":"{message}","code":"{code}","details":{{}},"request_id":"{id}"}}"#,
                status.canonical_reason().unwrap_or_default(),
                status.as_u16(),
            ),
        ),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Unrouted::OtherMethod { allow } = unrouted {
        headers.insert(ALLOW, allow.clone());
    }
    Answer {
        code,
        message: message.to_owned(),
        response,
    }
}
