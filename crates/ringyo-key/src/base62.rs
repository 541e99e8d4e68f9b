//! Base62 with the digits in ASCII order, most significant first.

/// The digits in order of their value.
pub(crate) const DIGITS: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 62⁶: what six digits can count to. A CRC-32 always fits.
pub(crate) const SIX_DIGITS: u64 = 62u64.pow(6);

const NOT_A_DIGIT: u8 = 0xff;

const VALUES: [u8; 256] = {
    let mut values = [NOT_A_DIGIT; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// The place of the first byte that is not a digit.
#[inline]
pub(crate) fn first_foreign<const N: usize>(text: &[u8; N]) -> Option<usize> {
    // Looking at every byte before asking whether one is bad keeps the usual case free of branches.
    // Where they are no whole words, the last one overlaps the one before, and no byte is left over.
    const { assert!(N >= 8) };
    let (words, _) = text.as_chunks();
    let last = text.last_chunk().map_or(0, foreign_in);
    if words.iter().fold(last, |all, word| all | foreign_in(word)) == 0 {
        return None;
    }
    let place = |foreign: u64| foreign.trailing_zeros() as usize / 8;
    let mut words = words.iter().map(foreign_in).enumerate();
    let found = words.find(|(_, foreign)| *foreign != 0);
    Some(found.map_or(N - 8 + place(last), |(word, foreign)| {
        word * 8 + place(foreign)
    }))
}

/// The highest bit of each byte that is not a digit.
const fn foreign_in(word: &[u8; 8]) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHEST: u64 = ONES << 7;
    // Of bytes below 128 the sum reaches that where they are at least `least`, and never the next byte.
    const fn reaching(low: u64, least: u8) -> u64 {
        low + ONES * (0x80 - least as u64)
    }
    let word = u64::from_le_bytes(*word);
    let low = word & !HIGHEST;
    let lower = low | ONES << 5;
    let figures = reaching(low, b'0') & !reaching(low, b'9' + 1);
    let letters = reaching(lower, b'a') & !reaching(lower, b'z' + 1);
    (word | !figures & !letters) & HIGHEST
}

/// Writes `value` in exactly six digits.
pub(crate) fn encode_six(mut value: u64) -> [u8; 6] {
    debug_assert!(value < SIX_DIGITS, "six digits hold less than 62^6");
    let mut text = [b'0'; 6];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(value % 62) as usize];
        value /= 62;
    }
    text
}

/// Reads six bytes that [`first_foreign`] has passed.
#[inline]
pub(crate) fn decode_six(text: &[u8; 6]) -> u64 {
    let value = |place: usize| u64::from(VALUES[usize::from(text[place])]);
    // In pairs, which a processor can work out side by side.
    let pair = |place: usize| value(place) * 62 + value(place + 1);
    (pair(0) * (62 * 62) + pair(2)) * (62 * 62) + pair(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_round_trip_at_both_ends() {
        for value in [0, 1, 61, 62, u64::from(u32::MAX), SIX_DIGITS - 1] {
            assert_eq!(decode_six(&encode_six(value)), value);
        }
        assert_eq!(&encode_six(61), b"00000z");
        assert_eq!(&encode_six(62), b"000010");
    }

    #[test]
    fn exactly_the_62_digits_pass() {
        fn check<const N: usize>(byte: u8) {
            for place in 0..N {
                let mut text = [b'z'; N];
                text[place] = byte;
                let expected = (!byte.is_ascii_alphanumeric()).then_some(place);
                assert_eq!(first_foreign(&text), expected, "{byte} of {N}");
                text[place..].fill(byte);
                assert_eq!(first_foreign(&text), expected, "{byte} from there on");
            }
        }
        for byte in 0..=u8::MAX {
            check::<8>(byte);
            check::<12>(byte);
            check::<56>(byte);
        }
    }
}
