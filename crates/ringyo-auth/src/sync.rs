//! Who comes first: the locks, the atomics and the tasks that decide which reading is believed,
//! and whether a use is noted.
//!
//! They come from here and from nowhere else, so that the unit tests can be built on a scheduler
//! that tries out the orders; see `cache::interleavings`. Outside that scheduler what is here does
//! not work in a unit test.

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
