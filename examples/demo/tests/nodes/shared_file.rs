//! Several processes on one SQLite file keep to the bound that nodes on a database keep to.

use std::time::{Duration, Instant};

use crate::probe::{self, Verdict};
use crate::service::{Demo, Place, new_place};
use crate::{share, show, site, trials};

const ACCOUNT: &str = "acct_agency";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_revoked_by_another_process_is_refused_at_once() {
    let (_directory, file) = new_place();
    let one = Demo::start(Place::File(&file));
    let other = Demo::start(Place::File(&file));
    let visitor = one.log_in(ACCOUNT).await;
    let mut times = Vec::new();
    for (number, key) in site::issue(&one, ACCOUNT, trials(100))
        .await
        .iter()
        .enumerate()
    {
        for node in [&one, &other] {
            assert_eq!(probe::ask(node, key).await, Verdict::Believed);
        }
        if number % 2 == 0 {
            site::revoke(&visitor, key).await;
            // On the node itself nothing later is accepted.
            assert_eq!(probe::ask(&one, key).await, Verdict::Revoked);
        } else {
            let database = rusqlite::Connection::open(&file).unwrap();
            database.busy_timeout(Duration::from_secs(5)).unwrap();
            let revoke = "UPDATE keys SET status = 'revoked' WHERE id = ?1";
            assert_eq!(database.execute(revoke, [&key.id]).unwrap(), 1);
        }
        let longest = Duration::from_secs(5);
        times.push(probe::until(&other, key, Verdict::Revoked, longest).await);
    }
    times.sort();
    let (most, longest) = (share(&times, 99), share(&times, 100));
    show("one file: from revoked to refused by the other", times);
    assert!(most <= Duration::from_millis(250), "p99 {most:?}");
    assert!(longest <= Duration::from_secs(1), "max {longest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_frozen_reads_the_file_again_before_its_first_answer() {
    let (_directory, file) = new_place();
    let start = |bound: &str| Demo::start_with(Place::File(&file), &["--max-staleness", bound]);
    let (manager, bounded, control) = (start("1s"), start("1s"), start("1h"));
    let visitor = manager.log_in(ACCOUNT).await;
    let mut control_believed = 0;
    for key in site::issue(&manager, ACCOUNT, trials(5)).await {
        loop {
            for node in [&bounded, &control] {
                assert_eq!(probe::ask(node, &key).await, Verdict::Believed);
                node.freeze();
            }
            match site::try_revoke(&visitor, &key).await.status {
                200 => break,
                // One was frozen while it wrote, and so nobody else could.
                503 => [&bounded, &control].iter().for_each(|node| node.thaw()),
                status => panic!("{status}"),
            }
        }
        let revoked = Instant::now();
        let asked = [&bounded, &control].map(|node| {
            let waiting = (0..10).map(|_| probe::begin(node, &key, revoked));
            waiting.collect::<Vec<_>>()
        });
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        for node in [&bounded, &control] {
            node.thaw();
        }
        let [bounded, control] = asked;
        for seen in probe::answers(bounded).await {
            assert_eq!(seen.verdict, Verdict::Revoked);
        }
        let seen = probe::answers(control).await;
        control_believed += seen
            .iter()
            .filter(|s| s.verdict == Verdict::Believed)
            .count();
    }
    // The control: without a bound to speak of, what was known before is what is answered first.
    assert!(control_believed > 0);
}
