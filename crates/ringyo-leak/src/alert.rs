use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

/// One text that GitHub has found, as its message says. Fields that GitHub may add are passed over.
///
/// It refers to the body of the message; its `Debug` does not show the text.
#[derive(Clone, Deserialize)]
pub struct Alert<'a> {
    /// The text that was found. It may be a key that works: do not log it.
    #[serde(borrow)]
    pub token: Cow<'a, str>,
    /// The name under which GitHub keeps the expression that has found it.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// The address where it was found; may be empty. It can hold the text itself.
    #[serde(borrow, default)]
    pub url: Cow<'a, str>,
    /// What kind of place that is, such as `content` or `issue_comment`; may be empty.
    #[serde(borrow, default)]
    pub source: Cow<'a, str>,
}

impl fmt::Debug for Alert<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alert")
            .field("kind", &self.kind)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
