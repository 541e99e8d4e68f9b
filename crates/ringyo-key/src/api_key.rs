use std::fmt;

use zeroize::Zeroizing;

/// A whole API key: the secret that is shown once.
///
/// It has no `Display`, `Clone`, `PartialEq` or `Serialize`; its `Debug` shows the
/// [hint](crate::KeyFormat::hint) alone; its memory is wiped when it is dropped. The one way out
/// is [`expose`](Self::expose), a word that a review can search for.
///
/// ```compile_fail
/// fn leak(key: ringyo_key::ApiKey) -> String { key.to_string() }
/// ```
/// ```compile_fail
/// fn leak(key: &ringyo_key::ApiKey) -> ringyo_key::ApiKey { key.clone() }
/// ```
/// ```compile_fail
/// fn leak(a: ringyo_key::ApiKey, b: ringyo_key::ApiKey) -> bool { a == b }
/// ```
/// ```compile_fail
/// fn leak(key: ringyo_key::ApiKey) -> impl serde::Serialize { key }
/// ```
pub struct ApiKey {
    // Boxed, so that moving the key does not leave copies of it behind on the stack.
    text: Zeroizing<Box<str>>,
    hint: String,
}

impl ApiKey {
    pub(crate) fn new(text: String, hint: String) -> Self {
        Self {
            text: Zeroizing::new(text.into_boxed_str()),
            hint,
        }
    }

    /// The key itself, to be handed to its owner and to nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.hint)
    }
}
