//! One rate for all nodes, and what is left of it when the server that counts is gone.

use std::slice;
use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::task::JoinSet;
use xtask::servers::{PostgresOptions, Redis, RedisOptions, for_tests};

use crate::TRIES;
use crate::service::{Answer, Demo, Place};
use crate::site::{PEPPER, Site};

/// What the plan `pro` admits at once, and then one in each second.
const BURST: u64 = 60;

/// Within which every node counts with the others again once Redis is back.
const RECOVERED: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_keep_to_one_rate_and_each_to_its_own_when_redis_is_killed() {
    let Some(site) = Site::new(PostgresOptions::new()) else {
        return;
    };
    let Some(mut redis) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let url = site.url();
    let start = |limiter: &str| {
        // In the environment: on the command line others would see the password.
        let variables = [("RINGYO_PEPPER", PEPPER), ("RINGYO_LIMITER", limiter)];
        Demo::start_in(Place::Database(&url), &[], &variables)
    };
    let nodes: [Demo; 3] = std::array::from_fn(|_| start(&redis.url()));
    let apart: [Demo; 3] = std::array::from_fn(|_| start("local"));
    let visitor = nodes[0].log_in("acct_pro").await;
    // Each has a bucket of its own.
    let (_, key) = visitor.issue("live", &["agents:read"]).await;
    let (_, other) = visitor.issue("test", &["agents:read"]).await;

    let (admitted, took) = rush(&nodes, &key).await;
    // On a busy machine an answer may come too late, and the node decides by itself.
    let alone_meanwhile = checks(&nodes, "fallback").await;
    assert!(
        (BURST..=BURST + took + alone_meanwhile).contains(&admitted),
        "{admitted} in {took} s, {alone_meanwhile} answers too late"
    );
    assert!(checks(&nodes, "remote").await + alone_meanwhile >= BURST);
    println!("{admitted} admitted in {took} s, {alone_meanwhile} answers too late");
    // The control: nodes that count for themselves admit that much each.
    let (admitted, took) = rush(&apart, &key).await;
    assert!(
        (3 * BURST..=3 * (BURST + took)).contains(&admitted),
        "{admitted} in {took} s"
    );

    redis.kill().unwrap();
    let (admitted, took) = rush(&nodes, &other).await;
    assert!(
        (3 * BURST..=3 * (BURST + took)).contains(&admitted),
        "{admitted} in {took} s"
    );
    assert!(checks(&nodes, "fallback").await >= 3 * BURST);
    for node in &nodes {
        // An outage that is bridged is no reason to send nobody here any more.
        let health = Answer::of(node.request(Method::GET, "/healthz")).await;
        assert_eq!(health.status, 200, "{}", health.text);
    }

    for left in (0..TRIES).rev() {
        let took = recover(&nodes, &mut redis, &other).await;
        println!("Redis counts again on all nodes after {took:.0?}");
        if took <= RECOVERED {
            return;
        }
        assert!(left > 0, "{took:?}");
        redis.kill().unwrap();
        // Every node notices.
        rush(&nodes, &other).await;
    }
}

/// Redis is back, and empty. Each node finds that out for itself, by the requests that it has.
async fn recover(nodes: &[Demo; 3], redis: &mut Redis, key: &str) -> Duration {
    let mut before = Vec::new();
    for node in nodes {
        before.push(checks(slice::from_ref(node), "remote").await);
    }
    redis.start().unwrap();
    let back = Instant::now();
    for (node, before) in nodes.iter().zip(before) {
        while checks(slice::from_ref(node), "remote").await == before {
            let request = node.request(Method::GET, "/v1/agents");
            Answer::of(request.bearer_auth(key)).await;
        }
    }
    back.elapsed()
}

/// More requests than are admitted, on all nodes, a few at a time: how many were admitted, and the
/// seconds that it took, begun ones too.
async fn rush(nodes: &[Demo; 3], key: &str) -> (u64, u64) {
    const LANES: u64 = 4;
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for node in nodes {
        for _ in 0..LANES {
            let requests = (0..(BURST + 20) / LANES).map(|_| {
                let request = node.request(Method::GET, "/v1/agents");
                request.bearer_auth(key)
            });
            let requests: Vec<_> = requests.collect();
            asking.spawn(async move {
                let mut answers = Vec::new();
                for request in requests {
                    answers.push(Answer::of(request).await);
                }
                answers
            });
        }
    }
    let mut admitted = 0;
    for answer in asking.join_all().await.into_iter().flatten() {
        match answer.status {
            200 => admitted += 1,
            429 => assert!(answer.header("retry-after").is_some(), "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
    }
    (admitted, began.elapsed().as_secs() + 1)
}

/// How many questions about the rate were answered by this, on all nodes.
async fn checks(nodes: &[Demo], by: &str) -> u64 {
    let mut sum = 0;
    for node in nodes {
        let metrics = Answer::of(node.request(Method::GET, "/metrics")).await.text;
        let counted = metrics.lines().filter(|line| {
            line.starts_with("ringyo_rate_checks_total{")
                && line.contains(&format!("checked_by=\"{by}\""))
        });
        for line in counted {
            let (_, number) = line.rsplit_once(' ').unwrap();
            sum += number.parse::<u64>().unwrap();
        }
    }
    sum
}
