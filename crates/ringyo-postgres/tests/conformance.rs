//! The suite that every store must pass, each case on a database of its own.

use std::time::Duration;

use ringyo_postgres::PostgresStore;
use xtask::servers::{Database, for_tests};

/// Patient, since the races of the suite are about order and not about time.
async fn new_store() -> Option<(PostgresStore, Database)> {
    let database = for_tests::database()?;
    let patience = Duration::from_secs(30);
    let store = PostgresStore::options()
        .connect_timeout(patience)
        .statement_timeout(patience)
        .connect(&database.url())
        .await;
    Some((store.expect("a new database is opened"), database))
}

ringyo_store::conformance_tests!(new_store);
