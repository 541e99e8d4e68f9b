//! A cluster of one node that has all slots.

mod nodes;

use std::sync::Arc;

use ringyo_limit::Clock;
use ringyo_limit::{Charge, Quota, RateLimiter, SystemClock, conformance};

use self::nodes::{Node, cluster};
use super::config;
use crate::bucket::TICK;
use crate::servers::Servers;
use crate::{ConfigError, RedisConfig, RedisLimiter};

fn clustered(node: &Node) -> RedisConfig {
    let servers = Servers::cluster([node.address()]).unwrap();
    RedisConfig {
        servers,
        ..config(&node.address())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_conforms() {
    let Some([node]) = cluster() else {
        return;
    };
    conformance::run(TICK, async || {
        Arc::new(RedisLimiter::on_callers_time(clustered(&node)).unwrap()) as Arc<dyn RateLimiter>
    })
    .await;
}

#[tokio::test]
async fn keys_of_an_account_are_in_one_slot() {
    let Some([node]) = cluster() else {
        return;
    };
    let limiter = RedisLimiter::start(clustered(&node)).unwrap();
    limiter.ready().await.unwrap();
    let quota = Quota::per_minute(60);
    for account in ["acct_1/live", "", "{", "}", "a}b{c}", "{}x"] {
        let charge = Charge::to_account(account, quota).with_key("{key}", quota);
        let now = SystemClock::default().now();
        let decision = limiter.check(&charge, now).await.unwrap();
        assert!(decision.is_allowed(), "{account}");
    }
    // The control: the server does refuse keys of different slots.
    let apart: Result<(), _> = redis::cmd("MGET")
        .arg("a")
        .arg("b")
        .query(&mut node.connection());
    assert_eq!(apart.unwrap_err().code(), Some("CROSSSLOT"));
}

#[test]
fn a_cluster_needs_addresses() {
    let none: [&str; 0] = [];
    assert_eq!(
        RedisConfig::cluster(none).unwrap_err(),
        ConfigError::Addresses
    );
    assert_eq!(
        RedisConfig::cluster(["nonsense"]).unwrap_err(),
        ConfigError::Address
    );
}
