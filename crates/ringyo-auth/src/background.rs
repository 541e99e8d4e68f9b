//! What goes on beside the requests: following the store's changes and saving last-used times.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ringyo_store::{Cursor, StoreError};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::core::Core;
use crate::last_used::{Flush, flush};
use crate::sync::Mutex;

/// How long the follower waits for a hint before it asks without one.
const POLL: Duration = Duration::from_secs(1);

/// How soon it asks again at the earliest: a hint may come without need, and changes often come
/// together.
const PAUSE: Duration = Duration::from_millis(2);

/// How long it rests after a failure, before it waits for a hint again.
const RETRY: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Background {
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Background {
    /// None: the changes are followed by whoever calls [`catch_up`].
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self {
            tasks: Mutex::new(Vec::new()),
        }
    }

    pub(crate) async fn start(
        core: &Arc<Core>,
        flush_interval: Duration,
    ) -> Result<Self, StoreError> {
        let cursor = catch_up(core, None).await?;
        let tasks = vec![
            tokio::spawn(follow(core.clone(), cursor)),
            tokio::spawn(save_uses(core.clone(), flush_interval)),
        ];
        Ok(Self {
            tasks: Mutex::new(tasks),
        })
    }

    pub(crate) async fn stop(&self, core: &Core) -> Result<(), StoreError> {
        let tasks = self.take();
        tasks.iter().for_each(JoinHandle::abort);
        for task in tasks {
            // Aborted is what it should be; a panic has been reported by the runtime.
            let _ = task.await;
        }
        flush(core, Flush::All).await
    }

    fn take(&self) -> Vec<JoinHandle<()>> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut tasks)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.take().iter().for_each(JoinHandle::abort);
    }
}

/// Reads what has changed since the cursor and forgets it. Whoever asks after this has returned
/// can trust what is cached as of the moment the question was sent.
pub(crate) async fn catch_up(core: &Core, cursor: Option<&Cursor>) -> Result<Cursor, StoreError> {
    let sent = core.now().monotonic;
    let changes = core
        .within(core.store_deadline, core.store.changes_since(cursor))
        .await?;
    // Without a cursor nothing has been followed, and nothing is cached yet.
    core.apply(&changes.changed);
    core.cache.confirm(sent);
    Ok(changes.cursor)
}

async fn follow(core: Arc<Core>, mut cursor: Cursor) {
    let mut failing = false;
    loop {
        // The hint may never come, so the timer asks as well.
        let poll = poll(rand::random());
        let _ = timeout(poll, core.store.changed(&cursor)).await;
        match catch_up(&core, Some(&cursor)).await {
            Ok(next) => {
                cursor = next;
                sleep(PAUSE).await;
                if std::mem::take(&mut failing) {
                    tracing::info!("following the store's changes again");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the store's changes cannot be followed"
                    );
                }
                sleep(RETRY).await;
            }
        }
    }
}

/// How long to wait for a hint, by a number below one: a little more or less, so that not all nodes
/// ask at once.
fn poll(random: f64) -> Duration {
    POLL.mul_f64(0.9 + 0.2 * random)
}

async fn save_uses(core: Arc<Core>, interval: Duration) {
    loop {
        sleep(interval).await;
        if let Err(error) = flush(&core, Flush::Due).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "last-used times could not be saved; they will be tried again"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_ask_about_once_a_second() {
        let millis = [0.0, 0.5, 1.0].map(|random| poll(random).as_millis());
        assert_eq!(millis, [900, 1_000, 1_100]);
    }
}
