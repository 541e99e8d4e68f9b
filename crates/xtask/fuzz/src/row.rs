//! A row that was written by hand, against what each of its columns may hold.

mod keys;
mod moment;
mod plain;

use std::sync::{LazyLock, Mutex};

use arbitrary::{Arbitrary, Unstructured};
use ringyo::store::{Account, AccountStore as _, NewEvent};
use ringyo::{AccountId, EventKind, Revision, SqliteStore, Timestamp};
use rusqlite::Connection;
use tokio::runtime::Runtime;

use crate::Subject;
use plain::{ACCOUNTS, EVENTS, OPERATIONS, Plain, WALLETS};

const ID: &str = "000000000001";
/// An account whose rows are written by hand, and one whose rows are left as they are.
const EDITED: &str = "acct_2";
const KEPT: &str = "acct_1";

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

struct Table {
    _directory: tempfile::TempDir,
    runtime: Runtime,
    store: SqliteStore,
    by_hand: Connection,
}

/// Edits one row and reads it: it comes back as it stands, or is named as corrupt.
pub fn check(input: &[u8], subject: Subject) {
    static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(|| Mutex::new(Table::new()));
    let Ok(edits) = Edits::arbitrary(&mut Unstructured::new(input)) else {
        return;
    };
    let table = TABLE.lock().expect("nobody panicked holding it");
    match edits.table.plain() {
        None => keys::check(&table, edits, subject),
        Some(plain) => plain::check(&table, plain, &edits),
    }
}

fn account(id: &str) -> AccountId {
    AccountId::new(id).expect("an id")
}

fn is_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
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

    /// Writes a row in the place of the one with the same key. What is `fixed` is said beside its
    /// column, and all the rest may hold anything.
    fn replace<'a>(
        &self,
        name: &str,
        fixed: &[(&'a str, &str)],
        texts: &[(&'a str, Option<&[u8]>)],
        numbers: &[(&'a str, Option<i64>)],
    ) {
        let quoted = fixed
            .iter()
            .map(|(column, value)| (*column, format!("'{value}'")));
        // As text even where it is no UTF-8.
        let text = |(place, (column, _)): (usize, &(&'a str, _))| {
            (*column, format!("CAST(?{} AS TEXT)", place + 1))
        };
        let number = |(place, (column, _)): (usize, &(&'a str, _))| {
            (*column, format!("?{}", texts.len() + place + 1))
        };
        let (columns, values): (Vec<&str>, Vec<String>) = quoted
            .chain(texts.iter().enumerate().map(text))
            .chain(numbers.iter().enumerate().map(number))
            .unzip();
        let sql = format!(
            "INSERT OR REPLACE INTO {name} ({}) VALUES ({})",
            columns.join(", "),
            values.join(", ")
        );
        let mut statement = self.by_hand.prepare_cached(&sql).expect("a statement");
        for (place, (_, text)) in texts.iter().enumerate() {
            let bound = statement.raw_bind_parameter(place + 1, *text);
            bound.expect("a text");
        }
        for (place, (_, number)) in numbers.iter().enumerate() {
            let bound = statement.raw_bind_parameter(texts.len() + place + 1, *number);
            bound.expect("a number");
        }
        statement.raw_execute().expect("a row");
    }

    fn clear(&self, name: &str) {
        let all = format!("DELETE FROM {name}");
        let mut all = self.by_hand.prepare_cached(&all).expect("a statement");
        all.execute([]).expect("no rows");
    }
}
