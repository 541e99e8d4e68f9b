//! Credits: live callers only, once for each operation, never below zero.

use std::sync::Arc;

use ringyo_auth::{LiveCaller, NewKey, WalletError};
use ringyo_store::{AccountId, OperationId, OperationState, Outcome};

use crate::support::{Setting, setting};

fn operation(name: &str) -> OperationId {
    OperationId::new(name).unwrap()
}

async fn with_credits(credits: u64) -> (Setting, LiveCaller, AccountId) {
    let setting = setting().await;
    let key = setting
        .issue(NewKey::live("acct_pro", "a").scopes(["calls"]))
        .await;
    let caller = setting
        .authenticate(&key)
        .await
        .unwrap()
        .require_live()
        .unwrap();
    let account = caller.account().clone();
    let wallet = setting.ringyo.wallet();
    wallet
        .grant(&account, credits, &operation("start"))
        .await
        .unwrap();
    (setting, caller, account)
}

#[tokio::test]
async fn a_charge_is_made_once_however_often_it_is_asked_for() {
    let (setting, caller, account) = with_credits(5).await;
    let wallet = setting.ringyo.wallet();
    let first = wallet
        .charge(&caller, 2, &operation("call-1"))
        .await
        .unwrap();
    assert_eq!((first.balance, first.outcome), (3, Outcome::Done));
    for _ in 0..3 {
        let again = wallet
            .charge(&caller, 2, &operation("call-1"))
            .await
            .unwrap();
        assert_eq!((again.balance, again.outcome), (3, Outcome::Replayed));
    }
    let other = wallet.charge(&caller, 1, &operation("call-1")).await;
    assert!(matches!(other, Err(WalletError::Conflict)));
    let much = wallet.charge(&caller, 4, &operation("call-2")).await;
    assert!(matches!(much, Err(WalletError::Insufficient { needed: 4 })));
    assert_eq!(wallet.balance(&account).await.unwrap(), 3);
    let nobody = wallet.balance(&AccountId::new("nobody").unwrap()).await;
    assert!(matches!(nobody, Err(WalletError::NotFound)));
}

#[tokio::test]
async fn what_is_held_is_spent_or_given_back() {
    let (setting, caller, account) = with_credits(5).await;
    let wallet = setting.ringyo.wallet();
    let held = wallet.reserve(&caller, 2, &operation("a")).await.unwrap();
    assert_eq!(wallet.balance(&account).await.unwrap(), 3);
    wallet.refund(&held).await.unwrap();
    assert_eq!(wallet.refund(&held).await.unwrap().balance, 5, "once");
    assert!(matches!(
        wallet.commit(&held).await,
        Err(WalletError::Conflict)
    ));
    // The operation is over: asking for it again is not a way to get it for nothing.
    for again in [
        wallet.reserve(&caller, 2, &operation("a")).await.map(drop),
        wallet.charge(&caller, 2, &operation("a")).await.map(drop),
    ] {
        assert!(matches!(again, Err(WalletError::Refunded)));
    }

    let held = wallet.reserve(&caller, 2, &operation("b")).await.unwrap();
    assert_eq!(held.charge.outcome, Outcome::Done);
    // Somebody may still give it back, so it is not paid for.
    let charged = wallet.charge(&caller, 2, &operation("b")).await;
    assert!(matches!(charged, Err(WalletError::Conflict)));
    // Who asks again is told that it is not theirs alone, and later that all is done.
    let again = wallet.reserve(&caller, 2, &operation("b")).await.unwrap();
    assert_eq!(again.charge.outcome, Outcome::Replayed);
    assert_eq!(again.charge.state, OperationState::Reserved);
    wallet.commit(&held).await.unwrap();
    assert_eq!(wallet.commit(&held).await.unwrap().balance, 3);
    let again = wallet.reserve(&caller, 2, &operation("b")).await.unwrap();
    assert_eq!(again.charge.state, OperationState::Committed);
    assert!(matches!(
        wallet.refund(&held).await,
        Err(WalletError::Conflict)
    ));
}

#[tokio::test]
async fn what_a_dead_process_held_can_be_given_back_once() {
    let (setting, caller, account) = with_credits(5).await;
    let wallet = setting.ringyo.wallet();
    drop(wallet.reserve(&caller, 2, &operation("a")).await.unwrap());
    wallet.charge(&caller, 1, &operation("b")).await.unwrap();
    for _ in 0..2 {
        let given = wallet
            .refund_abandoned(&account, &operation("a"))
            .await
            .unwrap();
        assert_eq!(given.balance, 4);
    }
    let committed = wallet.refund_abandoned(&account, &operation("b")).await;
    assert!(matches!(committed, Err(WalletError::Conflict)));
    let unknown = wallet.refund_abandoned(&account, &operation("c")).await;
    assert!(matches!(unknown, Err(WalletError::NotFound)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_spenders_and_forty_credits() {
    let (setting, caller, account) = with_credits(40).await;
    let setting = Arc::new(setting);
    let spenders: Vec<_> = (0..200)
        .map(|n| {
            let (wallet, caller) = (setting.ringyo.wallet(), caller.clone());
            tokio::spawn(async move {
                wallet
                    .charge(&caller, 1, &operation(&format!("call-{n}")))
                    .await
                    .is_ok()
            })
        })
        .collect();
    let mut charged = 0;
    for spender in spenders {
        charged += u64::from(spender.await.unwrap());
    }
    println!("{charged} of 200 paid with 40 credits");
    assert_eq!(charged, 40);
    assert_eq!(setting.ringyo.wallet().balance(&account).await.unwrap(), 0);
}
