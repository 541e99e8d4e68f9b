//! The text of a key, against a reader that goes through it part by part.

use ringyo::key::{KeyFormat, ParseError};
use ringyo::{Brand, Pepper, PepperId, PepperRing};

use crate::Subject;

const BRANDS: [&str; 2] = ["rg", "voice"];

/// Reads the input, and the input with the right checksum, which fuzzers are bad at guessing.
pub fn check(input: &[u8], subject: Subject) {
    check_text(input, subject);
    if let Some((checked, _)) = input.split_last_chunk::<6>() {
        let checksum = six_digits(crc32fast::hash(checked).into());
        check_text(&[checked, &checksum].concat(), subject);
    }
}

fn check_text(text: &[u8], subject: Subject) {
    let [brand, retired] = BRANDS.map(|brand| Brand::new(brand).expect("a brand"));
    let format = KeyFormat::new(brand).accept_retired(retired);
    let mut found = format.parse(text).map(|parsed| {
        let brand = parsed.brand().as_str().to_owned();
        (brand, parsed.mode().to_string(), parsed.id().to_string())
    });
    if let (Subject::Faulty, Err(ParseError::Checksum)) = (subject, &found)
        && naive(text, 5).is_some()
    {
        // The last digit of the checksum is not looked at.
        found = naive(text, 5).ok_or(ParseError::Checksum);
    }
    assert_eq!(found.clone().ok(), naive(text, 6), "{found:?}");
    if let Ok(parsed) = format.parse(text) {
        assert!(text.len() <= format.max_len());
        let shown = format!("{parsed:?}");
        let body = std::str::from_utf8(&text[text.len() - 56..]).expect("digits");
        assert!(shown.contains(&body[..12]) && !shown.contains(&body[12..44]));
        // One stranger in 62⁶ proves it by chance.
        let stranger = || PepperRing::new(Pepper::generate(PepperId::new(1)));
        let is_proved = || stranger().prove(&parsed).is_some();
        assert!(!(is_proved() && is_proved()), "nobody minted it");
    }
}

/// Brand, mode and id of a key of which so many digits of the checksum are right.
fn naive(text: &[u8], digits: usize) -> Option<(String, String, String)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut parts = text.split('_');
    let (brand, mode, body) = (parts.next()?, parts.next()?, parts.next()?);
    let is_key = parts.next().is_none()
        && BRANDS.contains(&brand)
        && ["live", "test"].contains(&mode)
        && body.len() == 56
        && body.chars().all(|digit| digit.is_ascii_alphanumeric());
    let (checked, checksum) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let expected = six_digits(crc_bit_by_bit(checked.as_bytes()).into());
    let is_right = checksum.as_bytes()[..digits] == expected[..digits];
    (is_key && is_right).then(|| (brand.to_owned(), mode.to_owned(), body[..12].to_owned()))
}

/// CRC-32 (ISO-HDLC) without a table.
fn crc_bit_by_bit(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| match crc & 1 {
            1 => crc >> 1 ^ 0xedb8_8320,
            _ => crc >> 1,
        })
    })
}

fn six_digits(mut value: u64) -> [u8; 6] {
    let mut text = [0; 6];
    for digit in text.iter_mut().rev() {
        *digit = match (value % 62) as u8 {
            figure @ 0..10 => b'0' + figure,
            letter @ 10..36 => b'A' + letter - 10,
            letter => b'a' + letter - 36,
        };
        value /= 62;
    }
    text
}
