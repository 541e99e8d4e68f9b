//! A cluster of one node that has all slots.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use ringyo_limit::Clock;
use ringyo_limit::{Charge, Quota, RateLimiter, SystemClock, conformance};
use tokio::time::sleep;
use xtask::servers::{Redis, RedisOptions, for_tests};

use super::config;
use crate::bucket::TICK;
use crate::servers::Servers;
use crate::{ConfigError, RedisConfig, RedisLimiter};

async fn cluster() -> Option<Redis> {
    // Without a port for its bus the server takes its own plus 10 000, which there may not be.
    let bus = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let options = RedisOptions::default()
        .setting("cluster-enabled", "yes")
        .setting("cluster-port", bus.to_string());
    let server = for_tests::redis(options)?;
    let mut connection = redis::Client::open(server.url())
        .unwrap()
        .get_connection()
        .unwrap();
    let mut ask = |command: &[&str]| -> String {
        redis::cmd(command[0])
            .arg(&command[1..])
            .query(&mut connection)
            .unwrap()
    };
    ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    for _ in 0..500 {
        if ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
            return Some(server);
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the cluster does not come up");
}

fn clustered(server: &Redis) -> RedisConfig {
    let servers = Servers::cluster([server.url()]).unwrap();
    RedisConfig {
        servers,
        ..config(&server.url())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_conforms() {
    let Some(server) = cluster().await else {
        return;
    };
    conformance::run(TICK, async || {
        Arc::new(RedisLimiter::on_callers_time(clustered(&server)).unwrap()) as Arc<dyn RateLimiter>
    })
    .await;
}

#[tokio::test]
async fn keys_of_an_account_are_in_one_slot() {
    let Some(server) = cluster().await else {
        return;
    };
    let limiter = RedisLimiter::start(clustered(&server)).unwrap();
    limiter.ready().await.unwrap();
    let quota = Quota::per_minute(60);
    for account in ["acct_1/live", "", "{", "}", "a}b{c}", "{}x"] {
        let charge = Charge::to_account(account, quota).with_key("{key}", quota);
        let now = SystemClock::default().now();
        let decision = limiter.check(&charge, now).await.unwrap();
        assert!(decision.is_allowed(), "{account}");
    }
    // The control: the server does refuse keys of different slots.
    let mut connection = redis::Client::open(server.url())
        .unwrap()
        .get_connection()
        .unwrap();
    let apart: Result<(), _> = redis::cmd("MGET").arg("a").arg("b").query(&mut connection);
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
