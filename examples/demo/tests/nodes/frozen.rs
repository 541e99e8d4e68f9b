//! A node that does not run for longer than the bound, as on a machine that swaps or is moved,
//! asks again before it answers.

use std::time::{Duration, Instant};

use xtask::servers::{Behaviour, PostgresOptions};

use crate::probe::{self, Verdict};
use crate::site::{self, Site};
use crate::trials;

/// How many requests wait for a node that is frozen.
const WAITING: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_frozen_asks_again_before_its_first_answer() {
    let Some(site) = Site::new(PostgresOptions::new()) else {
        return;
    };
    let network = site.network();
    let near = site.start(&["--max-staleness", "1s"]);
    let cut_off = site.start_through(&network, &["--max-staleness", "1s"]);
    let control = site.start_through(&network, &["--max-staleness", "1h"]);
    let nodes = [&near, &cut_off, &control];
    let client = site.by_hand().await;

    for key in site::issue(&near, "acct_agency", trials(3)).await {
        for node in nodes {
            probe::until(node, &key, Verdict::Believed, Duration::from_secs(10)).await;
        }
        // What these two could be told is lost. The first must ask, and is answered.
        network.behave(Behaviour::Swallow);
        nodes.iter().for_each(|node| node.freeze());
        site::revoke_by_hand(&client, &key).await;
        let revoked = Instant::now();
        let asked = nodes.map(|node| {
            let waiting = (0..WAITING).map(|_| probe::begin(node, &key, revoked));
            waiting.collect::<Vec<_>>()
        });
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        nodes.iter().for_each(|node| node.thaw());

        for (asked, expected) in asked.into_iter().zip([
            Verdict::Revoked,
            Verdict::Unknown,
            // Without a bound to speak of the same node believes what it believed before.
            Verdict::Believed,
        ]) {
            let seen = probe::answers(asked).await;
            assert!(seen.iter().all(|s| s.verdict == expected), "{seen:?}");
        }
        network.behave(Behaviour::Pass);
    }
    println!("no thawed node believed what it knew before");
}
