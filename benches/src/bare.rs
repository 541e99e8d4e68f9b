use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;

/// A service that answers at once, and allocates nothing.
#[derive(Debug, Clone, Copy)]
pub struct Bare;

impl tower::Service<Request<()>> for Bare {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::default()))
    }
}

/// As much of a connection as a server has put into a request by the time that it reaches a layer.
#[derive(Clone)]
struct Connection;

/// A request that comes with this `Authorization` header, and with an id.
///
/// # Panics
///
/// When that is no text for a header.
#[must_use]
pub fn request(authorization: &str) -> Request<()> {
    let authorization = HeaderValue::from_str(authorization).expect("a header");
    let mut request = Request::new(());
    let headers = request.headers_mut();
    headers.insert(header::AUTHORIZATION, authorization);
    headers.insert("x-request-id", HeaderValue::from_static("req_1"));
    request.extensions_mut().insert(Connection);
    request
}
