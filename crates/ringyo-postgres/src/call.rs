//! One call: a connection of its own for as long as it takes, a deadline on every wait, and
//! another attempt where that is safe.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{Object, Pool, PoolError};
use ringyo_store::{StoreError, StoreErrorKind};
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::connection::Limits;
use crate::failure::Failure;
use crate::session::{Session, Sessions};

/// How often a call is made before it is given up.
const ATTEMPTS: usize = 3;

/// A connection in use. Dropped before [`end`](Self::end), as it is when nobody waits for the
/// call any more, the connection goes with it: an answer may still be on its way.
pub(crate) struct Call {
    session: Option<Object<Sessions>>,
    pool: Pool<Sessions>,
    limit: Duration,
    transaction: bool,
}

/// Whether a call may be made once more when its connection was lost on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It reads; or it is a transaction, of which nothing is kept unless it is committed; or
    /// doing it twice is doing it once.
    AfterLoss,
    /// It may have been done.
    NotAfterLoss,
}

/// The connections to a database.
#[derive(Clone)]
pub(crate) struct Database {
    pool: Pool<Sessions>,
    limits: Limits,
}

impl Database {
    pub(crate) const fn new(pool: Pool<Sessions>, limits: Limits) -> Self {
        Self { pool, limits }
    }

    /// Asks with statements that stand alone.
    pub(crate) async fn ask<T, W>(
        &self,
        repeat: Repeat,
        work: impl Fn(Arc<Call>) -> W,
    ) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, Failure>>,
    {
        self.run(Kind::Statements, repeat, work).await
    }

    /// Changes something in a transaction: all of it or nothing.
    pub(crate) async fn change<T, W>(&self, work: impl Fn(Arc<Call>) -> W) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, Failure>>,
    {
        self.run(Kind::Transaction, Repeat::AfterLoss, work).await
    }

    /// The same for what may take long.
    pub(crate) async fn change_slowly<T, W>(
        &self,
        limit: Duration,
        work: impl Fn(Arc<Call>) -> W,
    ) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, Failure>>,
    {
        let kind = Kind::SlowTransaction(limit);
        self.run(kind, Repeat::AfterLoss, work).await
    }

    /// The longest that a call waits: for a connection, and then for an answer.
    pub(crate) fn patience(&self) -> Duration {
        self.limits.connect + self.limits.statement
    }

    /// Ends all connections that are not in use, and the others when they no longer are.
    pub(crate) fn close(&self) {
        self.pool.close();
    }

    async fn call(&self) -> Result<Call, Failure> {
        let session = match timeout(self.limits.connect, self.pool.get()).await {
            Ok(Ok(session)) => session,
            Ok(Err(PoolError::Backend(failure))) => return Err(failure),
            Ok(Err(PoolError::Closed)) => return Err(closed()),
            Ok(Err(_)) | Err(_) => return Err(no_connection()),
        };
        Ok(Call {
            session: Some(session),
            pool: self.pool.clone(),
            limit: self.limits.statement,
            transaction: false,
        })
    }

    async fn run<T, W>(
        &self,
        kind: Kind,
        repeat: Repeat,
        work: impl Fn(Arc<Call>) -> W,
    ) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, Failure>>,
    {
        let longest = match kind {
            Kind::SlowTransaction(limit) => self.limits.connect + limit,
            Kind::Statements | Kind::Transaction => self.patience(),
        };
        let began = turn(&self.pool);
        // However many statements and attempts it takes.
        let result = timeout(longest, self.attempts(kind, repeat, work)).await;
        Ok(result.unwrap_or_else(|_| Err(late(&self.pool, began)))?)
    }

    async fn attempts<T, W>(
        &self,
        kind: Kind,
        repeat: Repeat,
        work: impl Fn(Arc<Call>) -> W,
    ) -> Result<T, Failure>
    where
        W: Future<Output = Result<T, Failure>>,
    {
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            let began = turn(&self.pool);
            match self.attempt(kind, &work).await {
                Err(failure)
                    if left > 0
                        && (failure.is_collision()
                            || (repeat == Repeat::AfterLoss && failure.is_loss())) =>
                {
                    // That it was lost is noticed a little later where nothing is asked. Several
                    // in a row must not be all attempts.
                    if left == 1 && failure.is_loss() {
                        doubt(&self.pool, began);
                    }
                }
                result => return result,
            }
        }
    }

    async fn attempt<T, W>(&self, kind: Kind, work: &impl Fn(Arc<Call>) -> W) -> Result<T, Failure>
    where
        W: Future<Output = Result<T, Failure>>,
    {
        let mut call = self.call().await?;
        call.begin(kind).await?;
        let call = Arc::new(call);
        let result = work(Arc::clone(&call)).await;
        // The work has ended, and with it its hold on the call.
        match Arc::into_inner(call) {
            Some(call) => call.end(result).await,
            None => result.and(Err(Failure::Late)),
        }
    }
}

/// What a call is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Statements that stand alone.
    Statements,
    /// One transaction.
    Transaction,
    /// One transaction whose statements have so much time, here and on the server.
    SlowTransaction(Duration),
}

impl Call {
    /// Asks with a statement that is prepared once for each connection.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        let session = self.session()?;
        let asked = async {
            let statement = session.prepare_cached(sql).await?;
            session.query(&statement, parameters).await
        };
        self.in_time(asked).await
    }

    /// The first row of an answer.
    pub(crate) async fn row(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, Failure> {
        let rows = self.query(sql, parameters).await?;
        Ok(rows.into_iter().next())
    }

    /// Runs statements that have no parameters and whose rows nobody wants.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), Failure> {
        self.in_time(self.session()?.batch_execute(sql)).await
    }

    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        let began = turn(&self.pool);
        match timeout(self.limit, asked).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(late(&self.pool, began)),
        }
    }

    async fn begin(&mut self, kind: Kind) -> Result<(), Failure> {
        if kind == Kind::Statements {
            return Ok(());
        }
        self.execute("BEGIN").await?;
        self.transaction = true;
        if let Kind::SlowTransaction(limit) = kind {
            let millis = limit.as_millis();
            let set = format!(
                "SET LOCAL statement_timeout = {millis}; SET LOCAL lock_timeout = {millis}; \
                 SET LOCAL idle_in_transaction_session_timeout = {millis}"
            );
            self.execute(&set).await?;
            self.limit = limit;
        }
        Ok(())
    }

    /// Ends the call: a transaction is committed if all went well, and the connection is there for
    /// the next call unless it is late or lost. What was asked of a server that is no longer the
    /// one counts for nothing.
    async fn end<T>(mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        if self.session()?.server != self.pool.manager().0.primary.number() {
            // The server undoes what is open when the connection is closed.
            return Err(Failure::Moved);
        }
        let ended = match (&result, self.transaction) {
            (Err(Failure::Late), _) => return result,
            // The server has said so, and the connection may seem to be there a little longer.
            (Err(failure), _) if failure.is_loss() => return result,
            (_, false) => Ok(()),
            (Ok(_), true) => self.execute("COMMIT").await.map_err(unknown_unless_undone),
            (Err(_), true) => self.execute("ROLLBACK").await,
        };
        if ended.is_ok()
            && let Some(mut session) = self.session.take_if(|session| !session.is_closed())
        {
            session.answered = turn(&self.pool);
            // Back into the pool; dropped with the call it would be closed.
            drop(session);
        }
        match (result, ended) {
            (Ok(_), Err(failure)) => Err(failure),
            (result, _) => result,
        }
    }

    fn session(&self) -> Result<&Session, Failure> {
        self.session.as_deref().ok_or_else(closed)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            // Out of the pool, and closed.
            drop(Object::take(session));
        }
    }
}

fn turn(pool: &Pool<Sessions>) -> u64 {
    pool.manager().0.primary.turn()
}

/// What was asked at that turn is late. Whatever has swallowed it may have swallowed the other
/// connections, too, and each of them would cost a call its deadline to find out.
fn late(pool: &Pool<Sessions>, began: u64) -> Failure {
    doubt(pool, began);
    Failure::Late
}

/// Closes the connections that are not in use and have not answered anything since that turn, in
/// this pool; those in another one are not used again. Those in use have deadlines of their own.
fn doubt(pool: &Pool<Sessions>, began: u64) {
    pool.manager().0.primary.doubt(began);
    pool.retain(|session, _| session.answered > began);
}

/// A commit that failed for any other reason may have been done.
fn unknown_unless_undone(failure: Failure) -> Failure {
    if failure.is_collision() {
        return failure;
    }
    StoreError::with_source(
        StoreErrorKind::Unavailable,
        "whether the change was made durable is unknown",
        StoreError::from(failure),
    )
    .into()
}

const fn closed() -> Failure {
    Failure::new(StoreErrorKind::Unavailable, "the store has been closed")
}

const fn no_connection() -> Failure {
    Failure::new(
        StoreErrorKind::Unavailable,
        "no connection to the database came free or could be made in time",
    )
}
