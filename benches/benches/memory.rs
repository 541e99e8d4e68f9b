//! What does a cached key, or a bucket, hold of the memory? `cargo bench -p ringyo-bench --bench
//! memory`. Counted in what was asked of the allocator; what it adds for itself is not in it.
#![expect(clippy::print_stdout, reason = "the table is what the program is for")]

use std::time::Duration;

use allocation_counter::measure;
use ringyo::limit::{Charge, Monotonic, RateLimiter};
use ringyo::{
    Credential, LocalLimiter, MemoryStore, NewKey, Pepper, PepperId, Plan, Preset, Quota, Ringyo,
};
use tokio::runtime::Runtime;

const KEYS: usize = 200_000;
const WIDE: Quota = Quota::per_second(1_000_000_000);

fn main() {
    println!("{:40} {:>10}", "memory", "bytes");
    for to_an_account in [1, 4, 100] {
        let case = format!("a cached key, {to_an_account} to an account");
        println!("{case:40} {:10.1}", cached_key(to_an_account));
    }
    println!("{:40} {:10.1}", "a bucket below full", bucket(false));
    println!("{:40} {:10.1}", "a bucket and its tally", bucket(true));
}

fn cached_key(to_an_account: usize) -> f64 {
    // Loads run on this thread too, which is where they are counted.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut preset = Preset::ringyo();
    preset.plans = [Plan::limited("wide", WIDE)].into_iter().collect();
    let builder = Ringyo::builder(preset, Pepper::generate(PepperId::new(1)));
    let ringyo = runtime.block_on(builder.store(MemoryStore::new()).build());
    let ringyo = ringyo.expect("a service");
    let headers = issue(&runtime, &ringyo, to_an_account);
    let memory = measure(|| {
        for header in &headers {
            let decided = runtime.block_on(ringyo.authenticate(Credential::bearer(header)));
            assert!(decided.is_ok(), "{decided:?}");
        }
    });
    memory.bytes_current as f64 / KEYS as f64
}

fn issue(runtime: &Runtime, ringyo: &Ringyo, to_an_account: usize) -> Vec<String> {
    runtime.block_on(async {
        let mut headers = Vec::with_capacity(KEYS);
        for place in 0..KEYS {
            let account = format!("acct_{}", place / to_an_account);
            if place % to_an_account == 0 {
                let made = ringyo.accounts().create(&account, "wide").await;
                made.expect("a new account");
            }
            let new = NewKey::live(&account, "Production").scopes(["agents", "calls:read"]);
            let issued = ringyo.keys().issue(new).await.expect("a new key");
            headers.push(format!("Bearer {}", issued.key.expose()));
        }
        // The change feed brings this node its own changes too.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        headers
    })
}

fn bucket(is_shared: bool) -> f64 {
    let names: Vec<String> = (0..KEYS).map(|n| format!("acct_{n}/live")).collect();
    let mut kept = None;
    let memory = measure(|| {
        let limiter = LocalLimiter::new();
        let tallies: Vec<_> = names
            .iter()
            .filter_map(|name| {
                limiter.decide(&Charge::to_account(name, WIDE), Monotonic::from_nanos(1));
                is_shared.then(|| limiter.tally(name)).flatten()
            })
            .collect();
        kept = Some((limiter, tallies));
    });
    memory.bytes_current as f64 / KEYS as f64
}
