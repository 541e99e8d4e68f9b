use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use ipnet::IpNet;
use ringyo_key::{Digest, KeyId, Mode, PepperId};
use ringyo_scope::ScopeSet;
use serde::{Deserialize, Serialize};

use crate::{Account, AccountId, StoreError, StoreErrorKind, Timestamp};

/// What is kept of a key. Nothing in it gives the key back.
///
/// Not `#[non_exhaustive]`: a backend takes it apart field by field, so that a new field does not
/// compile until every backend stores it.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    /// Its public name. Never changes.
    pub id: KeyId,
    /// Whose it is. Never changes.
    pub account: AccountId,
    /// Live or test. Never changes.
    pub mode: Mode,
    /// What may be shown of it: `rg_live_` + id + `…`. Never changes.
    pub hint: String,
    /// What a presented key is compared with. Never changes.
    pub digest: Digest,
    /// The pepper the digest was made under; `None` for a key of foreign origin, whose digest is
    /// the SHA-256 of the whole presented text. Never changes.
    pub pepper: Option<PepperId>,
    /// Its name, 1–100 characters.
    pub name: String,
    /// A longer description, up to 1,000 characters.
    pub description: Option<String>,
    /// What it may do, as text.
    pub scopes: ScopeSet,
    /// A rate limit of its own, beside the account's.
    pub quota: Option<KeyQuota>,
    /// The networks it may be used from; empty: from anywhere.
    pub allowed_networks: Vec<IpNet>,
    /// What was last decided about it.
    pub status: KeyStatus,
    /// When it was made. Never changes.
    pub created_at: Timestamp,
    /// From when on it is refused; `None`: it does not expire.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The key that was made in its place by regenerating it.
    pub replaced_by: Option<KeyId>,
    /// When its overlap with its successor ends, or when it was replaced without one. From then on
    /// it is refused.
    pub superseded_at: Option<Timestamp>,
    /// When it was last used. Kept apart from the rest: changing it is no new revision, and
    /// [`KeyStore::update_key`](crate::KeyStore::update_key) leaves it alone.
    pub last_used_at: Option<Timestamp>,
    /// The event that last changed it; [`Revision::NONE`] before it is stored.
    pub revision: Revision,
}

impl KeyRecord {
    /// From when on the key is refused at the latest: its expiry or the end of its overlap,
    /// whichever comes first; `None`: no time has been set.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        [self.expires_at, self.superseded_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether the key is active or disabled at a moment: it counts for the maximum of its
    /// account and holds its pepper in the ring.
    #[must_use]
    pub fn is_current_at(&self, now: Timestamp) -> bool {
        matches!(self.state_at(now), KeyState::Active | KeyState::Disabled)
    }

    /// Whether a store takes a write over this record; every store asks the same.
    ///
    /// # Errors
    ///
    /// `Revoked` if this record is, `Conflict` unless `write` carries its revision.
    pub fn check_write(&self, write: &Self) -> Result<(), StoreError> {
        if self.status == KeyStatus::Revoked {
            return Err(StoreError::new(
                StoreErrorKind::Revoked,
                "the key is revoked for good",
            ));
        }
        if self.revision != write.revision {
            return Err(StoreError::new(
                StoreErrorKind::Conflict,
                "the key has been changed meanwhile",
            ));
        }
        Ok(())
    }

    /// What a store keeps once `write` has been written over this record: what never changes, and
    /// what is kept apart, stays as it is here.
    #[must_use]
    pub fn written_over(self, write: Self, revision: Revision) -> Self {
        let Self {
            name,
            description,
            scopes,
            quota,
            allowed_networks,
            status,
            expires_at,
            revoked_at,
            replaced_by,
            superseded_at,
            id: _,
            account: _,
            mode: _,
            hint: _,
            digest: _,
            pepper: _,
            created_at: _,
            last_used_at: _,
            revision: _,
        } = write;
        Self {
            name,
            description,
            scopes,
            quota,
            allowed_networks,
            status,
            expires_at,
            revoked_at,
            replaced_by,
            superseded_at,
            revision,
            ..self
        }
    }

    /// What the key is worth at a moment. Of several reasons to refuse it the most final is given.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> KeyState {
        self.status
            .state_at(now, self.superseded_at, self.expires_at)
    }
}

/// What was last decided about a key. Stored as its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// It may be used.
    Active,
    /// Switched off; it can be switched on again.
    Disabled,
    /// Replaced by another key, without an overlap or after it. Unlike a time this holds on nodes
    /// whose clocks differ.
    Superseded,
    /// Gone for good.
    Revoked,
}

impl KeyStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [
        Self::Active,
        Self::Disabled,
        Self::Superseded,
        Self::Revoked,
    ];

    /// What a key of this status is worth at a moment, by the times in its record:
    /// [`KeyRecord::state_at`].
    #[must_use]
    pub fn state_at(
        self,
        now: Timestamp,
        superseded_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
    ) -> KeyState {
        let reached = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment <= now);
        match self {
            Self::Revoked => KeyState::Revoked,
            Self::Superseded => KeyState::Superseded,
            _ if reached(superseded_at) => KeyState::Superseded,
            _ if reached(expires_at) => KeyState::Expired,
            Self::Disabled => KeyState::Disabled,
            Self::Active => KeyState::Active,
        }
    }

    /// `active`, `disabled`, `superseded` or `revoked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Superseded => "superseded",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for KeyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not a [`KeyStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the status of a key is `active`, `disabled`, `superseded` or `revoked`")]
pub struct UnknownStatus;

impl FromStr for KeyStatus {
    type Err = UnknownStatus;
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(UnknownStatus)
    }
}

/// What a key is worth at some moment: its status together with the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It may be used.
    Active,
    /// Switched off for now.
    Disabled,
    /// Its time is over.
    Expired,
    /// Replaced by another key, and the overlap is over.
    Superseded,
    /// Gone for good.
    Revoked,
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Revoked => "revoked",
        })
    }
}

/// The rate limit of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyQuota {
    /// Requests a minute.
    pub per_minute: NonZeroU32,
    /// Requests at once after a pause; `None`: as many as a minute refills.
    pub burst: Option<NonZeroU32>,
}

/// A record with the account that owns it, read in one go.
#[derive(Debug, Clone)]
pub struct LoadedKey {
    /// The key.
    pub key: KeyRecord,
    /// Its account; `None` when there is none of that id any more.
    pub account: Option<Account>,
}

/// The number of an event, and so of the state after it. They rise; not every number is used.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// Before the first event.
    pub const NONE: Self = Self(0);

    /// The revision of that number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
