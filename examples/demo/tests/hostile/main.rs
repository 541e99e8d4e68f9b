//! What nobody sends by accident, over HTTP: bodies that are not what they should be, and what
//! belongs to others.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod bodies;
mod endpoints;
mod site;
mod tenants;
