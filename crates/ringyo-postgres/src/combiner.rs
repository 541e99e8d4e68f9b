//! Changes of one wallet go together.
//!
//! A row that many callers change is changed by one after the other, each waiting for the disk
//! before the next may start. So of each account one call is on its way at a time; who comes
//! meanwhile waits in line, and the line goes together in the next call: one lock, one wait for
//! the disk. Each caller gets the answer to its own operation, as if they had come one by one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringyo_store::{
    AccountId, OperationId, StoreError, StoreErrorKind, WalletOperation, WalletReceipt,
};
use tokio::sync::oneshot;

use crate::call::Database;
use crate::call::Repeat::NotAfterLoss;
use crate::wallets;

/// The most operations in one call.
const MOST: usize = 500;

/// The lines of all accounts that have one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Combiner {
    lines: Arc<Mutex<HashMap<AccountId, VecDeque<Waiting>>>>,
}

/// An operation in line, and where its answer goes.
#[derive(Debug)]
struct Waiting {
    entry: WalletOperation,
    answer: oneshot::Sender<Result<WalletReceipt, StoreError>>,
}

impl Combiner {
    /// Begins an operation, with whatever else waits for the same wallet. Once sent it is done
    /// whoever waits for it; a caller that goes away while in line takes its operation along.
    pub(crate) async fn begin(
        &self,
        database: &Database,
        entry: WalletOperation,
    ) -> Result<WalletReceipt, StoreError> {
        let (answer, answered) = oneshot::channel();
        let account = entry.account.clone();
        let waiting = Waiting { entry, answer };
        let is_first = {
            let mut lines = self.lines();
            let is_first = !lines.contains_key(&account);
            lines.entry(account.clone()).or_default().push_back(waiting);
            is_first
        };
        if is_first {
            // A task of its own, so that the first in line may go away as well.
            let turn = Turn {
                combiner: self.clone(),
                account,
            };
            tokio::spawn(turn.serve(database.clone()));
        }
        answered.await.unwrap_or_else(|_| {
            Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "the store ended before it answered",
            ))
        })
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<AccountId, VecDeque<Waiting>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to serve the line of an account. Whoever still waits when it is dropped is told so.
struct Turn {
    combiner: Combiner,
    account: AccountId,
}

impl Turn {
    async fn serve(self, database: Database) {
        while let Some(group) = self.next() {
            let (entries, answers): (Vec<_>, Vec<_>) = group
                .into_iter()
                .map(|waiting| (waiting.entry, waiting.answer))
                .unzip();
            let entries = &entries;
            let begun = database.ask(NotAfterLoss, |call| async move {
                wallets::begin(&call, entries).await
            });
            // Whoever has gone away is not told.
            match begun.await {
                Ok(results) => {
                    for (answer, result) in answers.into_iter().zip(results) {
                        let _ = answer.send(result);
                    }
                }
                Err(error) => {
                    let error = Arc::new(error);
                    for answer in answers {
                        let _ = answer.send(Err(same(&error)));
                    }
                }
            }
        }
    }

    /// Who goes next, in order; with nobody in line the line ends. An operation whose id is in the
    /// group already waits for the answer to that.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut lines = self.combiner.lines();
        let line = lines.get_mut(&self.account)?;
        let mut ids: HashSet<OperationId> = HashSet::new();
        let mut group = Vec::new();
        while group.len() < MOST
            && line
                .front()
                .is_some_and(|first| !ids.contains(&first.entry.id))
        {
            let Some(waiting) = line.pop_front() else {
                break;
            };
            // Not sent yet, so it is known that it was not done.
            if waiting.answer.is_closed() {
                continue;
            }
            ids.insert(waiting.entry.id.clone());
            group.push(waiting);
        }
        if group.is_empty() {
            lines.remove(&self.account);
            return None;
        }
        Some(group)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.combiner.lines().remove(&self.account);
    }
}

/// One error for several callers, with the one cause shared.
fn same(error: &Arc<StoreError>) -> StoreError {
    let context = "the call that carried this change has failed";
    StoreError::with_source(error.kind(), context, Arc::clone(error))
}
