//! Calls that nobody asks for again, because they had no idempotency key or because their client
//! is gone: they come to an end all the same, and cost what they were.

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use rusqlite::Connection;
use serde_json::json;
use tokio::task::JoinSet;

use crate::service::{Answer, Demo, Place, new_place};
use crate::{ACCOUNT, Line, file, open_line};

const ROUNDS: usize = 12;

/// Longer than a call may be pending, and than it takes to look for such calls again.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_asks_for_again_comes_to_an_end() {
    let (_directory, path) = new_place();
    let mut demo = Demo::start(Place::File(&path));
    let line = open_line(&demo).await;
    let mut answered = 0;
    // Later kills let more of them be answered: there are as many as the control needs.
    for round in 0..5 * ROUNDS {
        if round >= ROUNDS && answered > 0 {
            break;
        }
        let process = demo.process_id();
        let killing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20 + 9 * round as u64));
            crate::service::kill(process);
        });
        answered += shower(&demo, &line).await;
        killing.join().unwrap();
        demo.kill();
        demo = Demo::start(Place::File(&path));
    }
    assert!(answered > 0, "the control: some calls were answered");
    settled(&path).await;
    file::complaints(&path).assert_none(ROUNDS);
    assert_eq!(balance(&path), 1_000 - paid(&path));
    assert!(demo.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_before_a_clean_end_leaves_nothing_half_done() {
    let (_directory, path) = new_place();
    let mut demo = Demo::start(Place::File(&path));
    let line = open_line(&demo).await;
    for patience in [6, 9, 12, 15, 20, 30, 100, 300, 1_000, 3_000] {
        // The longer ones are for a machine so busy that no call was placed.
        if patience > 30 && paid(&path) > 0 {
            break;
        }
        let asking = shower(&demo, &line);
        // Most of them are still being answered when their clients are gone.
        let _ = tokio::time::timeout(Duration::from_millis(patience), asking).await;
        assert!(demo.stop().success());
        assert_eq!(unsettled(&path), 0, "after a clean end");
        file::complaints(&path).assert_none(0);
        demo = Demo::start(Place::File(&path));
    }
    assert_eq!(balance(&path), 1_000 - paid(&path));
    assert!(paid(&path) > 0, "the control: some calls were placed");
}

/// Forty calls at once, without idempotency keys; how many were answered.
async fn shower(demo: &Demo, line: &Line) -> usize {
    let place = || {
        let body = json!({ "phone_number": "+14155550123", "agent_id": line.agent });
        let request = demo.request(Method::POST, "/v1/calls");
        Answer::try_of(request.bearer_auth(&line.key).json(&body))
    };
    // Whoever drops the set hangs up.
    let mut calls: JoinSet<_> = (0..40).map(|_| place()).collect();
    let mut answered = 0;
    while let Some(answer) = calls.join_next().await {
        answered += usize::from(answer.unwrap().is_ok_and(|answer| answer.status == 201));
    }
    answered
}

async fn settled(path: &Path) {
    let started = Instant::now();
    while unsettled(path) > 0 {
        assert!(
            started.elapsed() < PATIENCE,
            "{} calls hang",
            unsettled(path)
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn count(path: &Path, query: &str) -> u64 {
    let database = Connection::open(path).unwrap();
    let count: i64 = database
        .query_row(query, [ACCOUNT], |row| row.get(0))
        .unwrap();
    count.unsigned_abs()
}

fn unsettled(path: &Path) -> u64 {
    count(
        path,
        "SELECT (SELECT count(*) FROM demo_documents
                 WHERE account = ?1 AND kind = 'call' AND body ->> 'status' = 'pending')
              + (SELECT count(*) FROM wallet_operations
                 WHERE account = ?1 AND state = 'reserved')",
    )
}

/// What the calls say that they cost.
fn paid(path: &Path) -> u64 {
    count(
        path,
        "SELECT coalesce(sum(body ->> 'credits'), 0) FROM demo_documents
         WHERE account = ?1 AND kind = 'call'",
    )
}

fn balance(path: &Path) -> u64 {
    count(path, "SELECT balance FROM wallets WHERE account = ?1")
}
