//! What is looked at when a store is opened: whether the role may do what it must, and whether
//! the server keeps what it says it keeps.

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
    const fn setting(self) -> &'static str {
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

/// What is on is on as the session of the store sees it: a role or a database may have settings
/// of its own.
pub(crate) async fn durability(call: &Call) -> Result<Vec<DurabilityRisk>, Failure> {
    let mut risks = Vec::new();
    for risk in [
        DurabilityRisk::FsyncOff,
        DurabilityRisk::FullPageWritesOff,
        DurabilityRisk::SynchronousCommitOff,
    ] {
        let row = call
            .row("SELECT current_setting($1)", &[&risk.setting()])
            .await;
        if let Some(row) = row? {
            if Columns::of(&row).text(column!("current_setting"))? == "off" {
                risks.push(risk);
            }
        }
    }
    Ok(risks)
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
    let mut lacking = Vec::new();
    for (table, rights) in RIGHTS {
        for right in *rights {
            let row = call
                .row("SELECT has_table_privilege($1, $2)", &[table, right])
                .await;
            let row = row?;
            let has = row.map_or(Ok(false), |row| Columns::of(&row).value(column!("right")))?;
            if !has {
                lacking.push(format!("{right} on {table}"));
            }
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(StoreError::with_source(
        StoreErrorKind::ReadOnly,
        "the role lacks a right that the store needs",
        lacking.join(", "),
    )
    .into())
}
