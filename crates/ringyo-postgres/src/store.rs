//! The handle, and how it is opened.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ringyo_store::{StoreError, Timestamp};
use tokio::sync::watch;

use crate::call::Database;
use crate::call::Repeat::AfterLoss;
use crate::checks::{self, DurabilityRisk};
use crate::combiner::Combiner;
use crate::connection::{Limits, Server};
use crate::listener::Listener;
use crate::primary::Primary;
use crate::{events, feed, schema};

/// How long a pruning may take.
const PRUNING: Duration = Duration::from_secs(60);

/// A complete [`Store`](ringyo_store::Store) in one schema of a PostgreSQL database.
///
/// A handle: clones share the connections, which end with [`close`](Self::close) or when the last
/// clone is dropped. Any number of nodes may use the same schema at once. Needs a tokio runtime
/// with its timer and network enabled.
#[derive(Clone)]
pub struct PostgresStore {
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    /// Of one connection that nothing else takes.
    feed: Database,
    schema: String,
    news: watch::Sender<u64>,
    listener: Listener,
    combiner: Combiner,
    primary: Arc<Primary>,
}

/// How to open a [`PostgresStore`]; made by [`PostgresStore::options`].
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    schema: String,
    connections: usize,
    limits: Limits,
    #[cfg(feature = "tls")]
    tls: Option<crate::TlsRoots>,
}

impl PostgresStore {
    /// Opens the store in that database with the usual options, in the schema `ringyo`. A schema
    /// that is missing is made, and an older one is brought up to date.
    ///
    /// The URL is `postgres://role:password@host:port/database`, and what else
    /// [libpq](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING) takes
    /// as far as the driver knows it: several hosts, of which the one that can be written is used,
    /// for one.
    ///
    /// # Errors
    ///
    /// As [`PostgresOptions::connect`].
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::options().connect(url).await
    }

    /// The usual options, to change before opening.
    #[must_use]
    pub fn options() -> PostgresOptions {
        PostgresOptions {
            schema: "ringyo".to_owned(),
            connections: 10,
            limits: Limits {
                connect: Duration::from_secs(2),
                statement: Duration::from_secs(2),
            },
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// What makes the server promise more than it keeps; empty as it should be. Looked at in every
    /// new session, of which there is one every few seconds, so also after somebody has changed a
    /// setting and after a failover. Each is also a warning in the log, once when it appears.
    #[must_use]
    pub fn durability_risks(&self) -> Vec<DurabilityRisk> {
        self.shared.primary.risks()
    }

    /// Deletes events that happened before a moment, and says how many. The newest of them stays,
    /// and so do those behind the beginning of a transaction that is still open, anywhere in the
    /// cluster; a later pruning takes them.
    ///
    /// Safe at any time, from any node: a follower of the change feed whose cursor is from before
    /// what is gone is told to forget everything. Prune what is older than a day or more, and
    /// followers never notice. Needs the right to delete from `events` and to update `meta`.
    ///
    /// # Errors
    ///
    /// `Unavailable`; `ReadOnly` without those rights.
    pub async fn prune_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        let database = self.database();
        let pruned =
            database.change_slowly(
                PRUNING,
                |call| async move { events::prune(&call, before).await },
            );
        pruned.await
    }

    /// Ends the store, for all clones. Calls that are on their way are finished; whatever is asked
    /// later is answered `Unavailable`. Closing again does nothing. Nothing is lost without it.
    pub fn close(&self) {
        self.shared.listener.stop();
        self.shared.feed.close();
        self.shared.database.close();
    }

    pub(crate) fn database(&self) -> &Database {
        &self.shared.database
    }

    /// For reading what has changed. Everything that a node believes rests on it, so it does not
    /// wait in line behind what is slow.
    pub(crate) fn feed(&self) -> &Database {
        &self.shared.feed
    }

    pub(crate) fn combiner(&self) -> &Combiner {
        &self.shared.combiner
    }

    /// What changes when there may be something new in the feed.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.shared.news.subscribe()
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("schema", &self.shared.schema)
            .finish_non_exhaustive()
    }
}

impl PostgresOptions {
    /// The schema that holds the tables, `ringyo` unless changed: 1–63 of `a-z`, `0-9` and `_`.
    /// Several stores may live in one database, each in a schema of its own.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// The most connections at once, 10 unless changed, beside the two that follow changes: one
    /// listens for hints, and one reads the feed, which nothing else that is asked can hold up.
    /// Authentication reads through a cache and needs few.
    #[must_use]
    pub const fn max_connections(mut self, most: usize) -> Self {
        self.connections = if most == 0 { 1 } else { most };
        self
    }

    /// How long a call waits for a connection, free or new, before it answers `Unavailable`;
    /// 2 seconds unless changed. While one is being made, another attempt is begun beside the first
    /// each quarter of that, given up a quarter later, and the first that succeeds counts: what was
    /// sent into a broken network is not answered when it is whole again. A store has two such
    /// attempts under way at most, whoever waits for them.
    #[must_use]
    pub const fn connect_timeout(mut self, longest: Duration) -> Self {
        self.limits.connect = longest;
        self
    }

    /// How long a call waits for the answer to a statement before it answers `Unavailable`;
    /// 2 seconds unless changed. The server is told to give up a tenth earlier, also where it
    /// waits for a lock.
    #[must_use]
    pub const fn statement_timeout(mut self, longest: Duration) -> Self {
        self.limits.statement = longest;
        self
    }

    /// Speaks to the server through TLS or not at all. Its certificate must be valid for the host
    /// of the URL and signed by one of these roots.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, roots: crate::TlsRoots) -> Self {
        self.tls = Some(roots);
        self
    }

    /// Opens the store in that database. A schema that is missing is made, and an older one is
    /// brought up to date; a role that may do neither can open one that is.
    ///
    /// # Errors
    ///
    /// * `Unavailable`: the URL makes no sense, the server cannot be reached or does not know the
    ///   role, its password or the database.
    /// * `ReadOnly`: the server is a standby, or the role lacks a right. Which, is in the source.
    /// * `NewerSchema`: a newer version of this library has changed the schema.
    /// * `Corrupt`: the schema holds tables that are not of this library.
    pub async fn connect(&self, url: &str) -> Result<PostgresStore, StoreError> {
        #[cfg_attr(
            not(feature = "tls"),
            expect(unused_mut, reason = "only TLS changes it")
        )]
        let mut server = Server::new(url, &self.schema, self.limits)?;
        #[cfg(feature = "tls")]
        if let Some(roots) = &self.tls {
            server.encrypt(roots)?;
        }
        server.check_encryption()?;
        let database = Database::new(server.pool(self.connections)?, self.limits);
        schema::migrate(&database, &self.schema).await?;
        database
            .ask(AfterLoss, |call| async move { checks::rights(&call).await })
            .await?;
        // Its session is there from the start: a server that is full later has room for it.
        let feed = Database::new(server.pool(1)?, self.limits);
        feed.ask(AfterLoss, |call| async move {
            feed::nothing_since_now(&call).await
        })
        .await?;
        let news = watch::Sender::new(0);
        let shared = Shared {
            database,
            feed,
            primary: Arc::clone(&server.primary),
            schema: self.schema.clone(),
            listener: Listener::start(server, news.clone()),
            news,
            combiner: Combiner::default(),
        };
        Ok(PostgresStore {
            shared: Arc::new(shared),
        })
    }
}
