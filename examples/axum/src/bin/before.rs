//! A service that lists and removes agents: the README adds keys to it.
#![allow(clippy::print_stdout, reason = "it says where it listens")]

use axum::Router;
use axum::routing::{delete, get};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Router::new()
        .route("/agents", get(list_agents))
        .route("/agents/{id}", delete(remove_agent));

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
