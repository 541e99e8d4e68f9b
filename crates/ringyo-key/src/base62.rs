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
    // Looking at every byte before asking where the bad one is keeps the usual case free of
    // branches; the top bit stands for "not a digit", so one of them survives the union.
    let union = text
        .iter()
        .fold(0, |union, &byte| union | VALUES[usize::from(byte)]);
    if union & 0x80 == 0 {
        return None;
    }
    text.iter()
        .position(|&byte| VALUES[usize::from(byte)] == NOT_A_DIGIT)
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
pub(crate) fn decode_six(text: &[u8; 6]) -> u64 {
    text.iter().fold(0, |value, &byte| {
        value * 62 + u64::from(VALUES[usize::from(byte)])
    })
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
            assert_eq!(
                first_foreign(&[b'0', byte]).is_none(),
                byte.is_ascii_alphanumeric(),
                "byte {byte}"
            );
        }
    }
}
