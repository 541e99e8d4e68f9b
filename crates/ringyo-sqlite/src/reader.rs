//! The threads that read.

use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use ringyo_store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::failure::Failure;

/// A question to the store.
pub(crate) type Query = Box<dyn FnOnce(&Connection) + Send>;

/// A question, and where its answer will come.
pub(crate) fn query<T: Send + 'static>(
    read: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
) -> (Query, oneshot::Receiver<Result<T, StoreError>>) {
    let (sender, receiver) = oneshot::channel();
    let query = move |database: &Connection| {
        // A question that nobody waits for any more need not be asked.
        if !sender.is_closed() {
            let _ = sender.send(read(database).map_err(StoreError::from));
        }
    };
    (Box::new(query), receiver)
}

/// Answers questions until nobody can ask one any more. Several threads share the queue.
pub(crate) fn serve(database: &Connection, queries: &Mutex<Receiver<Query>>) {
    loop {
        // Locked while waiting, not while answering.
        let next = queries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        match next {
            Ok(query) => query(database),
            Err(_) => return,
        }
    }
}
