use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ringyo_key::KeyId;
use serde::{Deserialize, Serialize};

use crate::{AccountId, PageSize, Revision, Timestamp};

/// An entry of the audit trail as it is handed to a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// When it happened, by the clock of the node that did it.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// Who did it, e.g. `user:42`, `key:0a1B2c3D4e5F`, `operator:alice`.
    pub actor: String,
    /// The address it was done from, where one is known.
    pub from: Option<IpAddr>,
    /// The account it concerns.
    pub account: AccountId,
    /// The key it concerns, if one.
    pub key: Option<KeyId>,
    /// What changed, for people; empty if the kind says it all. Never a secret.
    pub detail: String,
}

impl NewEvent {
    /// An event without address, key or detail.
    pub fn new(
        kind: EventKind,
        account: AccountId,
        actor: impl Into<String>,
        at: Timestamp,
    ) -> Self {
        Self {
            at,
            kind,
            actor: actor.into(),
            from: None,
            account,
            key: None,
            detail: String::new(),
        }
    }
}

/// An entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub revision: Revision,
    /// What it says.
    pub entry: NewEvent,
}

/// What an event says happened. Stored as its text, e.g. `key.revoked`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// A key was made.
    KeyIssued,
    /// Its name or description changed.
    KeyRenamed,
    /// What it may do changed.
    KeyScopesChanged,
    /// It was switched off.
    KeyDisabled,
    /// It was switched on again.
    KeyEnabled,
    /// It was revoked.
    KeyRevoked,
    /// A new key was made in its place.
    KeyRegenerated,
    /// It was reported as leaked.
    KeyLeaked,
    /// Its row was changed past this library, by somebody with access to the database.
    KeyEdited,
    /// An account was made.
    AccountCreated,
    /// Its plan changed.
    AccountPlanChanged,
    /// Its row was changed past this library.
    AccountEdited,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::KeyIssued,
        Self::KeyRenamed,
        Self::KeyScopesChanged,
        Self::KeyDisabled,
        Self::KeyEnabled,
        Self::KeyRevoked,
        Self::KeyRegenerated,
        Self::KeyLeaked,
        Self::KeyEdited,
        Self::AccountCreated,
        Self::AccountPlanChanged,
        Self::AccountEdited,
    ];

    /// Its text, frozen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyIssued => "key.issued",
            Self::KeyRenamed => "key.renamed",
            Self::KeyScopesChanged => "key.scopes_changed",
            Self::KeyDisabled => "key.disabled",
            Self::KeyEnabled => "key.enabled",
            Self::KeyRevoked => "key.revoked",
            Self::KeyRegenerated => "key.regenerated",
            Self::KeyLeaked => "key.leaked",
            Self::KeyEdited => "key.edited",
            Self::AccountCreated => "account.created",
            Self::AccountPlanChanged => "account.plan_changed",
            Self::AccountEdited => "account.edited",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not an [`EventKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of event")]
pub struct UnknownEventKind;

impl FromStr for EventKind {
    type Err = UnknownEventKind;
    fn from_str(text: &str) -> Result<Self, UnknownEventKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownEventKind)
    }
}

impl Serialize for EventKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Which events to list, newest first.
#[derive(Debug, Clone)]
pub struct EventQuery {
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Of this key only.
    pub key: Option<KeyId>,
    /// Only those before this revision: the `next` of the page before.
    pub before: Option<Revision>,
    /// At most so many.
    pub size: PageSize,
}
