use ringyo_key::KeyId;
use ringyo_store::{EventKind, EventQuery, KeyRecord, KeyStatus, PageSize, StoreErrorKind};

use super::found_at::without_secrets;
use super::key_manager::{Forget, attempts};
use super::{KeyManager, ManageError};
use crate::error::InvalidKey;
use crate::imported::{Claim, Imported};
use crate::proven::Proven;

/// What is done about a key that somebody has found where it should not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LeakPolicy {
    /// It is revoked at once. Whoever may find a key may use it.
    #[default]
    Revoke,
    /// It works on, and its audit trail says that it has leaked. For services that ask the owner
    /// first; until somebody acts, whoever has found the key can use it.
    Flag,
}

/// What a text that was reported as leaked turned out to be.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "it is made once in a while and taken apart at once"
)]
pub enum LeakVerdict {
    /// A key of this service, its secret proven. Its owner should hear of it.
    Ours(LeakedKey),
    /// A false positive: no key, a forged one, one without a record, or one with another secret.
    /// They are not told apart. Nothing is done.
    NotOurs,
}

/// A key of this service that has leaked.
#[derive(Debug, Clone)]
pub struct LeakedKey {
    /// What is kept of it, as it stands now: whose it is, and its name.
    pub record: KeyRecord,
    /// What this report has done.
    pub response: LeakResponse,
}

/// What came of a report about a key of this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeakResponse {
    /// The key is revoked now, and was not before.
    Revoked,
    /// The audit trail says now that the key has leaked, and did not before.
    Flagged,
    /// Nothing: the key was revoked before, or was to be flagged and has been before.
    AlreadyDone,
}

impl KeyManager {
    /// Answers a report that a key has leaked: the text that was found, whole, and where that was,
    /// such as an address, or nothing. A key of this service is revoked or flagged, by one entry
    /// `key.leaked` in its audit trail; the text itself is kept nowhere, not even if the place
    /// repeats it.
    ///
    /// Reporting a key again changes nothing, however often, from however many nodes at once.
    /// Whoever calls this needs to know no more than the text, so anybody may be let do it: a text
    /// that was not minted here costs an HMAC for each pepper at most and reaches no store, and who
    /// holds a key may end it. Where keys of [another
    /// origin](ringyo_key::KeyFormat::accept_foreign) are accepted, a text that looks like one is
    /// looked up each time, and not counted with those of requests: bound how often strangers may
    /// report.
    ///
    /// ```
    /// # use ringyo_auth::{LeakPolicy, LeakResponse, LeakVerdict, NewKey, Preset, Ringyo};
    /// # use ringyo_key::{Pepper, PepperId};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pepper = Pepper::generate(PepperId::new(1));
    /// # let store = ringyo_store::MemoryStore::new();
    /// # let ringyo = Ringyo::builder(Preset::ringyo(), pepper).store(store).build().await?;
    /// # ringyo.accounts().create("acct_1", "pro").await?;
    /// # let issued = ringyo.keys().issue(NewKey::live("acct_1", "Server").scopes(["*"])).await?;
    /// # let found = issued.key.expose();
    /// let place = "https://example.com/paste/7";
    /// match ringyo.keys().report_leaked(found, place, LeakPolicy::Revoke).await? {
    ///     LeakVerdict::Ours(leaked) => {
    ///         assert_eq!(leaked.response, LeakResponse::Revoked);
    ///         println!("tell {} that {:?} is revoked", leaked.record.account, leaked.record.name);
    ///     }
    ///     LeakVerdict::NotOurs => println!("a false positive"),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// For an actor that is bound to an account, keys of others are not ours.
    ///
    /// # Errors
    ///
    /// [`ManageError::Unavailable`] when the store gave no answer, which is no verdict, and
    /// [`ManageError::Conflict`]: report it again.
    pub async fn report_leaked(
        &self,
        found: impl AsRef<[u8]>,
        found_at: &str,
        policy: LeakPolicy,
    ) -> Result<LeakVerdict, ManageError> {
        let (core, found) = (self.core(), found.as_ref());
        match Proven::new(core, found) {
            Ok(proven) => self.respond_to(&proven, found, found_at, policy).await,
            // What was not minted here reaches no store.
            Err(InvalidKey::Malformed(_)) => match Imported::read(core, found) {
                Some(imported) => self.respond_to(&imported, found, found_at, policy).await,
                None => Ok(LeakVerdict::NotOurs),
            },
            Err(_) => Ok(LeakVerdict::NotOurs),
        }
    }

    async fn respond_to(
        &self,
        claim: &impl Claim,
        found: &[u8],
        found_at: &str,
        policy: LeakPolicy,
    ) -> Result<LeakVerdict, ManageError> {
        let core = self.core();
        match self.find(claim.id()).await {
            Ok(record) if claim.is_of(core, record.pepper, &record.digest) => {}
            // Another account's key does not exist for an actor that has one.
            Ok(_) | Err(ManageError::NotFound) => return Ok(LeakVerdict::NotOurs),
            Err(error) => return Err(error),
        }
        let leaked = self.respond(claim.id(), found, found_at, policy).await?;
        Ok(LeakVerdict::Ours(leaked))
    }

    /// Reads, decides and writes until no other write comes in between: two that report at once
    /// do not both find that nobody has.
    async fn respond(
        &self,
        id: KeyId,
        found: &[u8],
        found_at: &str,
        policy: LeakPolicy,
    ) -> Result<LeakedKey, ManageError> {
        let core = self.core();
        let _forget = Forget(core, id);
        for _ in attempts() {
            let mut key = self.find(id).await?;
            let is_done = key.status == KeyStatus::Revoked
                || policy == LeakPolicy::Flag && self.is_flagged(id).await?;
            if is_done {
                let response = LeakResponse::AlreadyDone;
                return Ok(LeakedKey {
                    record: key,
                    response,
                });
            }
            let at = core.timestamp();
            let (done, response) = match policy {
                LeakPolicy::Revoke => {
                    key.status = KeyStatus::Revoked;
                    key.revoked_at = Some(at);
                    ("revoked", LeakResponse::Revoked)
                }
                LeakPolicy::Flag => ("flagged", LeakResponse::Flagged),
            };
            let detail = match without_secrets(found_at, found) {
                place if place.is_empty() => done.to_owned(),
                place => format!("{done}; found at {place}"),
            };
            let event = self.event(EventKind::KeyLeaked, &key, at, detail);
            match core.managed(core.store.update_key(&key, &event)).await {
                Ok(record) => return Ok(LeakedKey { record, response }),
                Err(error) => match error.kind() {
                    StoreErrorKind::Conflict | StoreErrorKind::Revoked => {}
                    _ => return Err(error.into()),
                },
            }
        }
        Err(ManageError::Conflict)
    }

    /// Whether the audit trail says that the key has leaked.
    async fn is_flagged(&self, id: KeyId) -> Result<bool, ManageError> {
        let core = self.core();
        let mut before = None;
        loop {
            let query = EventQuery {
                account: None,
                key: Some(id),
                before,
                size: PageSize::MAX,
            };
            let page = core.managed(core.store.list_events(&query)).await?;
            let mut events = page.items.iter();
            if events.any(|event| event.entry.kind == EventKind::KeyLeaked) {
                return Ok(true);
            }
            match page.next {
                Some(next) => before = Some(next),
                None => return Ok(false),
            }
        }
    }
}
