//! How the benches measure: every case is timed in turns with a floor, and told as a ratio to it.
//!
//! The floor is one HMAC-SHA-256 over one block, its key schedule computed beforehand and cloned
//! for each message, by the `hmac` crate. A machine that is busy, slow or throttled is that for
//! both, so ratios of one run can be compared with those of another; nanoseconds cannot. What is
//! measured while [somebody else](neighbour) has half of the core is left out.
//!
//! ```no_run
//! let mut question = ringyo_bench::Question::new("key");
//! question.case("nothing", || ());
//! question.answer();
//! ```

mod bare;
mod chase;
mod cost;
mod question;
mod result;
mod threads;

pub use bare::{Bare, request};
pub use chase::Chase;
pub use cost::Cost;
pub use question::Question;
pub use result::Result;
pub use ringyo_bench_service::{
    Floor, Service, ThreadTime, Workload, decide, decide_from, neighbour, poll_now, shuffle,
};
