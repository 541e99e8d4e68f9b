use std::time::Duration;

use ringyo_key::KeyId;
use ringyo_store::{EventKind, KeyRecord, KeyState, KeyStatus, Revision, StoreErrorKind};

use super::key_manager::{Forget, attempts};
use super::{FieldError, IssuedKey, KeyManager, ManageError};

/// How long a regenerated key and its successor both work: at most 30 days, usually not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overlap(Duration);

impl Overlap {
    /// The old key stops at once.
    pub const NONE: Self = Self(Duration::ZERO);
    /// The longest overlap.
    pub const MAX: Self = Self(Duration::from_secs(30 * 24 * 3600));

    /// The old key works for so much longer.
    ///
    /// # Errors
    ///
    /// [`ManageError::Invalid`] above [`MAX`](Self::MAX).
    pub fn new(overlap: Duration) -> Result<Self, ManageError> {
        if overlap > Self::MAX.0 {
            return Err(ManageError::Invalid(vec![FieldError {
                field: "overlap_seconds",
                message: "must be at most 30 days".to_owned(),
            }]));
        }
        Ok(Self(overlap))
    }
}

/// A key in place of another.
#[derive(Debug)]
pub struct RegeneratedKey {
    /// The new one. Its secret can be seen this once.
    pub new: IssuedKey,
    /// The old one, superseded or about to be.
    pub old: KeyRecord,
}

impl KeyManager {
    /// Makes a new key with the same name, permissions, mode, limits and expiry, and lets the old
    /// one end: at once, or on every node by its own clock when the overlap is over, with no message
    /// needed. There are never two new keys, and never none.
    ///
    /// The answer is the only place where the new secret is. If it is lost on the way, or the store
    /// gives no answer, the old key may have ended all the same: then make another.
    ///
    /// # Errors
    ///
    /// [`ManageError`]; [`ManageError::TooManyKeys`] if earlier overlaps fill the plan's maximum
    /// already; [`ManageError::State`] unless the key is active and has no successor yet.
    pub async fn regenerate(
        &self,
        id: KeyId,
        overlap: Overlap,
    ) -> Result<RegeneratedKey, ManageError> {
        let core = self.core();
        let _forget = Forget(core, id);
        for _ in attempts() {
            let mut old = self.find(id).await?;
            let at = core.timestamp();
            match old.state_at(at) {
                KeyState::Active if old.replaced_by.is_none() => {}
                // In its overlap: active still, but replaced.
                KeyState::Active => {
                    let state = KeyState::Superseded;
                    return Err(ManageError::State { id, state });
                }
                state => return Err(ManageError::State { id, state }),
            }
            let plan = self.plan_of(&old.account).await?;
            self.check_handing_out(&old).await?;

            let minted = core.format.mint(old.mode, &core.peppers);
            // Field by field, so that a new one has to be decided on here.
            let new = KeyRecord {
                id: minted.id,
                account: old.account.clone(),
                mode: old.mode,
                hint: core.format.hint(old.mode, minted.id),
                digest: minted.digest,
                pepper: Some(minted.pepper),
                name: old.name.clone(),
                description: old.description.clone(),
                scopes: old.scopes.clone(),
                quota: old.quota,
                allowed_networks: old.allowed_networks.clone(),
                status: KeyStatus::Active,
                created_at: at,
                expires_at: old.expires_at,
                revoked_at: None,
                replaced_by: None,
                superseded_at: None,
                last_used_at: None,
                revision: Revision::NONE,
            };
            old.replaced_by = Some(new.id);
            old.superseded_at = Some(at + overlap.0);
            if overlap == Overlap::NONE {
                // Said outright: a time would mean something else on a node whose clock is behind.
                old.status = KeyStatus::Superseded;
            }
            // Two keys for one are fine for a while, but not a whole chain of overlaps.
            let max_keys = plan.max_keys.filter(|_| overlap != Overlap::NONE);
            let note = overlap_note(overlap.0);
            let replaced = format!("replaced by {}{note}", new.id);
            let old_event = self.event(EventKind::KeyRegenerated, &old, at, replaced);
            let replaces = format!("{} key {:?} in place of {id}", new.mode, new.name);
            let new_event = self.event(EventKind::KeyIssued, &new, at, replaces);

            let written = core
                .store
                .replace_key(&old, &old_event, &new, &new_event, max_keys);
            match core.managed(written).await {
                Ok((old, record)) => {
                    let key = minted.key;
                    let new = IssuedKey { key, record };
                    return Ok(RegeneratedKey { new, old });
                }
                Err(error) => match error.kind() {
                    // Another write came first, or the new id was taken: look again.
                    StoreErrorKind::Conflict
                    | StoreErrorKind::Revoked
                    | StoreErrorKind::AlreadyExists => {}
                    _ => return Err(error.into()),
                },
            }
        }
        Err(ManageError::Conflict)
    }
}

fn overlap_note(overlap: Duration) -> String {
    match overlap.as_secs() {
        0 => String::new(),
        seconds => format!(", both work for {seconds} s"),
    }
}
