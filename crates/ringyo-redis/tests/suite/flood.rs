//! A flood in real time, with all that is late and at once.

use std::time::Duration;

use rand::RngExt as _;
use ringyo_limit::{Charge, CheckedBy, Quota};
use tokio::time::sleep;
use xtask::servers::{RedisOptions, for_tests};

use crate::support::{Admin, ask, patient};

const PLAN: Quota = Quota::per_minute(300);
const NODES: usize = 4;

#[derive(Default)]
struct Asked {
    decisions: u32,
    admitted: u32,
    remembered: u32,
}

/// What four nodes with `callers` each decide in three seconds, and how many calls that costs.
async fn flood(callers: usize, pause: Option<Duration>) -> Option<(Asked, u64)> {
    let server = for_tests::redis(RedisOptions::default())?;
    let mut admin = Admin::of(&server.url());
    let mut tasks = Vec::new();
    // Used up before it begins.
    let charge = Charge::to_account("acct_1", PLAN);
    let first = patient(&server.url());
    while ask(&first, &charge).await.unwrap().is_allowed() {}
    let before = admin.calls("evalsha");
    for _ in 0..NODES {
        let limiter = std::sync::Arc::new(patient(&server.url()));
        for _ in 0..callers {
            let limiter = limiter.clone();
            tasks.push(tokio::spawn(async move {
                let mut asked = Asked::default();
                let end = tokio::time::Instant::now() + Duration::from_secs(3);
                while tokio::time::Instant::now() < end {
                    let decision = ask(&*limiter, &charge).await.unwrap();
                    asked.decisions += 1;
                    asked.admitted += u32::from(decision.is_allowed());
                    let by = decision.checked_by();
                    asked.remembered += u32::from(by == CheckedBy::RemoteDenial);
                    match pause {
                        Some(pause) => {
                            let share = rand::rng().random_range(0.0..2.0);
                            sleep(pause.mul_f64(share)).await;
                        }
                        None => tokio::task::yield_now().await,
                    }
                }
                asked
            }));
        }
    }
    let mut all = Asked::default();
    for task in tasks {
        let asked = task.await.unwrap();
        all.decisions += asked.decisions;
        all.admitted += asked.admitted;
        all.remembered += asked.remembered;
    }
    Some((all, admin.calls("evalsha") - before))
}

/// One of three tries must do: a machine that is busy with others slows down the flood, not what
/// comes back.
async fn costs(callers: usize, pause: Option<Duration>, most: f64) {
    let mut tries = Vec::new();
    for _ in 0..3 {
        let Some((asked, calls)) = flood(callers, pause).await else {
            return;
        };
        assert!(asked.remembered > 0);
        // Three seconds, and what the machine makes of them: a cell each 200 ms.
        assert!((10..=30).contains(&asked.admitted), "{}", asked.admitted);
        let share = calls as f64 / f64::from(asked.decisions);
        if share <= most {
            println!("{} decisions, {calls} calls: {share:.6}", asked.decisions);
            return;
        }
        tries.push(share);
    }
    panic!("calls for each decision, at most {most}: {tries:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_twenty_times_the_quota() {
    // 25 a second for each node, at random moments.
    costs(1, Some(Duration::from_millis(40)), 0.3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_more_than_a_thousand_times_the_quota() {
    costs(4, None, 0.02).await;
}
