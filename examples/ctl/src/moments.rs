//! Times, as people say them.

use std::time::Duration;

use ringyo::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// From this distance on a date says more.
const FAR: u64 = 60 * DAY;

/// `3 minutes ago`, `in 6 days`, or the date of what is far away. What is past is at least as long
/// ago, and what is to come at most as far away.
pub(crate) fn relative(moment: Timestamp, now: Timestamp) -> String {
    let (past, future) = (now.since(moment), moment.since(now));
    let distance = past.max(future).as_secs();
    if distance < MINUTE {
        "just now".to_owned()
    } else if distance >= FAR {
        // The date of RFC 3339.
        moment.to_string().chars().take(10).collect()
    } else if future > past {
        format!("in {}", rounded(distance, u64::div_ceil))
    } else {
        format!("{} ago", rounded(distance, u64::div_euclid))
    }
}

/// The same, or `never`.
pub(crate) fn relative_or_never(moment: Option<Timestamp>, now: Timestamp) -> String {
    moment.map_or("never".to_owned(), |moment| relative(moment, now))
}

/// `1 day`, without what is less than its unit.
pub(crate) fn length(time: Duration) -> String {
    rounded(time.as_secs(), u64::div_euclid)
}

fn rounded(seconds: u64, divide: fn(u64, u64) -> u64) -> String {
    let (number, unit) = match seconds {
        0..MINUTE => (seconds, "second"),
        MINUTE..HOUR => (divide(seconds, MINUTE), "minute"),
        HOUR..DAY => (divide(seconds, HOUR), "hour"),
        _ => (divide(seconds, DAY), "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
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
            (-61, "in 2 minutes"),
            (-24 * 3600, "in 1 day"),
            (-26 * 3600, "in 2 days"),
            (59 * 86_400, "59 days ago"),
            (60 * 86_400, "2026-01-03"),
            (-60 * 86_400, "2026-05-03"),
        ] {
            assert_eq!(relative(past(seconds), now), said, "{seconds}");
        }
        assert_eq!(relative_or_never(None, now), "never");
        assert_eq!(length(Duration::from_secs(86_400)), "1 day");
    }
}
