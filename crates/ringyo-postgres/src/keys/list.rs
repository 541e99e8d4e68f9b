//! Pages of records.

use ringyo_store::{KeyCursor, KeyFilter, KeyQuery, KeyRecord, Page};
use tokio_postgres::types::ToSql;

use super::row;
use crate::call::Call;
use crate::columns::Columns;
use crate::failure::Failure;
use crate::moment::Moment;

pub(super) async fn list(call: &Call, query: &KeyQuery) -> Result<Page<KeyRecord>, Failure> {
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
