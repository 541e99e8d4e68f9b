//! The handle, and the threads behind it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ringyo_store::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::feed::Head;
use crate::file::File;
use crate::reader::{self, Query};
use crate::watcher::{self, News};
use crate::writer::{self, Job};

/// Threads that read. Authentication reads through a cache, so two keep up.
const READERS: usize = 2;

/// A complete [`Store`](ringyo_store::Store) in one SQLite file.
///
/// A handle: clones share the file's connections, which end with [`close`](Self::close) or when
/// the last clone is dropped. Opening the same file twice, in one process or in several, is fine;
/// each sees what the others write.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    news: News,
    lines: Mutex<Option<Lines>>,
}

/// The ways to the threads. A thread ends when its way is gone and what waits on it is done.
struct Lines {
    write: Sender<Job>,
    read: Sender<Query>,
    #[expect(dead_code, reason = "the watcher waits for it to be dropped")]
    stop_watching: Sender<()>,
    ended: oneshot::Receiver<Result<(), StoreError>>,
}

/// How to open a [`SqliteStore`]; made by [`SqliteStore::options`].
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    busy_timeout: Duration,
}

impl SqliteStore {
    /// Opens the store in that file with the usual options. A new file is made, readable for its
    /// owner only, and an older one is brought to the newest schema.
    ///
    /// # Errors
    ///
    /// As [`SqliteOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::options().open(path).await
    }

    /// The usual options, to change before opening.
    #[must_use]
    pub const fn options() -> SqliteOptions {
        SqliteOptions {
            busy_timeout: Duration::from_secs(5),
        }
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Ends the store, for all clones: what was asked for is done, the write-ahead log is written
    /// back into the file and removed unless another process uses it, and then this returns.
    /// Whatever is asked later is answered `Unavailable`; closing again does nothing.
    ///
    /// Nothing is lost without it: dropping the last clone does the same in the background, and
    /// after a crash the next one to open the file finds everything that was answered.
    ///
    /// # Errors
    ///
    /// What kept the log from being written back, `Unavailable` for one. It is intact, and is
    /// read by whoever opens the file next.
    pub async fn close(&self) -> Result<(), StoreError> {
        // All but `ended` is dropped here, which ends the threads.
        let ended = self.shared.lines().take().map(|lines| lines.ended);
        match ended {
            None => Ok(()),
            Some(ended) => ended.await.unwrap_or_else(|_| Err(closed())),
        }
    }

    pub(crate) fn news(&self) -> &News {
        &self.shared.news
    }

    /// Asks a reader.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (query, answer) = reader::query(read);
        let sent = self
            .shared
            .lines()
            .as_ref()
            .is_some_and(|lines| lines.read.send(query).is_ok());
        received(sent, answer).await
    }

    /// Asks the writer. Once this has been polled the change is made, whoever waits for it.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = writer::job(change);
        let sent = self
            .shared
            .lines()
            .as_ref()
            .is_some_and(|lines| lines.write.send(job).is_ok());
        received(sent, answer).await
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.shared.path)
            .finish_non_exhaustive()
    }
}

impl SqliteOptions {
    /// How long a call waits for a lock that another process holds before it answers
    /// `Unavailable`; 5 seconds unless changed. Zero: not at all.
    #[must_use]
    pub const fn busy_timeout(mut self, longest: Duration) -> Self {
        self.busy_timeout = longest;
        self
    }

    /// Opens the store in that file. A new file is made, readable for its owner only, and an older
    /// one is brought to the newest schema. The directory must exist.
    ///
    /// Works on any async runtime and on none: whatever blocks is done by threads of the store.
    ///
    /// # Errors
    ///
    /// * `Corrupt`: the file is damaged, or no store of this library. It is left as it is.
    /// * `NewerSchema`: a newer version of this library wrote it. It is left as it is.
    /// * `ReadOnly`: the file or its directory is not writable. Reading needs both too, because
    ///   SQLite coordinates all who use the file in a second one beside it.
    /// * `Unavailable`: another process holds a lock on it, there is no such directory, or the
    ///   disk does not do its part.
    pub async fn open(&self, path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        let file = File::new(path.as_ref(), self.busy_timeout)?;
        let (opened, result) = oneshot::channel();
        spawn("ringyo-db-write", move || run(&file, opened))?;
        result.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Shared {
    fn lines(&self) -> std::sync::MutexGuard<'_, Option<Lines>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the writer's thread does: opens the file, starts the others, writes, outlives them so
/// that the last connection to close is the one that may write back the log.
fn run(file: &File, opened: oneshot::Sender<Result<SqliteStore, StoreError>>) {
    let (store, threads) = match start(file) {
        Ok(started) => started,
        Err(failure) => {
            let _ = opened.send(Err(failure.into()));
            return;
        }
    };
    let Threads {
        writer,
        jobs,
        others,
        news,
        ended,
    } = threads;
    // If nobody waits for the store any more it is dropped here, and all of this ends.
    let _ = opened.send(Ok(store));
    writer::serve(&writer, &jobs, |database| {
        // The watcher sees what cannot be read now.
        if let Ok(head) = Head::read(database) {
            news.raise(head);
        }
    });
    for other in others {
        // A reader that panicked has told its caller by giving no answer.
        let _ = other.join();
    }
    let _ = ended.send(close(writer));
}

/// What the writer's thread works with.
struct Threads {
    writer: Connection,
    jobs: Receiver<Job>,
    others: Vec<thread::JoinHandle<()>>,
    news: News,
    ended: oneshot::Sender<Result<(), StoreError>>,
}

fn start(file: &File) -> Result<(SqliteStore, Threads), Failure> {
    let writer = file.connect_writer()?;
    let news = News::new(Head::read(&writer)?);
    let (write, jobs) = channel();
    let (read, queries) = channel();
    let (stop_watching, stop) = channel();
    let (ended_sender, ended) = oneshot::channel();

    let queries = Arc::new(Mutex::new(queries));
    let mut others = Vec::with_capacity(READERS + 1);
    for _ in 0..READERS {
        let (database, queries) = (file.connect_reader()?, Arc::clone(&queries));
        let read = move || reader::serve(&database, &queries);
        others.push(spawn("ringyo-db-read", read)?);
    }
    let (database, told) = (file.connect_reader()?, news.clone());
    let watch = move || watcher::watch(&database, &told, &stop);
    others.push(spawn("ringyo-db-watch", watch)?);

    let lines = Lines {
        write,
        read,
        stop_watching,
        ended,
    };
    let shared = Shared {
        path: file.path().to_owned(),
        news: news.clone(),
        lines: Mutex::new(Some(lines)),
    };
    let store = SqliteStore {
        shared: Arc::new(shared),
    };
    let threads = Threads {
        writer,
        jobs,
        others,
        news,
        ended: ended_sender,
    };
    Ok((store, threads))
}

fn close(writer: Connection) -> Result<(), StoreError> {
    let written_back = writer
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .map_err(Failure::from);
    let closed = writer.close().map_err(|(_, error)| Failure::from(error));
    match written_back.and(closed) {
        // Another process is using the log, and will write it back.
        Err(failure) if failure.is_busy() => Ok(()),
        result => result.map_err(StoreError::from),
    }
}

fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<thread::JoinHandle<()>, StoreError> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map_err(|error| {
        StoreError::with_source(
            StoreErrorKind::Unavailable,
            "the store cannot start a thread",
            error,
        )
    })
}

async fn received<T>(
    sent: bool,
    answer: oneshot::Receiver<Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match answer.await {
        Ok(result) => result,
        Err(_) if sent => Err(StoreError::new(
            StoreErrorKind::Unavailable,
            "the store ended before it answered",
        )),
        Err(_) => Err(closed()),
    }
}

const fn closed() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "the store has been closed")
}
