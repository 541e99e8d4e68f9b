//! Every message that a key has been revoked is lost. It ends all the same, in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_postgres::Client;
use xtask::servers::{Behaviour, PostgresOptions, Proxy};

use crate::probe::{self, Verdict};
use crate::service::Demo;
use crate::site::{self, Site};
use crate::{show, trials};

const ACCOUNT: &str = "acct_agency";

/// How long a node may go without confirming, here.
const BOUND: Duration = Duration::from_secs(1);

/// What comes on top of it before a key must be dead.
const ROOM: Duration = Duration::from_millis(500);

/// How long every node is asked in each trial, from the moment of revoking.
const WATCH: Duration = Duration::from_millis(2_200);

/// How a message is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The sessions that listen are ended, again and again.
    ListenerKilled,
    /// The server's processes for the sessions that listen do not run.
    ListenerPaused,
    /// No process of the server runs.
    DatabaseFrozen,
    /// The connections are open, and nothing comes through.
    HalfOpen,
}

impl Way {
    /// Whether a node can still read what has changed, if it asks.
    fn leaves_the_store_within_reach(self) -> bool {
        matches!(self, Self::ListenerKilled | Self::ListenerPaused)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_listener_is_killed_again_and_again() {
    lose(Way::ListenerKilled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_listener_is_paused() {
    lose(Way::ListenerPaused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_is_frozen() {
    lose(Way::DatabaseFrozen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_half_open() {
    lose(Way::HalfOpen).await;
}

/// Three nodes that keep to the bound, and one, the control, that has hardly any.
async fn lose(way: Way) {
    let Some(site) = Site::new(PostgresOptions::new()) else {
        return;
    };
    let network = site.network();
    let start = |bound: &str| site.start_through(&network, &["--max-staleness", bound]);
    let nodes = [start("1s"), start("1s"), start("1s"), start("1h")];
    let nodes: Vec<&Demo> = nodes.iter().collect();
    let client = Arc::new(site.by_hand().await);
    let trials = trials(3);
    let keys = site::issue(nodes[0], ACCOUNT, trials + 1).await;
    let (witness, keys) = keys.split_last().unwrap();

    let (mut bounded, mut unbounded) = (Vec::new(), Vec::new());
    for (number, key) in keys.iter().enumerate() {
        for node in &nodes {
            assert_eq!(probe::ask(node, key).await, Verdict::Believed);
        }
        // Some trials begin right after the key was read, others at some moment between two
        // questions for what has changed.
        tokio::time::sleep(Duration::from_millis(number as u64 * 370 % 1_200)).await;
        let loss = Loss::begin(way, &site, &network, &client).await;
        site::revoke_by_hand(&client, key).await;
        let revoked = Instant::now();
        loss.is_committed();
        let mut seen = Vec::new();
        let asked = probe::watch(&nodes, key, revoked, WATCH).await;
        let over = revoked.elapsed();
        loss.end().await;
        for asked in asked {
            seen.push(probe::answers(asked).await);
        }

        let control = seen.pop().unwrap();
        for seen in seen {
            // The first request began when the key had just been revoked.
            let dead_after = probe::last_believed(&seen).unwrap_or_default();
            assert!(dead_after <= BOUND + ROOM, "{way:?}, {number}: {seen:?}");
            bounded.push(dead_after);
        }
        let dead_after = probe::last_believed(&control).unwrap_or_default();
        if !way.leaves_the_store_within_reach() {
            // The control: nothing but the bound has ended the key.
            let mut meanwhile = control.iter().filter(|seen| seen.ended < over);
            let is_lost = meanwhile.all(|seen| seen.verdict == Verdict::Believed);
            assert!(is_lost && dead_after > BOUND + ROOM, "{way:?}: {control:?}");
        }
        unbounded.push(dead_after);
        // All are well again, and what they say then they say by what they have read.
        for node in &nodes {
            probe::until(node, witness, Verdict::Believed, Duration::from_secs(10)).await;
            probe::until(node, key, Verdict::Revoked, Duration::from_secs(2)).await;
        }
    }

    // The control: what was to be lost was lost.
    if way == Way::ListenerPaused {
        assert!(
            bounded
                .iter()
                .any(|dead| *dead > Duration::from_millis(250))
        );
    }
    if way.leaves_the_store_within_reach() {
        // A node that hears nothing asks once a second.
        assert!(unbounded.iter().all(|dead| *dead <= BOUND + ROOM));
    }
    println!("{way:?}: no key outlived its bound of {BOUND:?}");
    show(&format!("{way:?}: dead after"), bounded);
    show(&format!("{way:?}: the same without a bound"), unbounded);
}

/// A loss of messages that goes on.
struct Loss<'s> {
    way: Way,
    site: &'s Site,
    network: &'s Proxy,
    client: Arc<Client>,
    paused: Vec<i32>,
    killing: Option<(JoinHandle<()>, Arc<AtomicUsize>)>,
}

impl<'s> Loss<'s> {
    async fn begin(way: Way, site: &'s Site, network: &'s Proxy, client: &Arc<Client>) -> Self {
        let mut loss = Self {
            way,
            site,
            network,
            client: client.clone(),
            paused: Vec::new(),
            killing: None,
        };
        match way {
            Way::ListenerKilled => {
                let killed = Arc::new(AtomicUsize::new(site::end_listening(client).await));
                let killing = tokio::spawn(kill_on(client.clone(), killed.clone()));
                loss.killing = Some((killing, killed));
            }
            Way::ListenerPaused => {
                loss.paused = site::listening(client).await;
                assert_eq!(loss.paused.len(), 4, "each node listens");
            }
            Way::DatabaseFrozen => {
                // Before anything is revoked: neither the sessions there are nor new ones.
                loss.paused = site::working(client).await;
                loss.paused.push(postmaster(site));
            }
            Way::HalfOpen => network.behave(Behaviour::Swallow),
        }
        site::pause(&loss.paused);
        loss
    }

    /// The key has been revoked.
    fn is_committed(&self) {
        if self.way == Way::DatabaseFrozen {
            self.site.postgres.freeze().unwrap();
        }
    }

    async fn end(self) {
        site::resume(&self.paused);
        match self.way {
            Way::ListenerKilled => {
                let (killing, killed) = self.killing.unwrap();
                killing.abort();
                drop(killing.await);
                // The control: there was something to kill, more than once for each node.
                assert!(killed.load(Ordering::Relaxed) > 8);
            }
            Way::ListenerPaused => {}
            Way::DatabaseFrozen => self.site.postgres.thaw().unwrap(),
            Way::HalfOpen => {
                self.network.behave(Behaviour::Pass);
            }
        }
        // The session by hand has outlived it.
        self.client.batch_execute("SELECT 1").await.unwrap();
    }
}

async fn kill_on(client: Arc<Client>, killed: Arc<AtomicUsize>) {
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        killed.fetch_add(site::end_listening(&client).await, Ordering::Relaxed);
    }
}

/// The process of the server that makes sessions.
fn postmaster(site: &Site) -> i32 {
    let file = site.postgres.data().join("postmaster.pid");
    let file = std::fs::read_to_string(file).unwrap();
    file.lines().next().unwrap().parse().unwrap()
}
