//! Teaches API keys in an actix-web service, which has no use for tower: `auth` is all it takes.
//!
//! Run it with `cargo run -p ringyo-example-actix-web`; it prints a key and where it listens.
#![allow(clippy::print_stdout, reason = "this is what the example shows")]

mod auth;

use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, delete, get, post, scope};
use actix_web::{App, HttpServer};
use ringyo::preset::ringyo::{AGENTS_DELETE, AGENTS_READ, CALLS_CREATE};
use ringyo::{MemoryStore, NewKey, Pepper, PepperId, Preset, Ringyo};

use auth::{Asker, Refused, authenticate};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // To keep keys: `SqliteStore::open("keys.db")` and `PepperRing::from_env("RINGYO_PEPPER")`.
    let pepper = Pepper::generate(PepperId::new(1));
    let builder = Ringyo::builder(Preset::ringyo(), pepper).store(MemoryStore::new());
    let ringyo = builder.build().await?;
    ringyo.accounts().create("acct_1", "pro").await?;
    let new = NewKey::test("acct_1", "Staging").scopes(["agents:read", "calls:create"]);
    let issued = ringyo.keys().issue(new).await?;
    println!("a key, shown this once: {}", issued.key.expose());

    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(ringyo.clone()))
            .route("/healthz", get().to(async || "fine"))
            .service(
                // Whatever is not in here needs a key as well, before it is a 404.
                scope("")
                    .wrap(from_fn(authenticate))
                    .route("/agents", get().to(list_agents))
                    .route("/agents/{id}", delete().to(remove_agent))
                    .route("/calls", post().to(place_call))
                    .route("/whoami", get().to(whoami)),
            )
    });
    let address = std::env::var("ADDR").unwrap_or("127.0.0.1:3000".to_owned());
    let server = server.workers(2).bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    Ok(server.run().await?)
}

async fn list_agents(asker: Asker) -> Result<String, Refused> {
    asker.require(&AGENTS_READ)?;
    Ok(format!("the agents of {}", asker.caller.account()))
}

async fn remove_agent(asker: Asker, id: Path<String>) -> Result<String, Refused> {
    asker.require_on(&AGENTS_DELETE, &id)?;
    Ok(format!("{id} of {} is gone", asker.caller.account()))
}

async fn place_call(asker: Asker) -> Result<String, Refused> {
    asker.require(&CALLS_CREATE)?;
    let live = asker.require_live()?;
    Ok(format!("{} pays for a call", live.account()))
}

async fn whoami(asker: Asker) -> String {
    let caller = &asker.caller;
    format!("{} of {}", caller.key_name(), caller.account())
}
