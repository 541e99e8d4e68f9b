//! The contract of `poll_ready`.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use ringyo_tower::AuthLayer;
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::{Layer as _, Service, ServiceExt as _};

use crate::support::{get, get_with, send, setting};

/// Panics if it is called without having been polled ready. A clone has not been.
#[derive(Debug, Default)]
struct Strict {
    is_ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<()>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.is_ready),
            "called before it was ready"
        );
        std::future::ready(Ok(Response::default()))
    }
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_that_is_called() {
    let setting = setting().await;
    let key = setting.key().await;
    let mut service = AuthLayer::new(setting.ringyo.clone()).layer(Strict::default());
    // The first is cold; then warm ones, refusals, and ones that ask a far limiter, all on one
    // service.
    for (authorization, is_far, status) in [
        (&*key, false, 200),
        (&*key, false, 200),
        ("Bearer nonsense", false, 401),
        (&*key, false, 200),
        (&*key, true, 200),
        ("Bearer nonsense", true, 401),
        (&*key, true, 200),
        (&*key, false, 200),
    ] {
        setting.limiter.is_far.store(is_far, Ordering::SeqCst);
        let ready = service.ready().await.unwrap();
        let response = ready.call(get_with("/", authorization)).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
#[should_panic(expected = "called before it was ready")]
async fn the_strict_service_notices() {
    let mut service = Strict::default();
    service.ready().await.unwrap();
    let mut other = service.clone();
    let _ = other.call(get("/").body(()).unwrap()).await;
}

#[tokio::test]
async fn a_refused_request_keeps_no_place_in_a_concurrency_limit() {
    let setting = setting().await;
    let key = setting.key().await;
    let limited = ConcurrencyLimit::new(setting.inside.service(), 1);
    let service = AuthLayer::new(setting.ringyo.clone()).layer(limited);

    // A connection that stays open after its request was refused: known key and unknown, warm and
    // cold.
    let mut open = Vec::new();
    for is_far in [false, true] {
        setting.limiter.is_far.store(is_far, Ordering::SeqCst);
        let mut connection = service.clone();
        let ready = connection.ready().await.unwrap();
        let response = ready.call(get_with("/", "Bearer nonsense")).await.unwrap();
        assert_eq!(response.status(), 401);
        open.push(connection);

        let others = send(service.clone(), get_with("/", &key));
        let answer = tokio::time::timeout(std::time::Duration::from_secs(5), others).await;
        assert_eq!(answer.expect("there is a place").status, 200);
    }

    // The control: who is ready and does not call holds the place.
    let mut connection = service.clone();
    connection.ready().await.unwrap();
    let others = send(service, get_with("/", &key));
    let answer = tokio::time::timeout(std::time::Duration::from_millis(50), others).await;
    assert!(answer.is_err());
}

#[tokio::test]
async fn a_buffer_inside_serves_many_at_once() {
    let setting = setting().await;
    let key = setting.key().await;
    let buffered = Buffer::new(setting.inside.service(), 2);
    let service = AuthLayer::new(setting.ringyo.clone()).layer(buffered);
    let mut asked = tokio::task::JoinSet::new();
    for round in 0..40 {
        setting
            .limiter
            .is_far
            .store(round % 2 == 0, Ordering::SeqCst);
        let authorization = if round % 4 == 0 { "none" } else { &*key };
        let request = get_with("/", authorization);
        asked.spawn(service.clone().oneshot(request));
    }
    let mut statuses: Vec<u16> = Vec::new();
    while let Some(answer) = asked.join_next().await {
        statuses.push(answer.unwrap().unwrap().status().as_u16());
    }
    let allowed = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!((allowed, statuses.len() - allowed), (30, 10));
    assert_eq!(setting.inside.calls(), 30);
}
