//! The time: a monotonic reading for limits, a wall-clock reading for what people see.
//!
//! Nothing else in the workspace reads a system clock. One [`Clock`] is read once per request,
//! and the [`Now`] it gave is passed to whatever needs a time.

use std::fmt::Debug;
use std::ops::Add;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since some moment before the process first asked for the time.
///
/// Never goes backwards and is not moved by corrections of the wall clock. Readings of different
/// processes have nothing to do with each other: never store or send one.
///
/// Arithmetic saturates: the last moment is 584 years after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Monotonic(u64);

impl Monotonic {
    /// The moment `nanos` nanoseconds after the arbitrary start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the arbitrary start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this moment; zero when `earlier` is the later one.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Monotonic {
    type Output = Self;

    fn add(self, later_by: Duration) -> Self {
        Self(self.0.saturating_add(saturating_nanos(later_by)))
    }
}

/// One reading of a clock: the same moment, told twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For intervals: limits, ages, deadlines.
    pub monotonic: Monotonic,
    /// For people and records: milliseconds since 1970-01-01T00:00:00Z without leap seconds,
    /// negative before. May jump either way when the machine's clock is corrected.
    pub unix_millis: i64,
}

/// Something that tells the time.
pub trait Clock: Send + Sync + Debug {
    /// The time now.
    ///
    /// Cheap (tens of nanoseconds), never blocks, callable from any thread. Successive calls on
    /// one thread never give a smaller [`Now::monotonic`].
    fn now(&self) -> Now;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> Now {
        T::now(self)
    }
}

/// The machine's clocks. All values of this type share one start, so that their monotonic
/// readings can be compared within the process.
///
/// ```
/// use ringyo_limit::{Clock, SystemClock};
///
/// let before = SystemClock::default().now();
/// let after = SystemClock::default().now();
/// assert!(before.monotonic <= after.monotonic);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        Self { start: *START }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now {
            monotonic: Monotonic(saturating_nanos(self.start.elapsed())),
            unix_millis: unix_millis(SystemTime::now()),
        }
    }
}

/// A clock that stands still until it is moved, for tests. Clones show the same time.
///
/// ```
/// use ringyo_limit::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new(1_700_000_000_000);
/// let start = clock.now();
/// clock.clone().advance(Duration::from_millis(1_500));
/// assert_eq!(clock.now().unix_millis, 1_700_000_001_500);
/// assert_eq!(clock.now().monotonic.saturating_since(start.monotonic).as_millis(), 1_500);
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    hands: Arc<Hands>,
}

#[derive(Debug)]
struct Hands {
    elapsed_nanos: AtomicU64,
    unix_millis_at_start: AtomicI64,
}

impl ManualClock {
    /// A clock whose wall time is `unix_millis` (milliseconds since 1970) and whose monotonic
    /// reading is zero.
    #[must_use]
    pub fn new(unix_millis: i64) -> Self {
        Self {
            hands: Arc::new(Hands {
                elapsed_nanos: AtomicU64::new(0),
                unix_millis_at_start: AtomicI64::new(unix_millis),
            }),
        }
    }

    /// Moves both readings forward; saturates after 584 years.
    pub fn advance(&self, by: Duration) {
        let nanos = saturating_nanos(by);
        self.hands
            .elapsed_nanos
            .update(Ordering::AcqRel, Ordering::Acquire, |elapsed| {
                elapsed.saturating_add(nanos)
            });
    }

    /// Moves the wall clock alone by `millis` milliseconds, either way, as a correction of the
    /// machine's clock does. The monotonic reading stays.
    pub fn correct_wall_clock(&self, millis: i64) {
        self.hands
            .unix_millis_at_start
            .update(Ordering::AcqRel, Ordering::Acquire, |start| {
                start.saturating_add(millis)
            });
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        let elapsed = self.hands.elapsed_nanos.load(Ordering::Acquire);
        let start = self.hands.unix_millis_at_start.load(Ordering::Acquire);
        Now {
            monotonic: Monotonic(elapsed),
            unix_millis: start.saturating_add_unsigned(elapsed / 1_000_000),
        }
    }
}

fn saturating_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn unix_millis(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis)
        }
    }
}
