//! Whatever is called in whatever order, this store answers what a plain model of the contract does.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::time::Duration;

use fixture::Place;
use proptest::prelude::*;
use ringyo_store::conformance::model;

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_the_same(calls in model::calls()) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let place = Place::new();
        runtime.block_on(async {
            let file = place.open().await;
            let model = model::agree(&file, &calls).await?;
            // The same after the file was closed and opened again.
            file.close().await.unwrap();
            model::hold_the_same(&place.open().await, &model).await
        })?;
        runtime.shutdown_timeout(Duration::from_secs(1));
    }
}
