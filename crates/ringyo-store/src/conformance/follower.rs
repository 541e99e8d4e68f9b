//! A follower of the change feed beside many writers.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::fixture::*;
use super::record_fixture::key;
use crate::{AccountId, ChangeSet, Changed, Cursor};

const WRITERS: usize = 16;
const KEYS_EACH: usize = 20;

/// What writers have been told is done, in the order they were told.
#[derive(Debug, Default)]
struct Committed(Mutex<Vec<Changed>>);

impl Committed {
    fn add(&self, changed: Changed) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(changed);
    }

    fn since(&self, place: usize) -> Vec<Changed> {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list[place..].to_vec()
    }
}

pub(super) async fn feed_skips_nothing_under_writers(store: Shared) {
    let home = acct(&store).await;
    let start = store.changes_since(None).await;
    let start = start.expect("the feed gives its cursor").cursor;
    let committed = Arc::new(Committed::default());
    let writing = Arc::new(AtomicUsize::new(WRITERS));
    let follower = tokio::spawn(follow(
        store.clone(),
        start,
        committed.clone(),
        writing.clone(),
    ));
    race(WRITERS, |writer| {
        let (store, home) = (store.clone(), home.clone());
        let (committed, writing) = (committed.clone(), writing.clone());
        async move {
            write(&store, &home, writer, &committed).await;
            writing.fetch_sub(1, Ordering::SeqCst);
        }
    })
    .await;
    let seen = follower.await.expect("the follower misses nothing");
    for changed in committed.since(0) {
        assert!(seen.contains(&changed), "{changed:?} was never seen");
    }
    let expected = WRITERS * (KEYS_EACH + 1);
    assert_eq!(seen.len(), expected, "keys and accounts that were seen");
}

async fn write(store: &Shared, home: &AccountId, writer: usize, committed: &Committed) {
    let own = account(store, &format!("acct_of_{writer}")).await.id;
    committed.add(Changed::Account(own));
    for step in 0..KEYS_EACH {
        let key = insert(store, &key(home, 1_000 * (writer + 1) + step)).await;
        committed.add(Changed::Key(key.id));
        tokio::task::yield_now().await;
    }
}

/// Asks without pause until the writers are done and once more.
async fn follow(
    store: Shared,
    start: Cursor,
    committed: Arc<Committed>,
    writing: Arc<AtomicUsize>,
) -> HashSet<Changed> {
    let (mut cursor, mut seen, mut checked) = (start, HashSet::new(), 0);
    loop {
        let last = writing.load(Ordering::SeqCst) == 0;
        let due = committed.since(checked);
        let changes = store.changes_since(Some(&cursor)).await;
        let changes = changes.expect("the feed answers");
        let ChangeSet::These(these) = changes.changed else {
            panic!("the feed no longer knows its own cursor {cursor:?}");
        };
        seen.extend(these);
        cursor = changes.cursor;
        checked += due.len();
        for changed in due {
            assert!(
                seen.contains(&changed),
                "{changed:?} was committed before the feed was asked and is not in it"
            );
        }
        if last {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}
