//! Pages of records.

use ringyo_store::{KeyCursor, KeyFilter, KeyQuery, KeyRecord, Page};
use tokio_postgres::types::ToSql;

use super::row;
use crate::call::Call;
use crate::columns::Columns;
use crate::failure::Failure;
use crate::moment::Moment;

pub(super) async fn list(call: &Call, query: &KeyQuery) -> Result<Page<KeyRecord>, Failure> {
    // PostgreSQL takes no zero in a text, and so no name has one.
    if query
        .name_contains
        .as_ref()
        .is_some_and(|part| part.contains('\0'))
    {
        return Ok(Page {
            items: Vec::new(),
            next: None,
        });
    }
    let Statement { sql, values } = Statement::of(query);
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value.as_sql()).collect();
    let rows = call.query(&sql, &values).await?;
    let mut items: Vec<KeyRecord> = rows
        .iter()
        .map(|row| row::decode(&mut Columns::of(row)))
        .collect::<Result<_, Failure>>()?;
    let size = query.size.as_usize();
    let more = items.len() > size;
    items.truncate(size);
    let next = items.last().map(KeyCursor::behind).filter(|_| more);
    Ok(Page { items, next })
}

struct Statement {
    sql: String,
    values: Vec<Value>,
}

enum Value {
    Text(String),
    Moment(Moment),
    Number(i64),
}

impl Value {
    fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Text(text) => text,
            Self::Moment(moment) => moment,
            Self::Number(number) => number,
        }
    }
}

impl Statement {
    /// One condition for each part of the query that is there, so that each combination has its
    /// own plan: the index by account or the one by creation gives the order.
    fn of(query: &KeyQuery) -> Self {
        let KeyQuery {
            account,
            filter,
            at,
            mode,
            name_contains,
            after,
            size,
        } = query;
        let mut statement = Self {
            sql: String::from(row::select!("" "WHERE true")),
            values: Vec::new(),
        };
        if let Some(account) = account {
            let account = statement.value(Value::Text(account.to_string()));
            statement.and(&format!("keys.account = {account}"));
        }
        match filter {
            KeyFilter::All => {}
            KeyFilter::Active => {
                let at = statement.value(Value::Moment(Moment(*at)));
                statement.and("keys.status = 'active'");
                for end in ["keys.expires_at", "keys.superseded_at"] {
                    statement.and(&format!("({end} IS NULL OR {end} > {at})"));
                }
            }
        }
        if let Some(mode) = mode {
            let mode = statement.value(Value::Text(mode.to_string()));
            statement.and(&format!("keys.mode = {mode}"));
        }
        if let Some(part) = name_contains {
            // In the collation "C" `lower` knows ASCII only, and `strpos` no pattern.
            let part = statement.value(Value::Text(part.clone()));
            let lower = format!("lower({part} COLLATE \"C\")");
            statement.and(&format!("strpos(lower(keys.name), {lower}) > 0"));
        }
        if let Some(KeyCursor { created_at, id }) = after {
            let created_at = statement.value(Value::Moment(Moment(*created_at)));
            let id = statement.value(Value::Text(id.to_string()));
            statement.and(&format!(
                "(keys.created_at, keys.id) < ({created_at}, {id})"
            ));
        }
        let most = statement.value(Value::Number(size.as_usize() as i64 + 1));
        let order = format!(" ORDER BY keys.created_at DESC, keys.id DESC LIMIT {most}");
        statement.sql.push_str(&order);
        statement
    }

    /// Takes a value in, and gives its place.
    fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn and(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PostgresStore;
    use ringyo_key::Mode;
    use ringyo_store::{PageSize, Timestamp};
    use tokio_postgres::{Client, NoTls};
    use xtask::servers::for_tests;

    async fn plan(client: &Client, sql: &str, values: &[Value]) -> String {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(Value::as_sql).collect();
        let rows = client.query(&format!("EXPLAIN {sql}"), &values).await;
        let lines: Vec<String> = rows.unwrap().iter().map(|row| row.get(0)).collect();
        lines.join("\n")
    }

    /// A short list may be sorted, where that is cheaper; with that discouraged it shows whether
    /// an index can give the order of a long one.
    #[tokio::test]
    async fn no_list_needs_to_be_sorted() {
        let Some(database) = for_tests::database() else {
            return;
        };
        drop(PostgresStore::connect(&database.url()).await.unwrap());
        let (client, connection) = tokio_postgres::connect(&database.url(), NoTls)
            .await
            .unwrap();
        tokio::spawn(async move { drop(connection.await) });
        client
            .batch_execute(
                "SET search_path = ringyo; SET enable_sort = off; SET enable_bitmapscan = off;
                 INSERT INTO accounts (id, plan, created_at)
                 SELECT 'acct_' || n, 'pro', now() FROM generate_series(1, 20) AS n;
                 INSERT INTO keys (id, account, mode, hint, digest, name, scopes, created_at)
                 SELECT lpad(n::text, 12, '0'), 'acct_' || 1 + n % 20, 'live', '', repeat('0', 64),
                        'x', '', timestamptz '2026-01-01Z' + n * interval '1 second'
                 FROM generate_series(1, 5000) AS n;
                 ANALYZE",
            )
            .await
            .unwrap();
        let after = KeyCursor {
            created_at: "2026-01-01T01:00:00.000Z".parse().unwrap(),
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
            let Statement { sql, values } = Statement::of(&query);
            let plan = plan(&client, &sql, &values).await;
            assert!(!plan.contains("Sort"), "{query:?}: {plan}");
            let index = if chosen(0) {
                "keys_by_account"
            } else {
                "keys_by_creation"
            };
            assert!(plan.contains(index), "{query:?}: {plan}");
        }
        // The control: another order has to be sorted.
        let plan = plan(&client, "SELECT * FROM keys ORDER BY name", &[]).await;
        assert!(plan.contains("Sort"), "{plan}");
    }
}
