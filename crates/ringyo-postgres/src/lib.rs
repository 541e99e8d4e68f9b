//! The store for many machines.
//!
//! ```no_run
//! # async fn f() {}
//! ```

mod accounts;
mod call;
mod checks;
mod columns;
mod combiner;
mod connection;
mod events;
mod failure;
mod feed;
mod keys;
mod listener;
mod moment;
mod schema;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod wallets;

pub use checks::DurabilityRisk;
pub use store::{PostgresOptions, PostgresStore};
#[cfg(feature = "tls")]
pub use tls::TlsRoots;
