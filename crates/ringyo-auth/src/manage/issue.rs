use std::time::Duration;

use ringyo_scope::ScopeSet;
use ringyo_store::{AccountId, EventKind, KeyRecord, KeyStatus, Revision, StoreErrorKind};

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
        let Entered {
            name,
            description,
            scopes,
        } = self.entered(&new)?;
        let plan = self.plan_of(&account).await?;

        // An id is taken once in 10^10 keys, if ever; then another is drawn.
        for _ in attempts() {
            let minted = core.format.mint(new.mode, &core.peppers);
            let record = KeyRecord {
                id: minted.id,
                account: account.clone(),
                mode: new.mode,
                hint: core.format.hint(new.mode, minted.id),
                digest: minted.digest,
                pepper: Some(minted.pepper),
                name: name.clone(),
                description: description.clone(),
                scopes: scopes.clone(),
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
            };
            self.check_handing_out(&record).await?;
            let detail = format!("{} key {name:?}: {scopes}", new.mode);
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

    fn entered(&self, new: &NewKey) -> Result<Entered, ManageError> {
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
struct Entered {
    name: String,
    description: Option<String>,
    scopes: ScopeSet,
}
