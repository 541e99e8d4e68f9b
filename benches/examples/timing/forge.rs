//! Keys as somebody makes them who has read how they are made, with or without the pepper.

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::RngExt as _;
use sha2::Sha256;

/// `Bearer `, and a key of the brand `rg`.
pub(crate) const HEADER: usize = 7 + 64;

/// The value of an `Authorization` header, in one place and without a length.
pub(crate) type Header = [u8; HEADER];

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// So many base62 digits at random.
pub(crate) fn digits<const N: usize>() -> [u8; N] {
    let mut random = rand::rng();
    std::array::from_fn(|_| DIGITS[random.random_range(0..DIGITS.len())])
}

/// Any digit but this one.
pub(crate) fn other_than(digit: u8) -> u8 {
    loop {
        let [drawn] = digits();
        if drawn != digit {
            return drawn;
        }
    }
}

/// A live key of these parts. The checksum is right: anybody can work it out.
pub(crate) fn header(id: &[u8; 12], secret: &[u8; 32], tag: &[u8; 6]) -> Header {
    let checked = [b"rg_live_".as_slice(), id, secret, tag].concat();
    let checksum = six_digits(crc32fast::hash(&checked).into());
    let whole = [b"Bearer ".as_slice(), &checked, &checksum].concat();
    whole.try_into().expect("the parts of a key")
}

/// The tag in a header, right or wrong.
pub(crate) fn tag(header: &Header) -> [u8; 6] {
    let tag = header[59..].first_chunk();
    *tag.expect("a header has a place for it")
}

/// The HMAC of id and secret, and the tag that belongs to it: for this one needs the pepper.
pub(crate) fn sign(pepper: &[u8], id: &[u8; 12], secret: &[u8; 32]) -> ([u8; 32], [u8; 6]) {
    let mut mac = Hmac::<Sha256>::new_from_slice(pepper).expect("HMAC takes a key of any length");
    mac.update(&[b"rg_live_".as_slice(), id, secret].concat());
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    let start = digest.first_chunk().expect("a digest has 32 bytes");
    let tag = six_digits(u64::from_be_bytes(*start) % 62_u64.pow(6));
    (digest, tag)
}

fn six_digits(mut value: u64) -> [u8; 6] {
    let mut text = [b'0'; 6];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(value % 62) as usize];
        value /= 62;
    }
    text
}
