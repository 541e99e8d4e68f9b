//! A row that was written by hand, against what each of its columns may hold.

use std::net::IpAddr;
use std::sync::{LazyLock, Mutex};

use arbitrary::{Arbitrary, Unstructured};
use ringyo::scope::ScopeSet;
use ringyo::store::{Account, KeyQuota, NewDebit, NewEvent, Settlement, WalletOperation};
use ringyo::store::{AccountStore as _, EventQuery, EventStore as _, KeyStore as _};
use ringyo::store::{StoreError, WalletStore as _};
use ringyo::{
    AccountId, EventKind, KeyId, KeyRecord, OperationId, PageSize, Revision, SqliteStore,
    StoreErrorKind, Timestamp,
};
use rusqlite::Connection;
use tokio::runtime::Runtime;

use crate::Subject;

const ID: &str = "000000000001";
/// An account whose rows are written by hand, and one whose rows are left as they are.
const EDITED: &str = "acct_2";
const KEPT: &str = "acct_1";
const OPERATION: &str = "op_1";

/// Columns of text of a key that are written, in the order in which an input names them.
const TEXTS: [&str; 12] = [
    "account",
    "mode",
    "hint",
    "digest",
    "scopes",
    "allowed_networks",
    "status",
    "created_at",
    "expires_at",
    "replaced_by",
    "superseded_at",
    "description",
];

#[derive(Debug, Arbitrary)]
struct Edits<'a> {
    texts: Vec<(u8, Option<&'a [u8]>)>,
    pepper: Option<Option<i64>>,
    quota: Option<(Option<i64>, Option<i64>)>,
    revision: Option<i64>,
    /// Last, and the keys first: what ends early is about a key.
    table: Which,
}

/// The table that is edited.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Which {
    Keys,
    Accounts,
    Events,
    Wallets,
    Operations,
}

struct Table {
    _directory: tempfile::TempDir,
    runtime: Runtime,
    store: SqliteStore,
    by_hand: Connection,
}

/// What stands in the columns after the edits.
#[derive(Debug, Clone)]
struct Row {
    texts: [Option<Vec<u8>>; 12],
    pepper: Option<i64>,
    quota: (Option<i64>, Option<i64>),
    revision: i64,
}

/// Edits one row and reads it: it comes back as it stands, or is named as corrupt.
pub fn check(input: &[u8], subject: Subject) {
    static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(|| Mutex::new(Table::new()));
    let Ok(edits) = Edits::arbitrary(&mut Unstructured::new(input)) else {
        return;
    };
    let table = TABLE.lock().expect("nobody panicked holding it");
    match edits.table.plain() {
        None => check_key(&table, edits, subject),
        Some(plain) => check_plain(&table, plain, &edits),
    }
}

fn check_key(table: &Table, edits: Edits<'_>, subject: Subject) {
    let mut row = Row::good();
    for (column, value) in edits.texts {
        let place = usize::from(column) % TEXTS.len();
        // SQLite itself holds these to be there.
        let is_optional = place >= 8 && place != 7;
        if value.is_some() || is_optional {
            row.texts[place] = value.map(<[u8]>::to_vec);
        }
    }
    row.pepper = edits.pepper.unwrap_or(row.pepper);
    row.quota = edits.quota.unwrap_or(row.quota);
    row.revision = edits.revision.unwrap_or(row.revision);

    table.write(&row);
    let id = ID.parse().expect("an id");
    let mut found = table.runtime.block_on(table.store.find_key(id));
    if subject == Subject::Faulty
        && let Err(_) = &found
        && row.networks().is_none()
    {
        // Networks that make no sense are left out, and the key may be used from anywhere.
        let rest = Row {
            texts: std::array::from_fn(|place| match place {
                5 => Some(Vec::new()),
                _ => row.texts[place].clone(),
            }),
            ..row.clone()
        };
        table.write(&rest);
        found = table.runtime.block_on(table.store.find_key(id));
    }
    match found {
        Ok(record) => row.compare(&record.expect("the row is there")),
        Err(error) => {
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
            assert!(!row.is_good(), "{error:?} of {row:?}");
        }
    }
}

/// As with a key, of a table whose columns are few and say nothing about each other.
fn check_plain(table: &Table, plain: &Plain, edits: &Edits<'_>) {
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
    table.write_plain(plain, &texts, number);

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
struct Plain {
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

impl Which {
    /// Nothing for the keys.
    const fn plain(self) -> Option<&'static Plain> {
        match self {
            Self::Keys => None,
            Self::Accounts => Some(&ACCOUNTS),
            Self::Events => Some(&EVENTS),
            Self::Wallets => Some(&WALLETS),
            Self::Operations => Some(&OPERATIONS),
        }
    }
}

static ACCOUNTS: Plain = Plain {
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

static EVENTS: Plain = Plain {
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

static WALLETS: Plain = Plain {
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

static OPERATIONS: Plain = Plain {
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

const MOMENT: &str = "2026-01-01T00:00:00.000Z";

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

fn account(id: &str) -> AccountId {
    AccountId::new(id).expect("an id")
}

impl Row {
    fn good() -> Self {
        let texts = [
            "acct_1",
            "live",
            "rg_live_000000000001…",
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            "agents",
            "",
            "active",
            MOMENT,
        ];
        Self {
            texts: std::array::from_fn(|place| texts.get(place).map(|text| text.as_bytes().into())),
            pepper: Some(1),
            quota: (None, None),
            revision: 1,
        }
    }

    fn text(&self, place: usize) -> Option<&str> {
        std::str::from_utf8(self.texts[place].as_deref()?).ok()
    }

    /// Addresses and lengths of prefixes.
    fn networks(&self) -> Option<Vec<(IpAddr, u8)>> {
        let networks = self.text(5)?.split_ascii_whitespace().map(|network| {
            let (address, len) = network.split_once('/')?;
            let address: IpAddr = address.parse().ok()?;
            let is_number = len.bytes().all(|byte| byte.is_ascii_digit());
            let len: u8 = len.parse().ok().filter(|_| is_number)?;
            (len <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, len))
        });
        networks.collect()
    }

    fn is_good(&self) -> bool {
        let moment = |place: usize| match &self.texts[place] {
            None => place != 7,
            Some(_) => self.text(place).is_some_and(is_moment),
        };
        let is_hex = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let quota_number = |number: Option<i64>| number.is_none_or(|n| (1..1 << 32).contains(&n));
        self.text(0)
            .is_some_and(|text| AccountId::new(text).is_ok())
            && matches!(self.text(1), Some("live" | "test"))
            && self.text(2).is_some()
            && self.text(3).is_some_and(is_hex)
            && self
                .text(4)
                .is_some_and(|text| text.parse::<ScopeSet>().is_ok())
            && self.networks().is_some()
            && matches!(
                self.text(6),
                Some("active" | "disabled" | "superseded" | "revoked")
            )
            && [7, 8, 10].into_iter().all(moment)
            && (self.texts[9].is_none() || self.text(9).is_some_and(is_id))
            && (self.texts[11].is_none() || self.text(11).is_some())
            && self
                .pepper
                .is_none_or(|number| (1..1 << 16).contains(&number))
            && quota_number(self.quota.0)
            && quota_number(self.quota.1)
            && self.revision >= 0
    }

    fn compare(&self, record: &KeyRecord) {
        let same = |place: usize, found: String| assert_eq!(self.text(place), Some(found.as_str()));
        same(0, record.account.to_string());
        same(1, record.mode.to_string());
        same(2, record.hint.clone());
        let digest = self.text(3).map(str::to_ascii_lowercase);
        assert_eq!(digest, Some(record.digest.to_hex()));
        let scopes = self.text(4).and_then(|text| text.parse::<ScopeSet>().ok());
        assert_eq!(scopes.as_ref(), Some(&record.scopes));
        let networks = record.allowed_networks.iter();
        let networks = networks.map(|network| (network.addr(), network.prefix_len()));
        assert_eq!(self.networks(), Some(networks.collect()));
        same(6, record.status.as_str().to_owned());
        for (place, found) in [
            (7, Some(record.created_at)),
            (8, record.expires_at),
            (10, record.superseded_at),
        ] {
            match (self.text(place), found) {
                (None, None) => {}
                (Some(text), Some(found)) => {
                    let shown = found.to_string();
                    compare_moment(text, &shown);
                    assert_eq!(shown.parse::<Timestamp>(), Ok(found));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(self.text(9), record.replaced_by.as_ref().map(KeyId::as_str));
        assert_eq!(self.text(11), record.description.as_deref());
        let pepper = record.pepper.map(|pepper| i64::from(pepper.as_u16()));
        assert_eq!(self.pepper, pepper);
        let number = |quota: KeyQuota| i64::from(quota.per_minute.get());
        assert_eq!(self.quota.0, record.quota.map(number));
        let burst = |quota: KeyQuota| quota.burst.map(|burst| i64::from(burst.get()));
        assert_eq!(self.quota.0.and(self.quota.1), record.quota.and_then(burst));
        assert_eq!(self.revision, record.revision.as_u64().cast_signed());
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn compare_moment(text: &str, shown: &str) {
    assert!(is_moment(text), "{text}");
    // To the second: further digits may have been cut.
    assert_eq!(shown[..10], text[..10]);
    assert_eq!(shown[11..19], text[11..19]);
}

/// By its shape, and by the number of days in a month.
fn is_moment(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| are_digits)
    };
    let field = |start: usize| number(start..start + 2);
    let Some(rest) = bytes.get(19..) else {
        return false;
    };
    let fraction = match rest {
        [b'Z'] | [b'.', b'Z'] => true,
        [b'.', digits @ .., b'Z'] => digits.len() <= 9 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let (Some(year), Some(month), Some(day)) = (number(0..4), field(5), field(8)) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        _ => 31,
    };
    let marks = [(4, b"-"), (7, b"-"), (10, b"T"), (13, b":"), (16, b":")];
    fraction
        && marks.iter().all(|(place, mark)| bytes[*place] == mark[0])
        && year >= 1970
        && (1..=12).contains(&month)
        && (1..=days).contains(&day)
        && field(11).is_some_and(|hour| hour < 24)
        && field(14).is_some_and(|minute| minute < 60)
        && field(17).is_some_and(|second| second <= 60)
}

impl Table {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys.db");
        let store = runtime.block_on(SqliteStore::open(&path)).expect("a store");
        let created_at = Timestamp::from_unix_millis(0);
        let id = account(KEPT);
        let account = Account {
            id: id.clone(),
            plan: "pro".to_owned(),
            created_at,
            revision: Revision::NONE,
        };
        let event = NewEvent::new(EventKind::AccountCreated, id, "fuzz", created_at);
        let made = runtime.block_on(store.insert_account(&account, &event));
        made.expect("an account");
        let by_hand = Connection::open(&path).expect("the file");
        // Whoever can do this much can write anything.
        let triggers: Vec<String> = by_hand
            .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            .and_then(|mut names| names.query_map([], |row| row.get(0))?.collect())
            .expect("names");
        for name in triggers {
            by_hand
                .execute_batch(&format!("DROP TRIGGER {name}"))
                .expect("a trigger");
        }
        let nothing_is_checked = "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; \
                                  PRAGMA synchronous = OFF";
        by_hand.execute_batch(nothing_is_checked).expect("pragmas");
        Self {
            _directory: directory,
            runtime,
            store,
            by_hand,
        }
    }

    fn write(&self, row: &Row) {
        let columns = TEXTS.join(", ");
        // As text even where it is no UTF-8.
        let values = (1..=TEXTS.len()).map(|number| format!("CAST(?{number} AS TEXT)"));
        let values: Vec<String> = values.collect();
        let sql = format!(
            "INSERT OR REPLACE INTO keys (id, name, {columns}, pepper, quota_per_minute, \
             quota_burst, revision) VALUES ('{ID}', 'Fuzzed', {}, ?13, ?14, ?15, ?16)",
            values.join(", ")
        );
        let mut statement = self.by_hand.prepare_cached(&sql).expect("a statement");
        for (place, text) in row.texts.iter().enumerate() {
            let bound = statement.raw_bind_parameter(place + 1, text.as_deref());
            bound.expect("a text");
        }
        for (place, number) in [row.pepper, row.quota.0, row.quota.1, Some(row.revision)]
            .into_iter()
            .enumerate()
        {
            let bound = statement.raw_bind_parameter(TEXTS.len() + 1 + place, number);
            bound.expect("a number");
        }
        statement.raw_execute().expect("a row");
    }

    fn write_plain(&self, plain: &Plain, texts: &[Option<Vec<u8>>], number: i64) {
        if plain.fixed.is_empty() {
            // Nothing says which row is the one of before.
            let all = format!("DELETE FROM {}", plain.name);
            let mut all = self.by_hand.prepare_cached(&all).expect("a statement");
            all.execute([]).expect("no rows");
        }
        let fixed = plain.fixed.iter().copied();
        let (mut names, mut values): (Vec<_>, Vec<_>) = fixed
            .map(|(name, value)| (name, format!("'{value}'")))
            .unzip();
        for (place, column) in plain.texts.iter().enumerate() {
            names.push(column.name);
            // As text even where it is no UTF-8.
            values.push(format!("CAST(?{} AS TEXT)", place + 1));
        }
        names.push(plain.number);
        values.push(format!("?{}", texts.len() + 1));
        let sql = format!(
            "INSERT OR REPLACE INTO {} ({}) VALUES ({})",
            plain.name,
            names.join(", "),
            values.join(", ")
        );
        let mut statement = self.by_hand.prepare_cached(&sql).expect("a statement");
        for (place, text) in texts.iter().enumerate() {
            let bound = statement.raw_bind_parameter(place + 1, text.as_deref());
            bound.expect("a text");
        }
        let bound = statement.raw_bind_parameter(texts.len() + 1, number);
        bound.expect("a number");
        statement.raw_execute().expect("a row");
    }
}
