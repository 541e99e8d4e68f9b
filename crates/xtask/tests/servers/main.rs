//! The servers for tests, tried out on the real programs.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod client;
mod debian;
mod leftovers;
mod postgres;
mod proxy;
mod redis;
mod without;
