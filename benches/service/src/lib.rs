//! The service whose decisions the benches measure, and requests for it.
//!
//! It is a package apart because `cargo xtask instructions` builds it for release, on its own: the
//! benches need databases and a web framework, and none of those takes part in a decision.

mod service;
mod workload;

pub use service::{Service, decide, poll_now};
pub use workload::{Random, Workload, shuffle};
