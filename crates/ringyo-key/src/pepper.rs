use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use rand::Rng as _;
use zeroize::Zeroizing;

use crate::serde_text::serde_as_text;

/// A secret of the service, mixed into every digest: at least 32 bytes.
///
/// Whoever steals the stored digests but not the pepper can neither find a key for them nor add
/// one of their own. Keep it apart from the store: in the environment, a file, a secret manager.
pub struct Pepper {
    id: PepperId,
    bytes: Zeroizing<Vec<u8>>,
}

impl Pepper {
    /// The fewest bytes a pepper has: the output length of SHA-256, as RFC 2104 §3 advises.
    pub const MIN_LEN: usize = 32;

    /// Takes a pepper as it is.
    ///
    /// # Errors
    ///
    /// [`PepperError::Short`] below [`MIN_LEN`](Self::MIN_LEN) bytes.
    pub fn new(id: PepperId, bytes: Vec<u8>) -> Result<Self, PepperError> {
        let bytes = Zeroizing::new(bytes);
        if bytes.len() < Self::MIN_LEN {
            return Err(PepperError::Short {
                id,
                found: bytes.len(),
            });
        }
        Ok(Self { id, bytes })
    }

    /// Draws a new pepper of 32 bytes.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness to give.
    #[must_use]
    pub fn generate(id: PepperId) -> Self {
        let mut bytes = Zeroizing::new(vec![0; Self::MIN_LEN]);
        rand::rng().fill_bytes(&mut bytes);
        Self { id, bytes }
    }

    /// Reads `id:base64`, the form that [`expose`](Self::expose) writes. Padding may be left out,
    /// and the URL-safe alphabet (RFC 4648 §5) is understood as well.
    ///
    /// # Errors
    ///
    /// [`PepperError`], naming the pepper but nothing of its bytes.
    pub fn parse(text: &str) -> Result<Self, PepperError> {
        let (id, encoded) = text.trim().split_once(':').ok_or(PepperError::Form)?;
        let id: PepperId = id.trim().parse()?;
        let encoded = encoded.trim();
        let bytes = decoder_for(encoded)
            .decode(encoded)
            .map_err(|_| PepperError::Base64 { id })?;
        Self::new(id, bytes)
    }

    /// Its number in the ring.
    #[must_use]
    pub const fn id(&self) -> PepperId {
        self.id
    }

    /// The secret itself as `id:base64`, for the file or the secret manager that keeps it.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(STANDARD.encode(&*self.bytes));
        Zeroizing::new(format!("{}:{}", self.id, *encoded))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Understands whichever alphabet the text uses, padded or not.
pub(crate) fn decoder_for(text: &str) -> GeneralPurpose {
    let alphabet = if text.contains(['-', '_']) {
        &base64::alphabet::URL_SAFE
    } else {
        &base64::alphabet::STANDARD
    };
    GeneralPurpose::new(
        alphabet,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    )
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper({}, …)", self.id)
    }
}

/// The number of a pepper, stored with every digest that was made under it: 1–65 535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PepperId(NonZeroU16);

impl PepperId {
    /// A pepper's number; zero is not one.
    ///
    /// # Panics
    ///
    /// On zero: in a constant at compile time. Use `try_from` for numbers from outside.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        match NonZeroU16::new(number) {
            Some(number) => Self(number),
            None => panic!("peppers are numbered from 1"),
        }
    }

    /// The number.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0.get()
    }
}

impl TryFrom<u16> for PepperId {
    type Error = PepperError;
    fn try_from(number: u16) -> Result<Self, PepperError> {
        NonZeroU16::new(number).map(Self).ok_or(PepperError::Id)
    }
}

impl fmt::Display for PepperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for PepperId {
    type Err = PepperError;
    fn from_str(text: &str) -> Result<Self, PepperError> {
        text.parse::<u16>()
            .map_err(|_| PepperError::Id)
            .and_then(Self::try_from)
    }
}

serde_as_text!(PepperId, "the number of a pepper");

/// Why a pepper or a ring of them could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PepperError {
    /// Not of the form `id:base64`.
    #[error("a pepper is written `id:base64`, for example `1:` and 44 characters of base64")]
    Form,
    /// The number is missing, zero or above 65 535.
    #[error("the id of a pepper is a number from 1 to 65535")]
    Id,
    /// What follows the number is not base64.
    #[error("pepper {id} is not base64")]
    Base64 {
        /// Which pepper.
        id: PepperId,
    },
    /// Fewer bytes than a pepper needs.
    #[error(
        "pepper {id} has {found} bytes, at least {} are needed",
        Pepper::MIN_LEN
    )]
    Short {
        /// Which pepper.
        id: PepperId,
        /// Bytes that it has.
        found: usize,
    },
    /// Two peppers with one number.
    #[error("pepper {id} is listed twice")]
    Duplicate {
        /// Which pepper.
        id: PepperId,
    },
    /// No pepper at all.
    #[error("no pepper is listed, at least one is needed")]
    Empty,
    /// The environment variable is not set, or is not Unicode.
    #[error("the environment variable {variable} holds no peppers")]
    Variable {
        /// Its name.
        variable: String,
    },
    /// The file could not be read or created.
    #[error("the pepper file could not be {action}")]
    File {
        /// `read` or `created`.
        action: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
}
