//! Credits and their ledger, one call after the other.

use super::fixture::*;
use crate::{
    AccountId, Credits, NewDebit, OperationKind, OperationState, Outcome, Settlement, StoreError,
    StoreErrorKind, WalletOperation, WalletReceipt,
};

use OperationKind::{Debit, Grant};
use OperationState::{Committed, Refunded, Reserved};
use Outcome::{Done, Replayed};
use Settlement::{Commit, Refund, Reserve};
use StoreErrorKind::{Conflict, InsufficientCredits, NotFound};

const CEILING: Credits = i64::MAX as Credits;

pub(super) type Receipt = Result<WalletReceipt, StoreError>;

/// One account's wallet.
#[derive(Clone)]
pub(super) struct Purse {
    pub(super) store: Shared,
    pub(super) account: AccountId,
}

impl Purse {
    pub(super) async fn of(store: &Shared, id: &str) -> Self {
        Self {
            store: store.clone(),
            account: account(store, id).await.id,
        }
    }

    pub(super) async fn balance(&self) -> Credits {
        let balance = self.store.balance(&self.account).await;
        balance
            .expect("a balance is read")
            .expect("the account is there")
    }

    pub(super) async fn grant(&self, operation: &str, amount: Credits) -> Receipt {
        let operation = operation_id(operation);
        let granted = self.store.grant(&self.account, &operation, amount, at(1));
        granted.await
    }

    pub(super) async fn debit(
        &self,
        operation: &str,
        amount: Credits,
        settlement: Settlement,
    ) -> Receipt {
        let debit = NewDebit {
            account: self.account.clone(),
            operation: operation_id(operation),
            amount,
            key: key_id(7),
            at: at(2),
            settlement,
        };
        self.store.debit(&debit).await
    }

    pub(super) async fn settle(&self, operation: &str, settlement: Settlement) -> Receipt {
        let operation = operation_id(operation);
        let settled = self
            .store
            .settle(&self.account, &operation, settlement, at(3));
        settled.await
    }

    /// The ledger entry that this suite expects of an operation.
    fn entry(
        &self,
        operation: &str,
        kind: OperationKind,
        amount: Credits,
        state: OperationState,
    ) -> WalletOperation {
        let debit = kind == OperationKind::Debit;
        WalletOperation {
            account: self.account.clone(),
            id: operation_id(operation),
            kind,
            amount,
            state,
            key: debit.then(|| key_id(7)),
            at: at(if debit { 2 } else { 1 }),
        }
    }

    async fn refused(&self, result: Receipt, expected: StoreErrorKind, balance: Credits) {
        refused(result, expected, "a change of the wallet");
        assert_eq!(
            self.balance().await,
            balance,
            "a refused change moves nothing"
        );
    }

    async fn expect(
        &self,
        result: Receipt,
        operation: WalletOperation,
        balance: Credits,
        outcome: Outcome,
    ) {
        let expected = WalletReceipt {
            operation,
            balance,
            outcome,
        };
        let receipt = result.expect("the wallet is changed");
        assert_eq!(receipt, expected);
        assert_eq!(
            self.balance().await,
            balance,
            "the balance is the receipt's"
        );
    }
}

pub(super) async fn wallet_starts_empty(store: Shared) {
    let purse = Purse::of(&store, "acct_1").await;
    assert_eq!(purse.balance().await, 0);
    let nobody = Purse {
        account: account_id("acct_2"),
        ..purse
    };
    let balance = store.balance(&nobody.account).await;
    assert_eq!(balance.expect("a balance is sought"), None);
    let what = "without account";
    refused(nobody.grant("g", 1).await, NotFound, what);
    refused(nobody.debit("d", 1, Commit).await, NotFound, what);
    refused(nobody.debit("d", 1, Reserve).await, NotFound, what);
    refused(nobody.settle("d", Commit).await, NotFound, what);
}

pub(super) async fn wallet_grants_and_charges(store: Shared) {
    let purse = Purse::of(&store, "acct_1").await;
    let before = events(&store, every_event()).await;
    let longest = "~".repeat(200);
    let odd = r#" it's "1"; -- \ % _ "#;
    let entry = purse.entry(&longest, Grant, 100, Committed);
    let granted = purse.grant(&longest, 100).await;
    purse.expect(granted, entry, 100, Done).await;
    let entry = purse.entry(odd, Debit, 30, Committed);
    let charged = purse.debit(odd, 30, Commit).await;
    purse.expect(charged, entry, 70, Done).await;
    let entry = purse.entry("all", Debit, 70, Committed);
    let charged = purse.debit("all", 70, Commit).await;
    purse.expect(charged, entry, 0, Done).await;
    let after = events(&store, every_event()).await;
    assert_eq!(after, before, "the ledger is apart from the audit trail");
}

pub(super) async fn wallet_operation_is_done_once(store: Shared) {
    let purse = Purse::of(&store, "acct_1").await;
    let grant = purse.entry("g", Grant, 100, Committed);
    let charge = purse.entry("c", Debit, 30, Committed);
    let hold = purse.entry("h", Debit, 20, Reserved);
    let granted = purse.grant("g", 100).await;
    purse.expect(granted, grant.clone(), 100, Done).await;
    let charged = purse.debit("c", 30, Commit).await;
    purse.expect(charged, charge.clone(), 70, Done).await;
    let held = purse.debit("h", 20, Reserve).await;
    purse.expect(held, hold.clone(), 50, Done).await;
    for _ in 0..3 {
        let granted = purse.grant("g", 100).await;
        purse.expect(granted, grant.clone(), 50, Replayed).await;
        let charged = purse.debit("c", 30, Commit).await;
        purse.expect(charged, charge.clone(), 50, Replayed).await;
        let held = purse.debit("h", 20, Reserve).await;
        purse.expect(held, hold.clone(), 50, Replayed).await;
    }
    // The rest of an operation's content is who asked first and when.
    let elsewhere = NewDebit {
        account: purse.account.clone(),
        operation: operation_id("c"),
        amount: 30,
        key: key_id(8),
        at: at(99),
        settlement: Commit,
    };
    let charged = store.debit(&elsewhere).await;
    purse.expect(charged, charge, 50, Replayed).await;
    // Spending it all does not make a paid operation unpayable.
    let emptied = purse.debit("rest", 50, Commit).await;
    emptied.expect("the rest is spent");
    let charge = purse.entry("c", Debit, 30, Committed);
    let charged = purse.debit("c", 30, Commit).await;
    purse.expect(charged, charge, 0, Replayed).await;
}

pub(super) async fn wallet_operation_id_means_one_thing(store: Shared) {
    let purse = Purse::of(&store, "acct_1").await;
    let granted = purse.grant("g", 100).await;
    granted.expect("credits are granted");
    let charged = purse.debit("d", 10, Commit).await;
    charged.expect("credits are spent");
    let held = purse.debit("h", 10, Reserve).await;
    held.expect("credits are held");
    for attempt in [
        purse.grant("g", 99).await,
        purse.grant("d", 10).await,
        purse.grant("h", 10).await,
        purse.debit("g", 100, Commit).await,
        purse.debit("g", 100, Reserve).await,
        purse.debit("d", 11, Commit).await,
        purse.debit("d", 1_000, Commit).await,
        purse.debit("h", 9, Reserve).await,
        purse.debit("new", 10, Refund).await,
    ] {
        purse.refused(attempt, Conflict, 80).await;
    }
    let entry = purse.entry("new", Debit, 10, Committed);
    let charged = purse.debit("new", 10, Commit).await;
    purse.expect(charged, entry, 70, Done).await;
}

pub(super) async fn wallet_operation_ids_belong_to_an_account(store: Shared) {
    let first = Purse::of(&store, "acct_1").await;
    let second = Purse::of(&store, "ACCT_1").await;
    for (operation, amount, balance) in [("g", 5, 5), ("G", 7, 12)] {
        for purse in [&first, &second] {
            let entry = purse.entry(operation, Grant, amount, Committed);
            let granted = purse.grant(operation, amount).await;
            purse.expect(granted, entry, balance, Done).await;
        }
    }
    let held = first.debit("h", 4, Reserve).await;
    held.expect("credits are held");
    second
        .refused(second.settle("h", Refund).await, NotFound, 12)
        .await;
    first
        .refused(first.settle("H", Refund).await, NotFound, 8)
        .await;
}

pub(super) async fn wallet_reserved_debit_is_settled_once(store: Shared) {
    let purse = Purse::of(&store, "acct_1").await;
    let granted = purse.grant("g", 100).await;
    granted.expect("credits are granted");
    let plan = [("c", Commit, Committed, 90), ("r", Refund, Refunded, 90)];
    for (operation, settlement, state, balance) in plan {
        let hold = purse.entry(operation, Debit, 10, Reserved);
        let held = purse.debit(operation, 10, Reserve).await;
        let off = if settlement == Commit { 90 } else { 80 };
        purse.expect(held, hold, off, Done).await;
        let settled = purse.entry(operation, Debit, 10, state);
        let answer = purse.settle(operation, settlement).await;
        purse.expect(answer, settled.clone(), balance, Done).await;
        for _ in 0..2 {
            let answer = purse.settle(operation, settlement).await;
            purse
                .expect(answer, settled.clone(), balance, Replayed)
                .await;
            // Both ways of asking for the debit again are told what became of it.
            for again in [Reserve, Commit] {
                let answer = purse.debit(operation, 10, again).await;
                purse
                    .expect(answer, settled.clone(), balance, Replayed)
                    .await;
            }
        }
        let other = if settlement == Commit { Refund } else { Commit };
        let answer = purse.settle(operation, other).await;
        purse.refused(answer, Conflict, balance).await;
        let answer = purse.settle(operation, Reserve).await;
        purse.refused(answer, Conflict, balance).await;
    }
}

pub(super) async fn wallet_settles_debits_only(store: Shared) {
    let purse = Purse::of(&store, "acct_1").await;
    let granted = purse.grant("g", 100).await;
    granted.expect("credits are granted");
    for settlement in [Commit, Refund] {
        let unknown = purse.settle("unknown", settlement).await;
        purse.refused(unknown, NotFound, 100).await;
        let grant = purse.settle("g", settlement).await;
        purse.refused(grant, NotFound, 100).await;
    }
    let charged = purse.debit("c", 40, Commit).await;
    charged.expect("credits are spent");
    let refunded = purse.settle("c", Refund).await;
    purse.refused(refunded, Conflict, 60).await;
    let entry = purse.entry("c", Debit, 40, Committed);
    let committed = purse.settle("c", Commit).await;
    purse.expect(committed, entry, 60, Replayed).await;
    let held = purse.debit("h", 40, Reserve).await;
    held.expect("credits are held");
    let reserved = purse.settle("h", Reserve).await;
    purse.refused(reserved, Conflict, 20).await;
    let refunded = purse.settle("h", Refund).await;
    let entry = purse.entry("h", Debit, 40, Refunded);
    purse.expect(refunded, entry, 60, Done).await;
}

pub(super) async fn wallet_insufficient_debit_notes_nothing(store: Shared) {
    let purse = Purse::of(&store, "acct_1").await;
    for (settlement, operation, balance) in [(Commit, "c", 0), (Reserve, "r", 0)] {
        for amount in [10, 11, CEILING, CEILING + 1, Credits::MAX] {
            let attempt = purse.debit(operation, amount, settlement).await;
            purse.refused(attempt, InsufficientCredits, balance).await;
        }
        let attempt = purse.settle(operation, Refund).await;
        purse.refused(attempt, NotFound, balance).await;
        let granted = purse.grant(&format!("for {operation}"), 10).await;
        granted.expect("credits are granted");
        let state = settlement.into();
        let entry = purse.entry(operation, Debit, 10, state);
        let charged = purse.debit(operation, 10, settlement).await;
        purse.expect(charged, entry, balance, Done).await;
    }
}

pub(super) async fn wallet_balance_has_a_ceiling(store: Shared) {
    let purse = Purse::of(&store, "acct_1").await;
    for amount in [CEILING + 1, Credits::MAX] {
        let granted = purse.grant("far too much", amount).await;
        purse.refused(granted, Conflict, 0).await;
    }
    let entry = purse.entry("all", Grant, CEILING, Committed);
    let granted = purse.grant("all", CEILING).await;
    purse.expect(granted, entry, CEILING, Done).await;
    for amount in [1, CEILING, CEILING + 1, Credits::MAX] {
        let granted = purse.grant("one more", amount).await;
        purse.refused(granted, Conflict, CEILING).await;
    }
    let held = purse.debit("h", 1, Reserve).await;
    held.expect("a credit is held");
    let entry = purse.entry("one more", Grant, 1, Committed);
    let granted = purse.grant("one more", 1).await;
    purse.expect(granted, entry, CEILING, Done).await;
    // The credit that is held has no place to go back to.
    let refunded = purse.settle("h", Refund).await;
    purse.refused(refunded, Conflict, CEILING).await;
    let charged = purse.debit("c", 1, Commit).await;
    charged.expect("a credit is spent");
    let entry = purse.entry("h", Debit, 1, Refunded);
    let refunded = purse.settle("h", Refund).await;
    purse.expect(refunded, entry, CEILING, Done).await;
    let entry = purse.entry("spent", Debit, CEILING, Committed);
    let charged = purse.debit("spent", CEILING, Commit).await;
    purse.expect(charged, entry, 0, Done).await;
}
