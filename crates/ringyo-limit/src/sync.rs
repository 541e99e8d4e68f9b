//! The atomics that decide whether a limiter is asked.
//!
//! They come from here, so that the unit tests can be built on a scheduler that tries out the
//! orders; see `outage::breaker::interleavings`. Outside that scheduler what is here does not work
//! in a unit test.

#[cfg(not(test))]
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

#[cfg(test)]
pub(crate) use shuttle::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
