//! The behaviour of the decision, through its public API.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod background;
mod changes;
mod deadline;
mod decided;
mod decision;
mod flood;
mod freshness;
mod headers;
mod hostile;
mod imports;
mod inspection;
mod lag;
mod last_used;
mod leaks;
mod manage;
mod matrix;
mod rate_values;
mod rejections;
mod retired;
mod seam;
mod support;
mod tenants;
mod trials;
mod wallet;
mod wire;
