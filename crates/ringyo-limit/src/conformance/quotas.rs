//! Quotas that change, and quotas that promise more.

use std::time::Duration;

use super::stage::{START, Stage, seconds};
use crate::charge::Charge;
use crate::quota::Quota;

const PRO: Quota = Quota::per_minute(60);
const AGENCY: Quota = Quota::per_minute(300);

pub(super) async fn upgrade(stage: &Stage) {
    let (before, after) = (
        Charge::to_account("acct_1", PRO),
        Charge::to_account("acct_1", AGENCY),
    );
    stage.same("Pro", stage.admitted(before, 100, START).await, 60);
    stage.limiter.quota_changed("acct_1");
    let spent = stage.ask(after, START).await;
    stage.denied("Agency, just after", &spent);
    let fifth = Duration::from_millis(200);
    stage.same("retry-after", spent.retry_after(), Some(fifth));
    stage.same("Agency, 0.2 s", stage.admitted(after, 9, fifth).await, 1);
    let later = seconds(1);
    stage.same("Agency, 1 s", stage.admitted(after, 99, later).await, 4);

    let (before, after) = (
        Charge::to_account("acct_2", PRO).with_key("key_2", PRO),
        Charge::to_account("acct_2", PRO).with_key("key_2", AGENCY),
    );
    stage.same("key", stage.admitted(before, 100, START).await, 60);
    stage.limiter.quota_changed("acct_2");
    let key = stage.ask(after, START).await.key();
    stage.same("larger key quota", key.map(|key| key.remaining()), Some(0));
}

pub(super) async fn downgrade(stage: &Stage) {
    let (before, after) = (
        Charge::to_account("acct_1", AGENCY),
        Charge::to_account("acct_1", PRO),
    );
    stage.same("Agency", stage.admitted(before, 150, START).await, 150);
    stage.limiter.quota_changed("acct_1");
    let half = stage.look(after, START).await;
    stage.same("half spent stays so", half.account().remaining(), 30);
    stage.same("Pro", stage.admitted(after, 100, START).await, 30);
    let soon = Duration::from_millis(999);
    stage.same("Pro, too early", stage.admitted(after, 9, soon).await, 0);
    stage.same("Pro, 3 s", stage.admitted(after, 9, seconds(3)).await, 3);

    let narrow = Charge::to_account("acct_2", PRO.with_burst(10));
    let wide = Charge::to_account("acct_2", PRO);
    stage.same("wide", stage.admitted(wide, 100, START).await, 60);
    stage.limiter.quota_changed("acct_2");
    let denied = stage.ask(narrow, START).await;
    stage.denied("smaller burst", &denied);
    stage.same("remaining", denied.account().remaining(), 0);
    stage.same("retry-after", denied.retry_after(), Some(seconds(51)));
}

pub(super) async fn strict(stage: &Stage) {
    let quota = PRO.strict(10);
    let charge = Charge::to_account("acct_1", quota);
    let step = Duration::from_millis(100);
    let mut admissions = Vec::new();
    for index in 0..3_000 {
        let after = step * index;
        while stage.ask(charge, after).await.is_allowed() {
            admissions.push(after);
        }
    }
    for (index, first) in admissions.iter().enumerate() {
        let within = admissions[index..]
            .iter()
            .take_while(|after| **after <= *first + quota.period())
            .count();
        assert!(
            within <= 60,
            "Strict: expected at most 60 in a minute, got {within} from {first:?} on"
        );
    }
    // 10 at once, then 50 a minute for 299.9 seconds.
    stage.same("in five minutes", admissions.len(), 10 + 249);
}
