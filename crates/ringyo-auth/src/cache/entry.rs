use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ringyo_key::{Digest, KeyId, Mode, PepperId};
use ringyo_limit::{Charge, Decision, Monotonic, Outcome, Quota, Tally};
use ringyo_store::{IpNet, KeyQuota, KeyRecord, KeyState, KeyStatus, Timestamp};

use super::{AccountCell, Permissions};
use crate::ApiAccess;
use crate::last_used::Uses;

/// What requests need of a record, with what is worked out of it once, when it is loaded.
///
/// What every decision reads stands together at the beginning.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct CachedKey {
    pub(crate) id: KeyId,
    pub(crate) pepper: Option<PepperId>,
    pub(crate) mode: Mode,
    status: KeyStatus,
    pub(crate) digest: Digest,
    /// Before that moment the key is let in from wherever it comes: there is nothing about it that
    /// could be asked. The beginning of time for a key about which there is.
    unquestioned_until: Timestamp,
    pub(crate) account: Arc<AccountCell>,
    /// The bucket of the account, if the limiter has it in this process, for a key that is charged
    /// to no other.
    tally: Option<Tally>,
    /// The moment before the store was asked for it.
    pub(crate) loaded_at: Monotonic,
    pub(crate) uses: Uses,
    /// Boxed, because few keys have any.
    restrictions: Option<Box<Restrictions>>,
    pub(crate) permissions: Arc<Permissions>,
    pub(crate) name: Box<str>,
}

/// What narrows a key further than its account and its permissions do.
#[derive(Debug)]
struct Restrictions {
    superseded_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    own: Option<OwnLimit>,
    networks: Box<[IpNet]>,
    /// That of the account, as above.
    tally: Option<Tally>,
}

/// A limit of the key itself.
#[derive(Debug)]
struct OwnLimit {
    /// The id of the key as text, which is made of it once and not for each request.
    subject: Box<str>,
    quota: Quota,
}

impl Restrictions {
    /// Whether there are any at all.
    fn any(&self) -> bool {
        self.ends_at().is_some() || self.own.is_some() || !self.networks.is_empty()
    }

    fn ends_at(&self) -> Option<Timestamp> {
        let ends = [self.superseded_at, self.expires_at];
        ends.into_iter().flatten().min()
    }
}

impl CachedKey {
    pub(crate) fn new(
        record: KeyRecord,
        account: Arc<AccountCell>,
        tally: Option<Tally>,
        permissions: Arc<Permissions>,
        loaded_at: Monotonic,
    ) -> Self {
        let own = record.quota.map(|quota| OwnLimit {
            subject: record.id.as_str().into(),
            quota: quota_of(quota),
        });
        // A key with a limit of its own brings the bucket along when the limiter is asked.
        let (tally, kept_apart) = match own {
            None => (tally, None),
            Some(_) => (None, tally),
        };
        let restrictions = Restrictions {
            superseded_at: record.superseded_at,
            expires_at: record.expires_at,
            own,
            networks: record.allowed_networks.into(),
            tally: kept_apart,
        };
        let is_questioned = record.status != KeyStatus::Active
            || !restrictions.networks.is_empty()
            || !account.plan.has_api_access();
        Self {
            id: record.id,
            pepper: record.pepper,
            mode: record.mode,
            status: record.status,
            digest: record.digest,
            unquestioned_until: match is_questioned {
                true => Timestamp::MIN,
                false => restrictions.ends_at().unwrap_or(Timestamp::MAX),
            },
            account,
            tally,
            loaded_at,
            uses: Uses::new(record.last_used_at),
            restrictions: restrictions.any().then(|| Box::new(restrictions)),
            permissions,
            name: record.name.into(),
        }
    }

    /// Whether it is let in at that moment without any question, which is what nearly every key is.
    #[inline(always)]
    pub(crate) fn is_unquestioned(&self, at: Timestamp) -> bool {
        at < self.unquestioned_until
    }

    /// What the key is worth at a moment.
    pub(crate) fn state_at(&self, at: Timestamp) -> KeyState {
        let (superseded_at, expires_at) = match &self.restrictions {
            Some(restrictions) => (restrictions.superseded_at, restrictions.expires_at),
            None => (None, None),
        };
        self.status.state_at(at, superseded_at, expires_at)
    }

    /// From when on the key is refused at the latest.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        self.restrictions.as_ref()?.ends_at()
    }

    /// Whether it may be used from there.
    pub(crate) fn is_allowed_from(&self, client: Option<IpAddr>) -> bool {
        let Some(restrictions) = &self.restrictions else {
            return true;
        };
        let networks = &restrictions.networks;
        networks.is_empty()
            || client
                .is_some_and(|address| networks.iter().any(|network| network.contains(&address)))
    }

    /// What a request of this key costs; `None` if neither plan nor key has a limit.
    pub(crate) fn charge(&self) -> Option<Charge<'_>> {
        self.charge_to(|| self.account.bucket(self.mode))
    }

    fn charge_to<'a>(&'a self, bucket: impl FnOnce() -> &'a str) -> Option<Charge<'a>> {
        let restrictions = self.restrictions.as_ref();
        let own = restrictions.and_then(|restrictions| restrictions.own.as_ref());
        match (self.account.plan.access, own) {
            (ApiAccess::Limited(quota), own) => {
                let kept_apart = restrictions.and_then(|restrictions| restrictions.tally.as_ref());
                let charge = Charge::to_account(bucket(), quota)
                    .with_tally(self.tally.as_ref().or(kept_apart));
                Some(match own {
                    Some(own) => charge.with_key(&own.subject, own.quota),
                    None => charge,
                })
            }
            // Without a limit of the account the key's own is the only bucket.
            (_, Some(own)) => Some(Charge::to_account(&own.subject, own.quota)),
            (_, None) => None,
        }
    }

    /// The bucket that is charged without asking the limiter.
    pub(crate) fn tally(&self) -> Option<&Tally> {
        self.tally.as_ref()
    }

    /// Charges a request where that takes no more than the bucket that is at hand.
    #[inline(always)]
    pub(crate) fn pay(&self, now: Monotonic) -> Option<Outcome> {
        match (&self.tally, self.account.plan.access) {
            (Some(tally), ApiAccess::Limited(quota)) => {
                Some(tally.charge(quota, NonZeroU32::MIN, now))
            }
            _ => None,
        }
    }

    /// Whether a request that was refused so may be let in that much later.
    pub(crate) fn is_over_within(&self, refused: Outcome, lag: Duration) -> bool {
        let wait = self
            .decision(refused)
            .and_then(|decision| decision.retry_after());
        wait.is_some_and(|wait| wait <= lag)
    }

    /// The decision on a request of this key that had that outcome.
    pub(crate) fn decision(&self, outcome: Outcome) -> Option<Decision> {
        // Of the charge it takes the quotas; to whom they belong is all the same.
        let charge = self.charge_to(|| "");
        charge.map(|charge| Decision::on(&charge, outcome))
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
