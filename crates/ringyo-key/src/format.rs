use std::fmt;

use zeroize::Zeroizing;

use crate::{
    Brand, Digest, ForeignFormat, ForeignKey, KeyId, Mode, ParseError, PepperId, PepperRing, base62,
};

pub(crate) const SECRET_LEN: usize = 32;
/// What is drawn at random.
pub(crate) const RANDOM_LEN: usize = KeyId::LEN + SECRET_LEN;
/// The mode and what separates it from the body.
const MODE_LEN: usize = Mode::LEN + 1;
const TAG_LEN: usize = 6;
const CHECKSUM_LEN: usize = 6;
const BODY_LEN: usize = KeyId::LEN + SECRET_LEN + TAG_LEN + CHECKSUM_LEN;

/// How the keys of one service look: the brand it mints, and what it still accepts beside it, such
/// as retired brands and keys of another origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFormat {
    brand: Brand,
    retired: Vec<Brand>,
    foreign: Vec<ForeignFormat>,
}

impl KeyFormat {
    /// A format that mints and accepts one brand.
    #[must_use]
    pub const fn new(brand: Brand) -> Self {
        Self {
            brand,
            retired: Vec::new(),
            foreign: Vec::new(),
        }
    }

    /// Also accepts keys of a brand that this service used before; none are minted.
    #[must_use]
    pub fn accept_retired(mut self, brand: Brand) -> Self {
        if brand != self.brand && !self.retired.contains(&brand) {
            self.retired.push(brand);
        }
        self
    }

    /// Also accepts keys of another origin that look like this, if there is a record of them. What
    /// reads as a key of this format is never taken for one of those.
    #[must_use]
    pub fn accept_foreign(mut self, format: ForeignFormat) -> Self {
        if !self.foreign.contains(&format) {
            self.foreign.push(format);
        }
        self
    }

    /// Whether keys of any other origin are accepted.
    #[must_use]
    pub const fn accepts_foreign(&self) -> bool {
        !self.foreign.is_empty()
    }

    /// Reads a presented key of another origin; `None` if it looks like none that are accepted.
    /// Nothing is proven by that.
    #[must_use]
    pub fn read_foreign(&self, text: &[u8]) -> Option<ForeignKey> {
        let mut formats = self.foreign.iter();
        formats
            .any(|format| format.matches(text))
            .then(|| ForeignKey::of_text(text))
    }

    /// The brand that is minted.
    #[must_use]
    pub const fn brand(&self) -> Brand {
        self.brand
    }

    /// Brands that are accepted but no longer minted.
    #[must_use]
    pub fn retired(&self) -> &[Brand] {
        &self.retired
    }

    /// Reads a presented key by position and checks its checksum. Never panics, never allocates,
    /// computes no HMAC; a text of the wrong length costs one comparison.
    ///
    /// # Errors
    ///
    /// [`ParseError`], in the order brand, length, mode, characters, checksum.
    #[inline]
    pub fn parse<'a>(&self, text: &'a [u8]) -> Result<ParsedKey<'a>, ParseError> {
        let expected = key_len(self.brand_of(text).ok_or(ParseError::Brand)?);
        if text.len() != expected {
            return Err(ParseError::Length {
                expected,
                found: text.len(),
            });
        }
        let (prefix, body) = text
            .split_last_chunk::<BODY_LEN>()
            .ok_or(ParseError::Brand)?;
        let mode = prefix.last_chunk::<MODE_LEN>();
        if !mode.is_some_and(|mode| mode == b"live_" || mode == b"test_") {
            return Err(ParseError::Mode);
        }
        if let Some(place) = base62::first_foreign(body) {
            return Err(ParseError::Character {
                position: prefix.len() + place,
            });
        }
        let (checked, checksum) = text
            .split_last_chunk::<CHECKSUM_LEN>()
            .ok_or(ParseError::Checksum)?;
        if u64::from(crc32fast::hash(checked)) != base62::decode_six(checksum) {
            return Err(ParseError::Checksum);
        }
        let (_, tag) = checked
            .split_last_chunk::<TAG_LEN>()
            .ok_or(ParseError::Brand)?;
        Ok(ParsedKey {
            text,
            tag: base62::decode_six(tag),
        })
    }

    /// What may be shown of a key for good: brand, mode and id, e.g. `rg_live_0a1B2c3D4e5F…`.
    #[must_use]
    pub fn hint(&self, mode: Mode, id: KeyId) -> String {
        let parts = [
            self.brand.as_str(),
            "_",
            mode.as_str(),
            "_",
            id.as_str(),
            "…",
        ];
        parts.concat()
    }

    /// A regular expression that finds the keys of this format, retired brands included, in code,
    /// configuration and logs. It uses only what RE2, PCRE and the `regex` crate share. Confirm a
    /// find by its checksum with [`parse`](Self::parse).
    ///
    /// ```
    /// # use ringyo_key::*;
    /// let format = KeyFormat::new(Brand::new("rg")?);
    /// assert_eq!(format.scanner_regex(), r"\b(?:rg)_(?:live|test)_[0-9A-Za-z]{56}\b");
    /// # Ok::<(), BrandError>(())
    /// ```
    #[must_use]
    pub fn scanner_regex(&self) -> String {
        let brands: Vec<&str> = std::iter::once(&self.brand)
            .chain(&self.retired)
            .map(Brand::as_str)
            .collect();
        format!(
            r"\b(?:{})_(?:live|test)_[0-9A-Za-z]{{{BODY_LEN}}}\b",
            brands.join("|")
        )
    }

    /// The length in bytes of the longest key that this format accepts.
    #[must_use]
    pub fn max_len(&self) -> usize {
        self.retired
            .iter()
            .map(key_len)
            .fold(key_len(&self.brand), usize::max)
    }

    #[inline]
    fn brand_of(&self, text: &[u8]) -> Option<&Brand> {
        if self.brand.starts(text) {
            return Some(&self.brand);
        }
        self.retired.iter().find(|brand| brand.starts(text))
    }
}

fn key_len(brand: &Brand) -> usize {
    brand.as_bytes().len() + 1 + Mode::LEN + 1 + BODY_LEN
}

/// A presented text that has the shape of a key and a right checksum.
///
/// Nothing is proven by that: ask [`PepperRing::prove`](crate::PepperRing::prove). Its `Debug`
/// shows the public parts alone.
///
/// It refers to the text and copies nothing out of it before it is asked.
#[derive(Clone, Copy)]
pub struct ParsedKey<'a> {
    text: &'a [u8],
    tag: u64,
}

impl<'a> ParsedKey<'a> {
    /// The brand it carries.
    #[must_use]
    pub fn brand(&self) -> Brand {
        Brand::of_letters(&self.text[..self.body() - MODE_LEN - 1])
    }

    /// The mode it carries.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match self.text[self.body() - MODE_LEN] {
            b'l' => Mode::Live,
            _ => Mode::Test,
        }
    }

    /// The id it carries.
    #[must_use]
    #[inline]
    pub fn id(&self) -> KeyId {
        let mut digits = [0; KeyId::LEN];
        digits.copy_from_slice(&self.text[self.body()..][..KeyId::LEN]);
        KeyId::from_digits(digits)
    }

    /// Where the body begins.
    const fn body(&self) -> usize {
        self.text.len() - BODY_LEN
    }

    /// The whole text, and the length of what tag and digest are computed over: everything before
    /// the tag.
    pub(crate) const fn signed(&self) -> (&'a [u8], usize) {
        (self.text, self.text.len() - TAG_LEN - CHECKSUM_LEN)
    }

    /// The number that its six tag characters spell.
    pub(crate) const fn tag(&self) -> u64 {
        self.tag
    }
}

impl fmt::Debug for ParsedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ParsedKey({}_{}_{}…)",
            self.brand(),
            self.mode(),
            self.id()
        )
    }
}

/// A key in the making. It is put together where it is to stay, so that nothing of it is copied and
/// left behind, and wiped if it is never finished.
pub(crate) struct Draft(Zeroizing<Vec<u8>>);

impl Draft {
    pub(crate) fn new(brand: Brand, mode: Mode) -> Self {
        let letters = brand.as_bytes();
        let mut text = vec![b'_'; key_len(&brand)];
        text[..letters.len()].copy_from_slice(letters);
        text[letters.len() + 1..][..Mode::LEN].copy_from_slice(mode.as_str().as_bytes());
        Self(Zeroizing::new(text))
    }

    /// Id and secret, to be filled with base62 digits.
    pub(crate) fn random(&mut self) -> &mut [u8; RANDOM_LEN] {
        let (_, body) = self.last_chunk::<BODY_LEN>();
        body.first_chunk_mut().expect("a body begins with them")
    }

    /// Adds tag and checksum, and gives the digest.
    pub(crate) fn sign(&mut self, peppers: &PepperRing) -> (PepperId, Digest) {
        let signed = self.0.len() - TAG_LEN - CHECKSUM_LEN;
        let (pepper, digest) = peppers.digest_new(&self.0, signed);
        self.0[signed..][..TAG_LEN].copy_from_slice(&base62::encode_six(digest.tag()));
        let (checked, checksum) = self.last_chunk::<CHECKSUM_LEN>();
        *checksum = base62::encode_six(crc32fast::hash(checked).into());
        (pepper, digest)
    }

    /// The key.
    pub(crate) fn finish(mut self) -> String {
        let text = std::mem::take(&mut *self.0);
        // Not `expect`: it would put the error into the panic, and that one holds the bytes.
        String::from_utf8(text).unwrap_or_else(|_| panic!("a key is ASCII"))
    }

    fn last_chunk<const N: usize>(&mut self) -> (&mut [u8], &mut [u8; N]) {
        let parts = self.0.split_last_chunk_mut();
        parts.expect("a key is longer than any part of it")
    }
}
