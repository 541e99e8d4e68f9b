use std::fmt;
use std::str::FromStr;

use crate::serde_text::serde_as_text;

/// Who a key belongs to at first sight: the letters before its first `_`.
///
/// 2–16 characters, `[a-z][a-z0-9]*`. With up to five letters everything that the tag covers
/// fits one block of SHA-256, so a proof costs the least it can.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Brand {
    letters: [u8; Self::MAX_LEN],
    len: u8,
}

impl Brand {
    /// The fewest characters a brand has.
    pub const MIN_LEN: usize = 2;
    /// The most characters a brand has.
    pub const MAX_LEN: usize = 16;

    /// Checks and keeps a brand.
    ///
    /// # Errors
    ///
    /// [`BrandError`] when the length or a character is outside the rule above.
    pub const fn new(text: &str) -> Result<Self, BrandError> {
        let bytes = text.as_bytes();
        if bytes.len() < Self::MIN_LEN || bytes.len() > Self::MAX_LEN {
            return Err(BrandError::Length { found: bytes.len() });
        }
        let mut letters = [0; Self::MAX_LEN];
        let mut position = 0;
        while position < bytes.len() {
            let byte = bytes[position];
            let allowed = byte.is_ascii_lowercase() || (position > 0 && byte.is_ascii_digit());
            if !allowed {
                return Err(BrandError::Character { position });
            }
            letters[position] = byte;
            position += 1;
        }
        Ok(Self {
            letters,
            len: bytes.len() as u8,
        })
    }

    /// The brand as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII gets past `new`.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Wraps letters that are known to be those of a brand.
    pub(crate) fn of_letters(letters: &[u8]) -> Self {
        let mut brand = Self {
            letters: [0; Self::MAX_LEN],
            len: letters.len() as u8,
        };
        brand.letters[..letters.len()].copy_from_slice(letters);
        brand
    }

    /// Whether a text starts with the brand and the `_` after it.
    #[inline]
    pub(crate) fn starts(&self, text: &[u8]) -> bool {
        let len = usize::from(self.len);
        let is_brand = match text.first_chunk() {
            // In one comparison, whatever the length.
            Some(start) => {
                let other = u128::from_le_bytes(*start) ^ u128::from_le_bytes(self.letters);
                other << (8 * (Self::MAX_LEN - len)) == 0
            }
            None => text.starts_with(self.as_bytes()),
        };
        is_brand && text.get(len) == Some(&b'_')
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.letters[..usize::from(self.len)]
    }
}

/// Why a text is not a [`Brand`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrandError {
    /// Too short or too long.
    #[error("a brand has 2 to 16 characters, this one has {found}")]
    Length {
        /// Its length in bytes.
        found: usize,
    },
    /// A character that a brand cannot have.
    #[error(
        "a brand is lower-case letters and digits and starts with a letter; character {position} is not"
    )]
    Character {
        /// Where it stands, counted in bytes from zero.
        position: usize,
    },
}

impl fmt::Display for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Brand({})", self.as_str())
    }
}

impl FromStr for Brand {
    type Err = BrandError;
    fn from_str(text: &str) -> Result<Self, BrandError> {
        Self::new(text)
    }
}

serde_as_text!(Brand, "a brand such as `rg`");
