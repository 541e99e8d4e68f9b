//! What a limiter answers, and the arithmetic that all limiters share.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use crate::charge::Charge;
use crate::error::LimitErrorKind;
use crate::quota::Quota;

/// What a limiter decided about a [`Charge`], with the numbers that a response shows.
///
/// `Copy`; making one allocates nothing, and its numbers are worked out when they are asked for.
/// Limiters make it with [`from_backlog`](Self::from_backlog), so that all of them round and name
/// things alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    account: Quota,
    key: Option<Quota>,
    outcome: Outcome,
}

/// A [`Decision`] without the quotas that it was made under: what is left to be kept by those who
/// have the quotas anyway. With the charge it was made on it is the [decision](Decision::on) again.
// It is handed on several times for each request, in words: what is written in small pieces is slow
// to read again in large ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    account_backlog_nanos: u64,
    key_backlog_nanos: u64,
    /// The weight of the charge; above it, for how many cells the bucket pays where it admits one.
    cells: NonZeroU64,
    /// The step of time in nanoseconds, no limiter counts in more than four seconds; above it the
    /// verdict and who decided.
    terms: u64,
}

/// Whether a charge was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It was, and has been paid from every bucket of the charge.
    Allowed,
    /// It was not, and nothing has been paid.
    Denied,
}

/// Which of the two buckets of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BucketKind {
    /// The account's.
    Account,
    /// The key's own.
    Key,
}

/// Who made a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
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

    const fn number(self) -> u8 {
        let reason = match self.reason() {
            Some(reason) => reason.number(),
            None => 0,
        };
        let who = match self {
            Self::Local => 0,
            Self::Remote => 1,
            Self::RemoteDenial => 2,
            Self::Fallback(_) => 3,
            Self::Bypassed(_) => 4,
        };
        who << 4 | reason
    }

    const fn from_number(number: u8) -> Self {
        let reason = LimitErrorKind::from_number(number & 15);
        match number >> 4 {
            1 => Self::Remote,
            2 => Self::RemoteDenial,
            3 => Self::Fallback(reason),
            4 => Self::Bypassed(reason),
            _ => Self::Local,
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
        let tick_nanos = u32::try_from(tick.as_nanos()).unwrap_or(u32::MAX);
        let backlog = [nanos(backlog.account), nanos(backlog.key)];
        Self::on(
            charge,
            Outcome::new(tick_nanos.max(1), verdict, charge.weight(), backlog),
        )
    }

    /// The decision that has this outcome on that charge.
    #[must_use]
    #[inline]
    pub const fn on(charge: &Charge<'_>, outcome: Outcome) -> Self {
        let key = match charge.key() {
            Some(key) => Some(key.quota),
            None => None,
        };
        Self {
            account: charge.account().quota,
            key,
            outcome,
        }
    }

    /// The decision without the quotas of its charge.
    #[must_use]
    #[inline]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The same decision, made by somebody else. For limiters and for what wraps them.
    #[must_use]
    pub const fn with_checked_by(self, checked_by: CheckedBy) -> Self {
        Self {
            outcome: self.outcome.with_checked_by(checked_by),
            ..self
        }
    }

    /// Whether the charge was admitted.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.outcome.verdict()
    }

    /// Whether the verdict is [`Verdict::Allowed`].
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.outcome.is_allowed()
    }

    /// The account's bucket after the decision.
    #[must_use]
    pub fn account(&self) -> BucketState {
        self.account_level()
            .state(BucketKind::Account, self.outcome.shares())
    }

    /// The key's own bucket after the decision; `None` when the charge has none.
    #[must_use]
    pub fn key(&self) -> Option<BucketState> {
        let level = self.key_level()?;
        Some(level.state(BucketKind::Key, self.outcome.shares()))
    }

    /// How long after a denial the same charge will be admitted if nobody else charges the
    /// buckets meanwhile. Exact: a nanosecond earlier it is still denied (for a limiter on
    /// coarser time, one of its steps earlier).
    ///
    /// `None` after a denial means never: the charge weighs more than a bucket can hold, see
    /// [`Charge::is_payable`]. Always `None` when the charge was admitted.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        if self.is_allowed() {
            return None;
        }
        let weight = self.outcome.weight().get();
        let account_wait = self.account_level().wait(weight);
        let key_wait = self.key_level().map(|key| key.wait(weight));
        match key_wait.map_or(account_wait, |key_wait| key_wait.max(account_wait)) {
            Wait::Until(nanos) => Some(Duration::from_nanos(nanos)),
            Wait::Forever => None,
        }
    }

    /// The bucket that decided, for headers that have room for one.
    ///
    /// After a denial the bucket that has to be waited for longest. After an admission the one
    /// with the fewest cells left, then the one that is full later. The account's if they are
    /// equal, or if there is no other.
    #[must_use]
    pub fn binding(&self) -> BucketState {
        let account = self.account_level();
        let shares = self.outcome.shares();
        match self.key_level() {
            Some(key) if self.binds(&key, &account) => key.state(BucketKind::Key, shares),
            _ => account.state(BucketKind::Account, shares),
        }
    }

    /// The same decision as a node sees it that pays for `shares` cells where it admits one.
    pub(crate) fn with_remaining_divided_by(mut self, shares: NonZeroU32) -> Self {
        self.outcome = self.outcome.with_shares(shares);
        self
    }

    /// Who decided; tells a decision that was really checked from one that was waved through.
    #[must_use]
    pub const fn checked_by(&self) -> CheckedBy {
        self.outcome.checked_by()
    }

    #[inline]
    fn account_level(&self) -> Level {
        let outcome = &self.outcome;
        Level::of(
            self.account,
            outcome.account_backlog_nanos,
            outcome.tick_nanos(),
        )
    }

    #[inline]
    fn key_level(&self) -> Option<Level> {
        let outcome = &self.outcome;
        let level = |quota| Level::of(quota, outcome.key_backlog_nanos, outcome.tick_nanos());
        self.key.map(level)
    }

    fn binds(&self, key: &Level, account: &Level) -> bool {
        let weight = self.outcome.weight().get();
        match self.outcome.verdict() {
            Verdict::Denied => key.wait(weight) > account.wait(weight),
            Verdict::Allowed => key.is_nearer_to_refusal_than(account),
        }
    }
}

impl Outcome {
    /// What the limiter of this process decided, which counts in nanoseconds.
    #[inline]
    pub(crate) const fn local(verdict: Verdict, weight: NonZeroU32, backlog: [u64; 2]) -> Self {
        Self::new(1, verdict, weight, backlog)
    }

    #[inline]
    const fn new(
        tick_nanos: u32,
        verdict: Verdict,
        weight: NonZeroU32,
        [account_backlog_nanos, key_backlog_nanos]: [u64; 2],
    ) -> Self {
        let denied = match verdict {
            Verdict::Allowed => 0,
            Verdict::Denied => DENIED,
        };
        Self {
            account_backlog_nanos,
            key_backlog_nanos,
            cells: cells(weight, NonZeroU32::MIN),
            terms: denied | tick_nanos as u64,
        }
    }

    /// Whether the charge was admitted.
    #[must_use]
    #[inline]
    pub const fn is_allowed(&self) -> bool {
        self.terms & DENIED == 0
    }

    /// Who decided.
    #[must_use]
    pub const fn checked_by(&self) -> CheckedBy {
        CheckedBy::from_number((self.terms >> CHECKED_BY) as u8)
    }

    const fn with_checked_by(self, checked_by: CheckedBy) -> Self {
        let others = self.terms & ((1 << CHECKED_BY) - 1);
        Self {
            terms: others | (checked_by.number() as u64) << CHECKED_BY,
            ..self
        }
    }

    const fn with_shares(self, shares: NonZeroU32) -> Self {
        Self {
            cells: cells(self.weight(), shares),
            ..self
        }
    }

    #[inline]
    const fn verdict(&self) -> Verdict {
        match self.is_allowed() {
            true => Verdict::Allowed,
            false => Verdict::Denied,
        }
    }

    #[inline]
    const fn weight(&self) -> NonZeroU32 {
        at_least_one(self.cells.get() as u32)
    }

    #[inline]
    const fn shares(&self) -> NonZeroU32 {
        at_least_one((self.cells.get() >> 32) as u32)
    }

    #[inline]
    const fn tick_nanos(&self) -> u32 {
        self.terms as u32
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("verdict", &self.verdict())
            .field("checked_by", &self.checked_by())
            .finish_non_exhaustive()
    }
}

/// The bits of an outcome's terms: above the step of time the verdict, and above that who decided.
const DENIED: u64 = 1 << 32;
const CHECKED_BY: u32 = 33;

#[inline]
const fn cells(weight: NonZeroU32, shares: NonZeroU32) -> NonZeroU64 {
    match NonZeroU64::new((shares.get() as u64) << 32 | weight.get() as u64) {
        Some(cells) => cells,
        None => NonZeroU64::MIN,
    }
}

#[inline]
const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
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

/// How full one bucket is.
#[derive(Clone, Copy)]
struct Level {
    quota: Quota,
    interval_nanos: u64,
    fill_nanos: u64,
    backlog_nanos: u64,
}

impl Level {
    #[inline]
    fn of(quota: Quota, backlog_nanos: u64, tick_nanos: u32) -> Self {
        let tick = Duration::from_nanos(tick_nanos.into());
        let interval_nanos = nanos(quota.refill_interval_in(tick));
        Self {
            quota,
            interval_nanos,
            fill_nanos: interval_nanos.saturating_mul(quota.burst().into()),
            backlog_nanos,
        }
    }

    #[inline]
    fn state(&self, kind: BucketKind, shares: NonZeroU32) -> BucketState {
        BucketState {
            kind,
            quota: self.quota,
            remaining: match shares {
                NonZeroU32::MIN => self.remaining(),
                shares => self.remaining() / shares,
            },
            reset_after_nanos: self.backlog_nanos,
        }
    }

    #[inline]
    fn remaining(&self) -> u32 {
        let free = self.fill_nanos.saturating_sub(self.backlog_nanos);
        u32::try_from(free / self.interval_nanos).unwrap_or(u32::MAX)
    }

    fn wait(&self, weight: u32) -> Wait {
        if weight > self.quota.burst() {
            return Wait::Forever;
        }
        let cost = self.interval_nanos.saturating_mul(weight.into());
        let backlog_if_paid = self.backlog_nanos.saturating_add(cost);
        Wait::Until(backlog_if_paid.saturating_sub(self.fill_nanos))
    }

    fn is_nearer_to_refusal_than(&self, other: &Self) -> bool {
        let (this, that) = (self.remaining(), other.remaining());
        this < that || (this == that && self.backlog_nanos > other.backlog_nanos)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
