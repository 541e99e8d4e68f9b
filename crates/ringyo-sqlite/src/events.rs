//! The audit trail.

use async_trait::async_trait;
use ringyo_store::{Event, EventQuery, EventStore, NewEvent, Page, Revision, StoreError};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use crate::SqliteStore;
use crate::columns::{Columns, column};
use crate::failure::Failure;

#[async_trait]
impl EventStore for SqliteStore {
    async fn list_events(&self, query: &EventQuery) -> Result<Page<Event, Revision>, StoreError> {
        let query = query.clone();
        self.read(move |database| list(database, &query)).await
    }
}

/// Writes an event; the change that it is about follows in the same transaction.
pub(crate) fn record(database: &Connection, event: &NewEvent) -> Result<Revision, Failure> {
    let NewEvent {
        at,
        kind,
        actor,
        from,
        account,
        key,
        detail,
    } = event;
    let revision = database
        .prepare_cached(
            "INSERT INTO events (at, kind, actor, address, account, key, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .insert(params![
            at.to_string(),
            kind.as_str(),
            actor,
            from.map(|address| address.to_string()),
            account.as_str(),
            key.as_ref().map(|key| key.as_str()),
            detail,
        ])?;
    Ok(Revision::new(revision.unsigned_abs()))
}

fn list(database: &Connection, query: &EventQuery) -> Result<Page<Event, Revision>, Failure> {
    let EventQuery {
        account,
        key,
        before,
        size,
    } = query;
    let mut sql = String::from(
        "SELECT revision, at, kind, actor, address, account, key, detail FROM events WHERE true",
    );
    let mut values: Vec<Value> = Vec::new();
    if let Some(account) = account {
        sql.push_str(" AND account = ?");
        values.push(account.to_string().into());
    }
    if let Some(key) = key {
        sql.push_str(" AND key = ?");
        values.push(key.to_string().into());
    }
    if let Some(before) = before {
        sql.push_str(" AND revision < ?");
        values.push(i64::try_from(before.as_u64()).unwrap_or(i64::MAX).into());
    }
    sql.push_str(" ORDER BY revision DESC LIMIT ?");
    values.push((size.as_usize() as i64 + 1).into());

    let mut items: Vec<Event> = database
        .prepare_cached(&sql)?
        .query_and_then(params_from_iter(values), decode)?
        .collect::<Result<_, Failure>>()?;
    let more = items.len() > size.as_usize();
    items.truncate(size.as_usize());
    let next = items.last().map(|event| event.revision);
    Ok(Page {
        items,
        next: next.filter(|_| more),
    })
}

fn decode(row: &Row<'_>) -> Result<Event, Failure> {
    let mut columns = Columns::of(row);
    Ok(Event {
        revision: columns.revision(column!("events.revision"))?,
        entry: NewEvent {
            at: columns.parse(column!("events.at"))?,
            kind: columns.parse(column!("events.kind"))?,
            actor: columns.text(column!("events.actor"))?.to_owned(),
            from: columns.parse_optional(column!("events.address"))?,
            account: columns.parse(column!("events.account"))?,
            key: columns.parse_optional(column!("events.key"))?,
            detail: columns.text(column!("events.detail"))?.to_owned(),
        },
    })
}
