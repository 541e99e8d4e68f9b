//! Credits under many spenders.

use super::fixture::{Shared, race};
use super::wallets::{Purse, Receipt};
use crate::{OperationState, Outcome, Settlement, StoreErrorKind};

pub(super) async fn wallet_spenders_never_overdraw(store: Shared) {
    const SPENDERS: usize = 200;
    for (place, credits) in [0, 1, 137].into_iter().enumerate() {
        let purse = Purse::of(&store, &format!("acct_{place}")).await;
        let granted = purse.grant("g", credits).await;
        granted.expect("credits are granted");
        let results = race(SPENDERS, |racer| {
            let purse = purse.clone();
            let settlement = match racer % 2 {
                0 => Settlement::Commit,
                _ => Settlement::Reserve,
            };
            async move { purse.debit(&format!("d{racer}"), 1, settlement).await }
        })
        .await;
        let (mut done, mut balances) = (0, Vec::new());
        for result in results {
            match result {
                Ok(receipt) => {
                    assert_eq!(receipt.outcome, Outcome::Done);
                    done += 1;
                    balances.push(receipt.balance);
                }
                Err(error) => {
                    let kind = error.kind();
                    assert_eq!(kind, StoreErrorKind::InsufficientCredits, "{error:?}");
                }
            }
        }
        assert_eq!(done, credits, "charges that were answered as done");
        balances.sort_unstable();
        let expected: Vec<u64> = (0..credits).collect();
        assert_eq!(balances, expected, "each charge has a balance of its own");
        assert_eq!(purse.balance().await, 0, "the balance in the end");
    }
}

pub(super) async fn wallet_racing_replays_charge_once(store: Shared) {
    const RACERS: usize = 50;
    let purse = Purse::of(&store, "acct_1").await;
    let granted = purse.grant("start", 1_000).await;
    granted.expect("credits are granted");
    for round in 0..5 {
        let charged = race(RACERS, |_| {
            let purse = purse.clone();
            async move {
                let operation = format!("d{round}");
                purse.debit(&operation, 10, Settlement::Commit).await
            }
        })
        .await;
        assert_eq!(done(charged), 1, "charges of one operation");
        assert_eq!(purse.balance().await, 1_000 - 10 * (round + 1));
    }
    let granted = race(RACERS, |_| {
        let purse = purse.clone();
        async move { purse.grant("g", 50).await }
    })
    .await;
    assert_eq!(done(granted), 1, "grants of one operation");
    assert_eq!(purse.balance().await, 1_000);
    let held = purse.debit("h", 40, Settlement::Reserve).await;
    held.expect("credits are held");
    let refunded = race(RACERS, |_| {
        let purse = purse.clone();
        async move { purse.settle("h", Settlement::Refund).await }
    })
    .await;
    assert_eq!(done(refunded), 1, "refunds of one operation");
    assert_eq!(purse.balance().await, 1_000);
}

/// How many calls did it themselves; all of them must have been answered.
fn done(results: Vec<Receipt>) -> usize {
    results
        .into_iter()
        .map(|result| result.expect("a replay is answered"))
        .filter(|receipt| receipt.outcome == Outcome::Done)
        .count()
}

pub(super) async fn wallet_racing_settlements_agree(store: Shared) {
    let purse = Purse::of(&store, "acct_1").await;
    let granted = purse.grant("start", 1_000).await;
    granted.expect("credits are granted");
    let mut balance = 1_000;
    for round in 0..30 {
        let operation = format!("d{round}");
        let held = purse.debit(&operation, 10, Settlement::Reserve).await;
        held.expect("credits are held");
        let results = race(8, |racer| {
            let (purse, operation) = (purse.clone(), operation.clone());
            let settlement = match (racer + round) % 2 {
                0 => Settlement::Commit,
                _ => Settlement::Refund,
            };
            async move { (settlement, purse.settle(&operation, settlement).await) }
        })
        .await;
        let winners: Vec<Settlement> = results
            .iter()
            .filter(|(_, result)| matches!(result, Ok(r) if r.outcome == Outcome::Done))
            .map(|&(settlement, _)| settlement)
            .collect();
        let [winner] = winners[..] else {
            panic!("one settlement wins, got {winners:?}");
        };
        for (settlement, result) in results {
            match result {
                Ok(receipt) => {
                    assert_eq!(settlement, winner, "only the winner's side is answered");
                    let state = receipt.operation.state;
                    assert_eq!(state, OperationState::from(winner));
                }
                Err(error) => {
                    assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error:?}");
                    assert_ne!(settlement, winner, "a replay is answered");
                }
            }
        }
        if winner == Settlement::Commit {
            balance -= 10;
        }
        assert_eq!(purse.balance().await, balance, "after {winner:?}");
    }
}
