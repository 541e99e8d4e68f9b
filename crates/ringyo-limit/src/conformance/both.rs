//! Several buckets.

use super::stage::{START, Stage, seconds, weight};
use crate::charge::Charge;
use crate::decision::{BucketKind, Decision};
use crate::quota::Quota;

const ACCOUNT: Quota = Quota::per_minute(10);
const KEY: Quota = Quota::per_minute(3);

pub(super) async fn independent_subjects(stage: &Stage) {
    let one = Charge::to_account("acct_1", ACCOUNT);
    stage.same("acct_1", stage.admitted(one, 20, START).await, 10);
    for other in ["acct_2", "acct_", "acct_10", "ACCT_1", "", "acct_1 "] {
        let charge = Charge::to_account(other, ACCOUNT);
        let admitted = stage.admitted(charge, 20, START).await;
        stage.same(format_args!("{other:?}"), admitted, 10);
    }
    let first = Charge::to_account("acct_3", ACCOUNT).with_key("key_1", KEY);
    let second = Charge::to_account("acct_3", ACCOUNT).with_key("key_2", KEY);
    stage.same("key_1", stage.admitted(first, 20, START).await, 3);
    stage.same("key_2", stage.admitted(second, 20, START).await, 3);
}

pub(super) async fn name_spaces(stage: &Stage) {
    let charge = Charge::to_account("same", ACCOUNT).with_key("same", KEY);
    let first = stage.ask(charge, START).await;
    stage.same("remaining", remaining(&first), (9, Some(2)));
    stage.same("with the key", stage.admitted(charge, 20, START).await, 2);
    let account = Charge::to_account("same", ACCOUNT);
    stage.same("account", stage.admitted(account, 20, START).await, 7);
}

pub(super) async fn both_or_neither(stage: &Stage) {
    let account = Charge::to_account("acct_1", ACCOUNT);
    let charge = account.with_key("key_1", KEY);
    stage.same("with the key", stage.admitted(charge, 3, START).await, 3);
    for _ in 0..5 {
        let denied = stage.ask(charge, START).await;
        stage.denied("the key is spent", &denied);
        stage.same("remaining", remaining(&denied), (7, Some(0)));
        stage.same("retry-after", denied.retry_after(), Some(seconds(20)));
    }
    let other = account.with_key("key_2", KEY);
    stage.same("the account", stage.admitted(account, 20, START).await, 7);
    for _ in 0..5 {
        let denied = stage.ask(other, START).await;
        stage.denied("the account is spent", &denied);
        stage.same("remaining", remaining(&denied), (0, Some(3)));
        stage.same("retry-after", denied.retry_after(), Some(seconds(6)));
    }
    let all = stage.ask(other.with_weight(weight(3)), seconds(18)).await;
    stage.allowed("three cells of both", &all);
    stage.same("remaining", remaining(&all), (0, Some(0)));
}

pub(super) async fn binding(stage: &Stage) {
    let account = Charge::to_account("acct_1", ACCOUNT);
    let charge = account.with_key("key_1", KEY);
    let kind = |decision: Decision| decision.binding().kind();
    let allowed = stage.ask(charge, START).await;
    stage.same("fewer cells", kind(allowed), BucketKind::Key);
    stage.admitted(charge, 2, START).await;
    let denied = stage.ask(charge, START).await;
    stage.same("spent", kind(denied), BucketKind::Key);
    let alone = stage.ask(account, START).await;
    stage.same("no key", kind(alone), BucketKind::Account);
    stage.admitted(account, 20, START).await;
    let other = stage.ask(account.with_key("key_2", KEY), START).await;
    stage.same("account spent", kind(other), BucketKind::Account);
    let longer = stage.ask(charge, START).await;
    stage.same("both spent", kind(longer), BucketKind::Key);

    let equal = Charge::to_account("acct_2", KEY).with_key("key_3", KEY);
    for _ in 0..4 {
        let decision = stage.ask(equal, START).await;
        stage.same("equal buckets", kind(decision), BucketKind::Account);
    }
}

fn remaining(decision: &Decision) -> (u32, Option<u32>) {
    let key = decision.key().map(|key| key.remaining());
    (decision.account().remaining(), key)
}
