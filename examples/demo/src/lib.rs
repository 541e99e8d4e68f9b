//! A small voice-agent API protected by ringyo, with the dashboard where its keys are managed. Run
//! it with `cargo run -p ringyo-demo`; it prints a `curl` line to start from.
//!
//! Read it in this order:
//!
//! * `service`: opens the store, builds [`ringyo::Ringyo`], serves, ends.
//! * `api`: what each route asks of a key, and the layer that asks it, which is most of what a
//!   service needs; then its handlers, of which `api::calls` spends credits.
//! * `dashboard`: people manage their keys through [`ringyo::KeyManager`]: JSON, and a page that
//!   speaks it.
//! * `github`: keys that have leaked are revoked when GitHub says so.
//! * `openapi`: the document of it all, made from what stands beside the handlers and from what
//!   routes ask of keys.
//! * `answer`: the one shape of every answer, refusals by the library included.

mod answer;
mod api;
mod app;
mod config;
mod dashboard;
mod documents;
mod form;
mod github;
mod health;
mod metrics;
mod name;
mod openapi;
mod query;
mod random;
mod request;
mod seed;
mod service;

pub use config::{Config, LimiterLocation, LocationError, StoreLocation};
pub use service::{Service, StartError};
