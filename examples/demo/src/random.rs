//! Random text for ids and tokens.

use rand::distr::{Alphanumeric, SampleString as _};

/// The id of an object: its prefix and 16 base62 characters, 95 bits.
pub(crate) fn id(prefix: &str) -> String {
    let random = Alphanumeric.sample_string(&mut rand::rng(), 16);
    format!("{prefix}_{random}")
}

/// Something nobody can guess: 43 base62 characters, 256 bits.
pub(crate) fn token() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 43)
}
