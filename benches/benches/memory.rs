//! What does a cached key, or a bucket, hold of the memory? `cargo bench -p ringyo-bench --bench
//! memory`; with `MILLION=1` of a million keys, and of ten million where there are 16 GiB for them.
//! Counted in what was asked of the allocator; what it adds for itself is not in it.
#![expect(clippy::print_stdout, reason = "the table is what the program is for")]

use std::time::Duration;

use allocation_counter::measure;
use ringyo::limit::{Charge, Monotonic, RateLimiter};
use ringyo::preset::ringyo::AGENTS_READ;
use ringyo::tower::AuthLayer;
use ringyo::{
    Credential, LocalLimiter, MemoryStore, NewKey, Pepper, PepperId, Plan, Preset, Quota, Ringyo,
};
use ringyo_bench::{Bare, Result, Service, decide, poll_now, request};
use tokio::runtime::Runtime;
use tower::{Layer as _, Service as _};

const FEW: usize = 200_000;
const MILLION: usize = 1_000_000;

/// What ten million keys take in all, most of it for their records in the store and for the keys.
const MANY: usize = 10 * MILLION;
const ROOM_FOR_MANY: usize = 16 << 30;

const WIDE: Quota = Quota::per_second(1_000_000_000);

fn main() {
    allocations();
    let keys = match std::env::var_os("MILLION") {
        Some(_) => MILLION,
        None => FEW,
    };
    for to_an_account in [1, 4, 100] {
        let case = format!("a cached key, {to_an_account} to an account");
        tell(&case, "bytes", cached_key(keys, to_an_account));
    }
    tell("a bucket below full", "bytes", bucket(Bucket::Spent));
    tell("a bucket and its tally", "bytes", bucket(Bucket::Shared));
    tell("an idle account", "bytes", bucket(Bucket::Idle));
    tell("an idle account, swept", "bytes", bucket(Bucket::Swept));
    if keys == MILLION && room() >= ROOM_FOR_MANY {
        let case = "a cached key, 4 to an account, of ten million";
        tell(case, "bytes", cached_key(MANY, 4));
    }
}

/// The bytes of memory that are free, where Linux tells.
fn room() -> usize {
    let told = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = told
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = available.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
    kib.map_or(0, |kib: usize| kib << 10)
}

fn tell(case: &str, unit: &str, value: f64) {
    println!("{case:48} {value:10.1} {unit}");
    Result::new("memory", case, unit, value).write();
}

/// How often something allocates that is done warm.
fn allocations() {
    let service = Service::new();
    let mut hot = service.workload("hot", 4);
    let count = |run: &mut dyn FnMut()| {
        run();
        measure(run).count_total
    };
    let tell = |case: &str, count: u64| tell(case, "allocations", count as f64);
    // The control: one is seen.
    assert_eq!(
        count(&mut || drop(std::hint::black_box(Box::new(1_u64)))),
        1
    );

    tell(
        "a decision, let in",
        count(&mut || {
            std::hint::black_box(decide(&service, hot.header()));
        }),
    );
    let good = hot.header().to_owned();
    let refused = [
        format!("{}!", &good[..good.len() - 1]),
        Service::mistyped(&good),
        Service::forged(),
        service.of_a_wrong_secret(),
        service.revoked(),
        service.spent(),
    ];
    let most = refused.iter().map(|header| {
        count(&mut || {
            let decided = service
                .authenticator
                .authenticate(Credential::bearer(header));
            assert!(poll_now(decided).is_err());
        })
    });
    tell(
        "a decision, refused: the most of six kinds",
        most.max().unwrap_or(0),
    );

    let mut layered = AuthLayer::new(service.ringyo.clone())
        .require(&AGENTS_READ)
        .layer(Bare);
    let without = count(&mut || drop(poll_now(Bare.call(request(&good)))));
    let with = count(&mut || drop(poll_now(layered.call(request(&good)))));
    tell("the layer, beside the service without it", with - without);
}

fn cached_key(keys: usize, to_an_account: usize) -> f64 {
    // Loads run on this thread too, which is where they are counted.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut preset = Preset::ringyo();
    preset.plans = [Plan::limited("wide", WIDE)].into_iter().collect();
    let builder = Ringyo::builder(preset, Pepper::generate(PepperId::new(1)));
    // Room for more, so that none is evicted from a part that has drawn many.
    let builder = builder.store(MemoryStore::new()).cache_capacity(2 * keys);
    let ringyo = runtime.block_on(builder.build());
    let ringyo = ringyo.expect("a service");
    let headers = issue(&runtime, &ringyo, keys, to_an_account);
    let memory = measure(|| {
        for header in &headers {
            let decided = runtime.block_on(ringyo.authenticate(Credential::bearer(header)));
            assert!(decided.is_ok(), "{decided:?}");
        }
    });
    memory.bytes_current as f64 / keys as f64
}

fn issue(runtime: &Runtime, ringyo: &Ringyo, keys: usize, to_an_account: usize) -> Vec<String> {
    runtime.block_on(async {
        let mut headers = Vec::with_capacity(keys);
        for place in 0..keys {
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

/// What is left of an account that the limiter has counted a request of.
#[derive(Clone, Copy, PartialEq)]
enum Bucket {
    /// It is below full.
    Spent,
    /// So it is, and its tally is held outside.
    Shared,
    /// It has been full again for an hour, and half as many others have come since.
    Idle,
    /// It has been full again for an hour, and the limiter was told to give back what it can.
    Swept,
}

fn bucket(bucket: Bucket) -> f64 {
    const HOUR: u64 = 3_600_000_000_000;
    let names: Vec<String> = (0..FEW).map(|n| format!("acct_{n}/live")).collect();
    let others: Vec<String> = (0..FEW / 2).map(|n| format!("other_{n}/live")).collect();
    let mut kept = None;
    let limiter = LocalLimiter::new();
    let memory = measure(|| {
        let charge = |name: &String, now| {
            limiter.decide(&Charge::to_account(name, WIDE), Monotonic::from_nanos(now));
        };
        names.iter().for_each(|name| charge(name, 1));
        match bucket {
            Bucket::Spent => {}
            Bucket::Shared => {
                let tallies = names.iter().filter_map(|name| limiter.tally(name));
                kept = Some(tallies.collect::<Vec<_>>());
            }
            Bucket::Idle => others.iter().for_each(|name| charge(name, HOUR)),
            Bucket::Swept => limiter.shrink(Monotonic::from_nanos(HOUR)),
        }
    });
    drop(kept);
    memory.bytes_current as f64 / FEW as f64
}
