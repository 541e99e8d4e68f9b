//! What goes on beside the requests says when it cannot, and ends when it should.

use std::time::Duration;

use tokio::time::sleep;
use tracing_subscriber::util::SubscriberInitExt as _;
use xtask::log::Captured;

use crate::support::{Setting, setting};

#[tokio::test]
async fn the_store_is_let_go_with_the_last_handle() {
    let Setting { ringyo, store, .. } = setting().await;
    let other_handle = ringyo.authenticator();
    drop(ringyo);
    sleep(Duration::from_millis(100)).await;
    assert!(!store.is_let_go(), "somebody has a handle still");
    drop(other_handle);
    store.until_let_go().await;
}

#[tokio::test]
async fn nobody_follows_the_store_after_the_end() {
    let setting = setting().await;
    setting.store.until_told(1).await;
    setting.ringyo.shutdown().await.unwrap();
    let told = setting.store.told();
    // Longer than a follower waits for a hint, and there is something to be told of.
    setting.key().await;
    sleep(Duration::from_millis(1_300)).await;
    assert_eq!(setting.store.told(), told);
}

#[tokio::test]
async fn a_feed_that_is_cut_is_told_once_and_its_return_once() {
    // On this thread, which is where everything runs here.
    let log = Captured::default();
    let writer = log.clone();
    let _listening = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .set_default();
    let setting = setting().await;
    setting.store.set_feed_down(true);
    setting.store.until_refused(3).await;
    let cut = "WARN ringyo_auth::background: the store's changes cannot be followed";
    let back = "INFO ringyo_auth::background: following the store's changes again";
    let count = |words: &str| log.text().matches(words).count();
    assert_eq!((count(cut), count(back)), (1, 0));
    setting.store.set_feed_down(false);
    setting.store.until_told(2).await;
    assert_eq!((count(cut), count(back)), (1, 1));
}
