//! The service whose decisions the benches measure, and requests for it.
//!
//! It is a package apart because `cargo xtask instructions` builds it for release, on its own: the
//! benches need databases and a web framework, and none of those takes part in a decision.

mod floor;
pub mod neighbour;
mod service;
mod thread_time;
mod workload;

pub use floor::Floor;
pub use service::{Service, decide, decide_from, poll_now};
pub use thread_time::ThreadTime;
pub use workload::{Random, Workload, shuffle};
