//! Who comes first: the locks, the atomics and the tasks that decide which reading is believed.
//!
//! Nothing in this crate takes them from anywhere else, so that its unit tests can be built on a
//! scheduler that tries out the orders; see `cache::interleavings`. There are no other unit tests:
//! outside that scheduler these locks do not work.

#[cfg(not(test))]
pub(crate) use {
    std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard},
    tokio::spawn,
};

#[cfg(test)]
pub(crate) use {
    shuttle::future::spawn,
    shuttle::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    shuttle::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard},
};
