//! The demo from outside: the real program, real HTTP, and what the wire contract says of it.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

#[path = "../service/mod.rs"]
mod service;

mod api;
mod calls;
mod dashboard;
mod first_run;
mod github;
mod headers;
mod login;
mod mishaps;
mod pages;
mod program;
mod restart;
mod together;
