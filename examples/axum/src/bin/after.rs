//! A service that lists and removes agents: the README adds keys to it.
#![allow(clippy::print_stdout, reason = "it says where it listens")]

use axum::Router;
use axum::routing::{delete, get};
use ringyo::preset::ringyo::{AGENTS_DELETE, AGENTS_READ};
use ringyo::tower::{Access, AuthLayer, RouteMap};
use ringyo::{PepperRing, Preset, Ringyo, SqliteStore};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let peppers = PepperRing::from_file_or_create("keys.peppers")?;
    let store = SqliteStore::open("keys.db").await?;
    let builder = Ringyo::builder(Preset::ringyo(), peppers).store(store);
    let ringyo = builder.build().await?;
    let routes = RouteMap::new()
        .get("/agents", Access::Requires(&AGENTS_READ))
        .delete("/agents/{id}", Access::RequiresOn(&AGENTS_DELETE, "id"));
    let app = Router::new()
        .route("/agents", get(list_agents))
        .route("/agents/{id}", delete(remove_agent))
        .layer(AuthLayer::new(ringyo.clone()).routes(routes));

    let address = std::env::var("ADDR").unwrap_or("127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn list_agents() -> &'static str {
    "[]"
}

async fn remove_agent() -> &'static str {
    "gone"
}
