//! How often the layer allocates for a request whose key is known, to the last allocation.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use metrics_exporter_prometheus::PrometheusBuilder;
use ringyo_auth::preset::ringyo::AGENTS_READ;
use ringyo_auth::{NewKey, Preset, Ringyo};
use ringyo_key::{Pepper, PepperId};
use ringyo_limit::ManualClock;
use ringyo_store::MemoryStore;
use ringyo_tower::{Access, AuthLayer, RouteMap};
use tower::{Layer as _, Service};

/// Answers at once and allocates nothing.
#[derive(Clone)]
struct Bare;

impl Service<Request<()>> for Bare {
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

/// Allocations from the call of a service until its response is there.
fn allocations<S, R>(service: &mut S, request: Request<()>) -> (u64, u16)
where
    S: Service<Request<()>, Response = Response<R>, Error = Infallible>,
{
    let mut status = 0;
    let mut request = Some(request);
    let mut answer = None;
    let count = measure(|| {
        let mut context = Context::from_waker(Waker::noop());
        assert!(service.poll_ready(&mut context).is_ready());
        let response = pin!(service.call(request.take().unwrap()));
        match response.poll(&mut context) {
            Poll::Ready(Ok(response)) => {
                status = response.status().as_u16();
                answer = Some(response);
            }
            _ => panic!("a warm decision waited"),
        }
    });
    drop(answer);
    (count.count_total, status)
}

#[test]
fn a_warm_request_allocates_exactly_so_often() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = ManualClock::new(1_767_225_600_000);
        let ringyo = Ringyo::builder(Preset::ringyo(), Pepper::generate(PepperId::new(1)))
            .store(MemoryStore::new())
            .clock(clock.clone())
            // The clock is moved faster than the change feed is heard.
            .max_staleness(Duration::from_secs(3_600))
            .build()
            .await
            .unwrap();
        ringyo.accounts().create("acct_1", "pro").await.unwrap();
        let new = NewKey::live("acct_1", "Server").scopes(["agents:read"]);
        let issued = ringyo.keys().issue(new).await.unwrap();
        let key = format!("Bearer {}", issued.key.expose());
        let ask = |id: Option<&'static str>| {
            let mut request = Request::get("/agents").header("authorization", &key);
            if let Some(id) = id {
                request = request.header("x-request-id", HeaderValue::from_static(id));
            }
            request.body(()).unwrap()
        };

        let auth = AuthLayer::new(ringyo.clone());
        let routes = RouteMap::new()
            .get("/agents", Access::Requires(&AGENTS_READ))
            .get("/healthz", Access::Public);
        let mut service = auth.require(&AGENTS_READ).layer(Bare);
        let mut mapped = auth.routes(routes).layer(Bare);
        let mut nested = auth.layer(auth.require(&AGENTS_READ).layer(Bare));

        // The change feed brings this node its own changes too; then the first decision reads the
        // store, and the second finds all that is made once.
        tokio::time::sleep(Duration::from_millis(100)).await;
        for _ in 0..2 {
            tower::ServiceExt::oneshot(service.clone(), ask(None))
                .await
                .unwrap();
        }

        for _ in 0..50 {
            clock.advance(Duration::from_secs(1));
            assert_eq!(allocations(&mut service, ask(Some("r1"))), (5, 200));
            assert_eq!(allocations(&mut service, ask(None)), (6, 200));
            assert_eq!(allocations(&mut mapped, ask(Some("r1"))), (5, 200));
            // A layer inside adds nothing.
            assert_eq!(allocations(&mut nested, ask(Some("r1"))), (5, 200));
            // Servers have put something into the extensions already: two less.
            let mut arrived = ask(Some("r1"));
            arrived.extensions_mut().insert("a connection");
            assert_eq!(allocations(&mut service, arrived), (3, 200));
            clock.advance(Duration::from_secs(4));
        }

        // Public routes: the extensions with the id, and the header map with it.
        let public =
            Request::get("/healthz").header("x-request-id", HeaderValue::from_static("r1"));
        assert_eq!(allocations(&mut mapped, public.body(()).unwrap()), (5, 200));

        // Neither does a recorder of metrics, but for the blocks in which it keeps measurements.
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..2 {
                allocations(&mut service, ask(Some("r1")));
            }
            clock.advance(Duration::from_secs(60));
            let counts: Vec<u64> = (0..50)
                .map(|_| allocations(&mut service, ask(Some("r1"))).0)
                .collect();
            let exact = counts.iter().filter(|count| **count == 5).count();
            assert!(exact >= 48, "{counts:?}");
        });

        // The control: without the layer there is nothing, and the measure sees one more.
        assert_eq!(allocations(&mut Bare, ask(None)), (0, 200));
        let mut one_more =
            tower::ServiceExt::<Request<()>>::map_request(service, |request: Request<()>| {
                drop(std::hint::black_box(Box::new(1_u64)));
                request
            });
        assert_eq!(allocations(&mut one_more, ask(Some("r1"))), (6, 200));
    });
}
