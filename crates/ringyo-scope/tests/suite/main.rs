//! The crate through its public face: tables for what is written down, and independent
//! evaluators, built on nothing but strings, for what follows from it.

#![allow(
    clippy::unwrap_used,
    reason = "the whole crate is a test, its fixtures included"
)]

mod allocation;
mod catalog;
mod check;
mod covers;
mod fixture;
mod naive;
mod read_only;
mod requirement_text;
mod scope_set;
mod scope_text;
mod small_universes;
mod union;
