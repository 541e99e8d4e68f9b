//! Documents in PostgreSQL, for several nodes.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use ringyo::{AccountId, Timestamp};
use tokio_postgres::NoTls;
use tokio_postgres::types::ToSql;

use super::shelf::{Change, Drawer, Fault, OutOfReach, Sheet, Shelf};
use super::{Claim, DayOfCalls};

/// How long is waited for a connection, and for what is done with it.
const DEADLINE: Duration = Duration::from_secs(2);

/// `rgyodemo` in ASCII: nodes that start at the same time make the tables one after the other.
const TURN: i64 = 0x7267_796F_6465_6D6F;

const SCHEMA: &str = r#"
    CREATE SCHEMA IF NOT EXISTS ringyo_demo;
    CREATE TABLE IF NOT EXISTS ringyo_demo.documents (
        place   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account text COLLATE "C" NOT NULL,
        kind    text COLLATE "C" NOT NULL,
        id      text COLLATE "C" NOT NULL UNIQUE,
        body    jsonb NOT NULL
    );
    CREATE INDEX IF NOT EXISTS documents_in_order ON ringyo_demo.documents (account, kind, place);
    CREATE INDEX IF NOT EXISTS documents_in_status ON ringyo_demo.documents (kind, (body ->> 'status'))
        WHERE body ? 'status';
    CREATE INDEX IF NOT EXISTS documents_by_time
        ON ringyo_demo.documents (account, kind, (body ->> 'created_at') COLLATE "C");
    CREATE TABLE IF NOT EXISTS ringyo_demo.claims (
        scope    text COLLATE "C" NOT NULL,
        key      text COLLATE "C" NOT NULL,
        request  text COLLATE "C" NOT NULL,
        document text COLLATE "C" NOT NULL,
        PRIMARY KEY (scope, key)
    );"#;

/// A handle of the connections.
#[derive(Debug)]
pub(super) struct Postgres {
    pool: Pool,
}

impl Postgres {
    pub(super) async fn connect(url: &str) -> Result<Self, Fault> {
        // What the driver says of a wrong address may quote the password in it.
        let config = url.parse::<tokio_postgres::Config>();
        let config = config.map_err(|_| "the address of the PostgreSQL database is not one")?;
        let settings = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let longest = Some(DEADLINE);
        let pool = Pool::builder(Manager::from_config(config, NoTls, settings))
            .max_size(4)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: longest,
                create: longest,
                recycle: longest,
            })
            .build()?;
        let postgres = Self { pool };
        postgres
            .run(async |client| {
                let transaction = client.transaction().await?;
                let turn = "SELECT pg_advisory_xact_lock($1)";
                transaction.execute(turn, &[&TURN]).await?;
                transaction.batch_execute(SCHEMA).await?;
                Ok(transaction.commit().await?)
            })
            .await?;
        Ok(postgres)
    }

    /// Does something in time. A connection that did not is not used again.
    async fn run<T>(
        &self,
        job: impl AsyncFnOnce(&mut Object) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut client = self.pool.get().await.map_err(|e| OutOfReach(e.into()))?;
        match tokio::time::timeout(DEADLINE, job(&mut client)).await {
            Ok(done) => done.map_err(|fault| match fault.downcast::<tokio_postgres::Error>() {
                // The server is going down, or nobody knows what has become of it.
                Ok(error) if error.is_closed() || error.as_db_error().is_none() => {
                    Fault::from(OutOfReach(error))
                }
                Ok(error) => error,
                Err(fault) => fault,
            }),
            Err(late) => {
                drop(Object::take(client));
                Err(OutOfReach(late.into()).into())
            }
        }
    }

    async fn execute(&self, statement: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, Fault> {
        self.run(async |client| {
            let statement = client.prepare_cached(statement).await?;
            Ok(client.execute(&statement, values).await?)
        })
        .await
    }

    async fn query(
        &self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, Fault> {
        self.run(async |client| {
            let statement = client.prepare_cached(statement).await?;
            Ok(client.query(&statement, values).await?)
        })
        .await
    }
}

const INSERT: &str = "INSERT INTO ringyo_demo.documents (account, kind, id, body)
    VALUES ($1, $2, $3, $4::text::jsonb) ON CONFLICT DO NOTHING";

#[async_trait]
impl Shelf for Postgres {
    async fn insert(&self, into: Drawer, sheet: Sheet) -> Result<Option<String>, Fault> {
        // One statement: what another request has added it may take away again before a second one.
        let insert = "INSERT INTO ringyo_demo.documents AS kept (account, kind, id, body)
                      VALUES ($1, $2, $3, $4::text::jsonb)
                      ON CONFLICT (id) DO UPDATE SET body = kept.body
                      WHERE (kept.account, kept.kind) = (excluded.account, excluded.kind)
                      RETURNING body::text";
        let values: [&(dyn ToSql + Sync); 4] =
            [&into.account.as_str(), &into.kind, &sheet.id, &sheet.body];
        let rows = self.query(insert, &values).await?;
        Ok(rows.first().map(|row| row.try_get(0)).transpose()?)
    }

    async fn insert_unless_any(&self, into: Drawer, sheets: Vec<Sheet>) -> Result<(), Fault> {
        self.run(async |client| {
            let transaction = client.transaction().await?;
            // Another node may be about to do the same.
            let turn = "SELECT pg_advisory_xact_lock($1)";
            transaction.execute(turn, &[&TURN]).await?;
            let any = "SELECT FROM ringyo_demo.documents WHERE account = $1 AND kind = $2 LIMIT 1";
            let account = into.account.as_str();
            if transaction
                .query_opt(any, &[&account, &into.kind])
                .await?
                .is_none()
            {
                for sheet in &sheets {
                    let values: [&(dyn ToSql + Sync); 4] =
                        [&account, &into.kind, &sheet.id, &sheet.body];
                    transaction.execute(INSERT, &values).await?;
                }
            }
            Ok(transaction.commit().await?)
        })
        .await
    }

    async fn find(&self, from: Drawer, id: String) -> Result<Option<String>, Fault> {
        let find = "SELECT body::text FROM ringyo_demo.documents
                    WHERE account = $1 AND kind = $2 AND id = $3";
        let rows = self
            .query(find, &[&from.account.as_str(), &from.kind, &id])
            .await?;
        Ok(rows.first().map(|row| row.try_get(0)).transpose()?)
    }

    async fn list(
        &self,
        from: Drawer,
        before: i64,
        most: usize,
    ) -> Result<Vec<(i64, String)>, Fault> {
        let list = "SELECT place, body::text FROM ringyo_demo.documents
                    WHERE account = $1 AND kind = $2 AND place < $3
                    ORDER BY place DESC LIMIT $4";
        let (account, most) = (from.account.as_str(), i64::try_from(most)?);
        let rows = self
            .query(list, &[&account, &from.kind, &before, &most])
            .await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
            .collect()
    }

    async fn in_status(
        &self,
        kind: &'static str,
        status: &'static str,
    ) -> Result<Vec<(String, String)>, Fault> {
        let in_status = "SELECT account, body::text FROM ringyo_demo.documents
                         WHERE kind = $1 AND body ? 'status' AND body ->> 'status' = $2";
        let rows = self.query(in_status, &[&kind, &status]).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
            .collect()
    }

    async fn update(
        &self,
        from: Drawer,
        id: String,
        change: Change,
    ) -> Result<Option<String>, Fault> {
        self.run(async |client| {
            let transaction = client.transaction().await?;
            let find = "SELECT body::text FROM ringyo_demo.documents
                        WHERE account = $1 AND kind = $2 AND id = $3 FOR UPDATE";
            let values: [&(dyn ToSql + Sync); 3] = [&from.account.as_str(), &from.kind, &id];
            let Some(row) = transaction.query_opt(find, &values).await? else {
                return Ok(None);
            };
            let body = change(row.try_get(0)?)?;
            let update = "UPDATE ringyo_demo.documents SET body = $2::text::jsonb WHERE id = $1";
            transaction.execute(update, &[&id, &body]).await?;
            transaction.commit().await?;
            Ok(Some(body))
        })
        .await
    }

    async fn remove(&self, from: Drawer, id: String) -> Result<bool, Fault> {
        let remove = "DELETE FROM ringyo_demo.documents
                      WHERE account = $1 AND kind = $2 AND id = $3";
        let removed = self
            .execute(remove, &[&from.account.as_str(), &from.kind, &id])
            .await?;
        Ok(removed > 0)
    }

    async fn find_claim(&self, scope: String, key: String) -> Result<Option<Claim>, Fault> {
        let find = "SELECT request, document FROM ringyo_demo.claims WHERE scope = $1 AND key = $2";
        let rows = self.query(find, &[&scope, &key]).await?;
        let claim = |row: &tokio_postgres::Row| -> Result<Claim, Fault> {
            Ok(Claim {
                request: row.try_get(0)?,
                document: row.try_get(1)?,
            })
        };
        rows.first().map(claim).transpose()
    }

    async fn claim(&self, scope: String, key: String, claim: Claim) -> Result<Claim, Fault> {
        let bind = "INSERT INTO ringyo_demo.claims (scope, key, request, document)
                    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let values: [&(dyn ToSql + Sync); 4] = [&scope, &key, &claim.request, &claim.document];
        self.execute(bind, &values).await?;
        // Claims are kept, so it is there, whoever bound it.
        self.find_claim(scope, key)
            .await?
            .ok_or("a claim is gone".into())
    }

    async fn calls_by_day(
        &self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<Vec<DayOfCalls>, Fault> {
        let by_day = r#"
            SELECT left(body ->> 'created_at', 10) AS day,
                   count(*) FILTER (WHERE body ->> 'simulated' = 'false'),
                   count(*) FILTER (WHERE body ->> 'simulated' = 'true'),
                   sum((body ->> 'credits')::bigint)::bigint
            FROM ringyo_demo.documents
            WHERE account = $1 AND kind = 'call'
                AND (body ->> 'created_at') COLLATE "C" >= $2
            GROUP BY day ORDER BY day"#;
        let rows = self
            .query(by_day, &[&account.as_str(), &since.to_string()])
            .await?;
        let count = |row: &tokio_postgres::Row, column| -> Result<u32, Fault> {
            Ok(row.try_get::<usize, i64>(column)?.try_into()?)
        };
        rows.iter()
            .map(|row| {
                Ok(DayOfCalls {
                    date: row.try_get(0)?,
                    live: count(row, 1)?,
                    simulated: count(row, 2)?,
                    credits: count(row, 3)?,
                })
            })
            .collect()
    }

    async fn ready(&self) -> Result<(), Fault> {
        self.query("SELECT FROM ringyo_demo.documents LIMIT 1", &[])
            .await?;
        Ok(())
    }

    async fn close(&self) {
        self.pool.close();
    }
}
