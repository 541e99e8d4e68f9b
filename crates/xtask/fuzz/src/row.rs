//! A row that was written by hand, against what each of its columns may hold.

use std::net::IpAddr;
use std::sync::{LazyLock, Mutex};

use arbitrary::{Arbitrary, Unstructured};
use ringyo::scope::ScopeSet;
use ringyo::store::AccountStore as _;
use ringyo::store::{Account, KeyQuota, KeyStore as _, NewEvent};
use ringyo::{
    AccountId, EventKind, KeyId, KeyRecord, Revision, SqliteStore, StoreErrorKind, Timestamp,
};
use rusqlite::Connection;
use tokio::runtime::Runtime;

use crate::Subject;

const ID: &str = "000000000001";

/// Columns of text that are written, in the order in which an input names them.
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

    let table = TABLE.lock().expect("nobody panicked holding it");
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
            "2026-01-01T00:00:00.000Z",
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
        let is_id =
            |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_alphanumeric());
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
                    assert!(is_moment(text), "{text}");
                    // To the second: further digits may have been cut.
                    let shown = found.to_string();
                    assert_eq!(shown[..10], text[..10]);
                    assert_eq!(shown[11..19], text[11..19]);
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
        let id = AccountId::new("acct_1").expect("an id");
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
}
