use std::time::Duration;

use ringyo_key::{Digest, KeyId, PepperId};
use ringyo_scope::ScopeSet;
use ringyo_store::{
    AccountId, EventKind, KeyRecord, KeyStatus, Revision, StoreErrorKind, Timestamp,
};

use super::fields::Fields;
use super::key_manager::attempts;
use super::{IssuedKey, KeyManager, ManageError, NewKey};

/// The longest lifetime of a key that has one: a century.
const MAX_LIFETIME: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

impl KeyManager {
    /// Makes a key. The secret is in the answer and nowhere else.
    ///
    /// # Errors
    ///
    /// [`ManageError`].
    pub async fn issue(&self, new: NewKey) -> Result<IssuedKey, ManageError> {
        let core = self.core();
        let at = core.timestamp();
        let account = AccountId::new(&new.account).map_err(|_| ManageError::NotFound)?;
        let entered = self.entered(&new)?;
        let plan = self.plan_of(&account).await?;

        // An id is taken once in 10^10 keys, if ever; then another is drawn.
        for _ in attempts() {
            let minted = core.format.mint(new.mode, &core.peppers);
            let hint = core.format.hint(new.mode, minted.id);
            let (id, digest, pepper) = (minted.id, minted.digest, Some(minted.pepper));
            let made = Made {
                id,
                digest,
                pepper,
                hint,
            };
            let record = entered.record(&new, account.clone(), made, at);
            self.check_handing_out(&record).await?;
            let detail = format!("{} key {:?}: {}", new.mode, record.name, record.scopes);
            let event = self.event(EventKind::KeyIssued, &record, at, detail);
            let inserted = core.store.insert_key(&record, plan.max_keys, &event);
            match core.managed(inserted).await {
                Ok(record) => {
                    return Ok(IssuedKey {
                        key: minted.key,
                        record,
                    });
                }
                Err(error) if error.kind() == StoreErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ManageError::Conflict)
    }

    /// Looks at what was entered for a key as [`issue`](Self::issue) does, and makes none: for a
    /// form that names its own faults and these at once.
    ///
    /// # Errors
    ///
    /// [`ManageError::Invalid`], naming every field that breaks a rule.
    pub fn check(&self, new: &NewKey) -> Result<(), ManageError> {
        self.entered(new).map(|_| ())
    }

    pub(super) fn entered(&self, new: &NewKey) -> Result<Entered, ManageError> {
        let mut fields = Fields::default();
        let entered = Entered {
            name: fields.name(&new.name),
            description: fields.description(&new.description),
            scopes: fields.scopes(&new.scopes, &self.core().catalog),
        };
        let lasts = Duration::from_millis(1)..=MAX_LIFETIME;
        if new.expires_in.is_some_and(|time| !lasts.contains(&time)) {
            let rule = "must be between now and a century from now";
            fields.refuse("expires_in_seconds", rule);
        }
        fields.check()?;
        Ok(entered)
    }
}

/// What people entered, in the form in which it is kept.
pub(super) struct Entered {
    name: String,
    description: Option<String>,
    scopes: ScopeSet,
}

/// What comes with a key itself.
pub(super) struct Made {
    pub(super) id: KeyId,
    pub(super) digest: Digest,
    pub(super) pepper: Option<PepperId>,
    pub(super) hint: String,
}

impl Entered {
    /// The record of a key that has just been made.
    pub(super) fn record(
        &self,
        new: &NewKey,
        account: AccountId,
        made: Made,
        at: Timestamp,
    ) -> KeyRecord {
        KeyRecord {
            id: made.id,
            account,
            mode: new.mode,
            hint: made.hint,
            digest: made.digest,
            pepper: made.pepper,
            name: self.name.clone(),
            description: self.description.clone(),
            scopes: self.scopes.clone(),
            quota: new.quota,
            allowed_networks: new.allowed_networks.clone(),
            status: KeyStatus::Active,
            created_at: at,
            expires_at: new.expires_in.map(|lifetime| at + lifetime),
            revoked_at: None,
            replaced_by: None,
            superseded_at: None,
            last_used_at: None,
            revision: Revision::NONE,
        }
    }
}
