//! Whatever is called in whatever order, the store in memory answers what a plain model of the
//! contract does.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use proptest::prelude::*;
use ringyo_store::MemoryStore;
use ringyo_store::conformance::model;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_the_same(calls in model::calls()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(model::agree(&MemoryStore::new(), &calls))?;
    }
}
