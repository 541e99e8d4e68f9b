//! Moments: their text form, their range and their order.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::time::Duration;

use proptest::prelude::*;
use ringyo_store::Timestamp;
use serde_json::{from_value, json, to_value};

fn millis(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

#[test]
fn text_is_frozen() {
    // Stores keep these texts; a change would not read what is stored.
    for (number, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1_767_323_045_678, "2026-01-02T03:04:05.678Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(millis(number).to_string(), text);
        assert_eq!(format!("{:?}", millis(number)), text);
        assert_eq!(text.parse(), Ok(millis(number)));
        assert_eq!(to_value(millis(number)).unwrap(), json!(text));
        assert_eq!(
            from_value::<Timestamp>(json!(text)).unwrap(),
            millis(number)
        );
    }
}

#[test]
fn other_spellings_are_understood() {
    let exact: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    for text in [
        "2026-01-02T03:04:05.0Z",
        "2026-01-02T03:04:05.000999Z",
        "2026-01-02T03:04:05+00:00",
    ] {
        assert_eq!(text.parse(), Ok(exact), "{text}");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "now",
        "0",
        "1767323045678",
        "2026-01-02",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05+02:00",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "10000-01-01T00:00:00Z",
        "２０２６-01-02T03:04:05Z",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text:?}");
        assert!(from_value::<Timestamp>(json!(text)).is_err(), "{text:?}");
    }
    assert!(from_value::<Timestamp>(json!(5)).is_err());
}

#[test]
fn what_is_out_of_range_moves_to_the_nearer_end() {
    for (number, expected) in [
        (i64::MIN, Timestamp::MIN),
        (-1, Timestamp::MIN),
        (0, Timestamp::MIN),
        (Timestamp::MAX.as_unix_millis() + 1, Timestamp::MAX),
        (i64::MAX, Timestamp::MAX),
    ] {
        assert_eq!(millis(number), expected);
    }
    assert_eq!(Timestamp::MAX + Duration::from_millis(1), Timestamp::MAX);
    assert_eq!(Timestamp::MIN + Duration::MAX, Timestamp::MAX);
    assert_eq!(millis(5) + Duration::from_micros(1_999), millis(6));
    assert_eq!(Timestamp::MIN.since(Timestamp::MAX), Duration::ZERO);
    assert_eq!(millis(7).since(millis(5)), Duration::from_millis(2));
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0..=Timestamp::MAX.as_unix_millis()).prop_map(millis)
}

proptest! {
    #[test]
    fn text_goes_round(at in moment()) {
        let text = at.to_string();
        prop_assert_eq!(text.len(), 24);
        prop_assert_eq!(text.parse(), Ok(at));
        let through_json: Timestamp = from_value(to_value(at).unwrap()).unwrap();
        prop_assert_eq!(through_json, at);
    }

    #[test]
    fn texts_sort_as_moments_do(one in moment(), other in moment()) {
        prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
    }

    #[test]
    fn neighbours_sort_as_well(at in moment()) {
        let next = at + Duration::from_millis(1);
        prop_assert_eq!(at.to_string() < next.to_string(), at != Timestamp::MAX);
    }

    #[test]
    fn no_number_leaves_the_range(number in any::<i64>(), later in any::<u64>()) {
        let at = millis(number) + Duration::from_millis(later);
        prop_assert!((Timestamp::MIN..=Timestamp::MAX).contains(&at));
    }

    #[test]
    fn later_and_since_agree(at in moment(), later in 0_u64..1_000_000_000_000) {
        let later = Duration::from_millis(later);
        let moved = at + later;
        prop_assert!(moved == Timestamp::MAX || moved.since(at) == later);
    }

    #[test]
    fn parsing_never_panics(text in ".{0,40}", digits in "[0-9TZ:.+ -]{0,40}") {
        let _ = text.parse::<Timestamp>();
        let _ = digits.parse::<Timestamp>();
    }
}
