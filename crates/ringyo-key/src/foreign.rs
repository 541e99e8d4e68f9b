use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::{Digest, KeyId, base62};

/// The fewest bits that the random part of a foreign key can hold. Whoever knows the public id of a
/// key can try texts against it, so a short one could be found.
const MIN_BITS: f64 = 96.0;

/// The longest key of a foreign format, in bytes.
const LONGEST: usize = 512;

/// What an id is drawn from, apart from whatever else is hashed.
const ID_DOMAIN: &[u8] = b"ringyo foreign key id";

/// How the keys of another origin look, so that they can be told from what is none: a text that
/// they all begin with, which may be empty, and a number of characters out of some.
///
/// Such a key has no tag and no checksum. That it has this shape proves nothing, and costs nothing
/// but looking; whether it is one is known by whoever has the records.
///
/// ```
/// use ringyo_key::{ForeignFormat, ForeignFormatError};
///
/// let format = ForeignFormat::new("acme_", ForeignFormat::HEX, 32)?;
/// assert!(format.matches(b"acme_00112233445566778899aabbccddeeff"));
/// assert!(!format.matches(b"acme_00112233445566778899aabbccddeef"));
/// assert!(!format.matches(b"acme_00112233445566778899aabbccddeefg"));
/// // 16 hexadecimal digits can be guessed.
/// let short = ForeignFormat::new("acme_", ForeignFormat::HEX, 16);
/// assert_eq!(short, Err(ForeignFormatError::Guessable));
/// # Ok::<(), ForeignFormatError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignFormat {
    prefix: Box<str>,
    // Which of the 128 ASCII characters may follow.
    characters: u128,
    count: usize,
}

/// Why a shape is not one that keys should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignFormatError {
    /// Characters that keys in headers cannot have: they are visible ASCII without the comma.
    #[error("keys are visible ascii characters without a comma")]
    Character,
    /// The random part holds less than 96 bits, if every character is as likely.
    #[error("the random part of such a key holds less than 96 bits")]
    Guessable,
    /// The key would have more than 512 characters.
    #[error("a key has at most 512 characters")]
    TooLong,
}

/// What is known of a key of another origin by its text: its id, and what it is compared with.
#[derive(Debug, Clone)]
pub struct ForeignKey {
    /// Its public name. It is made from the digest, so that the text leads to the record.
    pub id: KeyId,
    /// The SHA-256 of the whole text.
    pub digest: Digest,
}

impl ForeignFormat {
    /// Hexadecimal digits in lower case.
    pub const HEX: &str = "0123456789abcdef";
    /// The digits of base62.
    pub const BASE62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    /// Those of base64 for addresses (RFC 4648 §5), without padding.
    pub const BASE64_URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    /// Those of a UUID as text, of which there are 36.
    pub const UUID: &str = "0123456789abcdef-";

    /// Keys that begin with `prefix`, followed by `count` of these characters.
    ///
    /// # Errors
    ///
    /// [`ForeignFormatError`].
    pub fn new(prefix: &str, characters: &str, count: usize) -> Result<Self, ForeignFormatError> {
        let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b',';
        if !prefix.bytes().chain(characters.bytes()).all(is_allowed) {
            return Err(ForeignFormatError::Character);
        }
        if prefix.len().saturating_add(count) > LONGEST {
            return Err(ForeignFormatError::TooLong);
        }
        let set = characters.bytes().fold(0u128, |set, byte| set | 1 << byte);
        let each = f64::from(set.count_ones().max(1)).log2();
        if each * (count as f64) < MIN_BITS {
            return Err(ForeignFormatError::Guessable);
        }
        Ok(Self {
            prefix: prefix.into(),
            characters: set,
            count,
        })
    }

    /// Whether a text has this shape. Reads nothing of one of another length.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        let is_one = |byte: &u8| *byte < 128 && self.characters >> byte & 1 == 1;
        text.len() == self.prefix.len() + self.count
            && text
                .strip_prefix(self.prefix.as_bytes())
                .is_some_and(|rest| rest.iter().all(is_one))
    }
}

impl fmt::Debug for ForeignFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForeignFormat({}… {} more)", self.prefix, self.count)
    }
}

impl ForeignKey {
    /// The key of that text, whole.
    #[must_use]
    pub fn of_text(text: &[u8]) -> Self {
        Self::of_digest(Digest::from_bytes(Sha256::digest(text).into()))
    }

    /// The key whose text has that SHA-256: for whoever has kept that alone.
    ///
    /// Its id is frozen: the first 16 bytes of the SHA-256 of `ringyo foreign key id` and the
    /// digest, as a big-endian integer modulo 62¹², in base62.
    #[must_use]
    pub fn of_digest(digest: Digest) -> Self {
        let mut hash = Sha256::new();
        hash.update(ID_DOMAIN);
        hash.update(digest.to_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let mut number = u128::from_be_bytes(*hash.first_chunk().unwrap_or(&[0; 16]));
        let mut digits = [0; KeyId::LEN];
        for digit in digits.iter_mut().rev() {
            *digit = base62::DIGITS[(number % 62) as usize];
            number /= 62;
        }
        let id = KeyId::from_digits(digits);
        Self { id, digest }
    }
}
