//! Credits that are spent on all nodes at once are spent once.

use std::sync::Arc;

use xtask::servers::PostgresOptions;

use crate::hand::Hand;
use crate::service::{Answer, Demo, Place, new_place};
use crate::site::Site;
use crate::spenders::{CREDITS, Line, Manner, NODES};
use crate::{TRIES, trials};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_on_postgres_charge_as_often_as_there_are_credits() {
    let Some(site) = Site::new(PostgresOptions::new()) else {
        return;
    };
    let nodes = Arc::new(std::array::from_fn(|_| site.start(&[])));
    let hand = Hand::Postgres(site.by_hand().await);
    spend(&nodes, &hand, trials(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_on_one_file_charge_as_often_as_there_are_credits() {
    let (_directory, file) = new_place();
    let nodes = Arc::new(std::array::from_fn(|_| Demo::start(Place::File(&file))));
    spend(&nodes, &Hand::File(file), trials(3)).await;
}

async fn spend(nodes: &Arc<[Demo; NODES]>, hand: &Hand, trials: usize) {
    for trial in 0..trials {
        for manner in [Manner::Once, Manner::Twice] {
            let mut left = TRIES;
            let (account, line) = loop {
                left -= 1;
                let account = format!("acct_{manner:?}_{trial}_{left}");
                hand.open_account(&account).await;
                let line = Arc::new(Line::open(&nodes[0], &account).await);
                let answers = line.spend(nodes, manner).await;
                if is_told(answers.into_iter().map(Result::unwrap)) {
                    break (account, line);
                }
                assert!(left > 0, "a node was late in each of {TRIES} tries");
            };
            assert_eq!(hand.spent(&account).await, (CREDITS, 0));

            // The control: one credit more is one call more.
            hand.grant(&account, 1).await;
            for (node, name, status) in [(1, "one-more", 201), (2, "too-many", 402)] {
                let late = line.place(&nodes[node], Some(name)).await.unwrap();
                assert_eq!(late.status, status, "{}", late.text);
            }
            assert_eq!(hand.spent(&account).await, (CREDITS + 1, 0));
        }
    }
    println!("exactly {CREDITS} charges for {CREDITS} credits, {trials} times, on {NODES} nodes");
}

/// As many calls as there were credits, and the others told that there are none; unless a busy
/// machine has left some without an answer.
fn is_told(answers: impl Iterator<Item = Answer>) -> bool {
    let (mut calls, mut late) = (0, 0);
    for answer in answers {
        match (answer.status, answer.code().as_str()) {
            (201, _) => {
                assert_eq!(answer.data()["credits"], 1);
                calls += 1;
            }
            (402, "insufficient_credits") => {}
            (503, _) => late += 1,
            _ => panic!("{answer:?}"),
        }
    }
    assert!(calls <= CREDITS, "{calls}");
    assert!(calls == CREDITS || late > 0, "{calls}");
    late == 0
}
