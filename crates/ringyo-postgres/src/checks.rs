//! Whether the role may do what it must, which is looked at when a store is opened, and under which
//! settings the server does not keep what it says it keeps.

use std::fmt;

use ringyo_store::{StoreError, StoreErrorKind};

use crate::call::Call;
use crate::columns::{Columns, column};
use crate::failure::Failure;

/// A setting of the server under which a change that was answered as done may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DurabilityRisk {
    /// `fsync` is off: a loss of power may lose or damage anything.
    FsyncOff,
    /// `full_page_writes` is off: a loss of power may damage pages.
    FullPageWritesOff,
    /// `synchronous_commit` is off: a crash of the server loses the last changes, a revocation
    /// for one.
    SynchronousCommitOff,
}

impl DurabilityRisk {
    pub(crate) const ALL: [Self; 3] = [
        Self::FsyncOff,
        Self::FullPageWritesOff,
        Self::SynchronousCommitOff,
    ];

    /// The setting that is off then.
    pub(crate) const fn setting(self) -> &'static str {
        match self {
            Self::FsyncOff => "fsync",
            Self::FullPageWritesOff => "full_page_writes",
            Self::SynchronousCommitOff => "synchronous_commit",
        }
    }
}

impl fmt::Display for DurabilityRisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let setting = self.setting();
        write!(
            f,
            "`{setting}` is off: what was answered as done may be lost"
        )
    }
}

/// Every right that the store needs, by table.
const RIGHTS: &[(&str, &[&str])] = &[
    ("meta", &["SELECT"]),
    ("accounts", &["SELECT", "INSERT", "UPDATE"]),
    ("keys", &["SELECT", "INSERT", "UPDATE"]),
    ("key_usage", &["SELECT", "INSERT", "UPDATE"]),
    ("events", &["SELECT", "INSERT"]),
    ("wallets", &["SELECT", "INSERT", "UPDATE"]),
    ("wallet_operations", &["SELECT", "INSERT", "UPDATE"]),
];

/// Refuses a role that lacks a right, by day and not at the first call that needs it.
pub(crate) async fn rights(call: &Call) -> Result<(), Failure> {
    let sql =
        "SELECT name || ' on ' || place FROM unnest($1::text[], $2::text[]) AS r (place, name)
               WHERE NOT has_table_privilege(place, name)";
    let needed = RIGHTS.iter();
    let needed =
        needed.flat_map(|(table, rights)| rights.iter().map(move |right| (*table, *right)));
    let (tables, rights): (Vec<&str>, Vec<&str>) = needed.unzip();
    let rows = call.query(sql, &[&tables, &rights]).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let lacking = rows
        .iter()
        .map(|row| Columns::of(row).text(column!("right")));
    let lacking: Vec<&str> = lacking.collect::<Result<_, Failure>>()?;
    Err(StoreError::with_source(
        StoreErrorKind::ReadOnly,
        "the role lacks a right that the store needs",
        lacking.join(", "),
    )
    .into())
}
