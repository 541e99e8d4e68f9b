//! What decides whether a limiter is asked, and what a bucket holds: the atomics and the locks.
//!
//! They come from here, so that the unit tests can be built on a scheduler that tries out the
//! orders; see `outage::breaker::interleavings` and `local::buckets::interleavings`. Outside that
//! scheduler what is here does not work in a unit test.

#[cfg(not(test))]
pub(crate) use {
    std::sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
};

#[cfg(test)]
pub(crate) use {
    shuttle::sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    shuttle::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
};
