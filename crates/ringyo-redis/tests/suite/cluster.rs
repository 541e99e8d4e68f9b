//! A cluster of which nodes are killed and frozen, and whose slots move.

#[path = "../../src/tests/cluster/nodes.rs"]
mod nodes;

use std::time::{Duration, Instant};

use ringyo_limit::{Charge, Quota, RateLimiter as _};
use ringyo_redis::{RedisConfig, RedisLimiter};
use tokio::time::sleep;
use xtask::servers::{Behaviour, Proxy};

use self::nodes::{Node, cluster};
use crate::outages::{Answers, Place, play};
use crate::support::{FIFTY, ask};

impl Place for Node {
    fn config(&self) -> RedisConfig {
        RedisConfig::cluster([self.address()]).unwrap()
    }
}

fn one_node() -> Option<Node> {
    cluster().map(|[node]| node)
}

#[test]
fn cluster_killed() {
    play(
        one_node(),
        |node| node.server.kill().unwrap(),
        |node| {
            node.server.start().unwrap();
            node.wait_until_ready();
        },
        Answers::Lost,
    );
}

#[test]
fn cluster_frozen() {
    play(
        one_node(),
        |node| node.server.freeze().unwrap(),
        |node| node.server.thaw().unwrap(),
        Answers::Lost,
    );
}

/// A node, and a network to it, through which it tells others to go.
struct Behind {
    node: Node,
    proxy: Proxy,
}

impl Place for Behind {
    fn config(&self) -> RedisConfig {
        let (own, announced) = (self.node.server.port(), self.proxy.port());
        let address = self
            .node
            .address()
            .replace(&own.to_string(), &announced.to_string());
        RedisConfig::cluster([address]).unwrap()
    }
}

fn put_behind(node: &Node) -> Proxy {
    let proxy = Proxy::start(([127, 0, 0, 1], node.server.port()).into()).unwrap();
    node.ask::<()>(&format!(
        "CONFIG SET cluster-announce-port {}",
        proxy.port()
    ));
    proxy
}

#[test]
fn cluster_lost() {
    let behind = one_node().map(|node| {
        let proxy = Proxy::start(([127, 0, 0, 1], node.server.port()).into()).unwrap();
        node.ask::<()>(&format!(
            "CONFIG SET cluster-announce-port {}",
            proxy.port()
        ));
        Behind { node, proxy }
    });
    play(
        behind,
        |behind| behind.proxy.behave(Behaviour::Lose),
        |behind| behind.proxy.behave(Behaviour::Pass),
        Answers::Lost,
    );
}

/// Which of the nodes has the account's bucket, and the other one.
fn owner<'a>(nodes: &'a [Node; 2], account: &str) -> [&'a Node; 2] {
    let [first, second] = nodes;
    let slot = slot(first, account);
    if first.ask::<u64>(&format!("CLUSTER COUNTKEYSINSLOT {slot}")) > 0 {
        [first, second]
    } else {
        [second, first]
    }
}

/// The control of all that is above: whoever took every look for a loss would recover as quickly.
#[tokio::test]
async fn a_cluster_that_is_well_keeps_its_connections() {
    let Some(nodes) = cluster::<2>() else {
        return;
    };
    let limiter = RedisLimiter::start(nodes[0].config()).unwrap();
    let mut admins = nodes.each_ref().map(Node::connection);
    let mut made = || -> Vec<String> {
        let stats = admins.iter_mut().map(|admin| {
            let stats: String = redis::cmd("INFO").arg("stats").query(admin).unwrap();
            let mut lines = stats.lines();
            let made = lines.find(|line| line.starts_with("total_connections_received"));
            made.unwrap().to_owned()
        });
        stats.collect()
    };
    limiter.ready().await.unwrap();
    sleep(Duration::from_millis(500)).await;
    let before = made();
    // Two looks at least.
    sleep(Duration::from_millis(2_600)).await;
    assert_eq!(made(), before);
}

fn slot(node: &Node, account: &str) -> u32 {
    node.ask(&format!("CLUSTER KEYSLOT ringyo:{{{account}}}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_is_followed_and_nothing_is_forgotten() {
    let Some(nodes) = cluster::<2>() else {
        return;
    };
    let config = nodes[0].config().with_deadline(Duration::from_secs(20));
    let limiter = RedisLimiter::start(config).unwrap();
    let charge = Charge::to_account("acct_1", FIFTY).with_key("key_1", FIFTY);
    // There and back again.
    for left in [49, 47] {
        let before = ask(&limiter, &charge).await.unwrap();
        assert_eq!(before.account().remaining(), left);
        let [from, to] = owner(&nodes, "acct_1");
        from.move_slot(slot(from, "acct_1"), to);
        // The control: the one that had it sends others away.
        let sent_away = redis::cmd("GET")
            .arg("ringyo:{acct_1}")
            .query::<Option<u64>>(&mut from.connection());
        assert_eq!(sent_away.unwrap_err().code(), Some("MOVED"));
        let after = ask(&limiter, &charge).await.unwrap();
        assert_eq!(after.account().remaining(), left - 1);
        assert_eq!(after.key().unwrap().remaining(), left - 1);
    }
}

/// A node that is away takes only its own accounts with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_on_other_nodes_are_decided_as_before() {
    let Some(nodes) = cluster::<2>() else {
        return;
    };
    let wide = Quota::per_second(1_000);
    let proxy = put_behind(&nodes[1]);
    let begin = Instant::now();
    while !nodes[0]
        .ask::<String>("CLUSTER NODES")
        .contains(&format!(":{}@", proxy.port()))
    {
        assert!(begin.elapsed() < Duration::from_secs(30));
        sleep(Duration::from_millis(20)).await;
    }
    let config = nodes[0].config();
    let limiter = RedisLimiter::start(config.with_deadline(Duration::from_millis(100))).unwrap();
    // One account on each.
    let (here, away) = (1..100).map(|number| format!("acct_{number}")).fold(
        (None, None),
        |(here, away), account| {
            if slot(&nodes[0], &account) < 8_192 {
                (Some(account), away)
            } else {
                (here, Some(account))
            }
        },
    );
    let (here, away) = (here.unwrap(), away.unwrap());
    let [here, away] = [&here, &away].map(|account| Charge::to_account(account, wide));
    for charge in [&here, &away] {
        while ask(&limiter, charge).await.is_err() {
            sleep(Duration::from_millis(5)).await;
        }
    }
    proxy.behave(Behaviour::Lose);
    let begin = Instant::now();
    let (mut decided, mut lost, mut gone) = (0, 0, 0);
    while begin.elapsed() < Duration::from_secs(2) {
        match ask(&limiter, &here).await {
            Ok(_) => decided += 1,
            Err(error) => {
                println!("after {:?}: {error:?}", begin.elapsed());
                lost += 1;
            }
        }
        if decided % 20 == 0 {
            gone += u32::from(ask(&limiter, &away).await.is_err());
        }
        sleep(Duration::from_millis(5)).await;
    }
    proxy.behave(Behaviour::Pass);
    println!("{decided} decided, {lost} not; {gone} of the other node");
    // The control: that one is away, and is asked.
    assert!(gone > 2, "{gone}");
    // It may be that a call comes too late on a busy machine.
    assert!(decided > 50 && lost <= 1, "{decided} decided, {lost} not");
    let healed = Instant::now();
    while ask(&limiter, &away).await.is_err() {
        let took = healed.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
        sleep(Duration::from_millis(5)).await;
    }
    println!("back after {:?}", healed.elapsed());
}
