//! The limiter in real time, against real servers that are killed, frozen and cut off.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]
#![allow(
    clippy::print_stdout,
    reason = "figures, and what a process reports to the test"
)]

#[cfg(feature = "cluster")]
mod cluster;
mod expiry;
mod flavour;
mod flood;
mod outages;
mod processes;
mod refusals;
#[cfg(feature = "sentinel")]
mod sentinel;
mod support;
#[cfg(feature = "tls")]
mod tls;
