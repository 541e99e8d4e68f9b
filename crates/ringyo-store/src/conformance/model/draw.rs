//! Which calls there are, and how often each is drawn.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::{KeyFilter, KeyStatus, Settlement};

/// Accounts, keys, operations and followers that a series knows.
pub(super) const ACCOUNTS: usize = 3;
pub(super) const KEYS: usize = 6;
const OPERATIONS: usize = 4;
pub(super) const FOLLOWERS: usize = 2;

/// A call. Times are seconds, and `behind` is how far a write is off the revision it should name.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Account {
        account: usize,
    },
    Plan {
        account: usize,
        behind: i64,
    },
    Accounts {
        after: Option<usize>,
        limit: usize,
    },
    Issue {
        key: usize,
        account: usize,
        max: Option<u32>,
    },
    Change {
        key: usize,
        status: KeyStatus,
        expires: Option<i64>,
        behind: i64,
    },
    /// Regenerates; without an overlap the old key is superseded at once.
    Replace {
        old: usize,
        new: usize,
        overlap: Option<i64>,
        max: Option<u32>,
        behind: i64,
    },
    Touch(Vec<(usize, i64)>),
    Read {
        key: usize,
    },
    Peppers {
        at: i64,
    },
    List {
        account: Option<usize>,
        filter: KeyFilter,
        live: Option<bool>,
        name: Option<&'static str>,
        at: i64,
        size: usize,
        after: Option<(i64, usize)>,
    },
    /// Goes on with the list of all keys where the page before ended.
    NextPage {
        size: usize,
    },
    Grant {
        account: usize,
        operation: usize,
        amount: u64,
    },
    Debit {
        account: usize,
        operation: usize,
        amount: u64,
        settlement: Settlement,
    },
    Settle {
        account: usize,
        operation: usize,
        settlement: Settlement,
    },
    Balance {
        account: usize,
    },
    Events {
        account: Option<usize>,
        key: Option<usize>,
        before: Option<u64>,
        size: usize,
    },
    Follow {
        follower: usize,
    },
    FollowFromNowhere,
}

pub(super) fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![14 => of_accounts(), 32 => of_keys(), 20 => of_wallets(), 10 => of_the_trail()]
}

fn account() -> impl Strategy<Value = usize> {
    0..ACCOUNTS
}

fn key() -> impl Strategy<Value = usize> {
    0..KEYS
}

/// Few moments around the one at which everything is changed, so that ends are met exactly.
fn moment() -> impl Strategy<Value = i64> {
    3..8i64
}

/// Mostly the newest revision, now and then an older one.
fn behind() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(0i64), 1 => -3..3i64]
}

fn of_accounts() -> impl Strategy<Value = Kind> {
    prop_oneof![
        6 => account().prop_map(|account| Kind::Account { account }),
        3 => (account(), behind()).prop_map(|(account, behind)| Kind::Plan { account, behind }),
        1 => (of(account()), 0..4usize)
            .prop_map(|(after, limit)| Kind::Accounts { after, limit }),
    ]
}

fn of_keys() -> impl Strategy<Value = Kind> {
    let status = prop_oneof![
        6 => Just(KeyStatus::Active),
        4 => Just(KeyStatus::Disabled),
        2 => Just(KeyStatus::Revoked),
        1 => Just(KeyStatus::Superseded),
    ];
    let issue = (key(), account(), of(0..4u32));
    let change = (key(), status, of(moment()), behind());
    let replace = (key(), key(), of(moment()), of(0..3u32), behind());
    prop_oneof![
        9 => issue.prop_map(|(key, account, max)| Kind::Issue { key, account, max }),
        7 => change.prop_map(|(key, status, expires, behind)| Kind::Change {
            key,
            status,
            expires,
            behind
        }),
        5 => replace.prop_map(|(old, new, overlap, max, behind)| Kind::Replace {
            old,
            new,
            overlap,
            max,
            behind
        }),
        3 => vec((key(), 0..20i64), 0..4).prop_map(Kind::Touch),
        2 => key().prop_map(|key| Kind::Read { key }),
        1 => moment().prop_map(|at| Kind::Peppers { at }),
        3 => list(),
        3 => (1..4usize).prop_map(|size| Kind::NextPage { size }),
    ]
}

fn list() -> impl Strategy<Value = Kind> {
    let filter = prop_oneof![Just(KeyFilter::All), Just(KeyFilter::Active)];
    let name = prop::sample::select(vec!["LIVE", "e", "t_", "%", "É"]);
    let asked = (of(account()), filter, of(any::<bool>()), of(name));
    let page = (moment(), 1..4usize, of((0..4i64, key())));
    (asked, page).prop_map(
        |((account, filter, live, name), (at, size, after))| Kind::List {
            account,
            filter,
            live,
            name,
            at,
            size,
            after,
        },
    )
}

fn of_wallets() -> impl Strategy<Value = Kind> {
    let settlement = || {
        prop_oneof![
            Just(Settlement::Reserve),
            Just(Settlement::Commit),
            Just(Settlement::Refund),
        ]
    };
    let huge = || prop_oneof![Just(u64::MAX), Just(i64::MAX as u64)];
    // Few, so that an operation is often asked for again as it was.
    let amount = || prop_oneof![9 => 0..3u64, 1 => 3..20u64, 1 => huge()];
    let granted = prop_oneof![4 => 0..20u64, 1 => huge()];
    let operation = || 0..OPERATIONS;
    // Mostly one wallet, so that much happens to it.
    let account = || prop_oneof![3 => Just(0), 1 => account()];
    prop_oneof![
        3 => (account(), operation(), granted).prop_map(|(account, operation, amount)| {
            Kind::Grant { account, operation, amount }
        }),
        5 => (account(), operation(), amount(), settlement()).prop_map(
            |(account, operation, amount, settlement)| Kind::Debit {
                account,
                operation,
                amount,
                settlement
            }
        ),
        4 => (account(), operation(), settlement()).prop_map(|(account, operation, settlement)| {
            Kind::Settle { account, operation, settlement }
        }),
        1 => account().prop_map(|account| Kind::Balance { account }),
    ]
}

/// The audit trail and the change feed, which are one log.
fn of_the_trail() -> impl Strategy<Value = Kind> {
    let events = (of(account()), of(key()), of(0..12u64), 1..4usize);
    prop_oneof![
        4 => events.prop_map(|(account, key, before, size)| Kind::Events {
            account,
            key,
            before,
            size
        }),
        5 => (0..FOLLOWERS).prop_map(|follower| Kind::Follow { follower }),
        1 => Just(Kind::FollowFromNowhere),
    ]
}
