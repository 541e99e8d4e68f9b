use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// One HMAC-SHA-256 over as many bytes as the tag of a key covers.
#[derive(Debug, Clone)]
pub struct Floor(Hmac<Sha256>);

impl Floor {
    /// A floor with a key of its own.
    ///
    /// # Panics
    ///
    /// Never: HMAC takes a key of any length.
    #[must_use]
    pub fn new() -> Self {
        Self(Hmac::new_from_slice(&[7; 32]).expect("HMAC takes a key of any length"))
    }

    /// The work itself.
    #[must_use]
    pub fn run(&self, message: &[u8; 52]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

impl Default for Floor {
    fn default() -> Self {
        Self::new()
    }
}
