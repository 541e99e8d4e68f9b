//! What goes on beside the requests ends when it should.

use std::time::Duration;

use tokio::time::sleep;

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
