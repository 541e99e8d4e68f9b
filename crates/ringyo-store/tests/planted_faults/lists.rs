//! Faults of the lists of keys and accounts.

use ringyo_store::{KeyCursor, KeyQuery, KeyRecord, KeyStore, Page, StoreError, Timestamp};

use crate::faulty::{Fault, Faulty, place};

impl Faulty {
    pub(crate) async fn page(&self, query: &KeyQuery) -> Result<Page<KeyRecord>, StoreError> {
        let mut page = if self.pages_itself() {
            self.wrong_page(query).await
        } else {
            self.inner.list_keys(&self.asked(query)).await?
        };
        if self.is(Fault::ListEndsLate) && page.items.len() == query.size.as_usize() {
            page.next = page.items.last().map(KeyCursor::behind);
        }
        page.items = page.items.into_iter().map(|key| self.shown(key)).collect();
        Ok(page)
    }

    /// The query as the store below is asked.
    fn asked(&self, query: &KeyQuery) -> KeyQuery {
        let mut query = query.clone();
        if self.is(Fault::ListIsLateByAMillisecond) {
            query.at = Timestamp::from_unix_millis(query.at.as_unix_millis() - 1);
        }
        if self.is(Fault::ListForgetsMode) {
            query.mode = None;
        }
        query
    }

    fn pages_itself(&self) -> bool {
        [
            Fault::ListSkipsTies,
            Fault::ListRepeatsTies,
            Fault::ListGoesByOffset,
            Fault::ListFoldsAccounts,
            Fault::NameIsAPattern,
            Fault::NameFoldsUnicode,
            Fault::NameKeepsCase,
        ]
        .into_iter()
        .any(|fault| self.is(fault))
    }

    async fn wrong_page(&self, query: &KeyQuery) -> Page<KeyRecord> {
        let mut keys = self.all_keys().await;
        keys.retain(|key| self.includes(query, key));
        let after = query.after;
        let mut offset = 0;
        if self.is(Fault::ListGoesByOffset) {
            let start = after.map(|after| self.notes().offsets[&after.id]);
            offset = start.unwrap_or(0).min(keys.len());
            keys.drain(..offset);
        } else if let Some(after) = after {
            keys.retain(|key| {
                if self.is(Fault::ListSkipsTies) {
                    key.created_at < after.created_at
                } else if self.is(Fault::ListRepeatsTies) {
                    place(key) < (after.created_at, after.id)
                        || key.created_at == after.created_at && key.id != after.id
                } else {
                    place(key) < (after.created_at, after.id)
                }
            });
        }
        let size = query.size.as_usize();
        let more = keys.len() > size;
        keys.truncate(size);
        let next = keys.last().map(KeyCursor::behind).filter(|_| more);
        if let Some(next) = next {
            self.notes().offsets.insert(next.id, offset + size);
        }
        Page { items: keys, next }
    }

    fn includes(&self, query: &KeyQuery, key: &KeyRecord) -> bool {
        let mut query = query.clone();
        let part = query.name_contains.clone().unwrap_or_default();
        let name = &key.name;
        if self.is(Fault::ListFoldsAccounts)
            && let Some(account) = query.account.take()
        {
            let (one, other) = (account.as_str(), key.account.as_str());
            return query.includes(key) && one.eq_ignore_ascii_case(other);
        }
        if self.is(Fault::NameIsAPattern) && (part == "%" || part == "_") {
            query.name_contains = None;
        }
        if self.is(Fault::NameFoldsUnicode) {
            query.name_contains = None;
            return query.includes(key) && name.to_lowercase().contains(&part.to_lowercase());
        }
        if self.is(Fault::NameKeepsCase) {
            return query.includes(key) && name.contains(&part);
        }
        query.includes(key)
    }
}
