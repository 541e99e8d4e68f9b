//! Times, as people say them.

use std::time::Duration;

use ringyo::Timestamp;

const SECOND: u64 = 1;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// From this distance on a date says more.
const FAR: u64 = 60 * DAY;

/// `3 minutes ago`, `in 6 days 2 hours`, or the date of what is far away. What is past is at least
/// as long ago, and what is to come at most as far away.
pub(crate) fn relative(moment: Timestamp, now: Timestamp) -> String {
    let (past, future) = (now.since(moment), moment.since(now));
    let distance = past.max(future).as_secs();
    if distance < MINUTE {
        "just now".to_owned()
    } else if distance >= FAR {
        // The date of RFC 3339.
        moment.to_string().chars().take(10).collect()
    } else if future > past {
        format!("in {}", length(future))
    } else {
        let unit = Unit::of(distance);
        format!("{} ago", unit.times(distance / unit.seconds))
    }
}

/// The same, or `never`.
pub(crate) fn relative_or_never(moment: Option<Timestamp>, now: Timestamp) -> String {
    moment.map_or("never".to_owned(), |moment| relative(moment, now))
}

/// `1 day 23 hours`: in its largest unit and the one below, rounded up.
pub(crate) fn length(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let precision = Unit::of(seconds).below().seconds;
    let seconds = seconds.div_ceil(precision) * precision;
    // Rounded up it may have reached the next unit.
    let unit = Unit::of(seconds);
    let below = unit.below();
    let whole = unit.times(seconds / unit.seconds);
    match seconds % unit.seconds / below.seconds {
        0 => whole,
        rest => format!("{whole} {}", below.times(rest)),
    }
}

#[derive(Debug, Clone, Copy)]
struct Unit {
    name: &'static str,
    seconds: u64,
}

impl Unit {
    /// The largest that goes into it.
    const fn of(seconds: u64) -> Self {
        let (name, seconds) = match seconds {
            ..MINUTE => ("second", SECOND),
            MINUTE..HOUR => ("minute", MINUTE),
            HOUR..DAY => ("hour", HOUR),
            DAY.. => ("day", DAY),
        };
        Self { name, seconds }
    }

    /// The next smaller one; of seconds, seconds.
    const fn below(self) -> Self {
        Self::of(self.seconds - 1)
    }

    fn times(self, number: u64) -> String {
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {}{plural}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_times_are_told_from_now_and_far_ones_by_their_date() {
        let now: Timestamp = "2026-03-04T05:06:07.000Z".parse().unwrap();
        let past =
            |seconds: i64| Timestamp::from_unix_millis(now.as_unix_millis() - 1000 * seconds);
        for (seconds, said) in [
            (0, "just now"),
            (59, "just now"),
            (-59, "just now"),
            (60, "1 minute ago"),
            (-60, "in 1 minute"),
            (3 * 60 + 59, "3 minutes ago"),
            (2 * 3600, "2 hours ago"),
            (-61, "in 1 minute 1 second"),
            (-24 * 3600, "in 1 day"),
            (-26 * 3600, "in 1 day 2 hours"),
            (59 * 86_400, "59 days ago"),
            (60 * 86_400, "2026-01-03"),
            (-60 * 86_400, "2026-05-03"),
        ] {
            assert_eq!(relative(past(seconds), now), said, "{seconds}");
        }
        assert_eq!(relative_or_never(None, now), "never");
    }

    #[test]
    fn a_length_is_told_in_two_units_and_never_too_short() {
        for (seconds, said) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "1 minute 30 seconds"),
            (3600, "1 hour"),
            (3601, "1 hour 1 minute"),
            (86_399, "1 day"),
            (86_400, "1 day"),
            (86_401, "1 day 1 hour"),
            (47 * 3600, "1 day 23 hours"),
            (30 * 86_400, "30 days"),
        ] {
            assert_eq!(length(Duration::from_secs(seconds)), said, "{seconds}");
        }
        assert_eq!(length(Duration::from_nanos(1)), "1 second");
        // Also just after it was said.
        let nearly = Duration::from_secs(47 * 3600) - Duration::from_millis(1);
        assert_eq!(length(nearly), "1 day 23 hours");
    }
}
