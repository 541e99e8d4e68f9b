use ringyo_key::KeyId;

use crate::AccountId;

/// What has changed in a store since a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// What to ask with next time.
    pub cursor: Cursor,
    /// What to forget.
    pub changed: ChangeSet,
}

/// What to forget of what was read before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSet {
    /// These; possibly none. While others are writing, one may be listed more than once or without
    /// need.
    These(Vec<Changed>),
    /// Everything: the store cannot tell, because its log no longer reaches back that far or
    /// because it is not the store that gave the cursor (restored, failed over).
    Everything,
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Changed {
    /// A key.
    Key(KeyId),
    /// An account.
    Account(AccountId),
}

/// A place in the change feed of a store. Only the store that gave it can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Box<str>);

impl Cursor {
    /// Wraps whatever the store wants back.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// What the store wrapped.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
