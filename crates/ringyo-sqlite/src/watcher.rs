//! The thread that notices what other processes write, and the news that it and the writer give.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use crate::failure::Failure;
use crate::feed::Head;

/// Between two looks. One look costs some microseconds and touches no disk.
const PAUSE: Duration = Duration::from_millis(20);

/// The newest head that any thread of this store has seen.
#[derive(Debug, Clone)]
pub(crate) struct News(Arc<watch::Sender<Head>>);

impl News {
    pub(crate) fn new(head: Head) -> Self {
        Self(Arc::new(watch::Sender::new(head)))
    }

    /// Tells of a head, unless a newer one is known.
    pub(crate) fn raise(&self, head: Head) {
        self.0.send_if_modified(|known| {
            let newer = head.revision > known.revision;
            if newer {
                *known = head;
            }
            newer
        });
    }

    /// Returns when the head is not this one.
    pub(crate) async fn other_than(&self, seen: &Head) {
        let mut news = self.0.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = news.wait_for(|head| head != seen).await;
    }

    fn look(&self, database: &Connection) -> Result<(), Failure> {
        let known = self.0.borrow().clone();
        let head = Head::read(database)?;
        if head.revision > known.revision {
            self.raise(head);
        } else if head != known {
            // Whatever is known was committed before this read began, so the log has been cut:
            // an older copy was put back.
            self.0.send_replace(head);
        }
        Ok(())
    }
}

/// Looks until told to stop, which is when the other end is gone.
pub(crate) fn watch(database: &Connection, news: &News, stop: &Receiver<()>) {
    let mut seen = None;
    while stop.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        // What fails now is looked at again after the next pause: this is a hint, and who must
        // know asks the store and is told of the error there.
        let version = data_version(database).ok();
        if version.is_some() && version != seen && news.look(database).is_ok() {
            seen = version;
        }
    }
}

/// A number that changes when another connection has committed.
fn data_version(database: &Connection) -> rusqlite::Result<i64> {
    database
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))
}
