use std::fmt;

use base64::Engine as _;
use ctutils::CtEq as _;
use hmac::{Hmac, KeyInit, Mac};
use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::pepper::decoder_for;

/// The 32 bytes that are kept of a key: HMAC-SHA-256 under a pepper of everything before its tag;
/// of one of another origin the SHA-256 of all of it.
///
/// A digest is compared by [`matches`](Self::matches) only, which takes the same time wherever
/// the two differ. `Debug` shows nothing of it, because the tag of a key can be read off its
/// digest.
///
/// ```compile_fail
/// fn early_exit(a: ringyo_key::Digest, b: ringyo_key::Digest) -> bool { a == b }
/// ```
// In words: they stay in registers on the way from the hash to the comparison, where bytes would go
// through memory.
#[derive(Clone)]
pub struct Digest([u64; Self::LEN / 8]);

impl Digest {
    /// Bytes of a digest.
    pub const LEN: usize = 32;

    /// A digest as a store gives it back.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let (words, _) = bytes.as_chunks();
        Self(std::array::from_fn(|place| {
            u64::from_be_bytes(words[place])
        }))
    }

    /// The bytes to store.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(self.0) {
            *bytes = word.to_be_bytes();
        }
        bytes
    }

    /// 64 lower-case hexadecimal characters, for stores that keep text.
    #[must_use]
    pub fn to_hex(&self) -> String {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.to_bytes()
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
        Ok(Self::from_bytes(bytes))
    }

    /// Reads a digest that somebody else has kept in base64, of either alphabet, padded or not.
    ///
    /// # Errors
    ///
    /// [`DigestError`] unless it is base64 of exactly 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, DigestError> {
        let bytes = decoder_for(text).decode(text).map_err(|_| DigestError)?;
        Ok(Self::from_bytes(bytes.try_into().map_err(|_| DigestError)?))
    }

    /// Whether both are the same, in time that does not depend on where they differ.
    #[must_use]
    #[inline]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).to_bool()
    }

    /// The number that a key carries as its tag: the first 8 bytes, big-endian, modulo 62⁶.
    #[inline]
    pub(crate) const fn tag(&self) -> u64 {
        self.0[0] % crate::base62::SIX_DIGITS
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// A text that is not a [`Digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 32 bytes, as 64 hexadecimal characters or in base64")]
pub struct DigestError;

/// HMAC-SHA-256 (RFC 2104) with both key blocks hashed in advance.
///
/// By the `hmac` crate, but for what is computed for every request: the HMAC of a message that
/// fits one block is two calls of `sha2`'s compression function, without the buffers for messages
/// that come in pieces. The tests hold one against the other.
pub(crate) struct KeySchedule {
    mac: Hmac<Sha256>,
    of_one_block: OneBlock,
}

impl KeySchedule {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self {
            mac: Hmac::new_from_slice(key).expect("HMAC takes a key of any length"),
            of_one_block: OneBlock::new(key),
        }
    }

    /// The HMAC of a message.
    pub(crate) fn digest(&self, message: &[u8]) -> Digest {
        #[cfg(feature = "testing")]
        crate::testing::count_hmac();
        let mut mac = self.mac.clone();
        mac.update(message);
        Digest::from_bytes(mac.finalize().into_bytes().into())
    }

    /// The same of the first `len` bytes of a text. If it goes on for long enough, a whole block is
    /// taken out of it: copies whose length is not known beforehand are slow.
    #[inline]
    pub(crate) fn digest_of_start(&self, text: &[u8], len: usize) -> Digest {
        match (text.first_chunk(), PADDING.get(len)) {
            (Some(text), Some(padding)) => {
                #[cfg(feature = "testing")]
                crate::testing::count_hmac();
                self.of_one_block.digest(&padding.apply(text))
            }
            _ => self.digest(&text[..len]),
        }
    }
}

/// The states after the two blocks of the key.
#[derive(Zeroize, ZeroizeOnDrop)]
struct OneBlock {
    inner: [u32; 8],
    outer: [u32; 8],
    /// What follows a digest in the last block of a message of one block and a digest. Kept in
    /// memory: as a constant it would be written in pieces, which are slow to read as one.
    #[zeroize(skip)]
    after_digest: [u8; BLOCK - Digest::LEN],
}

impl OneBlock {
    fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK]);
        if key.len() <= BLOCK {
            block[..key.len()].copy_from_slice(key);
        } else {
            block[..Digest::LEN].copy_from_slice(&Sha256::digest(key));
        }
        let state_after = |pad: u8| {
            let padded = Zeroizing::new(block.map(|byte| byte ^ pad));
            let mut state = INITIAL;
            compress256(&mut state, &[*padded]);
            state
        };
        let mut after_digest = [0; BLOCK - Digest::LEN];
        after_digest[0] = 0x80;
        let bits = 8 * (BLOCK + Digest::LEN) as u16;
        *after_digest.last_chunk_mut().expect("two bytes") = bits.to_be_bytes();
        Self {
            inner: state_after(0x36),
            outer: state_after(0x5c),
            after_digest,
        }
    }

    /// The HMAC of a message with its padding.
    #[inline]
    fn digest(&self, message: &[u8; BLOCK]) -> Digest {
        // What is left on the stack of either state depends on the message: the key cannot be
        // told from it.
        let mut inner = self.inner;
        compress256(&mut inner, &[*message]);
        let mut block = [0; BLOCK];
        let (digest, rest) = block.split_at_mut(Digest::LEN);
        digest.copy_from_slice(inner.map(u32::to_be_bytes).as_flattened());
        rest.copy_from_slice(&self.after_digest);
        let mut outer = self.outer;
        compress256(&mut outer, &[block]);
        let (pairs, _) = outer.as_chunks();
        Digest(std::array::from_fn(|place| {
            let [high, low]: [u32; 2] = pairs[place];
            u64::from(high) << 32 | u64::from(low)
        }))
    }
}

const BLOCK: usize = 64;

/// Before the first block (FIPS 180-4 §5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// What makes of a text the last block of a message (FIPS 180-4 §5.1.1): what to keep of it, and
/// what follows, a bit, zeros, and the length in the last eight bytes.
struct Padding {
    keep: [u8; BLOCK],
    follow: [u8; BLOCK],
}

/// For messages of one block, after the block of the key, by their length.
static PADDING: [Padding; BLOCK - 8] = {
    const NONE: Padding = Padding {
        keep: [0; BLOCK],
        follow: [0; BLOCK],
    };
    let mut all = [NONE; BLOCK - 8];
    let mut len = 0;
    while len < all.len() {
        let mut place = 0;
        while place < len {
            all[len].keep[place] = 0xff;
            place += 1;
        }
        all[len].follow[len] = 0x80;
        let bits = 8 * (BLOCK + len) as u16;
        [all[len].follow[BLOCK - 2], all[len].follow[BLOCK - 1]] = bits.to_be_bytes();
        len += 1;
    }
    all
};

impl Padding {
    #[inline]
    fn apply(&self, text: &[u8; BLOCK]) -> [u8; BLOCK] {
        std::array::from_fn(|place| text[place] & self.keep[place] | self.follow[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// RFC 4231 §4.2–§4.8, without case 5, which is about cutting the result short.
    #[test]
    fn agrees_with_rfc_4231() {
        let counting: Vec<u8> = (1..=25).collect();
        let cases: [(&[u8], &[u8], &str); 6] = [
            (
                &[0x0b; 20],
                b"Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 20],
                &[0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                &counting,
                &[0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &[0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size \
                  data. The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, message, expected) in cases {
            let schedule = KeySchedule::new(key);
            assert_eq!(schedule.digest(message).to_hex(), expected);
            let followed = [message, &[0xff; BLOCK]].concat();
            let digest = schedule.digest_of_start(&followed, message.len());
            assert_eq!(digest.to_hex(), expected);
        }
    }

    #[test]
    fn digests_match_if_all_of_their_bits_do() {
        let bytes: [u8; 32] = std::array::from_fn(|place| place as u8);
        let digest = Digest::from_bytes(bytes);
        assert!(digest.matches(&Digest::from_bytes(bytes)));
        for bit in 0..8 * bytes.len() {
            let mut other = bytes;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!digest.matches(&Digest::from_bytes(other)), "bit {bit}");
        }
        for text in [
            "",
            "0",
            "0g",
            &"0".repeat(63),
            &"0".repeat(65),
            &"g".repeat(64),
        ] {
            assert_eq!(Digest::from_hex(text).err(), Some(DigestError), "{text}");
        }
        let upper = digest.to_hex().to_uppercase();
        assert!(Digest::from_hex(&upper).unwrap().matches(&digest));
    }

    fn by_the_crate(key: &[u8], message: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    #[test]
    fn agrees_with_the_hmac_crate_at_every_length() {
        let text: Vec<u8> = (0..=255).collect();
        for key_len in [0, 1, 31, 32, 55, 56, 63, 64, 65, 119, 128, 200] {
            let key = &text[..key_len];
            let schedule = KeySchedule::new(key);
            for len in 0..=text.len() {
                let message = &text[..len];
                let expected = by_the_crate(key, message);
                assert_eq!(schedule.digest(message).to_bytes(), expected);
                for text in [message, &text[..(len + 12).min(text.len())], &text] {
                    assert_eq!(schedule.digest_of_start(text, len).to_bytes(), expected);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_hmac_crate(
            key in vec(any::<u8>(), 0..150),
            message in vec(any::<u8>(), 0..300),
        ) {
            let start = &message[..message.len() / 2];
            let digest = KeySchedule::new(&key).digest_of_start(&message, start.len());
            prop_assert_eq!(digest.to_bytes(), by_the_crate(&key, start));
        }
    }
}
