//! How much is admitted during an outage.

use std::num::NonZeroU32;

use ringyo_limit::{
    Charge, CheckedBy, FailClosed, FailOpen, FallBack, LimitErrorKind, RateLimiter,
};
use xtask::servers::{Redis, RedisOptions, for_tests};

use crate::support::{FIFTY, ask, patient};

const NODES: u32 = 4;

/// Nodes that have all just lost the server, and an account that has spent nothing.
async fn cut_off<L: RateLimiter>(
    guard: impl Fn(ringyo_redis::RedisLimiter) -> L,
) -> Option<(Vec<L>, Redis)> {
    let mut server = for_tests::redis(RedisOptions::default())?;
    let nodes: Vec<L> = (0..NODES).map(|_| guard(patient(&server.url()))).collect();
    for node in &nodes {
        let decision = ask(node, &Charge::to_account("warm", FIFTY)).await.unwrap();
        assert_eq!(decision.checked_by(), CheckedBy::Remote);
    }
    server.kill().unwrap();
    Some((nodes, server))
}

/// Asks each node `times` times in turn. How many were admitted, by whom.
async fn admitted(nodes: &[impl RateLimiter], times: u32) -> u32 {
    let charge = Charge::to_account("acct_1", FIFTY).with_key("key_1", FIFTY);
    let mut admitted = 0;
    for _ in 0..times {
        for node in nodes {
            let decision = ask(node, &charge).await.unwrap();
            let by = decision.checked_by();
            assert!(by.reason().is_some(), "{by:?}");
            admitted += u32::from(decision.is_allowed());
        }
    }
    admitted
}

#[tokio::test]
async fn nodes_that_fall_back_admit_nodes_times_the_quota() {
    let Some((nodes, _server)) = cut_off(FallBack::new).await else {
        return;
    };
    assert_eq!(admitted(&nodes, 80).await, NODES * 50);
}

#[tokio::test]
async fn nodes_that_divide_the_quota_admit_it_once() {
    let share = NonZeroU32::new(NODES).unwrap();
    let divided = |limiter| FallBack::new(limiter).divided_among(share);
    let Some((nodes, _server)) = cut_off(divided).await else {
        return;
    };
    let look = Charge::to_account("acct_2", FIFTY);
    let shown = ask(&nodes[0], &look).await.unwrap().account();
    assert_eq!((shown.quota(), shown.remaining()), (FIFTY, 11));
    // 50 ÷ 4 for each of them, rounded down.
    assert_eq!(admitted(&nodes, 80).await, NODES * 12);
    // More nodes than the bucket has cells: each admits one request and no more.
    let many = NonZeroU32::new(1_000).unwrap();
    let divided = |limiter| FallBack::new(limiter).divided_among(many);
    let Some((nodes, _server)) = cut_off(divided).await else {
        return;
    };
    assert_eq!(admitted(&nodes, 20).await, NODES);
}

#[tokio::test]
async fn nodes_that_fail_open_admit_everything_payable() {
    let Some((nodes, _server)) = cut_off(FailOpen::with_no_limits_during_outages).await else {
        return;
    };
    assert_eq!(admitted(&nodes, 80).await, NODES * 80);
    let heavy = Charge::to_account("acct_1", FIFTY).with_weight(NonZeroU32::new(51).unwrap());
    assert!(!ask(&nodes[0], &heavy).await.unwrap().is_allowed());
}

#[tokio::test]
async fn nodes_that_fail_closed_admit_nothing_and_are_not_ready() {
    let Some((nodes, _server)) = cut_off(FailClosed::new).await else {
        return;
    };
    for _ in 0..20 {
        for node in &nodes {
            let error = ask(node, &Charge::to_account("acct_1", FIFTY)).await;
            let kind = error.unwrap_err().kind();
            // The one whose call was under way cannot know.
            assert!(matches!(
                kind,
                LimitErrorKind::Unavailable | LimitErrorKind::Timeout
            ));
        }
    }
    for node in &nodes {
        assert!(node.outage().is_some());
        node.ready().await.unwrap_err();
    }
}

#[tokio::test]
async fn the_others_are_ready_all_the_time() {
    let Some((nodes, _server)) = cut_off(FallBack::new).await else {
        return;
    };
    nodes[0].ready().await.unwrap();
    let Some((nodes, _server)) = cut_off(FailOpen::with_no_limits_during_outages).await else {
        return;
    };
    nodes[0].ready().await.unwrap();
}

/// What the server said before it went away holds until the cell that it spoke of is back.
#[tokio::test]
async fn what_was_denied_before_stays_denied() {
    let Some(mut server) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let node = FailOpen::with_no_limits_during_outages(patient(&server.url()));
    let charge = Charge::to_account("acct_1", FIFTY);
    for _ in 0..51 {
        ask(&node, &charge).await.unwrap();
    }
    server.kill().unwrap();
    for _ in 0..20 {
        let decision = ask(&node, &charge).await.unwrap();
        assert_eq!(decision.checked_by(), CheckedBy::RemoteDenial);
        assert!(!decision.is_allowed());
        // The control: for others it lets everything pass.
        let other = Charge::to_account("acct_2", FIFTY);
        assert!(ask(&node, &other).await.unwrap().is_allowed());
    }
}
