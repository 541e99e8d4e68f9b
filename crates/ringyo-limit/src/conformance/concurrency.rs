//! Many callers, and clocks that disagree.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::stage::{START, Stage, seconds};
use crate::charge::Charge;
use crate::quota::Quota;

const CALLERS: usize = 8;
const ROUNDS: usize = 20;

pub(super) async fn fast_path(stage: &Stage) {
    let charge = Charge::to_account("acct_1", Quota::per_minute(60));
    let mut admitted = 0;
    for _ in 0..60 {
        let fast = stage.ask(charge, START).await;
        let whole = stage.ask_slowly(charge, START).await;
        admitted += u32::from(fast.is_allowed()) + u32::from(whole.is_allowed());
    }
    stage.same("both paths together", admitted, 60);
}

pub(super) async fn tally(stage: &Stage) {
    let by_name = Charge::to_account("acct_1", Quota::per_minute(60));
    stage.allowed("before the tally", &stage.ask(by_name, START).await);
    let tally = stage.limiter.tally("acct_1");
    let within_reach = by_name.with_tally(tally.as_ref());
    let mut admitted = 1;
    for _ in 0..60 {
        for charge in [within_reach, by_name] {
            admitted += u32::from(stage.ask(charge, START).await.is_allowed());
        }
    }
    stage.same("with the tally and without", admitted, 60);

    // What others do to the limiter meanwhile takes nothing from who has the tally.
    let idle = seconds(1_000);
    for other in 0..500 {
        let other = format!("acct_{other}_other");
        let other = Charge::to_account(&other, Quota::per_minute(60));
        stage.allowed("another account", &stage.ask(other, idle).await);
    }
    let mut admitted = 0;
    for _ in 0..60 {
        for charge in [within_reach, by_name] {
            admitted += u32::from(stage.ask(charge, idle).await.is_allowed());
        }
    }
    stage.same("after an idle time", admitted, 60);

    let key = within_reach.with_key("key_1", Quota::per_minute(1));
    let later = idle + seconds(60);
    stage.allowed("with a key", &stage.ask(key, later).await);
    let refused = stage.ask(key, later).await;
    stage.denied("the key once more", &refused);
    stage.same("left to the account", refused.account().remaining(), 59);
    let looked = stage.look(by_name, later).await;
    stage.same("left by name", looked.account().remaining(), 59);
}

pub(super) async fn time_steps_back(stage: &Stage) {
    let charge = Charge::to_account("acct_1", Quota::per_minute(60));
    let noon = seconds(1_000);
    stage.same("burst", stage.admitted(charge, 100, noon).await, 60);
    for back in [
        stage.tick,
        Duration::from_millis(1),
        seconds(1),
        seconds(900),
    ] {
        let denied = stage.ask(charge, noon - back).await;
        stage.denied(format_args!("{back:?} earlier"), &denied);
        let wait = Some(seconds(1) + back);
        stage.same("retry-after", denied.retry_after(), wait);
    }
    let later = noon + seconds(1);
    stage.same("a second later", stage.admitted(charge, 9, later).await, 1);
}

pub(super) async fn parallel_callers(stage: &Stage) {
    let quota = Quota::per_minute(120);
    for round in 0..ROUNDS {
        let callers = (0..CALLERS).map(|_| {
            let (stage, subject) = (stage.clone(), format!("acct_{round}"));
            tokio::spawn(async move {
                let charge = Charge::to_account(&subject, quota);
                stage.admitted(charge, 30, START).await
            })
        });
        let admitted = total(callers.collect()).await;
        stage.same(format_args!("round {round}, admitted"), admitted, 120);
    }
}

pub(super) async fn parallel_keys(stage: &Stage) {
    for round in 0..ROUNDS {
        // Together the wide keys ask for more than the account holds, the tight ones for less.
        two_keys(stage, &format!("wide_{round}"), 75, 100).await;
        two_keys(stage, &format!("tight_{round}"), 30, 60).await;
    }
}

async fn two_keys(stage: &Stage, name: &str, key_burst: u32, expected: u32) {
    let (account_quota, key_quota) = (Quota::per_minute(100), Quota::per_minute(key_burst));
    let account: Arc<str> = name.into();
    let keys = [format!("{name}_a"), format!("{name}_b")];
    let mut per_key = [Vec::new(), Vec::new()];
    for caller in 0..CALLERS {
        let side = caller % 2;
        let (stage, account, key) = (stage.clone(), account.clone(), keys[side].clone());
        per_key[side].push(tokio::spawn(async move {
            let charge = Charge::to_account(&account, account_quota).with_key(&key, key_quota);
            stage.admitted(charge, 25, START).await
        }));
    }
    let [a, b] = per_key;
    let admitted = [total(a).await, total(b).await];
    let sum = admitted[0] + admitted[1];
    stage.same(format_args!("{name}, admitted"), sum, expected);
    for (key, admitted) in keys.iter().zip(admitted) {
        let charge = Charge::to_account(&account, account_quota).with_key(key, key_quota);
        let state = stage.look(charge, START).await;
        let key_left = state.key().map(|key| key.remaining());
        let key_expected = key_burst.checked_sub(admitted);
        stage.same(format_args!("left of {key}"), key_left, key_expected);
        let account_left = state.account().remaining();
        stage.same(format_args!("left of {name}"), account_left, 100 - expected);
    }
}

async fn total(callers: Vec<JoinHandle<u32>>) -> u32 {
    let mut total = 0;
    for caller in callers {
        match caller.await {
            Ok(admitted) => total += admitted,
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(cancelled) => panic!("a caller did not finish: {cancelled}"),
            },
        }
    }
    total
}
