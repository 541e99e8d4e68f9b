//! The text form of peppers, against a reader with a decoder of its own.

use ringyo::{Pepper, PepperError, PepperRing};

use crate::Subject;

/// Reads the input as a file of peppers, and each part of it as one.
pub fn check(input: &[u8], subject: Subject) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let found = PepperRing::parse(text);
    let mut ids = found
        .as_ref()
        .ok()
        .map(|ring| ring.ids().map(|id| id.as_u16()).collect::<Vec<_>>());
    let entries: Vec<&str> = text
        .split(['\n', ','])
        .map(str::trim)
        .filter(|entry| !entry.is_empty() && !entry.starts_with('#'))
        .collect();
    let naive: Option<Vec<(u16, Vec<u8>)>> = entries.iter().map(|entry| naive(entry)).collect();
    if let (Subject::Faulty, Err(PepperError::Duplicate { .. })) = (subject, &found) {
        // The second of two with one number is not noticed.
        ids = naive
            .as_ref()
            .map(|peppers| peppers.iter().map(|(id, _)| *id).collect());
    }
    let expected = naive.as_ref().and_then(|peppers| {
        let ids: Vec<u16> = peppers.iter().map(|(id, _)| *id).collect();
        let is_once = |id: &u16| ids.iter().filter(|other| *other == id).count() == 1;
        (!ids.is_empty() && ids.iter().all(is_once)).then_some(ids)
    });
    assert_eq!(ids, expected, "{found:?}");
    for entry in entries {
        let Ok(pepper) = Pepper::parse(entry) else {
            continue;
        };
        let exposed = pepper.expose();
        let again = Pepper::parse(&exposed).expect("what was written");
        assert_eq!(*again.expose(), *exposed);
        let decoded = |text: &str| crate::peppers::naive(text);
        assert_eq!(decoded(entry), decoded(&exposed));
        let (_, encoded) = exposed.split_once(':').expect("an id and the rest");
        assert!(!format!("{pepper:?}").contains(encoded));
    }
    if let Err(error) = found {
        let told = format!("{error} {error:?}");
        // Of one word: sentences may be those of the error, which fuzzers learn by heart.
        let words = text.split(|c: char| c.is_whitespace() || c == ':' || c == ',');
        let secrets = words.filter(|word| word.len() > 24);
        for secret in secrets {
            assert!(
                !told.contains(secret),
                "an error repeats what may be a pepper"
            );
        }
    }
}

/// Number and bytes of one pepper.
fn naive(entry: &str) -> Option<(u16, Vec<u8>)> {
    let (id, encoded) = entry.trim().split_once(':')?;
    let id: u16 = id.trim().parse().ok().filter(|id| *id > 0)?;
    let encoded = encoded.trim();
    let is_url_safe = encoded.contains(['-', '_']);
    let text = encoded.trim_end_matches('=');
    let padding = encoded.len() - text.len();
    let mut bits = 0_u32;
    let mut buffer = 0_u32;
    let mut bytes = Vec::new();
    for digit in text.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' if !is_url_safe => 62,
            b'/' if !is_url_safe => 63,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    // Bits are left over that belong to no byte: they have to be zero, and fewer than a digit.
    let is_whole = bits < 6 && buffer == 0;
    // Padding may be cut short, but not begin a group of four.
    let is_padded =
        padding == 0 || (2..4).contains(&(text.len() % 4)) && padding <= 4 - text.len() % 4;
    (is_whole && is_padded && bytes.len() >= 32).then_some((id, bytes))
}
