//! How soon a revoked key is refused on every node while all of them are busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_postgres::Client;
use xtask::servers::PostgresOptions;

use crate::probe::{self, Verdict};
use crate::service::Demo;
use crate::site::{self, Key, Site};
use crate::{share, show, trials};

const ACCOUNT: &str = "acct_agency";
const NODES: usize = 3;

/// Within which 99 of 100 revocations, and all of them, are to be known everywhere.
const P99: Duration = Duration::from_millis(250);
const MAX: Duration = Duration::from_secs(1);

/// How many keys are being revoked at a time.
const LANES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_anywhere_is_refused_everywhere_within_milliseconds() {
    let Some(site) = Site::new(PostgresOptions::new()) else {
        return;
    };
    let nodes: Arc<[Demo; NODES]> = Arc::new(std::array::from_fn(|_| site.start(&[])));
    let mut issuing = JoinSet::new();
    for _ in 0..LANES {
        let nodes = nodes.clone();
        let count = trials(1_000).div_ceil(LANES);
        issuing.spawn(async move { site::issue(&nodes[0], ACCOUNT, count).await });
    }
    let lanes = issuing.join_all().await;

    let load = Load::begin(&nodes).await;
    let mut revoking = JoinSet::new();
    for keys in lanes {
        let (nodes, client) = (nodes.clone(), site.by_hand().await);
        revoking.spawn(async move {
            let mut times = Vec::new();
            for (number, key) in keys.iter().enumerate() {
                times.push(revoke(&nodes, key, number, &client).await);
            }
            // Nothing brings one of them back.
            for key in &keys {
                for node in &*nodes {
                    assert_eq!(probe::ask(node, key).await, Verdict::Revoked);
                }
            }
            times
        });
    }
    let mut times: Vec<Duration> = revoking.join_all().await.into_iter().flatten().collect();
    load.end().await;

    let without_hints = without_hints(&site, &nodes).await;
    let slowest = without_hints.iter().max().unwrap();
    assert!(*slowest > P99, "the control: {slowest:?}");
    show("the same without hints", without_hints);

    times.sort();
    let (most, longest) = (share(&times, 99), share(&times, 100));
    show("from revoking to refused everywhere", times);
    assert!(most <= P99, "p99 {most:?}");
    assert!(longest <= MAX, "max {longest:?}");
    println!("p99 within {P99:?}, all within {MAX:?}");
}

/// The control: nobody is told that something has changed, so that nodes have to ask.
async fn without_hints(site: &Site, nodes: &[Demo; NODES]) -> Vec<Duration> {
    let client = site.by_hand().await;
    let keys = site::issue(&nodes[0], ACCOUNT, 5).await;
    let paused = site::listening(&client).await;
    assert_eq!(paused.len(), NODES, "each node listens");
    site::pause(&paused);
    let mut times = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        times.push(revoke(nodes, key, number, &client).await);
    }
    site::resume(&paused);
    times
}

/// How long it takes from asking for the end of a key until its refusal has come from every node.
/// A little more than from the commit, which is on the way.
async fn revoke(nodes: &[Demo; NODES], key: &Key, number: usize, client: &Client) -> Duration {
    for node in nodes {
        assert_eq!(probe::ask(node, key).await, Verdict::Believed);
    }
    let visitor = match nodes.get(number % (NODES + 1)) {
        Some(node) => Some(node.log_in(ACCOUNT).await),
        None => None,
    };
    let began = Instant::now();
    let revoked = async {
        match &visitor {
            Some(visitor) => site::revoke(visitor, key).await,
            None => site::revoke_by_hand(client, key).await,
        }
    };
    let refused = |node| probe::until(node, key, Verdict::Revoked, Duration::from_secs(10));
    let [one, two, three] = nodes;
    tokio::join!(revoked, refused(one), refused(two), refused(three));
    began.elapsed()
}

/// Requests on every node, and changes of other keys, for as long as it lasts.
struct Load {
    ending: Arc<AtomicBool>,
    running: JoinSet<()>,
    done: Arc<AtomicUsize>,
}

impl Load {
    async fn begin(nodes: &Arc<[Demo; NODES]>) -> Self {
        let (ending, done) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let mut running = JoinSet::new();
        for number in 0..NODES {
            let (nodes, ending, done) = (nodes.clone(), ending.clone(), done.clone());
            let key = site::issue(&nodes[number], "acct_pro", 1).await.remove(0);
            running.spawn(async move {
                let path = format!("/api/keys/{}", key.id);
                let visitor = nodes[number].log_in("acct_pro").await;
                while !ending.load(Ordering::Relaxed) {
                    for _ in 0..10 {
                        for node in &*nodes {
                            assert_eq!(probe::ask(node, &key).await, Verdict::Believed);
                        }
                    }
                    let named = done.fetch_add(1, Ordering::Relaxed);
                    let name = json!({ "name": format!("Name {named}") });
                    let renamed = visitor.call(Method::PATCH, &path, Some(name)).await;
                    assert_eq!(renamed.status, 200, "{}", renamed.text);
                }
            });
        }
        Self {
            ending,
            running,
            done,
        }
    }

    /// Ends it, unless it has failed.
    async fn end(self) {
        self.ending.store(true, Ordering::Relaxed);
        self.running.join_all().await;
        let rounds = self.done.load(Ordering::Relaxed);
        println!("meanwhile {} requests and {rounds} changes", rounds * 30);
        assert!(rounds > 10, "{rounds}");
    }
}
