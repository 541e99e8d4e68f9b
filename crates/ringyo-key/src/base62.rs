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
pub(crate) fn first_foreign(text: &[u8]) -> Option<usize> {
    let (blocks, _) = text.as_chunks::<LANES>();
    let clean = blocks.iter().take_while(|block| {
        let mut foreign = [0; LANES];
        mark_foreign(&mut foreign, block);
        u128::from_ne_bytes(foreign) == 0
    });
    let start = LANES * clean.count();
    let place = text[start..]
        .iter()
        .position(|&byte| is_foreign(byte) != 0)?;
    Some(start + place)
}

/// Whether all are digits.
#[inline]
pub(crate) fn are_digits<const N: usize>(text: &[u8; N]) -> bool {
    // Looking at every byte before asking whether one is bad keeps the usual case free of
    // branches, and lane by lane is how compilers make one instruction of sixteen bytes. The last
    // block overlaps the one before, so that no byte is left over.
    let (blocks, _) = text.as_chunks::<LANES>();
    let mut foreign = [0; LANES];
    for block in blocks.iter().chain(text.last_chunk()) {
        mark_foreign(&mut foreign, block);
    }
    if N < LANES {
        return first_foreign(text).is_none();
    }
    u128::from_ne_bytes(foreign) == 0
}

const LANES: usize = 16;

#[inline(always)]
fn mark_foreign(foreign: &mut [u8; LANES], block: &[u8; LANES]) {
    for (lane, &byte) in foreign.iter_mut().zip(block) {
        *lane |= is_foreign(byte);
    }
}

/// One for a byte that is not a digit, else zero; without a branch.
const fn is_foreign(byte: u8) -> u8 {
    let is_figure = byte.wrapping_sub(b'0') < 10;
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    !(is_figure | is_letter) as u8
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
        for byte in 0..=u8::MAX {
            for (len, place) in [
                (2, 1),
                (16, 0),
                (16, 15),
                (56, 0),
                (56, 31),
                (56, 47),
                (56, 55),
            ] {
                let mut text = vec![b'z'; len];
                text[place] = byte;
                let expected = (!byte.is_ascii_alphanumeric()).then_some(place);
                let spot = format!("byte {byte} at {place} of {len}");
                assert_eq!(first_foreign(&text), expected, "{spot}");
                let are_digits = match len {
                    2 => are_digits::<2>(text.as_slice().try_into().unwrap()),
                    16 => are_digits::<16>(text.as_slice().try_into().unwrap()),
                    _ => are_digits::<56>(text.as_slice().try_into().unwrap()),
                };
                assert_eq!(are_digits, expected.is_none(), "{spot}");
            }
        }
        assert_eq!(first_foreign(b""), None);
    }
}
