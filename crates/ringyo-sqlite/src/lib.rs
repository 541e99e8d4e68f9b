//! The embedded store: API keys, accounts, credits and the audit trail of a service in one SQLite
//! file. [`SqliteStore`] is a complete [`ringyo_store::Store`] that passes the same suite as every
//! other one, needs no server, and lets a person look inside with the `sqlite3` command line.
//!
//! ```
//! use ringyo_sqlite::SqliteStore;
//! use ringyo_store::{Account, AccountId, AccountStore, EventKind, NewEvent, Timestamp};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("keys.db");
//! let store = SqliteStore::open(&path).await?; // makes the file, or brings it up to date
//!
//! let at: Timestamp = "2026-01-02T03:04:05.678Z".parse()?;
//! let account = Account::new(AccountId::new("acct_1")?, "pro", at);
//! let event = NewEvent::new(EventKind::AccountCreated, account.id.clone(), "operator:alice", at);
//! let stored = store.insert_account(&account, &event).await?; // on the disk now
//! store.close().await?;
//!
//! let store = SqliteStore::open(&path).await?;
//! assert_eq!(store.find_account(&account.id).await?, Some(stored));
//! # Ok(()) }
//! ```
//!
//! # Vocabulary
//!
//! * **durable**: on the disk, as far as the operating system can tell, before the call returns
//!   `Ok`. What was answered survives a crash of the process and a loss of power; only times of
//!   last use may lag behind what was noted.
//! * **write-ahead log**: where changes go first, the `-wal` file. It is written back into the
//!   file now and then, and whole when the last process closes it.
//! * **group commit**: changes that wait at the same moment go to the disk together, each still
//!   whole or not at all. Many callers at once do not wait for one sync each.
//! * **by hand**: with SQL, past this library.
//!
//! # The files
//!
//! | file | what it is |
//! | --- | --- |
//! | `keys.db` | everything, once the log has been written back |
//! | `keys.db-wal` | the write-ahead log: the newest changes; part of the data |
//! | `keys.db-shm` | who reads and writes what just now; made anew when missing |
//!
//! The names follow the one that was opened. All are readable for their owner only when this
//! library makes them, since they tell who calls from where. There is no secret in them: of a key
//! its digest is kept, which gives nothing back without the pepper that the service holds.
//!
//! The two beside it are there while a process uses the file and after a crash. **Copying the
//! first alone while the store is open loses changes.** Back up with either of these instead, at
//! any time:
//!
//! ```text
//! sqlite3 keys.db "VACUUM INTO 'backup.db'"
//! sqlite3 keys.db ".backup backup.db"
//! ```
//!
//! To restore, stop every process that uses the file, remove all three, put the copy in the place
//! of the first. Keys that were revoked after the copy was made are active in it: revoke them
//! again.
//!
//! **Never put the file on a network file system.** The processes that share it coordinate through
//! memory and locks of one machine; over NFS or SMB they damage it. Several machines need a store
//! with a server.
//!
//! # Sharing the file
//!
//! Several processes of one machine may open the same file. Each sees what the others have
//! written as soon as they have, and [`ChangeFeed::changed`](ringyo_store::ChangeFeed::changed)
//! wakes for it within some 20 milliseconds, so that caches above forget what was changed. One of
//! them writes at a time. Whoever finds the file locked for longer than
//! [the timeout](SqliteOptions::busy_timeout) is answered `Unavailable`, as are the calls that
//! queued behind it in the same process.
//!
//! SQLite up to 3.51.2 has a rare fault that damages a log which two connections write at once.
//! The one built into this crate is newer; use a `sqlite3` of 3.51.3 or later too, at least to
//! write while a service runs. Older ones are fine for reading and for backups.
//!
//! # Looking inside, and changing by hand
//!
//! Columns hold plain text and numbers. Times are RFC 3339 in UTC, lists are separated by spaces.
//!
//! ```sql
//! -- Who may do what?
//! SELECT id, account, mode, name, scopes, status FROM keys ORDER BY created_at DESC;
//!
//! -- Which keys has nobody used?
//! SELECT id, name, created_at FROM keys
//! WHERE status = 'active' AND id NOT IN (SELECT key FROM key_usage);
//!
//! -- What happened to a key?
//! SELECT at, kind, actor, address, detail FROM events WHERE key = '0a1B2c3D4e5F';
//!
//! -- Revoke it, while the service runs.
//! UPDATE keys SET status = 'revoked' WHERE id = '0a1B2c3D4e5F';
//!
//! -- Give an account another plan.
//! UPDATE accounts SET plan = 'agency' WHERE id = 'acct_1';
//! ```
//!
//! The database keeps the rules for whoever writes to it:
//!
//! * a revoked key stays revoked; its row cannot be changed any more;
//! * keys, accounts and events cannot be deleted or replaced;
//! * what a key was issued with (id, account, mode, hint, digest, pepper, creation) never changes;
//! * a change by hand writes its own event, `key.edited` or `account.edited` by the actor `sql`,
//!   and is noticed by running services like any other;
//! * `revision` is the number of the event behind a row's last change. Leave it out of statements:
//!   a change that carries one must come with an event about that row.
//!
//! Balances in `wallets` and rows of `wallet_operations` may be changed by hand without trace.
//! An operation whose row is deleted is forgotten: asked for again, it is charged again.
//!
//! | table | a row is |
//! | --- | --- |
//! | `accounts` | an [`Account`](ringyo_store::Account) |
//! | `keys` | a [`KeyRecord`](ringyo_store::KeyRecord); `digest` in hexadecimal |
//! | `key_usage` | when a key was last used |
//! | `events` | an [`Event`](ringyo_store::Event); `revision` is its number |
//! | `wallets` | the balance of an account |
//! | `wallet_operations` | a [`WalletOperation`](ringyo_store::WalletOperation), and when it was settled |
//! | `meta` | `store_id`, which tells this database from any other |
//!
//! The schema is frozen: a later version of this library only adds to it, in one transaction when
//! it opens the file. From then on an older version refuses the file as `NewerSchema`.
//!
//! # Contents
//!
//! [`SqliteStore`] is the store · [`SqliteOptions`] opens one with another timeout. The methods
//! are those of [`KeyStore`](ringyo_store::KeyStore), [`AccountStore`](ringyo_store::AccountStore),
//! [`WalletStore`](ringyo_store::WalletStore), [`EventStore`](ringyo_store::EventStore) and
//! [`ChangeFeed`](ringyo_store::ChangeFeed); errors are
//! [`StoreError`](ringyo_store::StoreError)s. There are no Cargo features.

mod accounts;
mod columns;
mod events;
mod failure;
mod feed;
mod file;
mod keys;
mod reader;
mod schema;
mod store;
mod wallets;
mod watcher;
mod writer;

pub use store::{SqliteOptions, SqliteStore};
