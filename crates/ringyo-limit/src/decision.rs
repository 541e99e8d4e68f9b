//! What a limiter answers, and the arithmetic that all limiters share.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::charge::{Bucket, Charge};
use crate::error::LimitErrorKind;
use crate::quota::Quota;

/// What a limiter decided about a [`Charge`], with the numbers that a response shows.
///
/// Small and `Copy`; making one allocates nothing. Limiters make it with
/// [`from_backlog`](Self::from_backlog), so that all of them round and name things alike.
// It is handed on several times for each request. Its small parts are as wide as they are so that
// there are no gaps between them, which would be copied byte by byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    account: BucketState,
    key: Option<BucketState>,
    /// [`NEVER`] without one.
    retry_after_nanos: u64,
    verdict: Verdict,
    binding: BucketKind,
    checked_by: CheckedBy,
}

/// Longer than anything takes to refill.
const NEVER: u64 = u64::MAX;

/// Whether a charge was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Verdict {
    /// It was, and has been paid from every bucket of the charge.
    Allowed,
    /// It was not, and nothing has been paid.
    Denied,
}

/// Which of the two buckets of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum BucketKind {
    /// The account's.
    Account,
    /// The key's own.
    Key,
}

/// Who made a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum CheckedBy {
    /// The limiter of this process.
    Local,
    /// A limiter that all machines share.
    Remote,
    /// This process, remembering that the shared limiter had refused until a later time.
    RemoteDenial,
    /// The limiter of this process in place of the shared one, which failed for this reason.
    Fallback(LimitErrorKind),
    /// Nobody: the limiter failed for this reason, and the service chose to let requests pass.
    Bypassed(LimitErrorKind),
}

impl CheckedBy {
    /// One word for it, as metrics show it: `local`, `remote`, `remote_denial`, `fallback` or
    /// `bypassed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::RemoteDenial => "remote_denial",
            Self::Fallback(_) => "fallback",
            Self::Bypassed(_) => "bypassed",
        }
    }

    /// Why it was not the limiter that should have decided; `None` if it was.
    #[must_use]
    pub const fn reason(self) -> Option<LimitErrorKind> {
        match self {
            Self::Local | Self::Remote | Self::RemoteDenial => None,
            Self::Fallback(reason) | Self::Bypassed(reason) => Some(reason),
        }
    }
}

/// How far each bucket of a charge is from full, just after a decision: the time until its
/// theoretical arrival time, zero if that has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// The account's.
    pub account: Duration,
    /// The key's own; not looked at when the charge has no key.
    pub key: Duration,
}

/// One bucket, just after a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketState {
    quota: Quota,
    reset_after_nanos: u64,
    remaining: u32,
    kind: BucketKind,
}

impl Decision {
    /// The decision `verdict` on `charge`, with all its numbers worked out from how far the
    /// buckets now are from full. [`checked_by`](Self::checked_by) is [`CheckedBy::Local`].
    ///
    /// For those who write limiters. After a denial the backlog must be the unchanged one, or
    /// [`retry_after`](Self::retry_after) will be wrong.
    #[must_use]
    pub fn from_backlog(charge: &Charge<'_>, verdict: Verdict, backlog: Backlog) -> Self {
        Self::from_backlog_in(Duration::from_nanos(1), charge, verdict, backlog)
    }

    /// The same for a limiter on coarser time, which takes the refill interval of every quota for
    /// what it is [in whole ticks](Quota::refill_interval_in).
    #[must_use]
    pub fn from_backlog_in(
        tick: Duration,
        charge: &Charge<'_>,
        verdict: Verdict,
        backlog: Backlog,
    ) -> Self {
        let backlog = [nanos(backlog.account), nanos(backlog.key)];
        Self::in_ticks(tick, charge, verdict, backlog)
    }

    /// The same from nanoseconds, which is what the limiter of the process counts in.
    #[inline]
    pub(crate) fn from_nanos(
        charge: &Charge<'_>,
        verdict: Verdict,
        account_backlog: u64,
        key_backlog: u64,
    ) -> Self {
        let backlog = [account_backlog, key_backlog];
        Self::in_ticks(Duration::from_nanos(1), charge, verdict, backlog)
    }

    #[inline]
    fn in_ticks(
        tick: Duration,
        charge: &Charge<'_>,
        verdict: Verdict,
        [account_backlog, key_backlog]: [u64; 2],
    ) -> Self {
        let account = Level::of(BucketKind::Account, charge.account(), account_backlog, tick);
        let key = charge
            .key()
            .map(|bucket| Level::of(BucketKind::Key, bucket, key_backlog, tick));
        let weight = charge.weight().get();
        let account_wait = account.wait(weight);
        let key_wait = key.map_or(Wait::Until(0), |key| key.wait(weight));
        let key_binds = key.is_some_and(|key| match verdict {
            Verdict::Denied => key_wait > account_wait,
            Verdict::Allowed => key.is_nearer_to_refusal_than(&account),
        });
        Self {
            verdict,
            account: account.state,
            key: key.map(|key| key.state),
            retry_after_nanos: match (verdict, account_wait.max(key_wait)) {
                (Verdict::Denied, Wait::Until(nanos)) => nanos,
                (Verdict::Denied, Wait::Forever) | (Verdict::Allowed, _) => NEVER,
            },
            binding: if key_binds {
                BucketKind::Key
            } else {
                BucketKind::Account
            },
            checked_by: CheckedBy::Local,
        }
    }

    /// The same decision, made by somebody else. For limiters and for what wraps them.
    #[must_use]
    pub const fn with_checked_by(self, checked_by: CheckedBy) -> Self {
        Self { checked_by, ..self }
    }

    /// Whether the charge was admitted.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether the verdict is [`Verdict::Allowed`].
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allowed)
    }

    /// The account's bucket after the decision.
    #[must_use]
    pub const fn account(&self) -> BucketState {
        self.account
    }

    /// The key's own bucket after the decision; `None` when the charge has none.
    #[must_use]
    pub const fn key(&self) -> Option<BucketState> {
        self.key
    }

    /// How long after a denial the same charge will be admitted if nobody else charges the
    /// buckets meanwhile. Exact: a nanosecond earlier it is still denied (for a limiter on
    /// coarser time, one of its steps earlier).
    ///
    /// `None` after a denial means never: the charge weighs more than a bucket can hold, see
    /// [`Charge::is_payable`]. Always `None` when the charge was admitted.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.retry_after_nanos {
            NEVER => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// The bucket that decided, for headers that have room for one.
    ///
    /// After a denial the bucket that has to be waited for longest. After an admission the one
    /// with the fewest cells left, then the one that is full later. The account's if they are
    /// equal, or if there is no other.
    #[must_use]
    pub fn binding(&self) -> BucketState {
        match (self.binding, self.key) {
            (BucketKind::Key, Some(key)) => key,
            _ => self.account,
        }
    }

    /// The same decision as a node sees it that pays for `shares` cells where it admits one.
    pub(crate) fn with_remaining_divided_by(mut self, shares: NonZeroU32) -> Self {
        self.account.remaining /= shares;
        if let Some(key) = &mut self.key {
            key.remaining /= shares;
        }
        self
    }

    /// Who decided; tells a decision that was really checked from one that was waved through.
    #[must_use]
    pub const fn checked_by(&self) -> CheckedBy {
        self.checked_by
    }
}

impl BucketState {
    /// Whose bucket this is.
    #[must_use]
    pub const fn kind(&self) -> BucketKind {
        self.kind
    }

    /// The quota that the charge was made under.
    #[must_use]
    pub const fn quota(&self) -> Quota {
        self.quota
    }

    /// How many cells this bucket would admit at the moment of the decision, after it; from zero
    /// to the [burst](Quota::burst).
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        self.remaining
    }

    /// How long until the bucket holds at least one cell; zero when it does.
    #[must_use]
    pub const fn next_cell_after(&self) -> Duration {
        let all_but_one =
            self.quota.fill_time().as_nanos() - self.quota.refill_interval().as_nanos();
        Duration::from_nanos(self.reset_after_nanos.saturating_sub(all_but_one as u64))
    }

    /// How long until the bucket is full if nothing more is charged; zero when it is.
    #[must_use]
    pub const fn reset_after(&self) -> Duration {
        Duration::from_nanos(self.reset_after_nanos)
    }
}

/// Ordered by how long it takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wait {
    Until(u64),
    Forever,
}

#[derive(Clone, Copy)]
struct Level {
    state: BucketState,
    interval_nanos: u64,
    fill_nanos: u64,
}

impl Level {
    #[inline]
    fn of(kind: BucketKind, bucket: Bucket<'_>, backlog_nanos: u64, tick: Duration) -> Self {
        let quota = bucket.quota;
        let interval_nanos = nanos(quota.refill_interval_in(tick));
        let fill_nanos = interval_nanos.saturating_mul(quota.burst().into());
        let free = fill_nanos.saturating_sub(backlog_nanos);
        Self {
            state: BucketState {
                kind,
                quota,
                remaining: u32::try_from(free / interval_nanos).unwrap_or(u32::MAX),
                reset_after_nanos: backlog_nanos,
            },
            interval_nanos,
            fill_nanos,
        }
    }

    fn wait(&self, weight: u32) -> Wait {
        if weight > self.state.quota.burst() {
            return Wait::Forever;
        }
        let cost = self.interval_nanos.saturating_mul(weight.into());
        let backlog_if_paid = self.state.reset_after_nanos.saturating_add(cost);
        Wait::Until(backlog_if_paid.saturating_sub(self.fill_nanos))
    }

    fn is_nearer_to_refusal_than(&self, other: &Self) -> bool {
        let (this, other) = (self.state, other.state);
        this.remaining < other.remaining
            || (this.remaining == other.remaining
                && this.reset_after_nanos > other.reset_after_nanos)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
