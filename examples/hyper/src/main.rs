//! Teaches API keys in a bare hyper service: the layer goes around a function.
//!
//! Run it with `cargo run -p ringyo-example-hyper`; it prints a key and where it listens.
#![allow(clippy::print_stdout, reason = "this is what the example shows")]

use std::convert::Infallible;

use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use ringyo::preset::ringyo::{AGENTS_DELETE, AGENTS_READ, CALLS_CREATE};
use ringyo::tower::{Access, AuthLayer, PeerAddress, RequestId, RouteMap, caller};
use ringyo::{MemoryStore, NewKey, Pepper, PepperId, Preset, Ringyo};
use tokio::net::TcpListener;
use tokio::time::{Duration, sleep};
use tower::{ServiceBuilder, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // To keep keys: `SqliteStore::open("keys.db")` and `PepperRing::from_env("RINGYO_PEPPER")`.
    let pepper = Pepper::generate(PepperId::new(1));
    let builder = Ringyo::builder(Preset::ringyo(), pepper).store(MemoryStore::new());
    let ringyo = builder.build().await?;
    ringyo.accounts().create("acct_1", "pro").await?;
    let new = NewKey::test("acct_1", "Staging").scopes(["agents:read", "calls:create"]);
    let issued = ringyo.keys().issue(new).await?;
    println!("a key, shown this once: {}", issued.key.expose());

    // A route that is not in here does not reach the function.
    let routes = RouteMap::new()
        .get("/healthz", Access::Public)
        .get("/agents", Access::Requires(&AGENTS_READ))
        .delete("/agents/{id}", Access::RequiresOn(&AGENTS_DELETE, "id"))
        .post("/calls", Access::Requires(&CALLS_CREATE))
        .get("/whoami", Access::AnyKey);
    let auth = AuthLayer::new(ringyo.clone()).routes(routes);

    let address = std::env::var("ADDR").unwrap_or("127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // The client has gone, or there are too many files open: that passes.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let ringyo = ringyo.clone();
        let service = ServiceBuilder::new()
            // For keys that are bound to networks.
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(PeerAddress(peer.ip()));
                request
            })
            .layer(auth.clone())
            .service(service_fn(move |request| answer(ringyo.clone(), request)));
        tokio::spawn(async move {
            let service = TowerToHyperService::new(service);
            let connection = auto::Builder::new(TokioExecutor::new());
            // A client that goes away is no fault of the service.
            let _ = connection
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    ringyo: Ringyo,
    request: Request<Incoming>,
) -> Result<Response<String>, Infallible> {
    // There is one, and a request id, unless the route is public.
    let asks = caller(request.extensions());
    let id = RequestId::of_extensions(request.extensions());
    let (Some(caller), Some(id)) = (asks, id) else {
        return Ok(Response::new("fine".to_owned()));
    };
    let account = caller.account();
    Ok(match (request.method(), request.uri().path()) {
        (&Method::POST, "/calls") => match caller.require_live() {
            Ok(live) => Response::new(format!("{} pays for a call", live.account())),
            Err(error) => {
                let refusal = ringyo.http().reject(&error, ringyo.now());
                refusal.into_response(id.as_str())
            }
        },
        (&Method::DELETE, path) => Response::new(format!("{path} of {account} is gone")),
        (_, "/agents") => Response::new(format!("the agents of {account}")),
        _ => Response::new(format!("{} of {account}", caller.key_name())),
    })
}
