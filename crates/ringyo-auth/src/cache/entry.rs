use std::sync::Arc;

use ringyo_limit::{Monotonic, Quota};
use ringyo_scope::Grants;
use ringyo_store::{KeyQuota, KeyRecord};

use super::AccountCell;
use crate::last_used::Uses;

/// A record with all that is worked out of it once, when it is loaded.
#[derive(Debug)]
pub(crate) struct CachedKey {
    pub(crate) record: KeyRecord,
    pub(crate) grants: Grants,
    pub(crate) quota: Option<Quota>,
    pub(crate) account: Arc<AccountCell>,
    pub(crate) uses: Arc<Uses>,
    /// The moment before the store was asked for it.
    pub(crate) loaded_at: Monotonic,
}

impl CachedKey {
    pub(crate) fn new(
        record: KeyRecord,
        grants: Grants,
        account: Arc<AccountCell>,
        uses: Arc<Uses>,
        loaded_at: Monotonic,
    ) -> Self {
        if let Some(saved) = record.last_used_at {
            uses.mark_known(saved);
        }
        Self {
            quota: record.quota.map(quota_of),
            record,
            grants,
            account,
            uses,
            loaded_at,
        }
    }
}

fn quota_of(quota: KeyQuota) -> Quota {
    let per_minute = Quota::per_minute(quota.per_minute.get());
    match quota
        .burst
        .map(|burst| per_minute.try_with_burst(burst.get()))
    {
        Some(Ok(with_burst)) => with_burst,
        // A row written by hand may hold a burst that no limiter can count; one minute's worth
        // at once is the tighter reading.
        None | Some(Err(_)) => per_minute,
    }
}
