//! API keys that prove themselves: the text of a key, how it is made, and how it is recognised
//! again without keeping it. No I/O but reading a pepper at start-up, no async, no clock.
//!
//! ```
//! use ringyo_key::{Brand, KeyFormat, Mode, Pepper, PepperId, PepperRing};
//!
//! let format = KeyFormat::new(Brand::new("rg")?);
//! let peppers = PepperRing::new(Pepper::generate(PepperId::new(1)));
//!
//! let minted = format.mint(Mode::Live, &peppers);
//! // Show `minted.key.expose()` once, store `minted.id` and `minted.digest`, drop the rest.
//!
//! let presented = minted.key.expose().to_owned();
//! let parsed = format.parse(presented.as_bytes())?;     // shape and checksum: no secret needed
//! let proof = peppers.prove(&parsed).expect("minted here"); // one HMAC: this service minted it
//! assert_eq!(parsed.id(), minted.id);
//! assert!(proof.digest.matches(&minted.digest));        // constant time: it is this very key
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The text of a key
//!
//! `{brand}_{mode}_{body}`, for the brand `rg` 64 characters in all. Every part has a fixed
//! place; nothing is found by splitting on `_`.
//!
//! | part | length | what it is |
//! | --- | --- | --- |
//! | [brand](Brand) | 2–16 | `[a-z][a-z0-9]*` |
//! | [mode](Mode) | 4 | `live` or `test` |
//! | [id](KeyId) | 12 | random base62, 71 bits; public, never reused |
//! | secret | 32 | random base62, 190 bits |
//! | tag | 6 | HMAC-SHA-256 (RFC 2104) of everything before it under a [pepper](Pepper), the first 8 bytes as a big-endian integer modulo 62⁶ |
//! | checksum | 6 | CRC-32 (ISO-HDLC) of everything before it |
//!
//! base62 here is `0-9A-Za-z`, zero padded, most significant digit first.
//!
//! # Vocabulary
//!
//! * **pepper**: 32 bytes or more that only the service knows; without it a stolen table of
//!   digests can neither be searched nor extended.
//! * **digest**: the whole 32-byte HMAC, the one thing that is stored of a secret.
//! * **tag**: the part of that HMAC that travels in the key, so that a forged key is refused
//!   before anything is looked up.
//! * **checksum**: tells a typing error or a truncated paste from a key; anybody can check it.
//!
//! # Features
//!
//! * `testing` adds [`testing`], which counts the HMACs of the current thread.
//!
//! # Contents
//!
//! [`KeyFormat`] mints and parses · [`ApiKey`] is the secret itself · [`ParsedKey`] a presented
//! one · [`PepperRing`] proves · [`Digest`] is kept and compared · [`KeyId`], [`Brand`], [`Mode`]
//! are its public parts · [`ForeignFormat`] tells keys of another origin, and [`ForeignKey`] is one · [`ParseError`], [`PepperError`] say what was wrong.

mod api_key;
mod base62;
mod brand;
mod digest;
mod error;
mod foreign;
mod format;
mod id;
mod mint;
mod mode;
mod pepper;
mod ring;
mod serde_text;

#[cfg(feature = "testing")]
pub mod testing;

pub use api_key::ApiKey;
pub use brand::{Brand, BrandError};
pub use digest::{Digest, DigestError};
pub use error::ParseError;
pub use foreign::{ForeignFormat, ForeignFormatError, ForeignKey};
pub use format::{KeyFormat, ParsedKey};
pub use id::{KeyId, KeyIdError};
pub use mint::MintedKey;
pub use mode::{Mode, ModeError};
pub use pepper::{Pepper, PepperError, PepperId};
pub use ring::{PepperRing, Proof};
