//! Teaches the life of an API key: issue, authenticate, ask what it may do, regenerate, revoke.
//!
//! Run it with `cargo run -p ringyo-quickstart`. It leaves `quickstart.db` and its pepper in the
//! current folder; run it again and what was there before is still there.
#![allow(clippy::print_stdout, reason = "this is what the example shows")]

use ringyo::preset::ringyo::{AGENTS_DELETE, AGENTS_READ};
use ringyo::{Credential, ManageError, NewKey, Overlap, PepperRing, Preset, Ringyo, SqliteStore};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The pepper is the service's own secret; nothing can be proven or forged without it. Here a
    // file is made on the first run. In production: `PepperRing::from_env("RINGYO_PEPPER")?`.
    let peppers = PepperRing::from_file_or_create("quickstart.peppers")?;

    // One SQLite file holds accounts, keys, credits and the audit trail.
    let store = SqliteStore::open("quickstart.db").await?;
    let preset = Preset::ringyo(); // `rg_live_…`, the permissions and the plans of Ringyo
    let builder = Ringyo::builder(preset, peppers).store(store);
    let ringyo = builder.build().await?;

    // A customer on the plan `pro`: 60 requests a minute.
    match ringyo.accounts().create("acct_1", "pro").await {
        Ok(_) | Err(ManageError::AlreadyExists) => {}
        Err(error) => return Err(error.into()),
    }

    // The customer asks for a key. What is stored of it cannot give it back.
    let new = NewKey::live("acct_1", "Production Server").scopes(["agents:read", "calls"]);
    let issued = ringyo.keys().issue(new).await?;
    println!("your key, shown once: {}", issued.key.expose());

    // A request comes in with it: who is calling, and are they within their limits?
    let header = format!("Bearer {}", issued.key.expose());
    let caller = ringyo.authenticate(Credential::bearer(&header)).await?;
    let (account, name) = (caller.account(), caller.key_name());
    println!("{account} is calling with {name:?}");

    // May they? Asking is pure, and takes nanoseconds.
    caller.require(&AGENTS_READ)?;
    if let Err(refusal) = caller.require(&AGENTS_DELETE) {
        let rejection = ringyo.http().reject(&refusal, ringyo.now());
        println!("delete an agent: {rejection}"); // a status, headers and a body for any framework
    }

    // A new key in place of the old one, which stops at once.
    let id = issued.record.id;
    let made = ringyo.keys().regenerate(id, Overlap::NONE).await?;
    if let Err(refusal) = ringyo.authenticate(Credential::bearer(&header)).await {
        println!("the old key: {refusal}");
    }

    // Revoking is for good.
    let gone = ringyo.keys().revoke(made.new.record.id).await?;
    println!("{} is {}", gone.hint, gone.status);

    ringyo.shutdown().await?; // saves when keys were last used
    Ok(())
}
