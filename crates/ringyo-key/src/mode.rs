use std::fmt;
use std::str::FromStr;

use crate::serde_text::serde_as_text;

/// Whether a key does the real thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// Production: real effects, and the only mode that spends credits.
    Live,
    /// Development: effects are simulated and cost nothing.
    Test,
}

impl Mode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// Characters of a mode inside a key.
    pub(crate) const LEN: usize = 4;

    /// The four letters that stand in the key: `live` or `test`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// A text that is neither `live` nor `test`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mode is `live` or `test`")]
pub struct ModeError;

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = ModeError;
    fn from_str(text: &str) -> Result<Self, ModeError> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(ModeError)
    }
}

serde_as_text!(Mode, "`live` or `test`");
