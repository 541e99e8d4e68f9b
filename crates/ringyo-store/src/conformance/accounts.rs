//! Accounts, their revisions and their list.

use super::fixture::*;
use crate::{Account, EventKind, Revision, StoreError, StoreErrorKind, Timestamp};

async fn try_insert(store: &Shared, account: &Account) -> Result<Account, StoreError> {
    let event = account_event(EventKind::AccountCreated, &account.id);
    store.insert_account(account, &event).await
}

async fn try_update(store: &Shared, account: &Account) -> Result<Account, StoreError> {
    let event = account_event(EventKind::AccountPlanChanged, &account.id);
    store.update_account(account, &event).await
}

async fn find(store: &Shared, id: &str) -> Option<Account> {
    let found = store.find_account(&account_id(id)).await;
    found.expect("an account is sought")
}

pub(super) async fn account_keeps_every_field(store: Shared) {
    let longest = "A".repeat(128);
    let odd = "pro 'x' \"y\"; -- \\ % 🔑 e\u{301}";
    for (id, plan, created_at) in [
        ("a", "", Timestamp::MIN),
        (longest.as_str(), odd, Timestamp::MAX),
        ("a.b_c~d:e@f-9", " Pro ", at(7)),
    ] {
        let draft = Account {
            revision: Revision::new(77),
            ..Account::new(account_id(id), plan, created_at)
        };
        let inserted = try_insert(&store, &draft).await;
        let inserted = inserted.expect("an account is inserted");
        // Taken apart so that a new field does not compile until it is compared here.
        let Account {
            id: found_id,
            plan: found_plan,
            created_at: found_created_at,
            revision,
        } = &inserted;
        assert_eq!(*found_id, draft.id);
        assert_eq!(*found_plan, draft.plan);
        assert_eq!(*found_created_at, draft.created_at);
        assert!(*revision > Revision::NONE, "the store sets a revision");
        assert_eq!(find(&store, id).await.as_ref(), Some(&inserted));

        let write = Account {
            plan: format!("{plan} and more"),
            created_at: at(99),
            ..inserted.clone()
        };
        let updated = try_update(&store, &write).await;
        let updated = updated.expect("an account is updated");
        let expected = Account {
            created_at,
            revision: updated.revision,
            ..write
        };
        assert_eq!(updated, expected, "all but the moment of creation");
        assert!(updated.revision > inserted.revision, "the revision rises");
        assert_eq!(find(&store, id).await, Some(updated));
    }
}

pub(super) async fn account_id_is_taken_once(store: Shared) {
    account(&store, "acct_1").await;
    let before = everything(&store).await;
    let again = Account::new(account_id("acct_1"), "agency", at(9));
    let inserted = try_insert(&store, &again).await;
    let what = "a second account of one id";
    refused(inserted, StoreErrorKind::AlreadyExists, what);
    assert_unchanged(&store, &before, what).await;
    let results = race(32, |racer| {
        let store = store.clone();
        let account = Account::new(account_id("acct_2"), format!("{racer}"), at(0));
        async move { try_insert(&store, &account).await }
    })
    .await;
    let winners: Vec<&Account> = results.iter().flatten().collect();
    assert_eq!(winners.len(), 1, "accounts of one id: {winners:?}");
    assert_eq!(find(&store, "acct_2").await.as_ref(), Some(winners[0]));
}

pub(super) async fn account_unknown_id_is_not_found(store: Shared) {
    account(&store, "acct_1").await;
    assert_eq!(find(&store, "acct_2").await, None);
    let before = everything(&store).await;
    let stranger = Account::new(account_id("acct_2"), "pro", at(0));
    let updated = try_update(&store, &stranger).await;
    let what = "an update of an unknown account";
    refused(updated, StoreErrorKind::NotFound, what);
    assert_unchanged(&store, &before, what).await;
}

pub(super) async fn account_ids_keep_their_case(store: Shared) {
    let lower = account(&store, "acct_a").await;
    let upper = account(&store, "acct_A").await;
    assert_eq!(find(&store, "ACCT_A").await, None);
    let write = Account {
        plan: "agency".to_owned(),
        ..upper
    };
    let upper = try_update(&store, &write).await;
    let upper = upper.expect("an account is updated");
    assert_eq!(find(&store, "acct_a").await, Some(lower));
    assert_eq!(find(&store, "acct_A").await, Some(upper));
}

pub(super) async fn account_update_needs_the_current_revision(store: Shared) {
    let first = account(&store, "acct_1").await;
    let other = account(&store, "acct_2").await;
    let second = try_update(&store, &first).await;
    let second = second.expect("an account is updated");
    let before = everything(&store).await;
    let later = Revision::new(second.revision.as_u64() + 1);
    for revision in [Revision::NONE, first.revision, other.revision, later] {
        let stale = Account {
            plan: "from a stale reading".to_owned(),
            revision,
            ..second.clone()
        };
        let what = "an update of another revision";
        let updated = try_update(&store, &stale).await;
        refused(updated, StoreErrorKind::Conflict, what);
        assert_unchanged(&store, &before, what).await;
    }
    let third = try_update(&store, &second).await;
    third.expect("the newest reading may still be written");
}

pub(super) async fn account_list_goes_by_id(store: Shared) {
    // In byte order: - . 0 : @ A _ a ~
    let sorted = [
        "-", ".", "0", "10", "9", ":", "@", "A", "Aa", "B", "_", "a", "aA", "aa", "b", "~",
    ];
    let list = async |after: Option<&str>, limit: usize| {
        let after = after.map(account_id);
        let listed = store.list_accounts(after.as_ref(), limit).await;
        listed.expect("accounts are listed")
    };
    assert_eq!(list(None, 9).await, [], "an empty store");
    for place in 0..sorted.len() {
        // A step that shares no factor with 16 visits all places out of order.
        account(&store, sorted[place * 7 % sorted.len()]).await;
    }
    for start in 0..=sorted.len() {
        let after = start.checked_sub(1).map(|place| sorted[place]);
        for limit in [0, 1, 3, sorted.len(), usize::MAX] {
            let listed = list(after, limit).await;
            let ids: Vec<&str> = listed.iter().map(|account| account.id.as_str()).collect();
            let expected: Vec<&str> = sorted.into_iter().skip(start).take(limit).collect();
            assert_eq!(ids, expected, "{limit} behind {after:?}");
        }
    }
    let listed = list(Some("a0"), 2).await;
    let ids: Vec<&str> = listed.iter().map(|account| account.id.as_str()).collect();
    assert_eq!(ids, ["aA", "aa"], "behind an id without account");
    assert_eq!(listed[..1], [find(&store, "aA").await.expect("is there")]);
}
