//! How the numbers of a limiter are written: for each response, and so in words.

use std::ops::Range;

use ringyo_limit::{BucketKind, BucketState};

use super::headers::whole_seconds;

/// Enough for the second at which a bucket is full and the state of two buckets with the largest
/// numbers, that is twenty bytes and twice 45, and for a word of which only the beginning counts.
pub(super) const ROOM: usize = 128;

/// Text that is written piece by piece. All of it is inlined, so that the place where to go on is in
/// a register: in memory it would be waited for before each piece.
pub(super) struct Text<'a> {
    bytes: &'a mut [u8],
    /// How much has been written.
    pub(super) len: usize,
}

impl<'a> Text<'a> {
    /// Over as many bytes as there is [room](ROOM).
    #[inline(always)]
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, len: 0 }
    }

    #[inline(always)]
    pub(super) fn text(&mut self, text: &str) {
        self.bytes[self.len..][..text.len()].copy_from_slice(text.as_bytes());
        self.len += text.len();
    }

    /// Where it says how many are left.
    #[inline(always)]
    pub(super) fn rate_limit(&mut self, bucket: BucketState) -> Range<usize> {
        // A burst above the limit leaves more than the limit; what is shown never is.
        let remaining = bucket.remaining().min(bucket.quota().limit());
        // Where nothing is left, a client that waits for `t` is to wait no longer than it needs to.
        let more_in = match remaining {
            0 => bucket.next_cell_after(),
            _ => bucket.reset_after(),
        };
        self.text(name(bucket));
        self.text(";r=");
        let start = self.len;
        self.number(remaining.into());
        let end = self.len;
        self.text(";t=");
        self.number(whole_seconds(more_in));
        start..end
    }

    #[inline(always)]
    pub(super) fn number(&mut self, number: u64) {
        const EIGHT: u64 = 100_000_000;
        if number < 10 {
            return self.word(number, 1);
        }
        let (high, low) = (number / EIGHT, digits((number % EIGHT) as u32));
        if high == 0 {
            return self.without_zeros(low);
        }
        if high < EIGHT {
            self.without_zeros(digits(high as u32));
        } else {
            self.without_zeros(digits((high / EIGHT) as u32));
            self.word(digits((high % EIGHT) as u32), 8);
        }
        self.word(low, 8);
    }

    #[inline(always)]
    fn without_zeros(&mut self, digits: u64) {
        let zeros = (digits.trailing_zeros() / 8).min(7);
        self.word(digits >> (8 * zeros), 8 - zeros as usize);
    }

    /// As much of a word of digits as counts; what comes next is written over the rest.
    #[inline(always)]
    fn word(&mut self, digits: u64, len: usize) {
        let ascii = digits | 0x3030_3030_3030_3030;
        self.bytes[self.len..][..8].copy_from_slice(&ascii.to_le_bytes());
        self.len += len;
    }
}

/// The eight digits of a number below a hundred million, the first one in the lowest byte. Halves are
/// split into halves, all in one word: bytes that are written one by one are slow to read as one
/// piece.
const fn digits(number: u32) -> u64 {
    let number = number as u64;
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    // Divided by a hundred and then by ten, exactly for all that the parts can be.
    let hundreds = ((fours * 5_243) >> 19) & 0x7f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0xf_000f_000f_000f;
    tens | (twos - tens * 10) << 8
}

/// The name of the bucket as a string of RFC 9651.
pub(super) const fn name(bucket: BucketState) -> &'static str {
    match bucket.kind() {
        BucketKind::Account => r#""account""#,
        BucketKind::Key => r#""key""#,
    }
}

#[cfg(test)]
mod tests {
    use super::{ROOM, Text};

    fn written(number: u64) -> String {
        let mut bytes = [b'x'; ROOM];
        let mut text = Text::new(&mut bytes);
        text.number(number);
        let len = text.len;
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    }

    #[test]
    fn numbers_are_written_as_anybody_writes_them() {
        for number in 0..=10_000 {
            assert_eq!(written(number), number.to_string());
        }
        // All fours of digits in both halves of a word.
        for half in 0..10_000 {
            for number in [half * 10_000, half * 10_001, half * 10_000 + 9_999] {
                assert_eq!(written(number), number.to_string());
            }
        }
        for power in (0..20).map(|power| 10_u64.pow(power)) {
            for number in [power - 1, power, power + 1, power.saturating_mul(7)] {
                assert_eq!(written(number), number.to_string());
            }
        }
        assert_eq!(written(u64::MAX), u64::MAX.to_string());
    }
}
