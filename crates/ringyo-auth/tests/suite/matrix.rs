//! Every operation that changes something, in every situation in which a node may meet it: the
//! answer that comes afterwards is the right one.

mod operation;
mod place;
pub(crate) mod sources;

use std::sync::Arc;
use std::time::Duration;

use ringyo_postgres::PostgresStore;
use ringyo_sqlite::SqliteStore;
use ringyo_store::{MemoryStore, Store};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use xtask::servers::for_tests;

use operation::Operation;
use place::{Place, STALENESS};

/// How a node stands to the key when it is changed.
#[derive(Debug, Clone, Copy)]
enum Situation {
    /// It makes the change and has the key in its cache.
    Warm,
    /// It makes the change and has not seen the key.
    Cold,
    /// It makes the change and has read the key, and that reading is on its way.
    LoadInFlight,
    /// Another node makes the change, and the feed tells.
    Told,
    /// Another node makes the change, and the feed tells while a reading is on its way.
    ToldInFlight,
    /// Another node makes the change, and nothing tells.
    Untold,
}

const SITUATIONS: [Situation; 6] = [
    Situation::Warm,
    Situation::Cold,
    Situation::LoadInFlight,
    Situation::Told,
    Situation::ToldInFlight,
    Situation::Untold,
];

/// Cells that are tried at the same time: most of them wait for the feed.
const AT_ONCE: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory() {
    matrix(MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("keys.db")).await;
    matrix(store.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql() {
    let Some(database) = for_tests::database() else {
        return;
    };
    let patience = Duration::from_secs(30);
    let options = PostgresStore::options()
        .connect_timeout(patience)
        .statement_timeout(patience);
    let store = options.connect(&database.url()).await.unwrap();
    matrix(store).await;
}

#[expect(clippy::print_stdout, reason = "how much was tried is worth knowing")]
async fn matrix(store: impl Store + 'static) {
    let store: Arc<dyn Store> = Arc::new(store);
    let free = Arc::new(Semaphore::new(AT_ONCE));
    let mut cells = JoinSet::new();
    for operation in Operation::ALL {
        for situation in SITUATIONS {
            let (store, free) = (store.clone(), free.clone());
            cells.spawn(async move {
                let _permit = free.acquire().await.unwrap();
                cell(operation, situation, store).await;
            });
        }
    }
    println!(
        "{} changes, each in {} situations",
        Operation::ALL.len(),
        SITUATIONS.len()
    );
    // A cell that fails has said which it is.
    while let Some(cell) = cells.join_next().await {
        cell.unwrap();
    }
}

async fn cell(operation: Operation, situation: Situation, store: Arc<dyn Store>) {
    let name = format!("{operation:?} {situation:?}");
    let place = Place::new(operation, store, &name).await;
    let node = &place.node;
    let (before, after) = (operation.before(), operation.after());
    let made = match situation {
        Situation::Warm => {
            assert_eq!(place.ask().await, before, "{name}");
            place.perform(&node.ringyo).await
        }
        Situation::Cold => place.perform(&node.ringyo).await,
        Situation::LoadInFlight => {
            node.door.hold_loads();
            let early = place.ask_early();
            node.door.until_held(1).await;
            let made = place.perform(&node.ringyo).await;
            node.door.release_loads();
            let early = early.await.unwrap();
            assert!(early == before || early == after, "{name}: {early}");
            made
        }
        Situation::Told => {
            let made = made_unnoticed(&place, &name).await;
            node.door.set_feed_down(false);
            node.door.until_told(2).await;
            made
        }
        Situation::ToldInFlight => {
            node.door.hold_loads();
            let early = place.ask_early();
            node.door.until_held(1).await;
            let made = place.perform(&place.office.ringyo).await;
            node.door.set_feed_down(false);
            node.door.until_told(2).await;
            node.door.release_loads();
            let early = early.await.unwrap();
            assert!(early == before || early == after, "{name}: {early}");
            made
        }
        Situation::Untold => {
            let made = made_unnoticed(&place, &name).await;
            node.clock.advance(STALENESS + Duration::from_millis(1));
            made
        }
    };
    assert_eq!(place.ask().await, after, "{name}");
    if let Some(key) = made {
        assert!(node.accepts(&key).await, "{name}: what it made");
    }
    place.close().await;
}

/// Lets the other node make the change, and shows that this one does not know of it.
async fn made_unnoticed(place: &Place, name: &str) -> Option<ringyo_auth::IssuedKey> {
    let (before, after) = (place.operation.before(), place.operation.after());
    assert_eq!(place.ask().await, before, "{name}");
    let made = place.perform(&place.office.ringyo).await;
    // What is remembered of a key is as it was; what is not remembered is as it is.
    let decision = if place.operation.changes_decision() {
        before
    } else {
        after
    };
    assert_eq!(place.ask().await, decision, "{name}: the control");
    made
}
