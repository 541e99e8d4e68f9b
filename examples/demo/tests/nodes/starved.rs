//! All that a node asks of its database for the sake of credits waits for a lock. What it believes
//! it goes on confirming.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use xtask::servers::PostgresOptions;

use crate::hand::Hand;
use crate::probe::{self, Verdict};
use crate::site::{self, Site};
use crate::spenders::Line;

/// A node confirms once a second, and the rest is for the pauses of a busy machine.
const BOUND: Duration = Duration::from_secs(5);

/// Each with an account of its own, so that none waits for another: five times as many as there are
/// connections.
const SPENDERS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_key_is_believed_while_all_connections_wait_for_wallets() {
    let Some(site) = Site::new(PostgresOptions::new()) else {
        return;
    };
    let node = Arc::new(site.start(&["--max-staleness", "5s"]));
    let other = site.start(&[]);
    let hand = Hand::Postgres(site.by_hand().await);
    let known = site::issue(&node, "acct_agency", 1).await.remove(0);
    let cold = site::issue(&other, "acct_agency", 10).await;
    let mut lines = Vec::new();
    for spender in 0..SPENDERS {
        let account = format!("acct_starved_{spender}");
        hand.open_account(&account).await;
        lines.push(Line::open(&node, &account).await);
    }
    assert_eq!(probe::ask(&node, &known).await, Verdict::Believed);

    let lock = site.by_hand().await;
    let take = "BEGIN; LOCK TABLE wallets IN ACCESS EXCLUSIVE MODE";
    lock.batch_execute(take).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut spending = JoinSet::new();
    for line in lines {
        let (node, is_over) = (node.clone(), is_over.clone());
        spending.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let answer = line.place(&node, None).await.unwrap();
                // Served only once the lock is gone.
                let is_over = is_over.load(Ordering::Relaxed);
                assert!(answer.status == 503 || is_over, "{}", answer.text);
            }
        });
    }
    // Longer than the bound, and than the bound from when the last of them has begun to wait.
    let began = Instant::now();
    let mut asked = 0;
    while began.elapsed() < BOUND + Duration::from_secs(6) {
        let verdict = probe::ask(&node, &known).await;
        assert_eq!(verdict, Verdict::Believed, "after {:?}", began.elapsed());
        asked += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(asked > 50, "{asked}");
    // The control: whatever else is asked of the database finds no connection free in time.
    // Now and then somebody is lucky, when the ones that have waited longest give up.
    let mut asked = Vec::new();
    for key in &cold {
        asked.push(probe::begin(&node, key, began));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let seen = probe::answers(asked).await;
    assert!(
        seen.iter().any(|seen| seen.verdict == Verdict::Unknown),
        "{seen:?}"
    );

    is_over.store(true, Ordering::Relaxed);
    lock.batch_execute("COMMIT").await.unwrap();
    spending.join_all().await;
    probe::until(&node, &cold[0], Verdict::Believed, Duration::from_secs(5)).await;
}
