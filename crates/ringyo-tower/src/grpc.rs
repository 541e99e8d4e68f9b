//! Refusals to gRPC requests: a response that is trailers only (the gRPC protocol over HTTP/2,
//! "Responses"), which every gRPC client turns into a status.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The content type that the answer to a gRPC request has; `None` for any other request.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(CONTENT_TYPE)?;
    let kind = value.as_bytes();
    let (start, rest) = kind.split_at_checked(GRPC.len())?;
    if !start.eq_ignore_ascii_case(GRPC.as_bytes()) {
        return None;
    }
    match rest.first() {
        None | Some(b'+' | b';' | b' ') => Some(GRPC),
        // gRPC-Web tells its variants apart by the content type.
        Some(b'-') => Some(value.clone()),
        Some(_) => None,
    }
}

/// The refusal as a status, with its headers as metadata.
pub(crate) fn response(
    content_type: HeaderValue,
    code: &str,
    message: &str,
    refusal: Response<Bytes>,
) -> Response<Bytes> {
    let (parts, _) = refusal.into_parts();
    let mut response = Response::new(Bytes::new());
    *response.headers_mut() = parts.headers;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(GRPC_STATUS, status(parts.status));
    headers.insert(GRPC_MESSAGE, encoded(&format!("{code}: {message}")));
    response
}

/// What the protocol's mapping of HTTP status codes says, with an eye to what clients try again:
/// `UNAVAILABLE` they do, `RESOURCE_EXHAUSTED` where they are told to.
fn status(status: StatusCode) -> HeaderValue {
    HeaderValue::from_static(match status {
        StatusCode::BAD_REQUEST => "3",       // INVALID_ARGUMENT
        StatusCode::FORBIDDEN => "7",         // PERMISSION_DENIED
        StatusCode::TOO_MANY_REQUESTS => "8", // RESOURCE_EXHAUSTED
        StatusCode::PAYMENT_REQUIRED => "9",  // FAILED_PRECONDITION
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => "12", // UNIMPLEMENTED
        StatusCode::SERVICE_UNAVAILABLE => "14", // UNAVAILABLE
        StatusCode::UNAUTHORIZED => "16",     // UNAUTHENTICATED
        _ => "2",                             // UNKNOWN
    })
}

/// Percent-encoded as the protocol asks: all but printable ASCII, and `%` itself.
fn encoded(message: &str) -> HeaderValue {
    let mut text = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => text.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_percent_encoded() {
        assert_eq!(encoded("a b~"), "a b~");
        assert_eq!(encoded("100% ä\n"), "100%25 %C3%A4%0A");
    }

    #[test]
    fn grpc_is_known_by_its_content_type() {
        for (sent, answered) in [
            ("application/grpc", Some("application/grpc")),
            ("Application/gRPC+proto", Some("application/grpc")),
            ("application/grpc; charset=utf-8", Some("application/grpc")),
            (
                "application/grpc-web+proto",
                Some("application/grpc-web+proto"),
            ),
            ("application/grpcx", None),
            ("application/json", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(sent))]);
            let expected = answered.map(HeaderValue::from_static);
            assert_eq!(content_type(&headers), expected, "{sent}");
        }
        assert_eq!(content_type(&HeaderMap::new()), None);
    }
}
