//! The suite that every store must pass, each case on a new file.

use ringyo_sqlite::SqliteStore;
use tempfile::TempDir;

async fn new_store() -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let store = SqliteStore::open(directory.path().join("keys.db")).await;
    (store.expect("a new file is opened"), directory)
}

ringyo_store::conformance_tests!(new_store);
