//! Last-used times are written behind, seldom, and never lost by a clean end.

use std::time::Duration;

use ringyo_auth::ListKeys;
use ringyo_store::Timestamp;
use tokio::time::{sleep, timeout};

use crate::support::{START, node, setting, setting_with, until, until_so};

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp::from_unix_millis(START + seconds * 1_000))
}

#[tokio::test]
async fn the_list_shows_what_the_store_does_not_know_yet() {
    let setting = setting().await;
    let key = setting.key().await;
    let find = async || {
        setting
            .ringyo
            .keys()
            .find(key.record.id)
            .await
            .unwrap()
            .last_used_at
    };
    assert_eq!(find().await, None);
    setting.clock.advance(Duration::from_secs(3));
    setting.authenticate(&key).await.unwrap();
    assert_eq!(find().await, at(3));
    let list = setting
        .ringyo
        .keys()
        .list(ListKeys::default())
        .await
        .unwrap();
    assert_eq!(list.items[0].last_used_at, at(3));
    let stored = setting.stored(key.record.id).await;
    assert_eq!(stored.last_used_at, None, "not written yet");

    // Changing the key takes it out of the cache, not out of memory.
    setting
        .ringyo
        .keys()
        .rename(key.record.id, "other")
        .await
        .unwrap();
    assert_eq!(find().await, at(3));
    setting.ringyo.shutdown().await.unwrap();
    let stored = setting.stored(key.record.id).await;
    assert_eq!(stored.last_used_at, at(3));
}

#[tokio::test]
async fn a_busy_key_is_written_once_a_minute() {
    let setting = setting_with(|builder| builder.flush_interval(Duration::from_millis(20))).await;
    let key = setting.key().await;
    // The feed has brought the node its own change: from here on the key stays cached.
    setting.store.until_told(2).await;
    let writes = async |expected| {
        let enough = async || {
            while setting.store.touched() < expected {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), enough()).await.unwrap();
        sleep(Duration::from_millis(60)).await;
        assert_eq!(setting.store.touched(), expected, "one in each minute");
    };
    for _ in 0..10 {
        setting.clock.advance(Duration::from_secs(5));
        setting.authenticate(&key).await.unwrap();
        sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(setting.store.touched(), 1, "one write in the first minute");
    setting.clock.advance(Duration::from_secs(60));
    // Time to save the last of them, before the key is read again.
    writes(2).await;
    for _ in 0..10 {
        setting.authenticate(&key).await.unwrap();
        sleep(Duration::from_millis(60)).await;
        setting.clock.advance(Duration::from_secs(5));
    }
    assert_eq!(setting.store.touched(), 2, "however often it is read");
    setting.clock.advance(Duration::from_secs(10));
    writes(3).await;
}

#[tokio::test]
async fn a_failed_write_fails_no_request_and_is_tried_again() {
    let setting = setting_with(|builder| builder.flush_interval(Duration::from_millis(20))).await;
    let key = setting.key().await;
    // The feed has brought the node its own change: from here on the key stays cached.
    setting.store.until_told(2).await;
    setting.authenticate(&key).await.unwrap();
    setting.store.set_down(true);
    setting.clock.advance(Duration::from_secs(2));
    setting.authenticate(&key).await.unwrap();
    let calls = setting.store.calls();
    until(|| setting.store.calls() != calls).await;
    assert!(setting.ringyo.shutdown().await.is_err());
    setting.store.set_down(false);
    setting.ringyo.shutdown().await.unwrap();
    let stored = setting.stored(key.record.id).await;
    assert_eq!(stored.last_used_at, at(2));
}

#[tokio::test]
async fn two_nodes_only_move_it_forward() {
    let setting = setting().await;
    let key = setting.key().await;
    let late = node(&setting.store, &setting.clock, |builder| builder).await;
    setting.authenticate(&key).await.unwrap();
    setting.clock.advance(Duration::from_secs(100));
    crate::support::authenticate(&late, &key).await.unwrap();
    late.shutdown().await.unwrap();
    setting.ringyo.shutdown().await.unwrap();
    let stored = setting.stored(key.record.id).await;
    assert_eq!(stored.last_used_at, at(100));
}

#[tokio::test]
async fn a_refused_key_was_not_used_but_a_limited_one_was() {
    let setting = setting().await;
    let key = setting.key().await;
    setting.ringyo.keys().disable(key.record.id).await.unwrap();
    setting.authenticate(&key).await.unwrap_err();
    let found = setting.ringyo.keys().find(key.record.id).await.unwrap();
    assert_eq!(found.last_used_at, None);
    setting.ringyo.keys().enable(key.record.id).await.unwrap();
    for _ in 0..300 {
        setting.authenticate(&key).await.unwrap();
    }
    setting.clock.advance(Duration::from_millis(1));
    setting.authenticate(&key).await.unwrap_err();
    let found = setting.ringyo.keys().find(key.record.id).await.unwrap();
    assert_eq!(
        found.last_used_at,
        Some(Timestamp::from_unix_millis(START + 1))
    );
}

#[tokio::test]
async fn a_use_soon_after_a_save_is_saved_a_minute_later() {
    let setting = setting_with(|builder| builder.flush_interval(Duration::from_millis(20))).await;
    let key = setting.key().await;
    // As above.
    setting.store.until_told(2).await;
    let stored = async || setting.stored(key.record.id).await.last_used_at;
    setting.authenticate(&key).await.unwrap();
    until_so(|| async { stored().await == at(0) }).await;
    setting.clock.advance(Duration::from_secs(30));
    setting.authenticate(&key).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(stored().await, at(0), "not yet");
    setting.clock.advance(Duration::from_secs(30));
    // Though nobody has used it since.
    until_so(|| async { stored().await == at(30) }).await;
}
