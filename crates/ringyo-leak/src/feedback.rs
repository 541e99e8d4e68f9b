use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::Alert;

/// What GitHub is told of each alert of a message, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Feedback(Vec<Entry>);

/// What a text turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// A key of this service, whatever its state.
    TruePositive,
    /// Anything else.
    FalsePositive,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Entry {
    // GitHub takes `token_raw` as well; a text that may be a key is not sent about once more.
    token_hash: String,
    token_type: String,
    label: Label,
}

impl Feedback {
    /// The body to answer with, as `application/json`: an array of `token_hash` (SHA-256 of what
    /// was found, in hexadecimal), `token_type` and `label`, as GitHub's documentation says under
    /// "Provide feedback for false positives".
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and arrays of them always are JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What each alert turned out to be.
    pub fn labels(&self) -> impl Iterator<Item = Label> {
        self.0.iter().map(|entry| entry.label)
    }

    pub(crate) fn add(&mut self, alert: &Alert<'_>, label: Label) {
        let hash = Sha256::digest(alert.token.as_bytes());
        self.0.push(Entry {
            token_hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            token_type: alert.kind.clone().into_owned(),
            label,
        });
    }
}
