//! Moments as text, read a second time.

pub(super) const MOMENT: &str = "2026-01-01T00:00:00.000Z";

pub(super) fn compare_moment(text: &str, shown: &str) {
    assert!(is_moment(text), "{text}");
    // To the second: further digits may have been cut.
    assert_eq!(shown[..10], text[..10]);
    assert_eq!(shown[11..19], text[11..19]);
}

/// By its shape, and by the number of days in a month.
pub(super) fn is_moment(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| are_digits)
    };
    let field = |start: usize| number(start..start + 2);
    let Some(rest) = bytes.get(19..) else {
        return false;
    };
    let fraction = match rest {
        [b'Z'] | [b'.', b'Z'] => true,
        [b'.', digits @ .., b'Z'] => digits.len() <= 9 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let (Some(year), Some(month), Some(day)) = (number(0..4), field(5), field(8)) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        _ => 31,
    };
    let marks = [(4, b"-"), (7, b"-"), (10, b"T"), (13, b":"), (16, b":")];
    fraction
        && marks.iter().all(|(place, mark)| bytes[*place] == mark[0])
        && year >= 1970
        && (1..=12).contains(&month)
        && (1..=days).contains(&day)
        && field(11).is_some_and(|hour| hour < 24)
        && field(14).is_some_and(|minute| minute < 60)
        && field(17).is_some_and(|second| second <= 60)
}
