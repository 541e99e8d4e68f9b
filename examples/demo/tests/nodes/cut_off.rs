//! Something goes wrong amid charges: no credit too many is there after it, and none is held.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::task::JoinHandle;
use xtask::servers::PostgresOptions;

use crate::hand::Hand;
use crate::service::{Answer, Demo, Place, kill, new_place};
use crate::site::{self, Site};
use crate::spenders::{CREDITS, Line, Manner, NODES};
use crate::trials;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_amid_charges_on_postgres_makes_no_credit_and_holds_none() {
    let Some(mut site) = Site::new(PostgresOptions::new()) else {
        return;
    };
    let mut seen = Seen::default();
    while let Some(trial) = seen.next_trial() {
        let nodes = Arc::new(std::array::from_fn(|_| site.start(&[])));
        let hand = Hand::Postgres(site.by_hand().await);
        let account = format!("acct_crash_{trial}");
        let spending = Spending::begin(&nodes, &hand, &account).await;
        if trial % 2 == 0 {
            kill(nodes[2].process_id());
        } else {
            site.postgres.kill().unwrap();
            site.postgres.start().unwrap();
        }
        let hand = Hand::Postgres(site.by_hand().await);
        seen.take_in(spending, &hand).await;
    }
    seen.are_settled(&site.start(&[]), &Hand::Postgres(site.by_hand().await))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_amid_charges_on_one_file_makes_no_credit_and_holds_none() {
    let (_directory, file) = new_place();
    let hand = Hand::File(file.clone());
    let mut seen = Seen::default();
    while let Some(trial) = seen.next_trial() {
        let nodes = Arc::new(std::array::from_fn(|_| Demo::start(Place::File(&file))));
        let account = format!("acct_crash_{trial}");
        let spending = Spending::begin(&nodes, &hand, &account).await;
        kill(nodes[trial % NODES].process_id());
        seen.take_in(spending, &hand).await;
    }
    seen.are_settled(&Demo::start(Place::File(&file)), &hand)
        .await;
}

/// Nothing has crashed, so nobody starts over: whether credits are held is what an answer that was
/// lost would have said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_end_amid_charges_hold_no_credit() {
    let Some(site) = Site::new(PostgresOptions::new()) else {
        return;
    };
    let nodes = Arc::new(std::array::from_fn(|_| site.start(&[])));
    let hand = Hand::Postgres(site.by_hand().await);
    let client = site.by_hand().await;
    let mut seen = Seen::default();
    while let Some(trial) = seen.next_trial() {
        let account = format!("acct_ended_{trial}");
        let spending = Spending::begin(&nodes, &hand, &account).await;
        while !spending.answers.is_finished() {
            site::end_charging(&client).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        seen.take_in(spending, &hand).await;
    }
    seen.are_settled(&nodes[0], &hand).await;
}

/// Spenders who are at it.
struct Spending {
    account: String,
    answers: JoinHandle<Vec<reqwest::Result<Answer>>>,
}

impl Spending {
    /// Returns once some have paid, and most have not.
    async fn begin(nodes: &Arc<[Demo; NODES]>, hand: &Hand, account: &str) -> Self {
        hand.open_account(account).await;
        let line = Arc::new(Line::open(&nodes[0], account).await);
        let nodes = nodes.clone();
        let spending = Self {
            account: account.to_owned(),
            answers: tokio::spawn(async move { line.spend(&nodes, Manner::Once).await }),
        };
        while hand.spent(account).await.0 < 20 {
            tokio::task::yield_now().await;
        }
        spending
    }
}

/// What has been seen of charges that something went wrong amid.
#[derive(Default)]
struct Seen {
    accounts: Vec<String>,
    paid_for: usize,
    cut_off: usize,
}

/// Longer than a call may be pending, and than it takes to look for such calls again.
const PATIENCE: Duration = Duration::from_secs(30);

impl Seen {
    /// The number of the next trial: more than usual as long as none was amid charges.
    fn next_trial(&self) -> Option<usize> {
        let (done, usual) = (self.accounts.len(), 2 * trials(3));
        let is_amid = self.paid_for > 0 && self.cut_off > 0;
        (done < usual || done < 5 * usual && !is_amid).then_some(done)
    }

    async fn take_in(&mut self, spending: Spending, hand: &Hand) {
        let account = spending.account;
        for answer in spending.answers.await.unwrap() {
            match answer {
                // Answered, so it is paid for, whatever happened then.
                Ok(answer) if answer.status == 201 => {
                    let call = answer.data()["id"].as_str().unwrap().to_owned();
                    assert_eq!(hand.state(&account, &call).await, "committed");
                    self.paid_for += 1;
                }
                Ok(answer) if answer.status == 402 => {}
                Ok(_) | Err(_) => self.cut_off += 1,
            }
        }
        assert_eq!(hand.there_are(&account).await, CREDITS);
        self.accounts.push(account);
    }

    /// Every credit that was held is given back or paid for a call, once, in time.
    async fn are_settled(self, demo: &Demo, hand: &Hand) {
        let began = Instant::now();
        loop {
            let (held, pending) = (hand.held().await, hand.pending().await);
            if (held, pending) == (0, 0) {
                break;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{held} credits are held, {pending} calls pending"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for account in &self.accounts {
            let (paid, left) = hand.spent(account).await;
            assert_eq!(paid + left, CREDITS, "{account}");
            assert_eq!(hand.called_for(account).await, paid, "{account}");
        }
        // The controls: a hold of which no call tells stays, and is counted, and so is a credit
        // that came from nowhere.
        let account = &self.accounts[0];
        hand.execute(&format!(
            "INSERT INTO wallet_operations (account, operation, kind, amount, state, at)
             VALUES ('{account}', 'astray', 'debit', 1, 'reserved', '2026-01-02T03:04:05.678Z')"
        ))
        .await;
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(hand.held().await, 1);
        assert_eq!(hand.there_are(account).await, CREDITS + 1);
        let health = Answer::of(demo.request(Method::GET, "/healthz")).await;
        assert_eq!(health.status, 200, "{}", health.text);
        // It was amid charges.
        let (paid_for, cut_off) = (self.paid_for, self.cut_off);
        assert!(paid_for > 0 && cut_off > 0, "{paid_for}, {cut_off}");
        println!("{paid_for} charges were answered, {cut_off} were not");
    }
}
