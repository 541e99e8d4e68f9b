//! Teaches API keys in an axum service: one layer, one map of what each route asks, and extractors
//! for handlers that want to know who calls.
//!
//! Run it with `cargo run -p ringyo-example-axum`; it prints a key and where it listens.
#![allow(clippy::print_stdout, reason = "this is what the example shows")]

use std::net::SocketAddr;

use axum::Router;
use axum::extract::Path;
use axum::routing::{delete, get, post};
use ringyo::preset::ringyo::{AGENTS_DELETE, AGENTS_READ, CALLS_CREATE};
use ringyo::tower::axum::{Caller, LiveCaller};
use ringyo::tower::{Access, AuthLayer, RouteMap};
use ringyo::{MemoryStore, NewKey, Pepper, PepperId, Preset, Ringyo};

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

    // A route that is not in here is not served.
    let routes = RouteMap::new()
        .get("/healthz", Access::Public)
        .get("/agents", Access::Requires(&AGENTS_READ))
        .delete("/agents/{id}", Access::RequiresOn(&AGENTS_DELETE, "id"))
        .post("/calls", Access::Requires(&CALLS_CREATE))
        .get("/whoami", Access::AnyKey);
    let app = Router::new()
        .route("/healthz", get(async || "fine"))
        .route("/agents", get(list_agents))
        .route("/agents/{id}", delete(remove_agent))
        .route("/calls", post(place_call))
        .route("/whoami", get(whoami))
        .layer(AuthLayer::new(ringyo).routes(routes));

    let address = std::env::var("ADDR").unwrap_or("127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // With the address of each connection, for keys that are bound to networks.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, service).await?)
}

async fn list_agents(caller: Caller) -> String {
    format!("the agents of {}", caller.account())
}

async fn remove_agent(caller: Caller, Path(id): Path<String>) -> String {
    format!("{id} of {} is gone", caller.account())
}

/// Only live keys get here: what they ask for costs credits.
async fn place_call(caller: LiveCaller) -> String {
    format!("{} pays for a call", caller.account())
}

async fn whoami(caller: Caller) -> String {
    format!("{} of {}", caller.key_name(), caller.account())
}
