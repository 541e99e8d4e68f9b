//! The in-memory store keeps every promise of a store.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use ringyo_store::MemoryStore;
use ringyo_store::conformance::{self, CASES, Case};

async fn new_store() -> (MemoryStore, ()) {
    (MemoryStore::new(), ())
}

ringyo_store::conformance_tests!(new_store);

#[tokio::test(flavor = "multi_thread")]
async fn all_cases_run_in_one_go() {
    conformance::run_all(new_store).await;
}

#[tokio::test]
async fn all_cases_run_on_one_thread() {
    conformance::run_all(new_store).await;
}

#[test]
fn cases_are_found_by_their_names() {
    for case in CASES {
        let found = Case::find(case.name).unwrap();
        assert_eq!(found.about, case.about);
    }
    assert!(Case::find("no such case").is_none());
}

/// Where there is no server to be had there is nothing to test.
#[tokio::test]
async fn a_factory_that_gives_nothing_ends_the_suite() {
    let asked = std::cell::Cell::new(0);
    conformance::run_all(async || {
        asked.set(asked.get() + 1);
        None::<(MemoryStore, ())>
    })
    .await;
    assert_eq!(asked.get(), 1);
    // The control: as an `Option` a store is tested like any other.
    conformance::run_all(async || {
        asked.set(asked.get() + 1);
        Some((MemoryStore::new(), ()))
    })
    .await;
    assert_eq!(asked.get(), 1 + CASES.len());
}
