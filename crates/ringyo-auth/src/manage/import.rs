use ringyo_key::{Digest, ForeignKey};
use ringyo_store::{AccountId, EventKind, KeyRecord, StoreErrorKind};

use super::fields::Fields;
use super::issue::Made;
use super::{KeyManager, ManageError, NewKey};

/// The longest hint.
const MAX_HINT: usize = 40;

impl KeyManager {
    /// Takes in a key that another system has made, by the SHA-256 of its text: whoever holds it
    /// need not notice. What is shown of it from now on is the hint, such as `acme_…9f3c`: up to 40
    /// characters, and never the key.
    ///
    /// It is listed, renamed, disabled and revoked like any other. Regenerating it makes a key of
    /// the format of this service. It is only let through if its shape is one of those that the
    /// [format](ringyo_key::KeyFormat::accept_foreign) accepts.
    ///
    /// Importing a key again changes nothing, so that an import which has stopped half-way can be
    /// started again; the record comes back as it is by then, revoked if it was.
    ///
    /// # Errors
    ///
    /// [`ManageError`]; the key counts for the plan's maximum. [`ManageError::Invalid`] names
    /// `digest` when there is a record of that key in another account or mode.
    pub async fn import(
        &self,
        new: NewKey,
        digest: Digest,
        hint: &str,
    ) -> Result<KeyRecord, ManageError> {
        let core = self.core();
        let account = AccountId::new(&new.account).map_err(|_| ManageError::NotFound)?;
        let entered = self.entered(&new)?;
        let key = ForeignKey::of_digest(digest);
        let hint = checked(hint, &key.digest)?;
        let plan = self.plan_of(&account).await?;

        let made = Made {
            id: key.id,
            digest: key.digest,
            pepper: None,
            hint,
        };
        let record = entered.record(&new, account, made, core.timestamp());
        self.check_handing_out(&record).await?;
        let detail = format!(
            "imported {} key {:?}: {}",
            new.mode, record.name, record.scopes
        );
        let event = self.event(EventKind::KeyIssued, &record, record.created_at, detail);
        let inserted = core.store.insert_key(&record, plan.max_keys, &event);
        match core.managed(inserted).await {
            Ok(record) => Ok(record),
            Err(error) => match self.find(record.id).await {
                // Whatever else kept it from being written, it is there.
                Ok(there) if is_same(&there, &record) => Ok(there),
                Ok(_) | Err(ManageError::NotFound)
                    if error.kind() == StoreErrorKind::AlreadyExists =>
                {
                    let mut fields = Fields::default();
                    fields.refuse("digest", "there is another record of that key");
                    Err(fields.into())
                }
                _ => Err(error.into()),
            },
        }
    }
}

fn is_same(there: &KeyRecord, record: &KeyRecord) -> bool {
    there.pepper.is_none()
        && there.digest.matches(&record.digest)
        && there.account == record.account
        && there.mode == record.mode
}

/// Something to show that people recognise the key by, and that is not the key.
fn checked(hint: &str, digest: &Digest) -> Result<String, ManageError> {
    let mut fields = Fields::default();
    let length = hint.chars().count();
    if !(1..=MAX_HINT).contains(&length) || hint.contains(char::is_control) {
        let rule =
            format!("must have 1 to {MAX_HINT} characters, none of them a control character");
        fields.refuse("hint", rule);
    } else if ForeignKey::of_text(hint.as_bytes()).digest.matches(digest) {
        fields.refuse("hint", "must not be the key");
    }
    fields.check()?;
    Ok(hint.to_owned())
}
