//! What does a decision on Redis cost, beside a bare round trip of the same client?
//!
//! `cargo bench -p ringyo-bench --bench redis_limit` starts a private server. First it prints
//! ratios, measured in turns so that a noisy machine disturbs all alike; then criterion measures
//! each on its own.
//!
//! Beside it are measured:
//!
//! - redis-cell's `CL.THROTTLE`, where `RINGYO_BENCH_REDIS_CELL` is the path of the module
//!   (`libredis_cell.so`), which the server then loads;
//! - limitador, only by `cargo bench --manifest-path benches/peers-redis/Cargo.toml`, which is the
//!   same bench with it: it takes a C++ compiler, libclang and OpenSSL to build.
#![allow(missing_docs, reason = "criterion makes public functions")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run may panic")]
#![allow(clippy::print_stdout, reason = "the figures")]

mod race;

fn main() {
    println!(
        "WITHOUT limitador: cargo bench --manifest-path benches/peers-redis/Cargo.toml has it"
    );
    race::run(async |_| Vec::new());
}
