//! Servers for tests: real ones, of one's own, that can be stopped, frozen, killed and replaced.
//!
//! A test asks [`for_tests`] for what it needs:
//!
//! ```
//! use xtask::servers::{PostgresOptions, for_tests};
//!
//! # fn main() -> std::io::Result<()> {
//! let Some(mut postgres) = for_tests::postgres(PostgresOptions::new()) else {
//!     return Ok(()); // Not to be had here; that has been said.
//! };
//! let database = postgres.create_database()?;
//! assert!(database.url().starts_with("postgres://postgres:"));
//! postgres.freeze()?; // It does not answer any more, and nobody is told.
//! postgres.thaw()?;
//! postgres.kill()?;
//! postgres.start()?; // With what was committed, at the same address.
//! # Ok(())
//! # }
//! ```
//!
//! Whatever ends a test, nothing is left of its servers: see [`Postgres`]. This needs `/proc`,
//! so Linux.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `RINGYO_TEST_POSTGRES` | a server on which tests may make databases; without it they start one |
//! | `RINGYO_TEST_REDIS` | a Redis that tests may share; without it they start one |
//! | `RINGYO_TEST_FLAVOUR` | `valkey`: what asks for a Redis gets a Valkey |
//! | `RINGYO_TEST_WITHOUT` | what is not to be had: its tests say so and pass |
//!
//! `cargo xtask test` sets them. `cargo xtask servers cargo nextest run -p …` does so for one
//! command.

mod ahead;
mod database;
pub mod debian;
mod folder;
pub mod for_tests;
mod postgres;
mod process;
mod proxy;
mod redis;
mod steps;
mod user;
mod valkey;

pub use database::Database;
pub use postgres::{Postgres, PostgresOptions};
pub use process::free_port;
pub use proxy::{Behaviour, Proxy};
pub use redis::{Flavour, Redis, RedisOptions};
pub use steps::Servers;
