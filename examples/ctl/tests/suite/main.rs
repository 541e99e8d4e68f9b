//! The real `ringyoctl`, in processes of its own, on real files.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod changes;
mod commands;
mod concurrent;
mod demo;
mod lists;
mod peppers;
mod postgres;
mod secrets;
mod support;
mod terminal;
mod transcript;
mod unify;
