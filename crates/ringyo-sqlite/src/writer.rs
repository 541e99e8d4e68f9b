//! The thread that writes. What waits for it goes to the disk together: one transaction, and so
//! one sync, for up to [`GROUP`] jobs, each in a savepoint of its own.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use ringyo_store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::failure::{Failure, shared, shared_unknown};

/// The most jobs in one transaction.
const GROUP: usize = 64;

/// A change that was asked for: told to run within the open transaction, or why it cannot.
pub(crate) type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Option<Done> + Send>;

/// A change that was made or refused and waits for the transaction.
pub(crate) struct Done {
    keep: bool,
    answer: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

/// A job, and where its answer will come.
pub(crate) fn job<T: Send + 'static>(
    change: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, StoreError>>) {
    let (sender, receiver) = oneshot::channel();
    let job = move |database: Result<&Connection, StoreError>| {
        let database = match database {
            Ok(database) => database,
            Err(error) => {
                // Nobody may be waiting any more; that undoes nothing, here and below.
                let _ = sender.send(Err(error));
                return None;
            }
        };
        let result = change(database).map_err(StoreError::from);
        Some(Done {
            keep: result.is_ok(),
            answer: Box::new(move |committed| {
                // A refusal too rests on changes of the same group, and is void without them.
                let _ = sender.send(committed.and(result));
            }),
        })
    };
    (Box::new(job), receiver)
}

/// Runs jobs until nobody can send one any more. `committed` is called after each transaction,
/// before the answers.
pub(crate) fn serve(database: &Connection, jobs: &Receiver<Job>, committed: impl Fn(&Connection)) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        group.extend(jobs.try_iter().take(GROUP - 1));
        if let Err(error) = database.execute_batch("BEGIN IMMEDIATE") {
            // Who came meanwhile has waited for the same lock, and would wait as long again.
            group.extend(jobs.try_iter());
            let error = Arc::new(error);
            for job in group {
                job(Err(shared(&error)));
            }
            continue;
        }
        transact(database, group, &committed);
    }
}

fn transact(database: &Connection, group: Vec<Job>, committed: &impl Fn(&Connection)) {
    let mut done = Vec::with_capacity(group.len());
    let mut lost = None;
    for job in group {
        if let Some(error) = &lost {
            job(Err(shared_unknown(error)));
            continue;
        }
        match in_savepoint(database, job) {
            Ok(job) => done.extend(job),
            Err((job, error)) => {
                done.extend(job);
                lost = Some(Arc::new(error));
            }
        }
    }
    let outcome = match lost {
        None => database.execute_batch("COMMIT").map_err(Arc::new),
        Some(error) => Err(error),
    };
    if outcome.is_err() && !database.is_autocommit() {
        // It fails only where there is nothing to roll back any more.
        let _ = database.execute_batch("ROLLBACK");
    }
    committed(database);
    for job in done {
        (job.answer)(outcome.as_ref().copied().map_err(shared_unknown));
    }
}

/// Runs a job so that a refused one leaves nothing. An error means that the whole transaction is
/// lost, as it is when the disk is full.
fn in_savepoint(
    database: &Connection,
    job: Job,
) -> Result<Option<Done>, (Option<Done>, rusqlite::Error)> {
    if let Err(error) = database.execute_batch("SAVEPOINT job") {
        let error = Arc::new(error);
        job(Err(shared(&error)));
        return Ok(None);
    }
    // A fault of this library must not take the only thread that writes with it: the job's caller
    // is told that there will be no answer, and the savepoint goes.
    let done = panic::catch_unwind(AssertUnwindSafe(|| job(Ok(database)))).unwrap_or_default();
    let keep = done.as_ref().is_some_and(|done| done.keep);
    let end = if keep {
        "RELEASE job"
    } else {
        "ROLLBACK TO job; RELEASE job"
    };
    match database.execute_batch(end) {
        Ok(()) => Ok(done),
        Err(error) => Err((done, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringyo_store::StoreErrorKind;
    use std::sync::mpsc;

    /// A database in which a job can pass and its transaction still fail: the missing owner of a
    /// thing is noticed at the commit.
    fn database() -> Connection {
        let database = Connection::open_in_memory().unwrap();
        database
            .execute_batch(
                "PRAGMA foreign_keys = ON;
                 CREATE TABLE owners (id INTEGER PRIMARY KEY);
                 CREATE TABLE things (
                     id    INTEGER PRIMARY KEY,
                     owner INTEGER REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED
                 );
                 CREATE TABLE attempts (id INTEGER);
                 INSERT INTO owners (id) VALUES (1);",
            )
            .unwrap();
        database
    }

    /// Adds things with these owners, as one group, and gives the answers.
    fn add(database: &Connection, things: &[(i64, i64)]) -> Vec<Result<usize, StoreErrorKind>> {
        let (sender, jobs) = mpsc::channel();
        let answers: Vec<_> = things
            .iter()
            .map(|&(id, owner)| {
                let insert = "INSERT INTO things (id, owner) VALUES (?1, ?2)";
                let (job, answer) = job(move |database| {
                    database.execute("INSERT INTO attempts (id) VALUES (?1)", [id])?;
                    Ok(database.execute(insert, (id, owner))?)
                });
                sender.send(job).unwrap();
                answer
            })
            .collect();
        drop(sender);
        serve(database, &jobs, |_| {});
        answers
            .into_iter()
            .map(|answer| answer.blocking_recv().unwrap().map_err(|e| e.kind()))
            .collect()
    }

    fn count(database: &Connection, table: &str) -> i64 {
        let count = format!("SELECT count(*) FROM {table}");
        database.query_row(&count, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_refused_job_leaves_the_rest_of_its_group() {
        let database = database();
        let answers = add(&database, &[(1, 1), (1, 1), (2, 1)]);
        assert_eq!(answers, [Ok(1), Err(StoreErrorKind::Conflict), Ok(1)]);
        assert_eq!(count(&database, "things"), 2);
        assert_eq!(count(&database, "attempts"), 2, "half a job was left");
    }

    #[test]
    fn a_failed_commit_is_a_failure_for_the_whole_group() {
        let database = database();
        let answers = add(&database, &[(1, 1), (2, 7), (1, 1)]);
        assert_eq!(answers, [Err(StoreErrorKind::Unavailable); 3]);
        assert_eq!(count(&database, "things"), 0);
        // The control: without the missing owner the same group passes, on the same connection.
        assert_eq!(add(&database, &[(1, 1), (2, 1)]), [Ok(1), Ok(1)]);
        assert_eq!(count(&database, "things"), 2);
    }

    #[test]
    fn a_lost_transaction_is_a_failure_for_the_whole_group() {
        let database = database();
        let (sender, jobs) = mpsc::channel();
        let (before, kept) = job(|database| {
            Ok(database.execute("INSERT INTO things (id, owner) VALUES (1, 1)", [])?)
        });
        // What SQLite does by itself when the disk is full.
        let (full, lost) = job(|database| Ok(database.execute_batch("ROLLBACK")?));
        let (behind, not_run) = job(|_| Ok(()));
        for job in [before, full, behind] {
            sender.send(job).unwrap();
        }
        drop(sender);
        serve(&database, &jobs, |_| {});
        assert!(kept.blocking_recv().unwrap().is_err());
        assert!(lost.blocking_recv().unwrap().is_err());
        assert!(not_run.blocking_recv().unwrap().is_err());
        assert_eq!(count(&database, "things"), 0);
        assert_eq!(add(&database, &[(1, 1)]), [Ok(1)]);
    }

    #[test]
    fn a_panic_costs_one_job_only() {
        let database = database();
        let (sender, jobs) = mpsc::channel();
        let add = "INSERT INTO things (id, owner) VALUES (1, 1)";
        let (torn, lost) = job(move |database| -> Result<(), Failure> {
            database.execute(add, [])?;
            panic!("planted");
        });
        let (good, kept) = job(move |database| Ok(database.execute(add, [])?));
        sender.send(torn).unwrap();
        sender.send(good).unwrap();
        drop(sender);
        serve(&database, &jobs, |_| {});
        assert!(lost.blocking_recv().is_err(), "nobody answers it");
        assert_eq!(kept.blocking_recv().unwrap().map_err(|e| e.kind()), Ok(1));
        assert_eq!(count(&database, "things"), 1);
    }

    #[test]
    fn more_than_a_group_is_several_transactions() {
        let database = database();
        let things: Vec<(i64, i64)> = (0..3 * GROUP as i64).map(|id| (id, 1)).collect();
        let (sender, jobs) = mpsc::channel();
        for &(id, owner) in &things {
            let insert = "INSERT INTO things (id, owner) VALUES (?1, ?2)";
            let (job, _) = job(move |database| Ok(database.execute(insert, (id, owner))?));
            sender.send(job).unwrap();
        }
        drop(sender);
        let transactions = std::cell::Cell::new(0);
        serve(&database, &jobs, |_| {
            transactions.set(transactions.get() + 1);
        });
        assert_eq!(transactions.get(), 3);
    }
}
