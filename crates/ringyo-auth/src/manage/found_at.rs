//! Where a key was found, as text that can be kept.

/// The most characters that are kept of a place.
const LONGEST: usize = 500;

/// What stands before the body of a key, for either mode.
const MODES: [&str; 2] = ["_live_", "_test_"];

/// The public part of the body of a key, and all of it.
const ID_LEN: usize = 12;
const BODY_LEN: usize = 56;

/// The place, cut to a bounded length, in one line and without any key in it: people have named
/// files after their keys. The one that was found goes as a whole; of whatever else looks like a
/// key its public part stays.
pub(super) fn without_secrets(place: &str, found: &[u8]) -> String {
    let found = String::from_utf8_lossy(found);
    let mut text = place.trim().replace(char::is_control, " ");
    if !found.is_empty() {
        text = text.replace(&*found, "…");
    }
    for mode in MODES {
        text = without_bodies(&text, mode);
    }
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn without_bodies(text: &str, mode: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(mode) {
        let (before, body) = rest.split_at(start + mode.len());
        kept.push_str(before);
        let digits = body.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if digits < BODY_LEN {
            rest = body;
            continue;
        }
        kept.push_str(&body[..ID_LEN]);
        kept.push('…');
        rest = &body[digits..];
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_stays_in_a_place() {
        let body = "0a1B2c3D4e5FsssssssssssssssssssssssssssssssstttttTccccCC";
        assert_eq!(body.len(), BODY_LEN);
        let key = format!("rg_live_{body}");
        let other = key.replace("_live_", "_test_");
        let place = format!("https://example.com/{key}/{other}/rg_live_short/{key}x?a={body}");
        let kept = without_secrets(&place, key.as_bytes());
        assert_eq!(
            kept,
            format!("https://example.com/…/rg_test_0a1B2c3D4e5F…/rg_live_short/…x?a={body}")
        );
        // What was found elsewhere is not known as a whole, and is cut all the same.
        let kept = without_secrets(&place, b"");
        assert!(!kept.replace(&format!("a={body}"), "").contains("sss"));
        // A body without what stands before it is no key, and this test would see one that stayed.
        assert!(place.contains(&key));
    }

    #[test]
    fn a_place_is_one_line_of_bounded_length() {
        assert_eq!(without_secrets(" a\nb\u{7}c ", b"x"), "a b c");
        assert_eq!(without_secrets("", b""), "");
        let long = without_secrets(&"ü".repeat(501), b"");
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert_eq!(without_secrets(&"ü".repeat(500), b""), "ü".repeat(500));
    }
}
