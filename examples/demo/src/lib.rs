//! A small voice-agent API protected by ringyo, with the JSON API of the dashboard where its keys
//! are managed. Run it with `cargo run -p ringyo-demo`; it prints a `curl` line to start from.
//!
//! Read it in this order:
//!
//! * `service`: opens the store, builds [`ringyo::Ringyo`], serves, ends.
//! * `authentication`: the middleware in front of `/v1`, which is most of what a service needs.
//! * `api`: handlers say what they need with `caller.require(…)` and go on with their work;
//!   `api::calls` spends credits.
//! * `dashboard`: people manage their keys through [`ringyo::KeyManager`].
//! * `openapi`: the document of it all, made from what stands beside the handlers.
//! * `answer`: the one shape of every answer, refusals by the library included.

mod answer;
mod api;
mod app;
mod authentication;
mod config;
mod dashboard;
mod documents;
mod form;
mod health;
mod name;
mod openapi;
mod query;
mod random;
mod request;
mod seed;
mod service;

pub use config::{Config, LimiterLocation, LocationError, StoreLocation};
pub use service::{Service, StartError};
