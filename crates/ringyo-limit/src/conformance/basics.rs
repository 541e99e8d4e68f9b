//! One bucket.

use std::time::Duration;

use super::stage::{START, Stage, seconds, weight};
use crate::charge::Charge;
use crate::quota::Quota;

const PRO: Quota = Quota::per_minute(60);

pub(super) async fn burst_then_denial(stage: &Stage) {
    let charge = Charge::to_account("acct_1", PRO);
    for left in (0..60).rev() {
        let decision = stage.ask(charge, START).await;
        stage.allowed("within the burst", &decision);
        stage.same("remaining", decision.account().remaining(), left);
        stage.same("quota", decision.account().quota(), PRO);
        stage.same("retry-after when allowed", decision.retry_after(), None);
    }
    for _ in 0..100 {
        let decision = stage.ask(charge, START).await;
        stage.denied("after the burst", &decision);
        stage.same("remaining", decision.account().remaining(), 0);
        stage.same("retry-after", decision.retry_after(), Some(seconds(1)));
        stage.same("reset", decision.account().reset_after(), seconds(60));
    }
}

pub(super) async fn refill(stage: &Stage) {
    let charge = Charge::to_account("acct_1", PRO);
    stage.same("burst", stage.admitted(charge, 61, START).await, 60);
    let early = seconds(1) - stage.tick;
    stage.denied("a tick early", &stage.ask(charge, early).await);
    for (after, cells) in [(1, 1), (11, 10), (41, 30), (1_000, 60)] {
        let admitted = stage.admitted(charge, 100, seconds(after)).await;
        stage.same(
            format_args!("admitted {after} s after the start"),
            admitted,
            cells,
        );
    }
}

pub(super) async fn weights(stage: &Stage) {
    let seven = Charge::to_account("acct_1", PRO).with_weight(weight(7));
    stage.same(
        "requests of weight 7",
        stage.admitted(seven, 20, START).await,
        8,
    );
    let denied = stage.ask(seven, START).await;
    stage.denied("the ninth of weight 7", &denied);
    stage.same("remaining", denied.account().remaining(), 4);
    stage.same("retry-after", denied.retry_after(), Some(seconds(3)));
    let four = stage.ask(seven.with_weight(weight(4)), START).await;
    stage.allowed("the four cells that are left", &four);
    stage.same("remaining", four.account().remaining(), 0);
}

pub(super) async fn weight_above_burst(stage: &Stage) {
    let tight = Quota::per_minute(10);
    let account_too_small = Charge::to_account("acct_1", PRO).with_weight(weight(61));
    let key_too_small = Charge::to_account("acct_1", PRO)
        .with_key("key_1", tight)
        .with_weight(weight(11));
    for charge in [account_too_small, key_too_small] {
        for _ in 0..3 {
            let decision = stage.ask(charge, START).await;
            stage.denied("more than a bucket holds", &decision);
            stage.same("retry-after", decision.retry_after(), None);
            stage.same("remaining", decision.account().remaining(), 60);
            let key = decision.key().map(|key| key.remaining());
            stage.same("remaining of the key", key, charge.key().map(|_| 10));
        }
    }
    let whole = key_too_small.with_weight(weight(10));
    stage.allowed("the key's whole burst", &stage.ask(whole, START).await);
    let rest = account_too_small.with_weight(weight(50));
    stage.allowed("the account's rest", &stage.ask(rest, START).await);
}

pub(super) async fn retry_after(stage: &Stage) {
    let tick = stage.tick;
    let (wide, tight) = (Quota::per_minute(300), Quota::per_minute(60).with_burst(5));
    for (subject, account, key) in [
        ("account only", PRO, None),
        ("key waits longer", wide, Some(tight)),
        ("account waits longer", tight, Some(wide)),
    ] {
        let mut charge = Charge::to_account(subject, account);
        if let Some(quota) = key {
            charge = charge.with_key(subject, quota);
        }
        stage.admitted(charge, 400, START).await;
        let mut after = Duration::from_millis(300);
        for cells in [1, 3, 5] {
            let charge = charge.with_weight(weight(cells));
            let denied = stage.ask(charge, after).await;
            stage.denied(format_args!("{subject}, spent"), &denied);
            let Some(wait) = denied.retry_after() else {
                panic!("{subject}: expected a time to retry, got {denied:?}");
            };
            let early = stage.ask(charge, after + wait - tick).await;
            stage.denied(format_args!("{subject}, a tick early"), &early);
            stage.same("the rest of the wait", early.retry_after(), Some(tick));
            let at_last = stage.ask(charge, after + wait).await;
            stage.allowed(format_args!("{subject}, after the wait"), &at_last);
            after += wait;
        }
    }
}

pub(super) async fn reset(stage: &Stage) {
    let charge = Charge::to_account("acct_1", PRO);
    for spent in 1..=20 {
        let decision = stage.ask(charge, START).await;
        stage.same("reset", decision.account().reset_after(), seconds(spent));
    }
    let early = stage.look(charge, seconds(20) - stage.tick).await;
    stage.same("a tick early", early.account().remaining(), 59);
    let full = stage.look(charge, seconds(20)).await;
    stage.same("at the reset", full.account().remaining(), 60);
    stage.same("reset when full", full.account().reset_after(), START);
    let later = stage.ask(charge, seconds(500)).await;
    stage.same("reset", later.account().reset_after(), seconds(1));
}
