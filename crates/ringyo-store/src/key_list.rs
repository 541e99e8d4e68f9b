use std::fmt;
use std::str::FromStr;

use ringyo_key::{KeyId, Mode};

use crate::{AccountId, KeyRecord, Timestamp};

/// Which keys to list, newest first.
#[derive(Debug, Clone)]
pub struct KeyQuery {
    /// Of this account only; `None`: of all.
    pub account: Option<AccountId>,
    /// In which state.
    pub filter: KeyFilter,
    /// The moment for which states are derived.
    pub at: Timestamp,
    /// Of this mode only.
    pub mode: Option<Mode>,
    /// Whose name contains this text; ASCII letters match in either case.
    pub name_contains: Option<String>,
    /// Continue behind this key.
    pub after: Option<KeyCursor>,
    /// At most so many.
    pub size: PageSize,
}

impl KeyQuery {
    /// The first page of all active keys.
    #[must_use]
    pub const fn active_at(at: Timestamp) -> Self {
        Self {
            account: None,
            filter: KeyFilter::Active,
            at,
            mode: None,
            name_contains: None,
            after: None,
            size: PageSize::DEFAULT,
        }
    }

    /// Whether a record belongs in the list, its place in the order apart. What a store does in
    /// its own language must come to the same.
    #[must_use]
    pub fn includes(&self, key: &KeyRecord) -> bool {
        let name_fits = |part: &String| {
            let (name, part) = (key.name.to_ascii_lowercase(), part.to_ascii_lowercase());
            name.contains(&part)
        };
        self.account.as_ref().is_none_or(|id| *id == key.account)
            && match self.filter {
                KeyFilter::All => true,
                KeyFilter::Active => key.state_at(self.at) == crate::KeyState::Active,
            }
            && self.mode.is_none_or(|mode| mode == key.mode)
            && self.name_contains.as_ref().is_none_or(name_fits)
    }
}

/// Which states a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFilter {
    /// Keys that may be used at the moment of the query.
    Active,
    /// Every key there ever was.
    All,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C = KeyCursor> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next part starts; `None`: this was the last.
    pub next: Option<C>,
}

/// How many entries a page has at most: 1–100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageSize(u8);

impl PageSize {
    /// 20 entries.
    pub const DEFAULT: Self = Self(20);
    /// 100 entries.
    pub const MAX: Self = Self(100);

    /// So many entries; `None` outside 1–100.
    #[must_use]
    pub const fn new(entries: usize) -> Option<Self> {
        match entries {
            1..=100 => Some(Self(entries as u8)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// A place in a list of keys: behind the key with this time of creation and this id.
///
/// Lists are ordered by time of creation, then id, both falling, so a place stays where it is
/// whatever is inserted. Its text form is for URLs and means nothing to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCursor {
    /// When the last key of the page before was created.
    pub created_at: Timestamp,
    /// Its id.
    pub id: KeyId,
}

impl KeyCursor {
    /// The place behind a record.
    #[must_use]
    pub const fn behind(key: &KeyRecord) -> Self {
        Self {
            created_at: key.created_at,
            id: key.id,
        }
    }
}

impl fmt::Display for KeyCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.created_at.as_unix_millis(), self.id)
    }
}

/// A text that is not a [`KeyCursor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that a list has given")]
pub struct CursorError;

impl FromStr for KeyCursor {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (millis, id) = text.split_once('-').ok_or(CursorError)?;
        let millis: i64 = millis.parse().map_err(|_| CursorError)?;
        Ok(Self {
            created_at: Timestamp::from_unix_millis(millis),
            id: id.parse().map_err(|_| CursorError)?,
        })
    }
}
