//! Teaches API keys in a gRPC service on tonic: the same layer, and refusals as gRPC statuses.
//!
//! Run it with `cargo run -p ringyo-example-tonic`; it prints a key and where it listens.
#![allow(clippy::print_stdout, reason = "this is what the example shows")]

use ringyo::preset::ringyo::{AGENTS_DELETE, AGENTS_READ};
use ringyo::tower::{Access, AuthLayer, PeerAddress, RouteMap, caller};
use ringyo::{MemoryStore, NewKey, Pepper, PepperId, Preset, Ringyo, parse_network};
use ringyo_example_tonic::proto::agents_server::{Agents, AgentsServer};
use ringyo_example_tonic::proto::{
    ListRequest, ListResponse, RemoveRequest, RemoveResponse, VersionRequest, VersionResponse,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Request, Response, Status};
use tower::util::MapRequestLayer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // To keep keys: `SqliteStore::open("keys.db")` and `PepperRing::from_env("RINGYO_PEPPER")`.
    let pepper = Pepper::generate(PepperId::new(1));
    let builder = Ringyo::builder(Preset::ringyo(), pepper).store(MemoryStore::new());
    let ringyo = builder.build().await?;
    ringyo.accounts().create("acct_1", "pro").await?;
    let here = parse_network("127.0.0.0/8")?;
    let new = NewKey::test("acct_1", "Staging").scopes(["agents:read"]);
    let new = new.allowed_networks([here]);
    let issued = ringyo.keys().issue(new).await?;
    println!("a key, shown this once: {}", issued.key.expose());

    // A method that is not in here is not served.
    let routes = RouteMap::new()
        .post("/ringyo.example.v1.Agents/Version", Access::Public)
        .post(
            "/ringyo.example.v1.Agents/List",
            Access::Requires(&AGENTS_READ),
        )
        .post(
            "/ringyo.example.v1.Agents/Remove",
            Access::Requires(&AGENTS_DELETE),
        );

    let address = std::env::var("ADDR").unwrap_or("127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Server::builder()
        .layer(MapRequestLayer::new(tell_peer))
        .layer(AuthLayer::new(ringyo).routes(routes))
        .add_service(AgentsServer::new(Desk))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await?;
    Ok(())
}

/// Says where a request comes from, for keys that are bound to networks.
fn tell_peer<B>(mut request: http::Request<B>) -> http::Request<B> {
    let connection = request.extensions().get::<TcpConnectInfo>();
    if let Some(peer) = connection.and_then(TcpConnectInfo::remote_addr) {
        request.extensions_mut().insert(PeerAddress(peer.ip()));
    }
    request
}

/// Where agents are kept: nowhere.
struct Desk;

#[tonic::async_trait]
impl Agents for Desk {
    async fn version(
        &self,
        _: Request<VersionRequest>,
    ) -> Result<Response<VersionResponse>, Status> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Response::new(VersionResponse { version }))
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        let caller = caller(request.extensions());
        let caller = caller.ok_or_else(|| Status::internal("nobody was asked for a key"))?;
        let agents = vec![format!("an agent of {}", caller.account())];
        Ok(Response::new(ListResponse { agents }))
    }

    async fn remove(&self, _: Request<RemoveRequest>) -> Result<Response<RemoveResponse>, Status> {
        Ok(Response::new(RemoveResponse {}))
    }
}
