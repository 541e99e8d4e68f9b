//! The prose of the project: how it is built, and why so.

#[doc = include_str!("../docs/architecture.md")]
pub mod architecture {}

#[doc = include_str!("../docs/nodes.md")]
pub mod nodes {}

#[doc = include_str!("../docs/ringyoctl.md")]
pub mod ringyoctl {}

#[doc = include_str!("../docs/trust.md")]
pub mod trust {}
