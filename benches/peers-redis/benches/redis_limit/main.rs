//! The bench `redis_limit` of ringyo-bench, with limitador in the same run, on the same server:
//! `cargo bench --manifest-path benches/peers-redis/Cargo.toml`.
#![allow(missing_docs, reason = "criterion makes public functions")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run may panic")]
#![allow(clippy::print_stdout, reason = "the figures")]

mod limitador;
#[path = "../../../benches/redis_limit/race/mod.rs"]
mod race;

use limitador::Limitador;

fn main() {
    race::run(async |address| vec![Box::new(Limitador::on(address).await) as _]);
}
