//! What does a layer cost around a service that answers at once? What it takes to make the request
//! is in every row.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};
use ringyo::preset::ringyo::AGENTS_READ;
use ringyo::tower::AuthLayer;
use ringyo_bench::{Question, Service, poll_now};
use tower::{Layer as _, Service as _};
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::KeyExtractor;
use tower_governor::{GovernorError, GovernorLayer};

use crate::credential::Verifier;
use crate::named;

/// Answers at once.
#[derive(Clone)]
struct Bare;

impl tower::Service<Request<()>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::default()))
    }
}

/// A bucket to each `Authorization` header, whoever sends it.
#[derive(Clone, Debug)]
struct ByCredential;

impl KeyExtractor for ByCredential {
    type Key = HeaderValue;

    fn extract<T>(&self, request: &Request<T>) -> Result<HeaderValue, GovernorError> {
        let credential = request.headers().get(header::AUTHORIZATION).cloned();
        credential.ok_or(GovernorError::UnableToExtractKey)
    }
}

/// Lets in who has a good token, as a guard around a service does.
struct Guarded<S> {
    verifier: Verifier,
    inner: S,
}

impl<S: tower::Service<Request<()>, Response = Response<Body>>> Guarded<S> {
    fn call(&mut self, request: Request<()>) -> S::Future {
        let authorization = request.headers()[header::AUTHORIZATION].to_str();
        let token = authorization.unwrap().strip_prefix("Bearer ");
        assert!(self.verifier.lets_in(token.unwrap()));
        self.inner.call(request)
    }
}

pub(crate) fn measure(service: &Service) {
    let mut question = Question::new("contenders: layer");
    let mut hot = service.workload("layer", 1_000);
    let mut request = || {
        let mut request = Request::new(());
        let key = HeaderValue::from_str(hot.header()).unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, key);
        request
    };
    let mut ours = AuthLayer::new(service.ringyo.clone())
        .require(&AGENTS_READ)
        .layer(Bare);
    question.case("ringyo: the key, its scope and its limit", || {
        let response = poll_now(ours.call(request())).unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response
    });
    question.yardstick();
    question.case("no layer", || poll_now(Bare.call(request())));

    let mut config = GovernorConfigBuilder::default().key_extractor(ByCredential);
    // As wide as it can be.
    config.per_nanosecond(1).burst_size(u32::MAX);
    let mut theirs = GovernorLayer::new(config.finish().unwrap()).layer(Bare);
    let case = named("tower_governor", "a limit to each credential");
    question.case(&case, || {
        let response: Response<Body> = poll_now(theirs.call(request())).unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response
    });
    let mut config = config.use_headers();
    let mut theirs = GovernorLayer::new(config.finish().unwrap()).layer(Bare);
    let case = named("tower_governor", "the same, told in headers");
    question.case(&case, || {
        let response: Response<Body> = poll_now(theirs.call(request())).unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers().contains_key("x-ratelimit-remaining"));
        response
    });

    let verifier = Verifier::hs256();
    let bearer = format!("Bearer {}", verifier.token);
    let mut both = Guarded {
        verifier,
        inner: theirs,
    };
    let what = format!(
        "the same behind {}",
        named("jsonwebtoken", "HS256 and its scope").replace(": ", ", ")
    );
    question.case(&named("tower_governor", &what), || {
        let mut request = Request::new(());
        let token = HeaderValue::from_str(&bearer).unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, token);
        let response: Response<Body> = poll_now(both.call(request)).unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response
    });
    question.answer();
}
