use std::sync::Arc;

use ringyo_key::{ParsedKey, Proof};
use ringyo_limit::{Charge, Decision, Now};
use ringyo_store::{KeyState, Timestamp};

use crate::cache::CachedKey;
use crate::core::{Core, wall};
use crate::credential::Presented;
use crate::error::{InvalidKey, Unavailable};
use crate::service::Service;
use crate::{ApiAccess, AuthError, Caller, Credential};

/// Decides who is calling. A cheap handle; clone it freely.
///
/// The order of its questions is part of the contract:
///
/// 1. Is there one credential? 2. Does it have the shape and the checksum of a key? 3. Was it
///    minted here (its tag: one HMAC, no I/O)? 4. Is there a record of it? 5. Is it the same
///    secret (the whole digest, in constant time)? 6. May the key be used: state, expiry,
///    network? 7. Does the plan open the API? 8. Is the account, and the key, within its rate?
///
/// Up to 5 every refusal is the same one to the client and costs the account nothing. From 6 on
/// the secret is proven, and the answer may say what is wrong. Whether the key may do what the
/// request wants is asked of the [`Caller`] afterwards; that request has been charged to the rate.
#[derive(Debug, Clone)]
pub struct Authenticator {
    service: Arc<Service>,
}

impl Authenticator {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// Authenticates a request and charges it to the rate limit. A key that is cached and a local
    /// limiter cost no I/O and no allocation.
    ///
    /// # Errors
    ///
    /// [`AuthError`]; [`AuthError::Unavailable`] when store or limiter gave no answer, which is
    /// neither a yes nor a no.
    pub async fn authenticate(&self, credential: Credential<'_>) -> Result<Caller, AuthError> {
        let core = &self.service.core;
        let presented = match credential.presented {
            Presented::Nothing => return Err(AuthError::MissingCredential),
            Presented::Ambiguous => return Err(AuthError::AmbiguousCredential),
            Presented::Key(text) => text,
        };
        let parsed = core
            .format
            .parse(presented)
            .map_err(InvalidKey::Malformed)?;
        let proof = core.peppers.prove(&parsed).ok_or(InvalidKey::Forged)?;

        let mut now = core.now();
        let key = match core.cache.find(parsed.id(), now.monotonic) {
            Some(key) => key,
            None => {
                let key = load(core, &parsed, now).await?;
                now = core.now();
                key
            }
        };
        if !is_same_secret(core, &key, &parsed, &proof) {
            return Err(InvalidKey::WrongSecret.into());
        }
        let at = wall(now);
        check_usable(&key, &credential, at)?;
        let access = key.account.plan.access;
        if access == ApiAccess::None {
            return Err(AuthError::PlanRequired);
        }
        // A key that runs into its limit is a key in use.
        key.uses.touch(at);
        let rate = charge_rate(core, &key, access, now).await?;
        Ok(Caller::new(key, at, rate))
    }
}

async fn load(
    core: &Arc<Core>,
    parsed: &ParsedKey<'_>,
    now: Now,
) -> Result<Arc<CachedKey>, AuthError> {
    match core.load(parsed.id()).await {
        Ok(Some(key)) => Ok(key),
        Ok(None) => Err(InvalidKey::Unknown.into()),
        Err(unavailable) => core
            .cache
            .find_stale(parsed.id(), now.monotonic, core.stale_if_error)
            .filter(|_| !core.stale_if_error.is_zero())
            .ok_or(AuthError::Unavailable(unavailable)),
    }
}

fn is_same_secret(core: &Core, key: &CachedKey, parsed: &ParsedKey<'_>, proof: &Proof) -> bool {
    let record = &key.record;
    match record.pepper {
        Some(pepper) if pepper == proof.pepper => proof.digest.matches(&record.digest),
        // The tag happened to fit another pepper first, which one key in 57 thousand million does.
        Some(pepper) => core
            .peppers
            .prove_under(pepper, parsed)
            .is_some_and(|proof| proof.digest.matches(&record.digest)),
        // The record of a foreign key has no business with a key of this format.
        None => false,
    }
}

fn check_usable(
    key: &CachedKey,
    credential: &Credential<'_>,
    at: Timestamp,
) -> Result<(), AuthError> {
    let record = &key.record;
    match record.state_at(at) {
        KeyState::Active => {}
        KeyState::Revoked => return Err(AuthError::Revoked(record.id)),
        KeyState::Superseded => return Err(AuthError::Superseded(record.id)),
        KeyState::Expired => return Err(AuthError::Expired(record.id)),
        KeyState::Disabled => return Err(AuthError::Disabled(record.id)),
    }
    let networks = &record.allowed_networks;
    let is_allowed = networks.is_empty()
        || credential.client.is_some_and(|address| {
            // An IPv4 client of a dual-stack socket comes as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2).
            let address = address.to_canonical();
            networks.iter().any(|network| network.contains(&address))
        });
    if is_allowed {
        Ok(())
    } else {
        Err(AuthError::AddressNotAllowed(record.id))
    }
}

async fn charge_rate(
    core: &Core,
    key: &CachedKey,
    access: ApiAccess,
    now: Now,
) -> Result<Option<Decision>, AuthError> {
    let record = &key.record;
    let id = record.id;
    let bucket = key.account.bucket(record.mode);
    let charge = match (access, key.quota) {
        (ApiAccess::Limited(account), None) => Charge::to_account(bucket, account),
        (ApiAccess::Limited(account), Some(own)) => {
            Charge::to_account(bucket, account).with_key(id.as_str(), own)
        }
        // Without a limit of the account the key's own is the only bucket.
        (_, Some(own)) => Charge::to_account(id.as_str(), own),
        (_, None) => return Ok(None),
    };
    let decision = match core.limiter.check_now(&charge, now) {
        Some(decision) => decision,
        None => core
            .limiter
            .check(&charge, now)
            .await
            .map_err(|error| Unavailable::Limiter(Arc::new(error)))?,
    };
    if decision.is_allowed() {
        Ok(Some(decision))
    } else {
        Err(AuthError::RateLimited(decision))
    }
}
