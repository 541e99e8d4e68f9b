//! Pages of records.

use ringyo_store::{KeyCursor, KeyFilter, KeyQuery, KeyRecord, Page};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::row;
use crate::columns::Columns;
use crate::failure::Failure;

pub(super) fn list(database: &Connection, query: &KeyQuery) -> Result<Page<KeyRecord>, Failure> {
    let (sql, values) = statement(query);
    let mut items: Vec<KeyRecord> = database
        .prepare_cached(&sql)?
        .query_and_then(params_from_iter(values), |row| {
            row::decode(&mut Columns::of(row))
        })?
        .collect::<Result<_, Failure>>()?;
    let size = query.size.as_usize();
    let more = items.len() > size;
    items.truncate(size);
    let next = items.last().map(KeyCursor::behind).filter(|_| more);
    Ok(Page { items, next })
}

/// One condition for each part of the query that is there, so that each combination has its own
/// plan: the index by account or the one by creation gives the order, and nothing is sorted.
fn statement(query: &KeyQuery) -> (String, Vec<Value>) {
    let KeyQuery {
        account,
        filter,
        at,
        mode,
        name_contains,
        after,
        size,
    } = query;
    let mut sql = String::from(row::select!("" "WHERE true"));
    let mut values: Vec<Value> = Vec::new();
    if let Some(account) = account {
        sql.push_str(" AND keys.account = ?");
        values.push(account.to_string().into());
    }
    match filter {
        KeyFilter::All => {}
        KeyFilter::Active => {
            sql.push_str(
                " AND keys.status = 'active'
                  AND (keys.expires_at IS NULL OR keys.expires_at > ?)
                  AND (keys.superseded_at IS NULL OR keys.superseded_at > ?)",
            );
            values.extend([at.to_string().into(), at.to_string().into()]);
        }
    }
    if let Some(mode) = mode {
        sql.push_str(" AND keys.mode = ?");
        values.push(mode.to_string().into());
    }
    if let Some(part) = name_contains {
        // `lower` of SQLite knows ASCII only, and `instr` no pattern.
        sql.push_str(" AND instr(lower(keys.name), lower(?)) > 0");
        values.push(part.clone().into());
    }
    if let Some(KeyCursor { created_at, id }) = after {
        sql.push_str(" AND (keys.created_at, keys.id) < (?, ?)");
        values.extend([created_at.to_string().into(), id.to_string().into()]);
    }
    sql.push_str(" ORDER BY keys.created_at DESC, keys.id DESC LIMIT ?");
    values.push((size.as_usize() as i64 + 1).into());
    (sql, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringyo_key::Mode;
    use ringyo_store::{PageSize, Timestamp};

    fn plan(database: &Connection, sql: &str, values: Vec<Value>) -> String {
        let mut explain = database
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let steps = explain
            .query_map(params_from_iter(values), |row| row.get(3))
            .unwrap();
        steps
            .collect::<Result<Vec<String>, _>>()
            .unwrap()
            .join("\n")
    }

    #[test]
    fn no_list_is_sorted() {
        let mut database = Connection::open_in_memory().unwrap();
        crate::schema::migrate(&mut database).unwrap();
        let after = KeyCursor {
            created_at: Timestamp::MIN,
            id: "0a1B2c3D4e5F".parse().unwrap(),
        };
        for choice in 0..32 {
            let chosen = |bit: u32| choice & (1 << bit) != 0;
            let query = KeyQuery {
                account: chosen(0).then(|| "acct_1".parse().unwrap()),
                filter: if chosen(1) {
                    KeyFilter::All
                } else {
                    KeyFilter::Active
                },
                at: Timestamp::MIN,
                mode: chosen(2).then_some(Mode::Live),
                name_contains: chosen(3).then(|| "x".to_owned()),
                after: chosen(4).then_some(after),
                size: PageSize::DEFAULT,
            };
            let (sql, values) = statement(&query);
            let plan = plan(&database, &sql, values);
            assert!(!plan.contains("TEMP B-TREE"), "{query:?}: {plan}");
            let index = if chosen(0) {
                "keys_by_account"
            } else {
                "keys_by_creation"
            };
            assert!(plan.contains(index), "{query:?}: {plan}");
        }
        // The control: another order has to be sorted.
        let plan = plan(&database, "SELECT * FROM keys ORDER BY name", Vec::new());
        assert!(plan.contains("TEMP B-TREE"), "{plan}");
    }
}
