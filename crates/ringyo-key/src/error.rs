/// Why a text is not a key of this [format](crate::KeyFormat).
///
/// It names the part that was wrong and never repeats the text. To whoever presented the key all
/// of these are one answer; they are told apart for logs, counters and command lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// It does not start with a brand that is minted or still accepted here, and `_`.
    #[error("the key does not start with a known brand")]
    Brand,
    /// The brand is right, the length is not.
    #[error("a key of this brand has {expected} characters, this one has {found}")]
    Length {
        /// Characters that a key of this brand has.
        expected: usize,
        /// Bytes that were presented.
        found: usize,
    },
    /// The brand is not followed by `live_` or `test_`.
    #[error("the brand is followed by neither `live_` nor `test_`")]
    Mode,
    /// A byte of the body is not a base62 digit.
    #[error("byte {position} of the key is not one of 0-9, A-Z, a-z")]
    Character {
        /// Its place in the key, counted from zero.
        position: usize,
    },
    /// The last six characters are not the checksum of the rest: mistyped or cut.
    #[error("the checksum does not fit: the key is mistyped or incomplete")]
    Checksum,
}
