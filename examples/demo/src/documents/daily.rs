use ringyo::{AccountId, Timestamp};
use rusqlite::params;

use super::{Documents, Fault};

/// The calls of one day in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DayOfCalls {
    /// As `2026-01-02`.
    pub(crate) date: String,
    /// Placed with live keys.
    pub(crate) live: u32,
    /// Placed with test keys.
    pub(crate) simulated: u32,
    /// What the live ones cost.
    pub(crate) credits: u32,
}

impl Documents {
    /// The calls of an account since a moment, by day, the oldest first. Days without are left out.
    pub(crate) async fn calls_by_day(
        &self,
        account: &AccountId,
        since: Timestamp,
    ) -> Result<Vec<DayOfCalls>, Fault> {
        let account = account.clone();
        self.database
            .read(move |database| {
                let days = database
                    .prepare_cached(
                        "SELECT substr(body ->> '$.created_at', 1, 10) AS day,
                                sum(NOT body ->> '$.simulated'),
                                sum(body ->> '$.simulated'),
                                sum(body ->> '$.credits')
                         FROM demo_documents
                         WHERE account = ?1 AND kind = 'call' AND body ->> '$.created_at' >= ?2
                         GROUP BY day ORDER BY day",
                    )?
                    .query_map(params![account.as_str(), since.to_string()], |row| {
                        Ok(DayOfCalls {
                            date: row.get(0)?,
                            live: row.get(1)?,
                            simulated: row.get(2)?,
                            credits: row.get(3)?,
                        })
                    })?
                    .collect::<Result<_, _>>()?;
                Ok(days)
            })
            .await
    }
}
