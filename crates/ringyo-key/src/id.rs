use std::fmt;
use std::str::FromStr;

use crate::base62;
use crate::serde_text::serde_as_text;

/// The public name of a key: 12 base62 characters, drawn at random when the key is minted.
///
/// It is what lists, logs and audit entries show and what a store finds a record by. It is not
/// secret and never used again for another key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; Self::LEN]);

impl KeyId {
    /// Characters of an id.
    pub const LEN: usize = 12;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only base62 digits get into an id.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id as its 12 ASCII bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Wraps bytes that are known to be base62 digits.
    pub(crate) const fn from_digits(digits: [u8; Self::LEN]) -> Self {
        Self(digits)
    }
}

/// A text that is not a [`KeyId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key id is 12 characters of 0-9, A-Z and a-z")]
pub struct KeyIdError;

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.as_str())
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;
    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let digits: [u8; Self::LEN] = text.as_bytes().try_into().map_err(|_| KeyIdError)?;
        match base62::first_foreign(&digits) {
            None => Ok(Self(digits)),
            Some(_) => Err(KeyIdError),
        }
    }
}

serde_as_text!(KeyId, "a key id of 12 characters");
