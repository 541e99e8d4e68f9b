//! The audit trail, and how its beginning is pruned.

use async_trait::async_trait;
use ringyo_key::KeyId;
use ringyo_store::{
    AccountId, Event, EventQuery, EventStore, NewEvent, Page, Revision, StoreError, Timestamp,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::PostgresStore;
use crate::call::Call;
use crate::call::Repeat::AfterLoss;
use crate::columns::{Columns, column};
use crate::failure::Failure;
use crate::moment::Moment;

#[async_trait]
impl EventStore for PostgresStore {
    async fn list_events(&self, query: &EventQuery) -> Result<Page<Event, Revision>, StoreError> {
        self.database()
            .ask(AfterLoss, |call| async move { list(&call, query).await })
            .await
    }
}

/// Writes an event; the change that it is about follows in the same transaction.
pub(crate) async fn record(call: &Call, event: &NewEvent) -> Result<Revision, Failure> {
    let NewEvent {
        at,
        kind,
        actor,
        from,
        account,
        key,
        detail,
    } = event;
    let sql = "INSERT INTO events (at, kind, actor, address, account, key, detail)
               VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING revision";
    let row = call
        .row(
            sql,
            &[
                &Moment(*at),
                &kind.as_str(),
                actor,
                &from.map(|address| address.to_string()),
                &account.as_str(),
                &key.as_ref().map(KeyId::as_str),
                detail,
            ],
        )
        .await;
    let context = column!("events.revision");
    let row = row?.ok_or(crate::columns::corrupt(context))?;
    Columns::of(&row).revision(context)
}

/// A revision as the database counts; what is too large for it is behind every event.
pub(crate) fn number(revision: Revision) -> i64 {
    i64::try_from(revision.as_u64()).unwrap_or(i64::MAX)
}

/// Deletes what is older, but for what a transaction that is still open may have to do with; and
/// for the newest of it, by which a follower that has seen nothing since knows where it is.
pub(crate) async fn prune(call: &Call, before: Timestamp) -> Result<u64, Failure> {
    let before = Moment(before);
    // Everything up to the mark is finished, for every cursor that is given from now on as well.
    let mark = "
        UPDATE meta SET value = pruned.xid::text
        FROM (SELECT xid FROM events
              WHERE at < $1 AND xid < pg_snapshot_xmin(pg_current_snapshot())
              ORDER BY xid DESC LIMIT 1) AS pruned
        WHERE name = 'pruned_xid' AND value::xid8 < pruned.xid";
    call.query(mark, &[&before]).await?;
    let delete = "
        WITH old AS (
            SELECT revision FROM events
            WHERE at < $1
              AND xid <= (SELECT value::xid8 FROM meta WHERE name = 'pruned_xid'
                          AND value::xid8 < pg_snapshot_xmax(pg_current_snapshot()))),
        deleted AS (
            DELETE FROM events
            WHERE revision IN (SELECT revision FROM old)
              AND revision < (SELECT max(revision) FROM old)
            RETURNING 1)
        SELECT count(*) FROM deleted";
    let row = call.row(delete, &[&before]).await?;
    row.map_or(Ok(0), |row| Columns::of(&row).count(column!("count")))
}

async fn list(call: &Call, query: &EventQuery) -> Result<Page<Event, Revision>, Failure> {
    let EventQuery {
        account,
        key,
        before,
        size,
    } = query;
    let account = account.as_ref().map(AccountId::as_str);
    let key = key.as_ref().map(KeyId::as_str);
    let before = before.map(number);
    let most = size.as_usize() as i64 + 1;
    let mut sql = String::from(
        "SELECT revision, at, kind, actor, address, account, key, detail FROM events WHERE true",
    );
    let mut values: Vec<&(dyn ToSql + Sync)> = Vec::new();
    if let Some(account) = &account {
        values.push(account);
        sql.push_str(&format!(" AND account = ${}", values.len()));
    }
    if let Some(key) = &key {
        values.push(key);
        sql.push_str(&format!(" AND key = ${}", values.len()));
    }
    if let Some(before) = &before {
        values.push(before);
        sql.push_str(&format!(" AND revision < ${}", values.len()));
    }
    values.push(&most);
    sql.push_str(&format!(" ORDER BY revision DESC LIMIT ${}", values.len()));

    let rows = call.query(&sql, &values).await?;
    let mut items: Vec<Event> = rows.iter().map(decode).collect::<Result<_, Failure>>()?;
    let more = items.len() > size.as_usize();
    items.truncate(size.as_usize());
    let next = items.last().map(|event| event.revision);
    Ok(Page {
        items,
        next: next.filter(|_| more),
    })
}

fn decode(row: &Row) -> Result<Event, Failure> {
    let mut columns = Columns::of(row);
    Ok(Event {
        revision: columns.revision(column!("events.revision"))?,
        entry: NewEvent {
            at: columns.moment(column!("events.at"))?,
            kind: columns.parse(column!("events.kind"))?,
            actor: columns.text(column!("events.actor"))?.to_owned(),
            from: columns.parse_optional(column!("events.address"))?,
            account: columns.parse(column!("events.account"))?,
            key: columns.parse_optional(column!("events.key"))?,
            detail: columns.text(column!("events.detail"))?.to_owned(),
        },
    })
}
