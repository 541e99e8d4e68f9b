//! The client as a program; what it teaches is in `lib.rs`.
#![allow(clippy::print_stdout, reason = "this is what the example shows")]

use ringyo_client::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = std::env::var("RINGYO_URL").unwrap_or("http://127.0.0.1:8787".to_owned());
    let client = Client::from_env(base)?;
    println!("{:#}", client.agents().await?["data"]);
    Ok(())
}
