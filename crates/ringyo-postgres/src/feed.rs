//! The change feed: the events table read as a log, in an order that no transaction can upset.
//!
//! # Why no change is skipped
//!
//! The numbers of events rise in the order in which they were written, but transactions commit in
//! another: a reader that asks for the numbers behind the last one it saw never sees an event
//! that was written before and committed after. So the log is not read by numbers. A cursor
//! carries the *snapshot* with which the last answer was read, which is PostgreSQL's own
//! description of who had finished then, and the next answer is
//!
//! > the events that are visible now and were not visible in that snapshot.
//!
//! Let S₀, S₁, … be the snapshots of one follower's reads, S₀ that of its first cursor, and let e
//! be an event whose transaction x was committed before read n began. Sₙ is taken after that, so
//! e is visible in it. Whether e was visible in Sₙ₋₁ is what
//! `pg_visible_in_snapshot(x, Sₙ₋₁)` says exactly: x is finished, and it was committed, since we
//! see its row now. If it was not, the answer to read n holds e. If it was, then by the same
//! argument an earlier answer did, or e was there when the first cursor was given. Nothing is
//! skipped, nobody's order of committing matters, and no writer waits for another.
//!
//! For the same reason no event is in two answers of one follower. A change may still be named
//! twice: by two events.
//!
//! What the argument rests on:
//!
//! * *One snapshot.* Rows and the snapshot that is handed on are read by one statement, in a
//!   transaction of its own at the level `read committed`: what `pg_current_snapshot()` gives is
//!   what the rows are read with.
//! * *Top-level transactions.* `xid` is the top-level transaction (`pg_current_xact_id()`), also
//!   for an event that a savepoint or a trigger wrote, and snapshots list those. An event that was
//!   rolled back with its savepoint is no row.
//! * *Prepared transactions* are running, to every snapshot, until `COMMIT PREPARED`. (PostgreSQL
//!   prepares none that has sent a notification, so none that has written an event in the usual
//!   way.)
//! * *Waiting for a synchronous standby* happens before a transaction counts as finished.
//! * *Nobody chooses `xid`*: a trigger sets it.
//! * *No number of a transaction comes twice.* That does not hold after a session has crashed: the
//!   server starts over, and numbers whose traces were not on the disk yet are given out again. A
//!   change that gets one of them looks as if it had been visible before. But the numbers of events
//!   do not come twice, since sequences are logged ahead; so an event with a number above the
//!   newest that S held is in the answer whatever its transaction. Otherwise that adds nothing:
//!   such an event was not visible in S.
//!
//! `xid >= pg_snapshot_xmin(Sₙ₋₁)` only narrows the scan: whatever is older was finished then. A
//! transaction that stays open for long holds that border back and makes the scan wider, which
//! costs time but changes no answer. `xid < pg_snapshot_xmax(Sₙ)` leaves out rows that came from
//! another cluster through `pg_dump`, whose transactions have not happened here.
//!
//! # When a cursor means everything
//!
//! A snapshot says something about one history of one cluster. So a cursor also names that: the
//! store's own id, the cluster, its timeline, when its server was started, and the file behind the
//! events table. Another server behind the same address, a copy put back in place of the files,
//! and a table filled from a dump each differ in one of these. A restart differs too, without
//! need; but a server that lost its last commits in a crash cannot be told from one that did not.
//! The newest event, by number and time, is the last word where all of these agree.
//!
//! Pruning deletes only what is finished to every snapshot from then on, and first moves a mark
//! past it; a cursor that began before the mark means everything. A mark that this cluster has not
//! counted to came with a dump from another one, and says nothing here.

use std::str::FromStr;

use async_trait::async_trait;
use ringyo_store::{ChangeFeed, ChangeSet, Changed, Changes, Cursor, StoreError, Timestamp};
use tokio_postgres::Row;

use crate::PostgresStore;
use crate::call::Call;
use crate::call::Repeat::AfterLoss;
use crate::columns::{Columns, column, corrupt};
use crate::failure::Failure;
use crate::moment::Moment;

/// A place in the feed: a snapshot, in which history, and the newest event there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    history: String,
    revision: i64,
    at: Timestamp,
    snapshot: String,
}

/// The place of now: `history, snapshot, revision, at`.
macro_rules! now {
    () => {
        "now AS MATERIALIZED (
            SELECT concat_ws('-',
                       (SELECT value FROM meta WHERE name = 'store_id'),
                       control.system_identifier,
                       left(pg_walfile_name(pg_current_wal_lsn()), 8),
                       (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
                       pg_relation_filenode('events')) AS history,
                   pg_current_snapshot() AS snapshot,
                   newest.revision,
                   newest.at
            FROM pg_control_system() AS control
            LEFT JOIN (SELECT revision, at FROM events ORDER BY revision DESC LIMIT 1) AS newest
                ON true)"
    };
}

const NOW: &str = concat!(
    "WITH ",
    now!(),
    " SELECT history, snapshot::text, coalesce(revision, 0), at FROM now"
);

/// Whether the log still reaches back to the place `$1` to `$4`, and what is behind it.
macro_rules! behind {
    () => {
        concat!(
            "WITH ",
            now!(),
            ", known AS MATERIALIZED (
                SELECT $1::text = history
                   AND (SELECT value::xid8 < pg_snapshot_xmin($4::text::pg_snapshot)
                            OR value::xid8 >= pg_snapshot_xmax(snapshot)
                        FROM meta WHERE name = 'pruned_xid')
                   AND ($2::bigint = 0
                        OR EXISTS (SELECT FROM events
                                   WHERE revision = $2::bigint AND at = $3::timestamptz))
                   AS known
                FROM now),
            changed AS (
                SELECT key, CASE WHEN key IS NULL THEN account END AS account
                FROM events
                WHERE (SELECT known FROM known)
                  AND xid >= pg_snapshot_xmin($4::text::pg_snapshot)
                  AND xid < (SELECT pg_snapshot_xmax(snapshot) FROM now)
                  AND NOT pg_visible_in_snapshot(xid, $4::text::pg_snapshot)
                UNION
                SELECT key, CASE WHEN key IS NULL THEN account END
                FROM events
                WHERE (SELECT known FROM known)
                  AND revision > $2::bigint
                  AND xid < (SELECT pg_snapshot_xmax(snapshot) FROM now))"
        )
    };
}

const SINCE: &str = concat!(
    behind!(),
    " SELECT history, snapshot::text, coalesce(revision, 0), at,
             (SELECT known FROM known),
             ARRAY(SELECT key FROM changed WHERE key IS NOT NULL),
             ARRAY(SELECT account FROM changed WHERE key IS NULL)
      FROM now"
);

const IS_BEHIND: &str = concat!(
    behind!(),
    " SELECT NOT (SELECT known FROM known) OR EXISTS (SELECT FROM changed)"
);

#[async_trait]
impl ChangeFeed for PostgresStore {
    async fn changes_since(&self, cursor: Option<&Cursor>) -> Result<Changes, StoreError> {
        let place = cursor.map(|cursor| cursor.as_str().parse::<Place>());
        let place = &place;
        let changes = self.feed().ask(AfterLoss, |call| async move {
            match place {
                None => nothing_since_now(&call).await,
                Some(Ok(place)) => since(&call, place).await,
                Some(Err(())) => nothing_since_now(&call).await.map(|changes| Changes {
                    changed: ChangeSet::Everything,
                    ..changes
                }),
            }
        });
        changes.await
    }

    async fn changed(&self, cursor: &Cursor) {
        let Ok(place) = cursor.as_str().parse::<Place>() else {
            return;
        };
        let place = &place;
        // From before the question on, so that nothing falls between the two.
        let mut news = self.news();
        loop {
            let behind = self.feed().ask(
                AfterLoss,
                |call| async move { is_behind(&call, place).await },
            );
            // Without an answer there will be news when the server is back.
            if behind.await.unwrap_or(false) {
                return;
            }
            // The sender lives in `self`, so waiting cannot fail.
            let _ = news.changed().await;
        }
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let database = self.database();
        let ready = database.ask(
            AfterLoss,
            |call| async move { nothing_since_now(&call).await },
        );
        ready.await.map(|_| ())
    }
}

pub(crate) async fn nothing_since_now(call: &Call) -> Result<Changes, Failure> {
    let row = call.row(NOW, &[]).await?;
    let row = row.ok_or(corrupt("the database does not know its place"))?;
    Ok(Changes {
        cursor: Place::read(&mut Columns::of(&row))?.to_cursor(),
        changed: ChangeSet::These(Vec::new()),
    })
}

async fn since(call: &Call, place: &Place) -> Result<Changes, Failure> {
    let row = ask(call, SINCE, place).await?;
    let mut columns = Columns::of(&row);
    let cursor = Place::read(&mut columns)?.to_cursor();
    if !columns.value(column!("known"))? {
        let changed = ChangeSet::Everything;
        return Ok(Changes { cursor, changed });
    }
    let keys: Vec<&str> = columns.value(column!("events.key"))?;
    let accounts: Vec<&str> = columns.value(column!("events.account"))?;
    let keys = keys.into_iter().map(|key| {
        let key = key.parse().map_err(|_| corrupt(column!("events.key")));
        key.map(Changed::Key)
    });
    let accounts = accounts.into_iter().map(|account| {
        let account = account.parse();
        let account = account.map_err(|_| corrupt(column!("events.account")));
        account.map(Changed::Account)
    });
    Ok(Changes {
        cursor,
        changed: ChangeSet::These(keys.chain(accounts).collect::<Result<_, Failure>>()?),
    })
}

async fn is_behind(call: &Call, place: &Place) -> Result<bool, Failure> {
    let row = ask(call, IS_BEHIND, place).await?;
    Columns::of(&row).value(column!("known"))
}

async fn ask(call: &Call, sql: &str, place: &Place) -> Result<Row, Failure> {
    let Place {
        history,
        revision,
        at,
        snapshot,
    } = place;
    let row = call
        .row(sql, &[history, revision, &Moment(*at), snapshot])
        .await;
    row?.ok_or(corrupt("the database does not know its place"))
}

impl Place {
    fn read(columns: &mut Columns<'_>) -> Result<Self, Failure> {
        Ok(Self {
            history: columns.text(column!("history"))?.to_owned(),
            snapshot: columns.text(column!("snapshot"))?.to_owned(),
            revision: columns.value(column!("events.revision"))?,
            at: columns
                .optional_moment(column!("events.at"))?
                .unwrap_or(Timestamp::MIN),
        })
    }

    fn to_cursor(&self) -> Cursor {
        let Self {
            history,
            revision,
            at,
            snapshot,
        } = self;
        let at = at.as_unix_millis();
        Cursor::new(format!("{history}/{revision}.{at}/{snapshot}"))
    }
}

impl FromStr for Place {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().ok_or(());
        let (history, newest, snapshot) = (part()?, part()?, part()?);
        let (revision, at) = newest.split_once('.').ok_or(())?;
        let revision: i64 = revision.parse().map_err(|_| ())?;
        if history.contains('\0') || !is_snapshot(snapshot) {
            return Err(());
        }
        Ok(Self {
            history: history.to_owned(),
            revision,
            at: Timestamp::from_unix_millis(at.parse().map_err(|_| ())?),
            snapshot: snapshot.to_owned(),
        })
    }
}

/// Whether PostgreSQL would take a text for a snapshot: `xmin:xmax:` and those that were running
/// between the two, rising.
fn is_snapshot(text: &str) -> bool {
    let mut parts = text.splitn(3, ':');
    let mut part = || parts.next();
    let (Some(xmin), Some(xmax), Some(running)) = (part(), part(), part()) else {
        return false;
    };
    let (Some(xmin), Some(xmax)) = (xid(xmin), xid(xmax)) else {
        return false;
    };
    let mut least = xmin;
    let rising = running.is_empty()
        || running.split(',').all(|running| match xid(running) {
            Some(running) if least <= running && running < xmax => {
                least = running + 1;
                true
            }
            _ => false,
        });
    xmin <= xmax && rising
}

/// The number of a transaction as PostgreSQL writes it.
fn xid(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number > 0 && number < u64::MAX && number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_go_through_text_and_back() {
        let place = Place {
            history: "0123abcd-7-00000001-1700000000000000-16400".to_owned(),
            revision: 12,
            at: Timestamp::from_unix_millis(1_767_225_600_123),
            snapshot: "740:800:740,751,799".to_owned(),
        };
        assert_eq!(place.to_cursor().as_str().parse(), Ok(place));
    }

    #[test]
    fn only_snapshots_reach_the_server() {
        for text in ["1:1:", "10:20:", "10:20:10", "10:20:10,14,19"] {
            assert!(is_snapshot(text), "{text}");
        }
        for text in [
            "",
            ":",
            "::",
            "1:1",
            "0:1:",
            "2:1:",
            "1:a:",
            "+1:2:",
            "01:2:",
            "10:20:9",
            "10:20:20",
            "10:20:14,12",
            "10:20:12,12",
            "10:20:12,",
            "10:20:12;",
            "1:18446744073709551615:",
            "1:18446744073709551616:",
            " 1:2:",
        ] {
            assert!(!is_snapshot(text), "{text}");
        }
    }
}
