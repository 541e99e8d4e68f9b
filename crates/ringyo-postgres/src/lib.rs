//! The store for many machines: API keys, accounts, credits and the audit trail of a service in
//! one schema of a PostgreSQL database. [`PostgresStore`] is a complete [`ringyo_store::Store`]
//! that passes the same suite as every other one; any number of nodes share it, and each hears of
//! what the others change.
//!
//! ```no_run
//! use ringyo_postgres::PostgresStore;
//! use ringyo_store::{Account, AccountId, AccountStore, EventKind, NewEvent, Timestamp};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "postgres://app:password@db.internal/service";
//! let store = PostgresStore::connect(url).await?; // makes the schema, or brings it up to date
//!
//! let at: Timestamp = "2026-01-02T03:04:05.678Z".parse()?;
//! let account = Account::new(AccountId::new("acct_1")?, "pro", at);
//! let event = NewEvent::new(EventKind::AccountCreated, account.id.clone(), "operator:alice", at);
//! let stored = store.insert_account(&account, &event).await?; // durable now, and known to all
//! assert_eq!(store.find_account(&account.id).await?, Some(stored));
//! # Ok(()) }
//! ```
//!
//! # Vocabulary
//!
//! * **schema**: the PostgreSQL schema that holds the tables, `ringyo` unless
//!   [chosen](PostgresOptions::schema). Nothing is put anywhere else.
//! * **durable**: committed with the server's own `synchronous_commit`. What was answered survives
//!   whatever the server is set to survive; only times of last use may lag behind what was noted.
//! * **hint**: a notification that something has changed. It carries nothing and may be lost; the
//!   events are the truth.
//! * **follower**: whoever reads the [change feed](ringyo_store::ChangeFeed), a cache for one.
//! * **by hand**: with SQL, past this library.
//!
//! # The server
//!
//! Written for PostgreSQL 14 and later, and tested with 15. Connect to the primary: standbys are
//! refused, since one that lags behind would vouch for keys that have been revoked. Of several
//! hosts in the URL the one that can be written is used.
//!
//! Every session is told where its tables are and how long its statements may take when it starts,
//! and keeps prepared statements, so connect to the server itself and not through a pooler that
//! hands one session to many (`pool_mode = transaction`). They are called `ringyo` at the server,
//! unless the URL has an `application_name`. A store has:
//!
//! | connections | for what |
//! | --- | --- |
//! | [up to 10](PostgresOptions::max_connections) | calls |
//! | 1 | reading the change feed, so that no other call holds up what a follower goes by |
//! | 1 | listening for hints |
//! | 1, every five seconds for a moment | seeing which server is there and how it is set; called `ringyo (looking)` |
//! | up to 2, while connecting takes longer than a quarter of [its deadline](PostgresOptions::connect_timeout) | attempts that a broken network has not swallowed |
//!
//! # Which rights the role needs
//!
//! A role that owns the schema, or may create it, needs nothing else and brings it up to date by
//! itself. Where the role of the service should not own it, let the owner open the store once
//! after each update of this library, and grant the service:
//!
//! ```sql
//! -- What a service needs.
//! GRANT USAGE ON SCHEMA ringyo TO app;
//! GRANT SELECT ON ringyo.meta TO app;
//! GRANT SELECT, INSERT ON ringyo.events TO app;
//! GRANT SELECT, INSERT, UPDATE ON ringyo.accounts, ringyo.keys, ringyo.key_usage TO app;
//! GRANT SELECT, INSERT, UPDATE ON ringyo.wallets, ringyo.wallet_operations TO app;
//! ```
//!
//! ```sql
//! -- What pruning needs on top.
//! GRANT DELETE ON ringyo.events TO app;
//! GRANT UPDATE ON ringyo.meta TO app;
//! ```
//!
//! Beyond that it calls functions that every role may call unless somebody took that away:
//! `pg_control_system()`, `pg_current_wal_lsn()`, `pg_walfile_name()`, `pg_notify()`. A right that
//! is missing is named when the store is opened.
//!
//! # What to expect when something fails
//!
//! | what happens | what callers get |
//! | --- | --- |
//! | the server is down, or the network refuses | `Unavailable` at once; the first call after it is back works |
//! | the server hangs, or the network swallows everything | `Unavailable` after [two](PostgresOptions::connect_timeout) [deadlines](PostgresOptions::statement_timeout) at the latest, 4 seconds unless changed; calls that begin once it is back are answered |
//! | connections are forgotten on the way and nobody is told | `Unavailable` for the calls that are first to use one, as above; what is late takes the others with it that have been silent since |
//! | a session is ended between calls | nothing, another one is made |
//! | a session is lost during a call that reads, or before a change is committed | nothing: the call is made again, up to three times in all |
//! | it is lost while a change is committed, or when a change of a wallet meets it | `Unavailable`, and whether it was done is unknown: read again, or ask for the operation again |
//! | two transactions collide (deadlock, serialization) | nothing, or `Unavailable` after three times |
//! | somebody holds a lock | `Unavailable` once the server gives up, a tenth before the deadline |
//! | the session that listens is lost | hints are missing until another one listens, some 50 milliseconds if the server is there; whoever waits is woken then |
//! | the server becomes a standby | `ReadOnly`, for reading too |
//! | failover, a restored copy, a restart | followers are told to forget everything |
//! | another server takes the place of one that goes on answering | [some five seconds](#another-server-behind-the-address) with the old one, then nothing is asked of it any more |
//! | the same, and the other one takes no session; or nobody is at the address any more | some fifteen seconds with the old one, then `Unavailable` until a session can be made |
//! | the server is full, or takes no new session for another reason, and is the same | nothing, as long as the sessions that there are last |
//! | nobody waits for a call any more | it happened whole or not at all; its connection is closed |
//!
//! After `Unavailable` a connection on which an answer may still come is not used again.
//!
//! `fsync`, `full_page_writes` or `synchronous_commit` turned off is a warning in the log, when the
//! store is opened and when it happens later, once, some five seconds after; what holds now is what
//! [`durability_risks`](PostgresStore::durability_risks) says. Changed back before anybody has
//! looked, it is not noticed.
//!
//! # Another server behind the address
//!
//! A session lasts for as long as its server answers. After a failover whose old server lives on,
//! or a change of DNS, what has a session would go on with a server that no longer counts. So each
//! session asks, when it is made, which server it has reached (cluster, timeline, and when it was
//! started), in the one question that also tells the settings above. If that is not the server
//! known so far, the newest session is believed, since it shows where the address leads now:
//! sessions with any other are not used again, a transaction in one of them is not committed but
//! made again at the new one, what has been read in one is read again, a change of a wallet that
//! was made in one is answered `Unavailable`, and the session that listens moves. That costs a round trip for each session and none for a call. As a store that
//! has all its sessions makes no new one, one is made every five seconds to look.
//!
//! Where no session can be made, because the server has no room for one or refuses the role, the
//! address is asked to cancel a statement that sleeps in the session that listens, which every
//! server takes without making a session. If that wakes, the address leads to the server of before,
//! and all goes on. It cannot be asked with several hosts in the URL, over a Unix socket, or when
//! the session that listens is gone as well. What nobody has seen in one of the two ways for fifteen
//! seconds is not believed any more: all sessions are given up, with one warning in the log, and
//! calls are answered by new sessions or `Unavailable`.
//!
//! What remains: until somebody has looked, at most five seconds and the time that a connection
//! takes, and fifteen where nobody can, the old server is believed, and what is changed there is
//! lost to the new one. A URL with
//! several hosts leads to the first that can be written, which may be the old one. Only whoever
//! makes the failover can rule that out, by ending the old server first, or by cutting it off.
//!
//! # Looking inside, and changing by hand
//!
//! Columns hold plain text, numbers and times (`timestamptz`, rounded to milliseconds). Lists are
//! separated by spaces. A digest is in hexadecimal, as in SQLite, so that rows can be compared and
//! carried over as text. Texts are compared byte for byte, whatever the database is set to.
//!
//! ```sql
//! -- Who may do what?
//! SELECT id, account, mode, name, scopes, status FROM ringyo.keys ORDER BY created_at DESC;
//!
//! -- Which keys has nobody used?
//! SELECT id, name, created_at FROM ringyo.keys
//! WHERE status = 'active' AND id NOT IN (SELECT key FROM ringyo.key_usage);
//!
//! -- What happened to a key?
//! SELECT at, kind, actor, address, detail FROM ringyo.events WHERE key = '0a1B2c3D4e5F';
//!
//! -- Revoke it, while the service runs.
//! UPDATE ringyo.keys SET status = 'revoked' WHERE id = '0a1B2c3D4e5F';
//!
//! -- Give an account another plan.
//! UPDATE ringyo.accounts SET plan = 'agency' WHERE id = 'acct_1';
//! ```
//!
//! The database keeps the rules for whoever writes to it:
//!
//! * a revoked key stays revoked; its row cannot be changed any more;
//! * keys and accounts cannot be deleted; events neither, but for
//!   [pruning](PostgresStore::prune_events);
//! * what a key was issued with (id, account, mode, hint, digest, pepper, creation) never changes;
//! * a change by hand writes its own event, `key.edited` or `account.edited` by the actor `sql`,
//!   and is noticed by running services like any other;
//! * `revision` is the number of the event behind a row's last change. Leave it out of statements:
//!   a change that carries one must come with an event about that row, in the same transaction.
//!
//! A superuser can switch triggers off, and with them all of this. Balances in `wallets` and rows
//! of `wallet_operations` may be changed by hand without trace. An operation whose row is deleted
//! is forgotten: asked for again, it is charged again.
//!
//! | table | a row is |
//! | --- | --- |
//! | `accounts` | an [`Account`](ringyo_store::Account) |
//! | `keys` | a [`KeyRecord`](ringyo_store::KeyRecord); `digest` in hexadecimal |
//! | `key_usage` | when a key was last used |
//! | `events` | an [`Event`](ringyo_store::Event); `revision` is its number, `xid` the transaction that wrote it |
//! | `wallets` | the balance of an account |
//! | `wallet_operations` | a [`WalletOperation`](ringyo_store::WalletOperation), and when it was settled |
//! | `meta` | `store_id`, which tells this store from any other, `schema_version`, and `pruned_xid`, up to which events may be gone |
//!
//! The schema is frozen: a later version of this library only adds to it, in one transaction when
//! it opens the store. From then on an older version refuses to open it, as `NewerSchema`; one that
//! has it open goes on.
//!
//! # The change feed
//!
//! Transactions commit in another order than the one in which they take their numbers, so whoever
//! reads "what is behind the last number I saw" misses changes. This feed goes by PostgreSQL's own
//! snapshots instead: a cursor carries the snapshot of the last answer, and the next answer is
//! what is visible now and was not then. No change is skipped, no writer waits for another, and
//! the proof stands in the source, above the query (`src/feed.rs`). A transaction that stays open
//! for hours makes the reading wider but never wrong.
//!
//! Notifications are sent for events alone, never for times of use or credits: the server lets
//! transactions that notify commit only one after the other.
//!
//! # Credits on one busy account
//!
//! A row that many callers change is changed by one after the other, each waiting for the disk. So
//! each node has one change of a wallet on its way at a time, and what comes meanwhile for the same
//! account goes together in the next: one lock and one wait for all of them, each with an answer
//! and a ledger entry of its own.
//!
//! # Backups
//!
//! Anything that backs up PostgreSQL does. To have the schema alone, or to move it to another
//! cluster:
//!
//! ```text
//! pg_dump --schema=ringyo --format=custom service > ringyo.dump
//! pg_restore --clean --if-exists --dbname=service ringyo.dump
//! ```
//!
//! Keys that were revoked after the copy was made are active in it: revoke them again. Running
//! nodes notice a restored copy and forget what they knew. Events that came from another cluster
//! keep that one's transaction numbers, and cannot be pruned until this cluster has counted so far.
//!
//! # Features
//!
//! | feature | adds | default |
//! | --- | --- | --- |
//! | `tls` | `PostgresOptions::tls`: connections through rustls, encrypted and verified or refused | no |
//!
//! TLS is an option that the service turns on and not something that a URL or a Cargo feature
//! brings about: a certificate is verified against roots that somebody chose, or there is no
//! connection. It is built on rustls, so that no other library has to be installed, and none of
//! its types shows.
//!
//! # Contents
//!
//! [`PostgresStore`] is the store · [`PostgresOptions`] opens one with other deadlines, another
//! schema, TLS · [`DurabilityRisk`] is what a server may lose. The methods are those of
//! [`KeyStore`](ringyo_store::KeyStore), [`AccountStore`](ringyo_store::AccountStore),
//! [`WalletStore`](ringyo_store::WalletStore), [`EventStore`](ringyo_store::EventStore) and
//! [`ChangeFeed`](ringyo_store::ChangeFeed), and
//! [`prune_events`](PostgresStore::prune_events); errors are
//! [`StoreError`](ringyo_store::StoreError)s.

mod accounts;
mod call;
mod checks;
mod columns;
mod combiner;
mod connection;
mod events;
mod failure;
mod feed;
mod keys;
mod knock;
mod listener;
mod moment;
mod primary;
mod schema;
mod session;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod wallets;

pub use checks::DurabilityRisk;
pub use store::{PostgresOptions, PostgresStore};
#[cfg(feature = "tls")]
pub use tls::TlsRoots;
