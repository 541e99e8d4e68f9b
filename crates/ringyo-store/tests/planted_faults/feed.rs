//! Faults of the audit trail and of the change feed.

use async_trait::async_trait;
use ringyo_store::{
    ChangeFeed, ChangeSet, Changed, Changes, Cursor, Event, EventKind, EventQuery, EventStore,
    Page, Revision, StoreError, StoreErrorKind,
};

use crate::faulty::{Fault, Faulty, gap};

#[async_trait]
impl EventStore for Faulty {
    async fn list_events(&self, query: &EventQuery) -> Result<Page<Event, Revision>, StoreError> {
        let mut query = query.clone();
        if self.is(Fault::RepeatsEventsOnPaging) && query.before > Some(Revision::new(3)) {
            let inclusive = query.before.map(|before| before.as_u64() + 1);
            query.before = inclusive.map(Revision::new);
        }
        let mut page = self.inner.list_events(&query).await?;
        if self.is(Fault::ForgetsEvents) {
            let forgotten = EventKind::KeyDisabled;
            page.items.retain(|event| event.entry.kind != forgotten);
        }
        if self.is(Fault::ForgetsAddresses) {
            for event in &mut page.items {
                event.entry.from = None;
            }
        }
        Ok(page)
    }
}

#[async_trait]
impl ChangeFeed for Faulty {
    async fn changes_since(&self, cursor: Option<&Cursor>) -> Result<Changes, StoreError> {
        let mut changes = self.inner.changes_since(cursor).await?;
        if cursor.is_none() && self.is(Fault::FeedStartsAtTheBeginning) {
            let beginning = Cursor::new("0");
            return self.inner.changes_since(Some(&beginning)).await;
        }
        if changes.changed == ChangeSet::Everything && self.is(Fault::FeedTrustsAnyCursor) {
            changes.changed = ChangeSet::These(Vec::new());
        }
        if let ChangeSet::These(these) = &mut changes.changed {
            if self.is(Fault::FeedLeavesOutAccounts) {
                these.retain(|changed| matches!(changed, Changed::Key(_)));
            }
            if self.is(Fault::FeedLeavesOutOneOfMany)
                && let [first, _, .., last] = &these[..]
                && first != last
            {
                let left_out = last.clone();
                these.retain(|changed| *changed != left_out);
            }
            if self.is(Fault::FeedCursorRunsAhead) {
                gap().await;
                changes.cursor = self.inner.changes_since(None).await?.cursor;
            }
        }
        Ok(changes)
    }

    async fn changed(&self, cursor: &Cursor) {
        if self.is(Fault::NeverWakes) {
            std::future::pending::<()>().await;
        }
        if !self.is(Fault::AlwaysWakes) {
            self.inner.changed(cursor).await;
        }
    }

    async fn ready(&self) -> Result<(), StoreError> {
        if self.is(Fault::NeverReady) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "not ready"));
        }
        self.inner.ready().await
    }
}
