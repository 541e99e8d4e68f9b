//! How many cells, and how fast they come back.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How much a bucket holds and how fast it refills.
///
/// | quota | burst | refill | most in any 60 seconds |
/// | --- | --- | --- | --- |
/// | `Quota::per_minute(60)` | 60 | 1 a second | 119 |
/// | `Quota::per_minute(60).with_burst(10)` | 10 | 1 a second | 69 |
/// | `Quota::per_minute(60).strict(10)` | 10 | 50 a minute | 60 |
///
/// The limit is enforced by GCRA, not by counting in windows: cells come back one at a time, one
/// per [refill interval](Self::refill_interval), and a bucket that was left alone holds its whole
/// burst again. So after idleness a caller of `per_minute(60)` can spend 60 at once and 59 more
/// during the rest of that minute. Where a minute must never see more than the number says, use
/// [`strict`](Self::strict), which takes the burst out of the refill.
///
/// A quota fits a plan's configuration: serialized it is
/// `{"limit":60,"period_ms":60000,"burst":10,"strict":true}`, where `burst` (the limit) and
/// `strict` (false) may be left out. Reading refuses what the constructors refuse.
///
/// ```
/// use ringyo_limit::Quota;
/// use std::time::Duration;
///
/// const AGENCY: Quota = Quota::per_minute(300);
/// assert_eq!(AGENCY.refill_interval(), Duration::from_millis(200));
/// assert_eq!(Quota::per_minute(60).strict(10).to_string(), "60 per minute, burst 10, strict");
/// assert!(Quota::try_per(0, Duration::from_secs(1)).is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Spelled", into = "Spelled")]
pub struct Quota {
    limit: NonZeroU32,
    burst: NonZeroU32,
    period_nanos: u64,
    interval_nanos: u64,
}

/// Why a quota cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// The limit is zero; to admit nothing, do not ask a limiter.
    #[error("quota limit must be at least 1")]
    ZeroLimit,
    /// The burst is zero, so that nothing could ever be admitted.
    #[error("quota burst must be at least 1")]
    ZeroBurst,
    /// The period is zero, longer than [`Quota::MAX_PERIOD`] or not whole milliseconds.
    #[error("quota period must be whole milliseconds, from 1 millisecond to 366 days")]
    Period,
    /// A strict burst that leaves nothing to refill.
    #[error("strict quota burst must be below the limit")]
    StrictBurst,
    /// Filling the bucket from empty would take longer than [`Quota::MAX_FILL`].
    #[error("quota burst must refill within 732 days")]
    Fill,
}

impl Quota {
    /// The longest period: 366 days.
    pub const MAX_PERIOD: Duration = Duration::from_secs(366 * DAY);

    /// The longest time from empty to full, that is burst × refill interval: 732 days. It keeps
    /// every sum of a limiter far from overflow, and in microseconds within the integers that a
    /// double holds exactly.
    pub const MAX_FILL: Duration = Duration::from_secs(732 * DAY);

    /// `limit` cells a second, all of which may come at once.
    ///
    /// # Panics
    /// If `limit` is zero; in a constant that is a compile error.
    #[must_use]
    pub const fn per_second(limit: u32) -> Self {
        proven(Self::try_per_second(limit))
    }

    /// `limit` cells a minute, all of which may come at once.
    ///
    /// # Panics
    /// If `limit` is zero; in a constant that is a compile error.
    #[must_use]
    pub const fn per_minute(limit: u32) -> Self {
        proven(Self::try_per_minute(limit))
    }

    /// `limit` cells an hour, all of which may come at once.
    ///
    /// # Panics
    /// If `limit` is zero; in a constant that is a compile error.
    #[must_use]
    pub const fn per_hour(limit: u32) -> Self {
        proven(Self::try_per_hour(limit))
    }

    /// As [`per_second`](Self::per_second), for a number that is not known to be good.
    ///
    /// # Errors
    /// [`QuotaError::ZeroLimit`].
    pub const fn try_per_second(limit: u32) -> Result<Self, QuotaError> {
        Self::try_per(limit, Duration::from_secs(1))
    }

    /// As [`per_minute`](Self::per_minute), for a number that is not known to be good.
    ///
    /// # Errors
    /// [`QuotaError::ZeroLimit`].
    pub const fn try_per_minute(limit: u32) -> Result<Self, QuotaError> {
        Self::try_per(limit, Duration::from_secs(60))
    }

    /// As [`per_hour`](Self::per_hour), for a number that is not known to be good.
    ///
    /// # Errors
    /// [`QuotaError::ZeroLimit`].
    pub const fn try_per_hour(limit: u32) -> Result<Self, QuotaError> {
        Self::try_per(limit, Duration::from_secs(3_600))
    }

    /// `limit` cells a `period`, all of which may come at once.
    ///
    /// # Errors
    /// [`QuotaError::ZeroLimit`]; [`QuotaError::Period`] when the period is not whole
    /// milliseconds between one and [`MAX_PERIOD`](Self::MAX_PERIOD).
    pub const fn try_per(limit: u32, period: Duration) -> Result<Self, QuotaError> {
        let nanos = period.as_nanos();
        if nanos == 0 || nanos > Self::MAX_PERIOD.as_nanos() || !nanos.is_multiple_of(MILLISECOND) {
            return Err(QuotaError::Period);
        }
        Self::build(limit, limit, nanos as u64, Refill::Whole)
    }

    /// The same refill with room for `burst` cells at once, fewer or more than the limit.
    ///
    /// Any window then sees at most `burst` cells and what refills during it. Replaces an earlier
    /// burst, strict or not.
    ///
    /// # Panics
    /// When [`try_with_burst`](Self::try_with_burst) would fail; in a constant that is a compile
    /// error.
    #[must_use]
    pub const fn with_burst(self, burst: u32) -> Self {
        proven(self.try_with_burst(burst))
    }

    /// As [`with_burst`](Self::with_burst), for a number that is not known to be good.
    ///
    /// # Errors
    /// [`QuotaError::ZeroBurst`]; [`QuotaError::Fill`] when so large a burst would take longer
    /// than [`MAX_FILL`](Self::MAX_FILL) to refill.
    pub const fn try_with_burst(self, burst: u32) -> Result<Self, QuotaError> {
        Self::build(self.limit.get(), burst, self.period_nanos, Refill::Whole)
    }

    /// Never more than the limit in any period, wherever the period begins: `burst` cells at once,
    /// and a refill of limit − `burst` a period. By the time that the limiter is told, that is: where
    /// that lags behind ([`Clock::lag`](crate::Clock::lag)), by what is refilled in as long more.
    ///
    /// A small burst keeps the steady rate near the limit, a large one lets callers come in
    /// batches. Replaces an earlier burst, strict or not.
    ///
    /// # Panics
    /// When [`try_strict`](Self::try_strict) would fail; in a constant that is a compile error.
    #[must_use]
    pub const fn strict(self, burst: u32) -> Self {
        proven(self.try_strict(burst))
    }

    /// As [`strict`](Self::strict), for a number that is not known to be good.
    ///
    /// # Errors
    /// [`QuotaError::ZeroBurst`]; [`QuotaError::StrictBurst`] when `burst` is not below the
    /// limit; [`QuotaError::Fill`] when refilling it would take longer than
    /// [`MAX_FILL`](Self::MAX_FILL).
    pub const fn try_strict(self, burst: u32) -> Result<Self, QuotaError> {
        Self::build(
            self.limit.get(),
            burst,
            self.period_nanos,
            Refill::LessBurst,
        )
    }

    /// Cells per [`period`](Self::period), the number of the plan; at least 1. What
    /// `X-RateLimit-Limit` shows.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit.get()
    }

    /// The time that [`limit`](Self::limit) counts for.
    #[must_use]
    pub const fn period(&self) -> Duration {
        Duration::from_nanos(self.period_nanos)
    }

    /// The most cells that can be admitted at one moment, and so the largest weight that can ever
    /// be; at least 1.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst.get()
    }

    /// The time in which one cell comes back: the period divided by the cells that refill in it,
    /// rounded up to a nanosecond so that rounding never admits more than the quota says.
    #[must_use]
    pub const fn refill_interval(&self) -> Duration {
        Duration::from_nanos(self.interval_nanos)
    }

    /// The refill interval rounded up to whole `tick`s, for a limiter whose time is coarser than a
    /// nanosecond: never shorter than [`refill_interval`](Self::refill_interval), and longer by
    /// less than one tick. A tick of zero counts as a nanosecond.
    ///
    /// ```
    /// use ringyo_limit::Quota;
    /// use std::time::Duration;
    ///
    /// let microsecond = Duration::from_micros(1);
    /// let quota = Quota::per_second(700);
    /// assert_eq!(quota.refill_interval(), Duration::from_nanos(1_428_572));
    /// assert_eq!(quota.refill_interval_in(microsecond), Duration::from_nanos(1_429_000));
    /// ```
    #[must_use]
    pub const fn refill_interval_in(&self, tick: Duration) -> Duration {
        let tick = tick.as_nanos() as u64;
        if tick <= 1 {
            return self.refill_interval();
        }
        Duration::from_nanos(self.interval_nanos.next_multiple_of(tick))
    }

    /// The time in which an empty bucket becomes full: burst × refill interval.
    #[must_use]
    pub const fn fill_time(&self) -> Duration {
        Duration::from_nanos(self.fill_nanos())
    }

    /// Whether the burst is taken out of the refill, see [`strict`](Self::strict).
    #[must_use]
    pub const fn is_strict(&self) -> bool {
        // Told from the interval, to keep quotas, and so decisions and errors, small.
        self.interval_nanos != self.period_nanos.div_ceil(self.limit.get() as u64)
    }

    const fn fill_nanos(&self) -> u64 {
        self.interval_nanos * self.burst.get() as u64
    }

    const fn build(
        limit: u32,
        burst: u32,
        period_nanos: u64,
        refill: Refill,
    ) -> Result<Self, QuotaError> {
        let Some(limit) = NonZeroU32::new(limit) else {
            return Err(QuotaError::ZeroLimit);
        };
        let Some(burst) = NonZeroU32::new(burst) else {
            return Err(QuotaError::ZeroBurst);
        };
        let cells = match refill {
            Refill::Whole => limit.get(),
            Refill::LessBurst if burst.get() < limit.get() => limit.get() - burst.get(),
            Refill::LessBurst => return Err(QuotaError::StrictBurst),
        };
        let interval_nanos = period_nanos.div_ceil(cells as u64);
        if interval_nanos as u128 * burst.get() as u128 > Self::MAX_FILL.as_nanos() {
            return Err(QuotaError::Fill);
        }
        Ok(Self {
            limit,
            burst,
            period_nanos,
            interval_nanos,
        })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per ", self.limit)?;
        match self.period_nanos {
            1_000_000_000 => f.write_str("second")?,
            60_000_000_000 => f.write_str("minute")?,
            3_600_000_000_000 => f.write_str("hour")?,
            86_400_000_000_000 => f.write_str("day")?,
            _ => write!(f, "{:?}", self.period())?,
        }
        if self.burst != self.limit {
            write!(f, ", burst {}", self.burst)?;
        }
        if self.is_strict() {
            f.write_str(", strict")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quota({self})")
    }
}

#[derive(Clone, Copy)]
enum Refill {
    Whole,
    LessBurst,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spelled {
    limit: u32,
    period_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    burst: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
}

impl From<Quota> for Spelled {
    fn from(quota: Quota) -> Self {
        Self {
            limit: quota.limit(),
            period_ms: quota.period_nanos / MILLISECOND as u64,
            burst: (quota.burst != quota.limit).then(|| quota.burst()),
            strict: quota.is_strict(),
        }
    }
}

impl TryFrom<Spelled> for Quota {
    type Error = QuotaError;

    fn try_from(spelled: Spelled) -> Result<Self, QuotaError> {
        let Spelled {
            limit,
            period_ms,
            burst,
            strict,
        } = spelled;
        let quota = Self::try_per(limit, Duration::from_millis(period_ms))?;
        let burst = burst.unwrap_or(limit);
        if strict {
            quota.try_strict(burst)
        } else {
            quota.try_with_burst(burst)
        }
    }
}

const DAY: u64 = 86_400;
const MILLISECOND: u128 = 1_000_000;

const fn proven(quota: Result<Quota, QuotaError>) -> Quota {
    match quota {
        Ok(quota) => quota,
        Err(QuotaError::ZeroLimit) => panic!("quota limit must be at least 1"),
        Err(QuotaError::ZeroBurst) => panic!("quota burst must be at least 1"),
        Err(QuotaError::Period) => panic!("quota period must be whole milliseconds up to 366 days"),
        Err(QuotaError::StrictBurst) => panic!("strict quota burst must be below the limit"),
        Err(QuotaError::Fill) => panic!("quota burst must refill within 732 days"),
    }
}
