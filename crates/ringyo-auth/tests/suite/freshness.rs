//! How soon a change counts: at once on the node that made it, soon on the others, within the
//! bound when no message arrives; and what an outage does to the answer.

use std::sync::Arc;
use std::time::Duration;

use ringyo_auth::preset::ringyo::AGENTS_READ;
use ringyo_auth::{AuthError, Caller, IssuedKey, NewKey, Overlap, Ringyo};
use ringyo_store::KeyStatus;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::{Setting, authenticate, node, setting, setting_with, until_so};

const STALENESS: Duration = Duration::from_secs(5);

/// A node that waits for a store that is held up, however long a busy machine takes.
async fn patient() -> Setting {
    setting_with(|builder| builder.store_deadline(Duration::from_secs(60))).await
}

/// Until the feed has brought each of so many nodes what was changed before.
async fn settled(setting: &Setting, nodes: u64) {
    setting.store.until_told(2 * nodes).await;
}

/// How long it takes until a node refuses a key for this reason, of which nothing but the feed can tell
/// it.
async fn until_refused(
    ringyo: &Ringyo,
    key: &IssuedKey,
    is_why: fn(&AuthError) -> bool,
) -> Duration {
    let begun = Instant::now();
    let is_refused = || async {
        let refused = authenticate(ringyo, key).await.err();
        assert!(refused.iter().all(is_why), "{refused:?}");
        refused.is_some()
    };
    until_so(is_refused).await;
    begun.elapsed()
}

/// Nothing but what the node does itself when it makes a change can tell it from here on.
async fn deaf(setting: &Setting) {
    settled(setting, 1).await;
    setting.store.set_feed_down(true);
    // The question that is under way when the feed goes down is answered yet.
    sleep(Duration::from_millis(1_300)).await;
}

fn ask(setting: &Setting, key: &Arc<IssuedKey>) -> JoinHandle<Result<Caller, AuthError>> {
    let (ringyo, key) = (setting.ringyo.clone(), key.clone());
    tokio::spawn(async move { authenticate(&ringyo, &key).await })
}

#[tokio::test]
async fn what_was_read_before_a_revoke_never_gets_into_the_cache_after_it() {
    let setting = patient().await;
    let key = Arc::new(setting.key().await);
    deaf(&setting).await;
    setting.store.hold_loads();
    let early = ask(&setting, &key);
    setting.store.until_held(1).await; // It has read the key as active.
    setting.ringyo.keys().revoke(key.record.id).await.unwrap();

    // A request that starts now does not wait for the early one's reading.
    let late = ask(&setting, &key);
    setting.store.until_held(2).await;
    setting.store.release_some(1);
    assert!(early.await.unwrap().is_ok(), "it started before the revoke");
    // Nor is that reading in the cache now: this one reads the store, together with the late one.
    let later = ask(&setting, &key);
    sleep(Duration::from_millis(50)).await;
    assert!(!later.is_finished(), "it was answered from the cache");
    setting.store.release_loads();
    assert!(matches!(late.await.unwrap(), Err(AuthError::Revoked(_))));
    assert!(matches!(later.await.unwrap(), Err(AuthError::Revoked(_))));
    assert!(matches!(
        setting.authenticate(&key).await,
        Err(AuthError::Revoked(_))
    ));
}

#[tokio::test]
async fn what_was_read_before_a_plan_change_is_fenced_off_too() {
    let setting = patient().await;
    let key = Arc::new(setting.key().await);
    deaf(&setting).await;
    setting.store.hold_loads();
    let early = ask(&setting, &key);
    setting.store.until_held(1).await;
    let accounts = setting.ringyo.accounts();
    accounts
        .set_plan(&key.record.account, "starter")
        .await
        .unwrap();
    setting.store.release_loads();
    assert!(early.await.unwrap().is_ok());
    assert!(matches!(
        setting.authenticate(&key).await,
        Err(AuthError::PlanRequired)
    ));
}

#[tokio::test]
async fn every_change_forgets_a_warm_key_on_its_own_node() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    let (revoked, disabled, replaced, cut, poor) = (
        setting.key().await,
        setting.key().await,
        setting.key().await,
        setting.key().await,
        setting
            .issue(NewKey::live("acct_pro", "p").scopes(["*"]))
            .await,
    );
    deaf(&setting).await;
    for key in [&revoked, &disabled, &replaced, &cut, &poor] {
        assert!(setting.authenticate(key).await.is_ok());
    }
    keys.revoke(revoked.record.id).await.unwrap();
    assert!(matches!(
        setting.authenticate(&revoked).await,
        Err(AuthError::Revoked(_))
    ));
    keys.disable(disabled.record.id).await.unwrap();
    assert!(matches!(
        setting.authenticate(&disabled).await,
        Err(AuthError::Disabled(_))
    ));
    keys.regenerate(replaced.record.id, Overlap::NONE)
        .await
        .unwrap();
    assert!(matches!(
        setting.authenticate(&replaced).await,
        Err(AuthError::Superseded(_))
    ));
    keys.set_scopes(cut.record.id, ["calls:read"])
        .await
        .unwrap();
    let caller = setting.authenticate(&cut).await.unwrap();
    assert!(caller.require(&AGENTS_READ).is_err());
    let accounts = setting.ringyo.accounts();
    accounts
        .set_plan(&poor.record.account, "starter")
        .await
        .unwrap();
    assert!(matches!(
        setting.authenticate(&poor).await,
        Err(AuthError::PlanRequired)
    ));
}

#[tokio::test]
async fn finding_the_work_done_forgets_as_well() {
    let setting = setting().await;
    let (revoked, poor) = (
        setting.key().await,
        setting
            .issue(NewKey::live("acct_pro", "p").scopes(["*"]))
            .await,
    );
    let other = node(&setting.store, &setting.clock, |builder| builder).await;
    deaf(&setting).await;
    for key in [&revoked, &poor] {
        assert!(authenticate(&other, key).await.is_ok());
    }
    // Somebody tries again, and the second try lands on a node that has not heard of the first.
    let (id, account) = (revoked.record.id, &poor.record.account);
    setting.ringyo.keys().revoke(id).await.unwrap();
    setting
        .ringyo
        .accounts()
        .set_plan(account, "trial")
        .await
        .unwrap();
    assert!(
        authenticate(&other, &revoked).await.is_ok(),
        "the control: nothing told it"
    );
    other.keys().revoke(id).await.unwrap();
    other.accounts().set_plan(account, "trial").await.unwrap();
    assert!(matches!(
        authenticate(&other, &revoked).await,
        Err(AuthError::Revoked(_))
    ));
    assert!(matches!(
        authenticate(&other, &poor).await,
        Err(AuthError::PlanRequired)
    ));
}

#[tokio::test]
async fn a_restored_store_makes_a_node_forget_everything() {
    let setting = setting().await;
    let key = setting.key().await;
    settled(&setting, 1).await;
    assert!(setting.authenticate(&key).await.is_ok());
    let reads = setting.store.loads();
    assert!(setting.authenticate(&key).await.is_ok());
    assert_eq!(setting.store.loads(), reads, "the control: it is warm");
    setting.store.restore();
    setting.store.until_told(2).await;
    assert!(setting.authenticate(&key).await.is_ok());
    assert_eq!(setting.store.loads(), reads + 1);
}

#[tokio::test]
async fn one_newer_reading_of_an_account_counts_for_all_its_keys() {
    let setting = setting().await;
    let (warm, cold) = (setting.key().await, setting.key().await);
    let other = node(&setting.store, &setting.clock, |builder| builder).await;
    deaf(&setting).await;
    assert!(authenticate(&other, &warm).await.is_ok());
    let accounts = setting.ringyo.accounts();
    accounts
        .set_plan(&warm.record.account, "starter")
        .await
        .unwrap();
    assert!(
        authenticate(&other, &warm).await.is_ok(),
        "the control: nothing told it"
    );
    // The other key is read now, and its account with it.
    assert!(matches!(
        authenticate(&other, &cold).await,
        Err(AuthError::PlanRequired)
    ));
    assert!(matches!(
        authenticate(&other, &warm).await,
        Err(AuthError::PlanRequired)
    ));
}

#[tokio::test]
async fn a_read_that_hangs_beyond_the_bound_is_not_waited_for_by_others() {
    let setting = setting_with(|builder| builder.store_deadline(STALENESS * 10)).await;
    let key = Arc::new(setting.key().await);
    deaf(&setting).await;
    let other = setting.ringyo.clone();
    setting.store.hold_loads();
    let early = ask(&setting, &key);
    setting.store.until_held(1).await;
    // Past this library, so that nothing but the bound can help.
    let mut record = setting.stored(key.record.id).await;
    record.status = KeyStatus::Revoked;
    setting.write_by_hand(&record).await;
    setting.clock.advance(STALENESS + Duration::from_millis(1));
    let late = tokio::spawn({
        let key = key.clone();
        async move { authenticate(&other, &key).await }
    });
    setting.store.until_held(2).await;
    setting.store.release_loads();
    assert!(early.await.unwrap().is_ok(), "it started before");
    assert!(matches!(late.await.unwrap(), Err(AuthError::Revoked(_))));
    assert!(matches!(
        setting.authenticate(&key).await,
        Err(AuthError::Revoked(_))
    ));
}

#[tokio::test]
async fn a_cold_start_reads_each_key_once() {
    let setting = patient().await;
    let mut keys = Vec::new();
    for n in 0..1_000 {
        // Enough accounts that none runs into its limit.
        if n % 10 == 0 {
            let id = format!("acct_{}", n / 10);
            let accounts = setting.ringyo.accounts();
            accounts.create(&id, "agency").await.unwrap();
        }
        let new = NewKey::live(format!("acct_{}", n / 10), "Server").scopes(["*"]);
        keys.push(Arc::new(setting.issue(new).await));
    }
    let before = setting.store.loads();
    setting.store.hold_loads();
    let requests: Vec<_> = keys
        .iter()
        .flat_map(|key| std::iter::repeat_n(key.clone(), 20))
        .map(|key| {
            let ringyo = setting.ringyo.clone();
            // The first to ask hangs up: the others must not notice.
            tokio::spawn(async move { authenticate(&ringyo, &key).await.is_ok() })
        })
        .collect();
    setting.store.until_held(1_000).await;
    requests[0].abort();
    setting.store.release_loads();
    for request in requests.into_iter().skip(1) {
        assert!(request.await.unwrap());
    }
    let reads = setting.store.loads() - before;
    println!("{reads} reads of 1000 keys for 20 requests with each");
    assert_eq!(reads, 1_000, "one read for each key");
}

#[tokio::test]
async fn a_read_is_not_shared_across_a_change() {
    let setting = patient().await;
    let key = Arc::new(setting.key().await);
    deaf(&setting).await;
    let before = setting.store.loads();
    setting.store.hold_loads();
    let mut requests = Vec::new();
    for n in 1..=20 {
        requests.push(ask(&setting, &key));
        setting.store.until_held(n).await;
        let keys = setting.ringyo.keys();
        keys.rename(key.record.id, n.to_string()).await.unwrap();
    }
    setting.store.release_loads();
    for request in requests {
        assert!(request.await.unwrap().is_ok());
    }
    assert_eq!(setting.store.loads() - before, 20, "one for each request");
}

#[tokio::test]
async fn another_node_hears_of_it_through_the_feed() {
    let setting = setting().await;
    let other = node(&setting.store, &setting.clock, |builder| builder).await;
    let (revoked, disabled, replaced, poor) = (
        setting.key().await,
        setting.key().await,
        setting.key().await,
        setting
            .issue(NewKey::live("acct_pro", "p").scopes(["*"]))
            .await,
    );
    for key in [&revoked, &disabled, &replaced, &poor] {
        assert!(authenticate(&other, key).await.is_ok());
    }
    let keys = setting.ringyo.keys();
    let accounts = setting.ringyo.accounts();
    // The manual clock stands still, so only the feed can have told it.
    keys.revoke(revoked.record.id).await.unwrap();
    let one = until_refused(&other, &revoked, |e| matches!(e, AuthError::Revoked(_))).await;
    keys.disable(disabled.record.id).await.unwrap();
    let two = until_refused(&other, &disabled, |e| matches!(e, AuthError::Disabled(_))).await;
    let id = replaced.record.id;
    keys.regenerate(id, Overlap::NONE).await.unwrap();
    let three = until_refused(&other, &replaced, |e| matches!(e, AuthError::Superseded(_))).await;
    let account = &poor.record.account;
    accounts.set_plan(account, "trial").await.unwrap();
    let four = until_refused(&other, &poor, |e| matches!(e, AuthError::PlanRequired)).await;
    // The others may have shared the machine with somebody.
    let shortest = one.min(two).min(three).min(four);
    assert!(shortest < Duration::from_millis(300), "{shortest:?}");
}

#[tokio::test]
async fn while_the_feed_has_nothing_new_nothing_is_read_again() {
    let setting = setting().await;
    let key = setting.key().await;
    setting.store.until_told(2).await;
    setting.authenticate(&key).await.unwrap();
    let loads = setting.store.loads();
    for _ in 0..2 {
        setting.clock.advance(STALENESS - Duration::from_secs(1));
        // The first answer may have been asked for before, the last may not have been heeded yet.
        // Other keys make the node ask at once.
        for _ in 0..3 {
            setting.key().await;
            setting.store.until_told(1).await;
        }
    }
    setting.authenticate(&key).await.unwrap();
    assert_eq!(setting.store.loads(), loads);
}

#[tokio::test]
async fn without_the_feed_the_bound_holds() {
    let setting = setting().await;
    let other = node(&setting.store, &setting.clock, |builder| {
        builder.max_staleness(STALENESS)
    })
    .await;
    let key = setting.key().await;
    settled(&setting, 2).await;
    assert!(authenticate(&other, &key).await.is_ok());
    setting.store.set_feed_down(true);
    // Long enough for the follower to have asked once more and been refused.
    sleep(Duration::from_millis(1_300)).await;
    setting.ringyo.keys().revoke(key.record.id).await.unwrap();

    assert!(
        authenticate(&other, &key).await.is_ok(),
        "the control: nothing told it"
    );
    setting.clock.advance(STALENESS);
    assert!(
        authenticate(&other, &key).await.is_ok(),
        "the bound itself is still inside"
    );
    setting.clock.advance(Duration::from_millis(1));
    let reads = setting.store.loads();
    assert!(matches!(
        authenticate(&other, &key).await,
        Err(AuthError::Revoked(_))
    ));
    assert_eq!(
        setting.store.loads() - reads,
        1,
        "it asked the store itself"
    );
}

#[tokio::test]
async fn an_outage_is_neither_a_no_nor_a_yes() {
    let setting = setting_with(|builder| builder.max_staleness(STALENESS)).await;
    let (known, unknown) = (setting.key().await, setting.key().await);
    settled(&setting, 1).await;
    assert!(setting.authenticate(&known).await.is_ok());
    setting.store.set_down(true);
    sleep(Duration::from_millis(1_300)).await;

    assert!(
        setting.authenticate(&known).await.is_ok(),
        "known, within the bound"
    );
    let answer = setting.authenticate(&unknown).await;
    assert!(
        matches!(answer, Err(AuthError::Unavailable(_))),
        "{answer:?}"
    );
    setting.clock.advance(STALENESS + Duration::from_millis(1));
    let answer = setting.authenticate(&known).await;
    assert!(
        matches!(answer, Err(AuthError::Unavailable(_))),
        "{answer:?}"
    );
    assert!(setting.ringyo.ready().await.is_err());

    setting.store.set_down(false);
    assert!(setting.authenticate(&known).await.is_ok());
    assert!(setting.authenticate(&unknown).await.is_ok());
    assert!(setting.ringyo.ready().await.is_ok());
}

#[tokio::test]
async fn a_service_may_choose_to_serve_known_keys_for_longer() {
    let grace = Duration::from_secs(60);
    let setting =
        setting_with(|builder| builder.max_staleness(STALENESS).stale_if_error(grace)).await;
    let (known, unknown) = (setting.key().await, setting.key().await);
    settled(&setting, 1).await;
    assert!(setting.authenticate(&known).await.is_ok());
    setting.store.set_down(true);
    sleep(Duration::from_millis(1_300)).await;
    setting.clock.advance(STALENESS + grace);
    assert!(setting.authenticate(&known).await.is_ok());
    assert!(matches!(
        setting.authenticate(&unknown).await,
        Err(AuthError::Unavailable(_))
    ));
    setting.clock.advance(Duration::from_millis(1));
    assert!(matches!(
        setting.authenticate(&known).await,
        Err(AuthError::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_store_that_hangs_is_answered_for_at_the_deadline() {
    let deadline = Duration::from_millis(100);
    let setting = setting_with(|builder| builder.store_deadline(deadline)).await;
    let keys = [
        setting.key().await,
        setting.key().await,
        setting.key().await,
    ];
    setting.store.hold_loads();
    let mut shortest = Duration::MAX;
    for key in &keys {
        let asked = Instant::now();
        let answer = setting.authenticate(key).await;
        let took = asked.elapsed();
        assert!(
            matches!(answer, Err(AuthError::Unavailable(_))),
            "{answer:?}"
        );
        assert!(took >= deadline, "{took:?}");
        shortest = shortest.min(took);
    }
    // The others may have shared the machine with somebody.
    assert!(shortest < deadline * 10, "{shortest:?}");
    setting.store.release_loads();
    // The failed reads left nothing behind.
    for key in &keys {
        until_so(|| async { setting.authenticate(key).await.is_ok() }).await;
    }
}

#[tokio::test]
async fn a_full_cache_evicts_and_still_decides() {
    let setting = setting_with(|builder| builder.cache_capacity(64)).await;
    let mut keys = Vec::new();
    for n in 0..250 {
        let account = if n % 5 == 0 {
            "acct_pro"
        } else {
            "acct_agency"
        };
        keys.push(
            setting
                .issue(NewKey::live(account, "k").scopes(["*"]))
                .await,
        );
    }
    settled(&setting, 1).await;
    for key in &keys {
        assert!(setting.authenticate(key).await.is_ok());
    }
    // Nothing is stale: what is read again had to leave for others.
    let reads = setting.store.loads();
    for key in &keys {
        let _ = setting.authenticate(key).await;
    }
    let reads = setting.store.loads() - reads;
    assert!((150..=250).contains(&reads), "{reads} reads");
    // What was used when it left the cache is not forgotten.
    setting.ringyo.shutdown().await.unwrap();
    for key in &keys {
        let stored = setting.stored(key.record.id).await;
        assert!(stored.last_used_at.is_some());
    }
}
