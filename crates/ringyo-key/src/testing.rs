//! Counts work that must not be done, for tests that prove it was not (feature `testing`).

use std::cell::Cell;

thread_local! {
    static HMACS: Cell<u64> = const { Cell::new(0) };
}

/// HMACs that this thread has computed since it started, for minting and for proving.
#[must_use]
pub fn hmacs_on_this_thread() -> u64 {
    HMACS.get()
}

pub(crate) fn count_hmac() {
    HMACS.set(HMACS.get() + 1);
}
