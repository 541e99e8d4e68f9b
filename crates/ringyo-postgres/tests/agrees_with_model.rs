//! Whatever is called in whatever order, this store answers what a plain model of the contract does.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::sync::atomic::{AtomicUsize, Ordering};

use fixture::{Place, patient};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use ringyo_store::conformance::model;

/// Each series in a schema of its own, which is made in a moment; a database is not.
#[test]
fn answers_are_the_same() {
    let Some(place) = Place::new() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let schemas = AtomicUsize::new(0);
    let mut runner = TestRunner::new(Config {
        cases: 60,
        source_file: Some(file!()),
        ..Config::default()
    });
    let answers = runner.run(&model::calls(), |calls| {
        let schema = format!("series_{}", schemas.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            let options = patient().schema(&schema).max_connections(2);
            let store = options.connect(&place.url()).await.unwrap();
            let model = model::agree(&store, &calls).await?;
            store.close();
            // The same from another node.
            let store = options.connect(&place.url()).await.unwrap();
            model::hold_the_same(&store, &model).await?;
            let client = place.by_hand().await;
            let drop = format!("DROP SCHEMA {schema} CASCADE");
            client.batch_execute(&drop).await.unwrap();
            Ok::<(), TestCaseError>(())
        })
    });
    if let Err(difference) = answers {
        panic!("{difference}");
    }
}
