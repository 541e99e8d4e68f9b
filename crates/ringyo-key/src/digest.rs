use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The 32 bytes that are kept of a key: HMAC-SHA-256 under a pepper of everything before its tag.
///
/// A digest is compared by [`matches`](Self::matches) only, which takes the same time wherever
/// the two differ. `Debug` shows nothing of it, because the tag of a key can be read off its
/// digest.
///
/// ```compile_fail
/// fn early_exit(a: ringyo_key::Digest, b: ringyo_key::Digest) -> bool { a == b }
/// ```
#[derive(Clone)]
pub struct Digest([u8; Self::LEN]);

impl Digest {
    /// Bytes of a digest.
    pub const LEN: usize = 32;

    /// A digest as a store gives it back.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// 64 lower-case hexadecimal characters, for stores that keep text.
    #[must_use]
    pub fn to_hex(&self) -> String {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.0
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|nibble| char::from(HEX[usize::from(nibble)]))
            .collect()
    }

    /// Reads what [`to_hex`](Self::to_hex) wrote; upper case is understood too.
    ///
    /// # Errors
    ///
    /// [`DigestError`] unless the text is exactly 64 hexadecimal characters.
    pub fn from_hex(text: &str) -> Result<Self, DigestError> {
        let text: &[u8; 2 * Self::LEN] = text.as_bytes().try_into().map_err(|_| DigestError)?;
        let nibble = |byte: u8| (byte as char).to_digit(16).ok_or(DigestError);
        let mut bytes = [0; Self::LEN];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = (nibble(pair[0])? << 4 | nibble(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }

    /// Whether both are the same, in time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        constant_time_eq::constant_time_eq_32(&self.0, &other.0)
    }

    /// The number that a key carries as its tag: the first 8 bytes, big-endian, modulo 62⁶.
    pub(crate) fn tag(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) % crate::base62::SIX_DIGITS
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// A text that is not a [`Digest`] in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal characters")]
pub struct DigestError;

/// HMAC-SHA-256 (RFC 2104) with both key blocks hashed in advance.
pub(crate) struct KeySchedule(Hmac<Sha256>);

impl KeySchedule {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    /// The one place where an HMAC is computed.
    pub(crate) fn digest(&self, message: &[u8]) -> Digest {
        #[cfg(feature = "testing")]
        crate::testing::count_hmac();
        let mut mac = self.0.clone();
        mac.update(message);
        Digest(mac.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 1 and 6 (a key longer than one block).
    #[test]
    fn agrees_with_rfc_4231() {
        let digest = KeySchedule::new(&[0x0b; 20]).digest(b"Hi There");
        assert_eq!(
            digest.to_hex(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        let digest = KeySchedule::new(&[0xaa; 131])
            .digest(b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(
            digest.to_hex(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
