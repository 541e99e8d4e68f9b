//! What do others cost on the work that ringyo does? `cargo bench -p ringyo-contenders`
//!
//! Each does what it is made for, as its documentation shows it; what ringyo does in its row beside
//! them is more, not less. The last column is in times the row of ringyo that comes first.
#![allow(missing_docs, reason = "a program")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run may panic")]

mod credential;
mod layer;
mod limit;
mod permission;

use ringyo_bench::Service;

fn main() {
    let service = Service::new();
    credential::measure(&service);
    permission::measure();
    limit::measure();
    layer::measure(&service);
}

/// What a contender is called in a row.
fn named(package: &str, what: &str) -> String {
    format!("{package} {}: {what}", ringyo_contenders::version(package))
}
