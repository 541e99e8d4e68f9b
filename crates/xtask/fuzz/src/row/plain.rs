//! Rows of tables whose columns say nothing about each other.

use std::net::IpAddr;

use ringyo::store::{AccountStore as _, EventQuery, EventStore as _, NewDebit, NewEvent};
use ringyo::store::{Settlement, StoreError, WalletOperation, WalletStore as _};
use ringyo::{AccountId, OperationId, PageSize, StoreErrorKind, Timestamp};

use super::moment::{MOMENT, compare_moment, is_moment};
use super::{EDITED, Edits, ID, KEPT, Table, account, is_id};

const OPERATION: &str = "op_1";

/// As with a key, of a table whose columns are few and say nothing about each other.
pub(super) fn check(table: &Table, plain: &Plain, edits: &Edits<'_>) {
    let good = |column: &Column| column.good.map(|text| text.as_bytes().to_vec());
    let mut texts: Vec<Option<Vec<u8>>> = plain.texts.iter().map(good).collect();
    for (place, value) in &edits.texts {
        let Some(place) = usize::from(*place).checked_rem(texts.len()) else {
            break;
        };
        // SQLite itself holds the others to be there.
        if value.is_some() || plain.texts[place].is_optional {
            texts[place] = value.map(<[u8]>::to_vec);
        }
    }
    let number = edits.revision.unwrap_or(1);
    plain.write(table, &texts, number);

    let text = |place: usize| std::str::from_utf8(texts[place].as_deref()?).ok();
    let is_good = |(place, column): (usize, &Column)| match &texts[place] {
        None => column.is_optional,
        Some(_) => text(place).is_some_and(|text| column.holds.allows(text)),
    };
    let kind = texts.first().and_then(|_| text(0));
    match (plain.read)(table, number, kind) {
        Ok(found) => {
            assert_eq!(u64::try_from(number), Ok(found.number));
            assert_eq!(texts.len(), found.texts.len());
            for (place, (column, found)) in plain.texts.iter().zip(&found.texts).enumerate() {
                match (&texts[place], text(place), found) {
                    (None, _, None) => {}
                    (Some(_), Some(text), Some(found)) => column.holds.compare(text, found),
                    other => panic!("{}: {other:?}", column.name),
                }
            }
        }
        Err(error) => {
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
            let is_good = number >= 0 && plain.texts.iter().enumerate().all(is_good);
            assert!(!is_good, "{error:?} of {number} and {texts:?}");
        }
    }
}

/// A table whose columns say nothing about each other.
pub(super) struct Plain {
    name: &'static str,
    /// Columns by which the row is found, and what they hold.
    fixed: &'static [(&'static str, &'static str)],
    texts: &'static [Column],
    /// The one column of numbers, none of which is negative.
    number: &'static str,
    /// Reads the row. It is given the number and the first text, to ask for what is there.
    read: fn(&Table, i64, Option<&str>) -> Result<Found, StoreError>,
}

struct Column {
    name: &'static str,
    good: Option<&'static str>,
    is_optional: bool,
    holds: Holds,
}

/// What a column of texts may hold.
enum Holds {
    Anything,
    Account,
    Key,
    Moment,
    Address,
    One(&'static [&'static str]),
}

/// What was read, each as it prints itself.
struct Found {
    texts: Vec<Option<String>>,
    number: u64,
}

impl Plain {
    fn write(&self, table: &Table, texts: &[Option<Vec<u8>>], number: i64) {
        // Nothing says which row is the one of before.
        if self.fixed.is_empty() {
            table.clear(self.name);
        }
        let names = self.texts.iter().map(|column| column.name);
        let texts: Vec<_> = names.zip(texts.iter().map(Option::as_deref)).collect();
        table.replace(
            self.name,
            self.fixed,
            &texts,
            &[(self.number, Some(number))],
        );
    }
}

pub(super) static ACCOUNTS: Plain = Plain {
    name: "accounts",
    fixed: &[("id", EDITED)],
    texts: &[
        Column::new("plan", "pro", Holds::Anything),
        Column::new("created_at", MOMENT, Holds::Moment),
    ],
    number: "revision",
    read: |table, _, _| {
        let id = account(EDITED);
        let found = table.runtime.block_on(table.store.find_account(&id))?;
        let found = found.expect("the row is there");
        Ok(Found {
            texts: vec![Some(found.plan), Some(found.created_at.to_string())],
            number: found.revision.as_u64(),
        })
    },
};

pub(super) static EVENTS: Plain = Plain {
    name: "events",
    fixed: &[],
    texts: &[
        Column::new("at", MOMENT, Holds::Moment),
        Column::new("kind", "key.issued", Holds::One(&KINDS)),
        Column::new("actor", "fuzz", Holds::Anything),
        Column::optional("address", Holds::Address),
        Column::new("account", KEPT, Holds::Account),
        Column::optional("key", Holds::Key),
        Column::new("detail", "", Holds::Anything),
    ],
    number: "revision",
    read: |table, _, _| {
        let query = EventQuery {
            account: None,
            key: None,
            before: None,
            size: PageSize::MAX,
        };
        let page = table.runtime.block_on(table.store.list_events(&query))?;
        assert_eq!((page.items.len(), page.next), (1, None));
        let event = &page.items[0];
        let NewEvent {
            at,
            kind,
            actor,
            from,
            account,
            key,
            detail,
        } = &event.entry;
        Ok(Found {
            texts: vec![
                Some(at.to_string()),
                Some(kind.to_string()),
                Some(actor.clone()),
                from.map(|address| address.to_string()),
                Some(account.to_string()),
                key.map(|key| key.to_string()),
                Some(detail.clone()),
            ],
            number: event.revision.as_u64(),
        })
    },
};

pub(super) static WALLETS: Plain = Plain {
    name: "wallets",
    fixed: &[("account", EDITED)],
    texts: &[],
    number: "balance",
    read: |table, _, _| {
        let id = account(EDITED);
        let balance = table.runtime.block_on(table.store.balance(&id))?;
        Ok(Found {
            texts: Vec::new(),
            number: balance.expect("the row is there"),
        })
    },
};

pub(super) static OPERATIONS: Plain = Plain {
    name: "wallet_operations",
    fixed: &[("account", KEPT), ("operation", OPERATION)],
    texts: &[
        Column::new("kind", "grant", Holds::One(&["grant", "debit"])),
        Column::new(
            "state",
            "committed",
            Holds::One(&["reserved", "committed", "refunded"]),
        ),
        Column::optional("key", Holds::Key),
        Column::new("at", MOMENT, Holds::Moment),
    ],
    number: "amount",
    // An operation is read by whoever asks for it once more, and for the same.
    read: |table, amount, kind| {
        let (account, operation) = (account(KEPT), OperationId::new(OPERATION).expect("an id"));
        let amount = amount.try_into().unwrap_or(0);
        let at = Timestamp::MIN;
        let receipt = if kind == Some("debit") {
            let debit = NewDebit {
                account,
                operation,
                amount,
                key: ID.parse().expect("an id"),
                at,
                settlement: Settlement::Commit,
            };
            table.runtime.block_on(table.store.debit(&debit))?
        } else {
            let granted = table.store.grant(&account, &operation, amount, at);
            table.runtime.block_on(granted)?
        };
        let WalletOperation {
            kind,
            amount,
            state,
            key,
            at,
            ..
        } = receipt.operation;
        Ok(Found {
            texts: vec![
                Some(kind.as_str().to_owned()),
                Some(state.as_str().to_owned()),
                key.map(|key| key.to_string()),
                Some(at.to_string()),
            ],
            number: amount,
        })
    },
};

/// Written out once more: a kind that is gone cannot be read any longer.
const KINDS: [&str; 12] = [
    "key.issued",
    "key.renamed",
    "key.scopes_changed",
    "key.disabled",
    "key.enabled",
    "key.revoked",
    "key.regenerated",
    "key.leaked",
    "key.edited",
    "account.created",
    "account.plan_changed",
    "account.edited",
];

impl Column {
    const fn new(name: &'static str, good: &'static str, holds: Holds) -> Self {
        Self {
            name,
            good: Some(good),
            is_optional: false,
            holds,
        }
    }

    const fn optional(name: &'static str, holds: Holds) -> Self {
        Self {
            name,
            good: None,
            is_optional: true,
            holds,
        }
    }
}

impl Holds {
    fn allows(&self, text: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Account => AccountId::new(text).is_ok(),
            Self::Key => is_id(text),
            Self::Moment => is_moment(text),
            Self::Address => text.parse::<IpAddr>().is_ok(),
            Self::One(texts) => texts.contains(&text),
        }
    }

    fn compare(&self, text: &str, found: &str) {
        match self {
            Self::Moment => compare_moment(text, found),
            // One address may be written in several ways.
            Self::Address => assert_eq!(text.parse::<IpAddr>().ok(), found.parse().ok()),
            _ => {
                assert!(self.allows(text), "{text}");
                assert_eq!(text, found);
            }
        }
    }
}
