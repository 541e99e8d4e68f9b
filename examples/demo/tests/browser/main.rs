//! The dashboard in a real Chromium: what people do with it, what others must not do, and what it
//! looks like. `cargo xtask browser` installs what this needs and runs it alone.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]
#![cfg(target_os = "linux")]

#[path = "../service/mod.rs"]
mod service;

mod accessibility;
mod driver;
mod flow;
mod forgery;
mod keyboard;
mod loading;
mod markup;
mod mishaps;
mod once;
mod screenshots;
mod slow;
mod stage;
