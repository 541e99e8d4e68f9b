//! The time: a monotonic reading for limits, a wall-clock reading for what people see.
//!
//! Nothing else in the workspace reads a system clock. One [`Clock`] is read once per request,
//! and the [`Now`] it gave is passed to whatever needs a time. Where a reading that is a little old
//! will do, [`Clock::lately`] gives one for a fraction of the price.

use std::fmt::Debug;
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use std::time::Instant;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since some moment no later than when the process first asked for the time.
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

    /// A time that is not in the future and at most [`lag`](Self::lag) in the past, for those who
    /// ask so often that the difference in price counts. It may be a little before what
    /// [`now`](Self::now) has given already.
    fn lately(&self) -> Now {
        self.now()
    }

    /// How old what [`lately`](Self::lately) gives can be. Always the same for one clock. A limit that
    /// is charged by such a time may admit as much earlier what it would admit anyway: in any window
    /// no more than its burst and what it refills in the window and the lag.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> Now {
        T::now(self)
    }

    fn lately(&self) -> Now {
        T::lately(self)
    }

    fn lag(&self) -> Duration {
        T::lag(self)
    }
}

/// The machine's clocks. All values of this type share one start, so that their monotonic
/// readings can be compared within the process.
///
/// On Linux the monotonic reading goes on while the machine is suspended, so that after a pause
/// a limit has refilled and what was known has aged; elsewhere it is what [`Instant`](std::time::Instant) is.
///
/// One clock is read for both halves of a [`Now`]. The wall time is the monotonic reading and the
/// distance between the two clocks, which is measured anew when it is a millisecond old: a
/// correction of the wall clock shows within two milliseconds.
///
/// On Linux [`lately`](Clock::lately) reads the clock once for each tick of the kernel, which comes
/// every 1 to 10 ms, and otherwise gives what was read then. A tick can be late where processors
/// are shared with other machines; a [`lag`](Clock::lag) of 100 ms has room for that.
///
/// ```
/// use ringyo_limit::{Clock, SystemClock};
///
/// let before = SystemClock::default().now();
/// let after = SystemClock::default().now();
/// assert!(before.monotonic <= after.monotonic);
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Now {
        static DISTANCE: Distance = Distance::unknown();
        let monotonic = monotonic_nanos();
        Now {
            monotonic: Monotonic(monotonic),
            unix_millis: DISTANCE.wall_millis(monotonic, measure_distance),
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[inline]
    fn lately(&self) -> Now {
        static RECENT: Recent = Recent::never();
        RECENT.read(tick(), || self.now())
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn lag(&self) -> Duration {
        Duration::from_millis(100)
    }
}

/// What was read at the latest tick.
#[cfg(any(target_os = "linux", target_os = "android", test))]
struct Recent {
    tick: AtomicU64,
    monotonic: AtomicU64,
    /// How far the wall clock was ahead then. Kept instead of its time, which a thread that was held
    /// up would set back for the others.
    ahead_millis: AtomicI64,
}

#[cfg(any(target_os = "linux", target_os = "android", test))]
impl Recent {
    const fn never() -> Self {
        Self {
            tick: AtomicU64::new(0),
            monotonic: AtomicU64::new(0),
            ahead_millis: AtomicI64::new(0),
        }
    }

    /// The reading of that tick. Threads that are the first after a tick at the same time all make
    /// one; whoever reads the number of a tick finds the reading of that tick, or of a later one.
    #[inline]
    fn read(&self, tick: u64, read: impl FnOnce() -> Now) -> Now {
        if self.tick.load(Ordering::Acquire) != tick {
            return self.renew(tick, read());
        }
        let monotonic = self.monotonic.load(Ordering::Relaxed);
        let ahead = self.ahead_millis.load(Ordering::Relaxed);
        Now {
            monotonic: Monotonic(monotonic),
            unix_millis: ahead.saturating_add_unsigned(monotonic / 1_000_000),
        }
    }

    #[cold]
    fn renew(&self, tick: u64, now: Now) -> Now {
        self.monotonic
            .fetch_max(now.monotonic.as_nanos(), Ordering::Relaxed);
        let ahead = now.unix_millis;
        let ahead = ahead.saturating_sub_unsigned(now.monotonic.as_nanos() / 1_000_000);
        self.ahead_millis.store(ahead, Ordering::Relaxed);
        // A thread that was held up brings an old tick: then the next one to ask reads again.
        self.tick.store(tick, Ordering::Release);
        now
    }
}

/// A number that changes when the kernel brings its own idea of the time up to date: at every tick,
/// and when the machine is suspended and goes on.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn tick() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    let coarse = clock_gettime(ClockId::MonotonicCoarse);
    // Neither is ever negative.
    coarse.tv_sec.unsigned_abs() * 1_000_000_000 + coarse.tv_nsec.unsigned_abs()
}

/// How long a measured distance is good for.
const GOOD_FOR: u64 = 1_000_000;

/// How far apart two readings of the monotonic clock may be for a reading of the wall clock
/// between them to be taken as simultaneous.
const SIMULTANEOUS: u64 = 100_000;

/// How far the wall clock is ahead of the monotonic one.
struct Distance {
    nanos: AtomicI64,
    /// The first monotonic reading that it is too old for.
    good_until: AtomicU64,
}

impl Distance {
    const fn unknown() -> Self {
        Self {
            nanos: AtomicI64::new(0),
            good_until: AtomicU64::new(0),
        }
    }

    /// The wall time at that monotonic reading. Threads that find the distance too old at the same
    /// time all measure it; whichever is last is as right as the others, and if it was held up in
    /// between, its reading is too old for the next one who asks.
    #[inline]
    fn wall_millis(&self, monotonic: u64, measure: impl FnOnce() -> i64) -> i64 {
        let nanos = if monotonic < self.good_until.load(Ordering::Acquire) {
            self.nanos.load(Ordering::Relaxed)
        } else {
            let nanos = measure();
            self.nanos.store(nanos, Ordering::Relaxed);
            let good_until = monotonic.saturating_add(GOOD_FOR);
            self.good_until.store(good_until, Ordering::Release);
            nanos
        };
        nanos.saturating_add_unsigned(monotonic) / 1_000_000
    }
}

#[cold]
fn measure_distance() -> i64 {
    let mut before = monotonic_nanos();
    // A thread that is interrupted between the readings tries again; a machine on which all of
    // them are gets the last one.
    for _ in 0..8 {
        let wall = wall_nanos(SystemTime::now());
        let after = monotonic_nanos();
        if after.saturating_sub(before) < SIMULTANEOUS {
            return wall.saturating_sub_unsigned(before);
        }
        before = after;
    }
    wall_nanos(SystemTime::now()).saturating_sub_unsigned(before)
}

/// Time since the machine was started, suspended or not.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn monotonic_nanos() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    let since_boot = clock_gettime(ClockId::Boottime);
    // Neither is ever negative.
    since_boot.tv_sec.unsigned_abs() * 1_000_000_000 + since_boot.tv_nsec.unsigned_abs()
}

/// Time since the process first asked.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn monotonic_nanos() -> u64 {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    saturating_nanos(START.elapsed())
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

fn wall_nanos(time: SystemTime) -> i64 {
    let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => -nanos(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_767_268_800_000;

    #[test]
    fn the_wall_clock_is_read_again_after_a_millisecond_and_not_before() {
        let distance = Distance::unknown();
        let ahead = NOON * 1_000_000;
        assert_eq!(distance.wall_millis(0, || ahead), NOON);
        let unasked = || panic!("asked too soon");
        assert_eq!(distance.wall_millis(GOOD_FOR - 1, unasked), NOON);
        // It was set back by an hour meanwhile.
        let stepped = ahead - 3_600_000_000_000;
        assert_eq!(
            distance.wall_millis(GOOD_FOR, || stepped),
            NOON + 1 - 3_600_000
        );
        let late = 2 * GOOD_FOR - 1;
        assert_eq!(
            distance.wall_millis(late, unasked),
            NOON + 1 - 3_600_000,
            "the step is kept"
        );
    }

    #[test]
    fn a_measurement_of_the_past_is_not_believed_for_longer() {
        let distance = Distance::unknown();
        assert_eq!(distance.wall_millis(10 * GOOD_FOR, || 0), 10);
        // A thread that was held up since the start puts its own reading in place.
        let old = 7 * 1_000_000;
        distance.nanos.store(old, Ordering::Relaxed);
        distance.good_until.store(GOOD_FOR, Ordering::Release);
        assert_eq!(distance.wall_millis(10 * GOOD_FOR + 1, || 0), 10);
    }

    #[test]
    fn the_clock_is_read_once_a_tick() {
        let recent = Recent::never();
        let at = |millis: u64| Now {
            monotonic: Monotonic(millis * 1_000_000),
            unix_millis: NOON + millis.cast_signed(),
        };
        assert_eq!(recent.read(4, || at(5)), at(5));
        let unasked = || panic!("read twice");
        assert_eq!(recent.read(4, unasked), at(5));
        assert_eq!(recent.read(8, || at(9)), at(9));
        // A thread that was held up since the first tick.
        assert_eq!(recent.read(4, || at(10)), at(10));
        assert_eq!(recent.read(8, || at(11)), at(11));
        assert_eq!(recent.read(8, unasked), at(11));
        // One that has read long ago, and puts that in place now.
        recent.renew(8, at(1));
        assert_eq!(recent.read(8, unasked), at(11));
    }

    #[test]
    fn what_was_read_lately_is_not_in_the_future_and_not_long_past() {
        assert!(SystemClock.lately().monotonic <= SystemClock.now().monotonic);
        // A tick that came late because of other machines does not come late each time.
        let late: Vec<u32> = (0..3).map(|_| late_readings()).collect();
        assert!(late.contains(&0), "{late:?}");
    }

    /// How many were older than they may be, after a pause in which all before become so.
    fn late_readings() -> u32 {
        std::thread::sleep(2 * SystemClock.lag());
        let mut late = 0;
        for _ in 0..100_000 {
            let before = SystemClock.now();
            let lately = SystemClock.lately();
            let after = SystemClock.now();
            assert!(lately.monotonic <= after.monotonic);
            let lag = before.monotonic.saturating_since(lately.monotonic);
            // Who was interrupted before it read does not count.
            let took = after.monotonic.saturating_since(before.monotonic);
            late += u32::from(lag > SystemClock.lag() + took);
        }
        late
    }

    #[test]
    fn times_before_1970_are_negative() {
        let second = Duration::from_secs(1);
        assert_eq!(wall_nanos(UNIX_EPOCH + second), 1_000_000_000);
        assert_eq!(wall_nanos(UNIX_EPOCH - second), -1_000_000_000);
    }

    #[test]
    fn both_halves_are_those_of_the_machine() {
        for _ in 0..1_000 {
            let before = wall_nanos(SystemTime::now()) / 1_000_000;
            let now = SystemClock.now();
            let after = wall_nanos(SystemTime::now()) / 1_000_000;
            // Nobody sets the clock of a machine that runs tests; slewing it is far slower.
            assert!(
                (before - 2..=after + 2).contains(&now.unix_millis),
                "{before} to {after}: {now:?}"
            );
        }
    }
}
