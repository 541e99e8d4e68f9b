//! The limiter in real time, against real servers that are killed, frozen and cut off.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod expiry;
mod outages;
mod processes;
mod refusals;
mod support;
