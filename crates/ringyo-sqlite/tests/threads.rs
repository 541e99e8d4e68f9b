//! The threads of a store end with it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::fs;
use std::time::{Duration, Instant};

use fixture::{Place, insert_account};
use ringyo_store::ChangeFeed;

/// How many threads of any store this process has.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok())
        .filter(|name| name.starts_with("ringyo-db-"))
        .count()
}

fn processor_time() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    // utime and stime, in ticks of 10 ms.
    fields
        .skip(11)
        .take(2)
        .map(|n| n.parse::<u64>().unwrap())
        .sum()
}

async fn until(expected: usize) {
    let start = Instant::now();
    while threads() != expected {
        let count = threads();
        assert!(start.elapsed() < Duration::from_secs(5), "{count} threads");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

// One test, since it counts what the whole process has.
#[tokio::test(flavor = "multi_thread")]
async fn threads_end_with_the_store_and_sleep_meanwhile() {
    let place = Place::new();
    let store = place.open().await;
    insert_account(&store).await;
    assert_eq!(threads(), 4, "one writes, two read, one watches");

    let before = processor_time();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let ticks = processor_time() - before;
    assert!(ticks <= 10, "{ticks} of 200 ticks used while idle");

    let clone = store.clone();
    drop(store);
    clone.ready().await.unwrap();
    assert_eq!(threads(), 4, "a clone keeps them");
    drop(clone);
    until(0).await;
    assert!(!place.beside("-wal").exists(), "the log is written back");

    let store = place.open().await;
    store.close().await.unwrap();
    until(0).await;

    // Neither an error nor a dropped future leaves any.
    for _ in 0..20 {
        let dropped = tokio::time::timeout(Duration::ZERO, place.open());
        let _ = dropped.await;
    }
    place
        .by_hand()
        .execute_batch("PRAGMA user_version = 9")
        .unwrap();
    place.refusal().await;
    until(0).await;
}
