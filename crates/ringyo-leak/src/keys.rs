use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;
use serde::Deserialize;

/// The public keys with which GitHub signs what its secret scanning has found.
#[derive(Debug, Clone)]
pub struct GithubKeys(Vec<(String, VerifyingKey)>);

/// Why no keys could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The text is not what GitHub's endpoint answers.
    #[error("expected a JSON object with a list `public_keys`")]
    Malformed,
    /// There is no key on P-256 in it.
    #[error("there is no public key on P-256 in the list")]
    None,
}

#[derive(Deserialize)]
struct Published {
    public_keys: Vec<PublishedKey>,
}

#[derive(Deserialize)]
struct PublishedKey {
    key_identifier: String,
    key: String,
}

impl GithubKeys {
    /// Reads the answer of `https://api.github.com/meta/public_keys/secret_scanning`, which has
    /// each key as PEM. Keys that are not current any more sign what is on its way, so all are
    /// kept; keys of another kind than P-256 are passed over, and nothing is taken that they sign.
    ///
    /// # Errors
    ///
    /// [`KeysError`]. Then keep the keys from before.
    pub fn from_json(answer: &[u8]) -> Result<Self, KeysError> {
        let published: Published =
            serde_json::from_slice(answer).map_err(|_| KeysError::Malformed)?;
        let read = |published: PublishedKey| {
            let key = VerifyingKey::from_public_key_pem(&published.key).ok()?;
            Some((published.key_identifier, key))
        };
        let keys: Vec<_> = published.public_keys.into_iter().filter_map(read).collect();
        if keys.is_empty() {
            return Err(KeysError::None);
        }
        Ok(Self(keys))
    }

    /// Whether there is a key of that identifier.
    pub(crate) fn find(&self, identifier: &str) -> Option<&VerifyingKey> {
        let mut keys = self.0.iter();
        keys.find(|(own, _)| own == identifier).map(|(_, key)| key)
    }
}

/// Whether a signature, in DER, is one of that message.
pub(crate) fn is_signed(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    Signature::from_der(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
}
