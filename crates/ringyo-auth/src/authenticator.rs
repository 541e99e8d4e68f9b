use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use ringyo_limit::{LimitError, LimitErrorKind, Now, Outcome};
use ringyo_store::{KeyRecord, KeyState, Timestamp};

use crate::cache::{CachedKey, WrongSecret};
use crate::core::{Core, wall};
use crate::error::{Exceeded, InvalidKey, Unavailable};
use crate::imported::{Claim, Imported};
use crate::proven::prove;
use crate::service::Service;
use crate::{AuthError, Caller, Credential, Plan, Refused};

/// Decides who is calling. A cheap handle; clone it freely.
///
/// The order of its questions is part of the contract:
///
/// 1. Is there one credential? 2. Does it have the shape and the checksum of a key? 3. Was it
///    minted here (its tag: one HMAC, no I/O)? 4. Is there a record of it? 5. Is it the same
///    secret (the whole digest, in constant time)? 6. May the key be used: state, expiry,
///    network? 7. Does the plan open the API? 8. Is the account, and the key, within its rate?
///
/// A key of [another origin](ringyo_key::KeyFormat::accept_foreign) is asked 2 and 3 in its own
/// way: does it have the shape of one, and may so many be looked up?
///
/// From 2 to 5 every refusal is the same one to the client and costs the account nothing. From 6 on
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
    ///
    /// # Panics
    ///
    /// When it is polled again after it has answered.
    pub fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
    ) -> impl Future<Output = Result<Caller, AuthError>> + Send {
        deciding(&self.service.core, credential, |error, _| error)
    }

    /// The same, and with a refusal also whose key it was, where that has been proven: for what
    /// keeps logs.
    ///
    /// # Errors
    ///
    /// As [`authenticate`](Self::authenticate).
    ///
    /// # Panics
    ///
    /// As that.
    pub fn decide<'a>(
        &'a self,
        credential: Credential<'a>,
    ) -> impl Future<Output = Result<Caller, Refused>> + Send {
        deciding(&self.service.core, credential, Refused::of)
    }

    /// [`decide`](Self::decide), if it takes no I/O; `None` if the store or a remote limiter has to be asked, and
    /// then nothing has been charged. For middleware that wants no boxed future on the way of a
    /// warm request.
    #[must_use]
    pub fn decide_now(&self, credential: Credential<'_>) -> Option<Result<Caller, Refused>> {
        let core = &self.service.core;
        let admitted = |caller| Some(Ok(caller));
        let refused = |error, key| Some(Err(Refused::of(error, key)));
        match prove(core, &credential) {
            Ok(proven) => attempt_to(core, &proven, &credential, admitted, refused, |_| None),
            Err(unproven) => match Imported::instead(core, &credential, unproven) {
                Some(imported) => {
                    attempt_to(core, &imported, &credential, admitted, refused, |_| None)
                }
                None => Some(Err(unproven.error().into())),
            },
        }
    }

    /// Says what a key is, and whether it would be let through, without letting it through:
    /// questions 1 to 7. Nothing is charged, and no use is noted. For people who have found a key
    /// and want to know what it is; it is no answer to a request, which must keep to its rate.
    ///
    /// # Errors
    ///
    /// [`AuthError`] as long as the secret is not proven, and when the store gave no answer. What
    /// is wrong with a proven key is the [`refusal`](Inspection::refusal).
    pub async fn inspect(&self, credential: Credential<'_>) -> Result<Inspection, AuthError> {
        let core = &self.service.core;
        match prove(core, &credential) {
            Ok(proven) => inspect(core, &proven, &credential).await,
            Err(unproven) => {
                let Some(imported) = Imported::instead(core, &credential, unproven) else {
                    return Err(unproven.error());
                };
                inspect(core, &imported, &credential).await
            }
        }
    }
}

/// What [`Authenticator::inspect`] has found out about a key whose secret is proven.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// What is kept of it.
    pub record: KeyRecord,
    /// The plan of its account.
    pub plan: Plan,
    /// Why a request with it would be refused, its rate apart; `None`: it would be let through.
    pub refusal: Option<AuthError>,
}

async fn inspect(
    core: &Core,
    claim: &impl Claim,
    credential: &Credential<'_>,
) -> Result<Inspection, AuthError> {
    let (asked_at, epoch) = (core.now().monotonic, core.cache.accounts().epoch());
    let look_up = claim.look_up(core)?;
    let loaded = core.ask_store(core.store.load_key(claim.id())).await?;
    // All of the record, and not what the cache keeps of it for requests.
    let loaded = loaded.ok_or(InvalidKey::Unknown)?;
    look_up.found(core);
    let mut record = loaded.key.clone();
    let key = core.entry(loaded, asked_at, epoch);
    if !claim.is_of(core, key.pepper, &key.digest) {
        return Err(InvalidKey::WrongSecret.into());
    }
    let now = core.now();
    record.last_used_at = record.last_used_at.max(core.cache.last_used(record.id));
    Ok(Inspection {
        record,
        plan: Plan::clone(&key.account.plan),
        refusal: check_admitted(&key, credential, now).err(),
    })
}

// What follows is inlined into both ways to ask, so that results are used where they are made, and
// not copied out of calls first.

/// A decision, made as far as it can be when it is first polled. No `async` block: what that keeps is
/// copied on its way into it, and the copy is waited for.
///
/// # Panics
///
/// When it is polled again after it has answered: what was answered at once would be charged again.
#[inline(always)]
fn deciding<'a, E: From<Refused>>(
    core: &'a Arc<Core>,
    credential: Credential<'a>,
    refused: impl Fn(AuthError, Option<Arc<CachedKey>>) -> E + Send,
) -> impl Future<Output = Result<Caller, E>> + Send {
    let (mut waiting, mut is_begun) = (None, false);
    poll_fn(move |context| {
        let waiting = match &mut waiting {
            Some(waiting) => waiting,
            None if mem::replace(&mut is_begun, true) => panic!("polled after the answer"),
            None => waiting.insert(match prove(core, &credential) {
                Ok(proven) => match attempt(core, &proven, &credential) {
                    Attempt::Admitted(caller) => return Poll::Ready(Ok(caller)),
                    Attempt::Refused(error, key) => return Poll::Ready(Err(refused(error, key))),
                    Attempt::Waits(found) => wait(core, proven, credential, found),
                },
                Err(unproven) => match Imported::instead(core, &credential, unproven) {
                    Some(imported) => match attempt(core, &imported, &credential) {
                        Attempt::Admitted(caller) => return Poll::Ready(Ok(caller)),
                        Attempt::Refused(error, key) => {
                            return Poll::Ready(Err(refused(error, key)));
                        }
                        Attempt::Waits(found) => wait(core, imported, credential, found),
                    },
                    None => return Poll::Ready(Err(refused(unproven.error(), None))),
                },
            }),
        };
        waiting.as_mut().poll(context).map_err(E::from)
    })
}

/// How far a decision got without waiting for anybody.
enum Attempt {
    Admitted(Caller),
    Refused(AuthError, Option<Arc<CachedKey>>),
    /// The limiter has to be asked about this key, or the store, if there is none.
    Waits(Option<Found>),
}

/// A record, and the time once it was there.
struct Found {
    key: Arc<CachedKey>,
    now: Now,
}

/// Questions 4 to 8, as far as the answers are here.
#[inline(always)]
fn attempt(core: &Core, claim: &impl Claim, credential: &Credential<'_>) -> Attempt {
    let (admitted, refused, waits) = (Attempt::Admitted, Attempt::Refused, Attempt::Waits);
    attempt_to(core, claim, credential, admitted, refused, waits)
}

/// The same, made at once into what the caller makes of each way out: what is first packed up as one
/// of three is waited for when it is taken out again.
#[inline(always)]
fn attempt_to<T>(
    core: &Core,
    claim: &impl Claim,
    credential: &Credential<'_>,
    admitted: impl FnOnce(Caller) -> T,
    refused: impl FnOnce(AuthError, Option<Arc<CachedKey>>) -> T,
    waits: impl FnOnce(Option<Found>) -> T,
) -> T {
    // A time that may be a little old already is cheap. It is good enough wherever the answer is
    // the same a little later; where it is not, the time now is asked for.
    let lately = core.lately();
    let latest = lately.monotonic + core.lag;
    let now = || core.now().monotonic;
    let is_proven = |key: &CachedKey| claim.is_of(core, key.pepper, &key.digest);
    let key = match core.cache.find(claim.id(), latest, now, is_proven) {
        Some(Ok(key)) => key,
        Some(Err(WrongSecret)) => return refused(InvalidKey::WrongSecret.into(), None),
        None => return waits(None),
    };
    let at_the_latest = wall(lately) + core.lag;
    if !key.is_unquestioned(at_the_latest) {
        let now = match key.ends_at() {
            Some(end) if end <= at_the_latest => core.now(),
            // No moment until now makes a difference.
            _ => lately,
        };
        if let Err(error) = check_admitted(&key, credential, now) {
            return refused(error, Some(key));
        }
    }
    let rate = match pay(core, &key, lately) {
        Payment::Known(rate) => rate,
        Payment::ToBeAsked => {
            return waits(Some(Found {
                key,
                now: core.now(),
            }));
        }
    };
    match within_rate(core, &key, rate, lately) {
        Ok(at) => admitted(Caller::new(key, at, rate)),
        Err(outcome) => refused(exceeded(&key, outcome), Some(key)),
    }
}

/// What became of a charge.
enum Payment {
    Known(Option<Outcome>),
    /// The limiter has to be asked.
    ToBeAsked,
}

/// Question 8, if that takes no I/O.
#[inline(always)]
fn pay(core: &Core, key: &CachedKey, lately: Now) -> Payment {
    let paid = pay_at(core, key, lately);
    match paid {
        // What comes back within the lag may be there already.
        Payment::Known(Some(outcome))
            if !outcome.is_allowed() && key.is_over_within(outcome, core.lag) =>
        {
            pay_at(core, key, core.now())
        }
        paid => paid,
    }
}

#[inline(always)]
fn pay_at(core: &Core, key: &CachedKey, now: Now) -> Payment {
    match key.pay(now.monotonic) {
        Some(outcome) => Payment::Known(Some(outcome)),
        None => match key.charge() {
            None => Payment::Known(None),
            Some(charge) => match core.limiter.check_now(&charge, now) {
                None => Payment::ToBeAsked,
                Some(decision) => Payment::Known(Some(decision.outcome())),
            },
        },
    }
}

/// Questions 4 to 8, within one deadline for all who are asked. Boxed, and with all it needs, to
/// keep the future of a warm decision small.
fn wait<'a>(
    core: &'a Arc<Core>,
    claim: impl Claim + 'a,
    credential: Credential<'a>,
    found: Option<Found>,
) -> Pin<Box<dyn Future<Output = Result<Caller, Refused>> + Send + 'a>> {
    Box::pin(async move {
        let mut limited = None;
        let deciding = async {
            let (Found { key, now }, payment) = match found {
                Some(found) => (found, Payment::ToBeAsked),
                None => {
                    let loaded = load(core, &claim).await?;
                    let found = admit(core, &claim, &credential, loaded)?;
                    let payment = pay(core, &found.key, found.now);
                    (found, payment)
                }
            };
            let rate = match payment {
                Payment::Known(rate) => rate,
                Payment::ToBeAsked => {
                    limited = Some(key.clone());
                    // Nobody is asked about a key that has no limit.
                    let Some(charge) = key.charge() else {
                        return Err(Refused::of(limiter_timeout(), Some(key)));
                    };
                    let checked = core.limiter.check(&charge, now).await;
                    // What is known of the key may be too old by now.
                    if !core.is_recent(now.monotonic, core.now()) {
                        return Err(Refused::of(limiter_timeout(), Some(key)));
                    }
                    match checked {
                        Ok(decision) => Some(decision.outcome()),
                        Err(error) => return Err(Refused::of(unlimited(error), Some(key))),
                    }
                }
            };
            conclude(core, key, rate, now)
        };
        match tokio::time::timeout(core.store_deadline, deciding).await {
            Ok(decided) => decided,
            Err(_) => match limited {
                None => decide_stale(core, &claim, &credential),
                Some(key) => Err(Refused::of(limiter_timeout(), Some(key))),
            },
        }
    })
}

/// Questions 4 to 8 without a store that has not answered in time, by what a service may still go by
/// then.
fn decide_stale(
    core: &Core,
    claim: &impl Claim,
    credential: &Credential<'_>,
) -> Result<Caller, Refused> {
    let now = core.now();
    let Some(key) = core
        .cache
        .find_stale(claim.id(), now.monotonic, core.stale_if_error)
    else {
        return Err(AuthError::from(Unavailable::StoreTimeout(core.store_deadline)).into());
    };
    let Found { key, now } = admit(core, claim, credential, Found { key, now })?;
    match pay(core, &key, now) {
        Payment::Known(rate) => conclude(core, key, rate, now),
        Payment::ToBeAsked => Err(Refused::of(limiter_timeout(), Some(key))),
    }
}

/// What a decision has come to once the rate is known.
fn conclude(
    core: &Core,
    key: Arc<CachedKey>,
    rate: Option<Outcome>,
    now: Now,
) -> Result<Caller, Refused> {
    match within_rate(core, &key, rate, now) {
        Ok(at) => Ok(Caller::new(key, at, rate)),
        Err(outcome) => Err(Refused::of(exceeded(&key, outcome), Some(key))),
    }
}

fn limiter_timeout() -> AuthError {
    unlimited(LimitError::new(LimitErrorKind::Timeout))
}

fn unlimited(error: LimitError) -> AuthError {
    Unavailable::from(error).into()
}

/// Questions 5 to 7.
fn admit(
    core: &Core,
    claim: &impl Claim,
    credential: &Credential<'_>,
    found: Found,
) -> Result<Found, Refused> {
    if !claim.is_of(core, found.key.pepper, &found.key.digest) {
        return Err(AuthError::from(InvalidKey::WrongSecret).into());
    }
    match check_admitted(&found.key, credential, found.now) {
        Ok(()) => Ok(found),
        Err(error) => Err(Refused::of(error, Some(found.key))),
    }
}

/// Questions 6 and 7.
#[inline(never)]
fn check_admitted(key: &CachedKey, credential: &Credential<'_>, now: Now) -> Result<(), AuthError> {
    check_usable(key, credential, wall(now))?;
    if !key.account.plan.has_api_access() {
        return Err(AuthError::PlanRequired);
    }
    Ok(())
}

/// The moment at which the request is let in, if it is.
#[inline(always)]
fn within_rate(
    core: &Core,
    key: &CachedKey,
    rate: Option<Outcome>,
    now: Now,
) -> Result<Timestamp, Outcome> {
    let at = wall(now);
    // A key that runs into its limit is a key in use.
    core.cache.note_use(key, at);
    match rate {
        Some(outcome) if !outcome.is_allowed() => Err(outcome),
        _ => Ok(at),
    }
}

fn exceeded(key: &Arc<CachedKey>, outcome: Outcome) -> AuthError {
    AuthError::RateLimited(Exceeded::by(key.clone(), outcome))
}

/// Question 4: the record from the store.
async fn load(core: &Arc<Core>, claim: &impl Claim) -> Result<Found, AuthError> {
    let loaded = match claim.look_up(core) {
        Ok(look_up) => {
            let loaded = core.load(claim.id()).await;
            if matches!(loaded, Ok(Some(_))) {
                look_up.found(core);
            }
            loaded
        }
        Err(unavailable) => Err(unavailable),
    };
    let now = core.now();
    let key = match loaded {
        Ok(Some(key)) if core.is_recent(key.loaded_at, now) => key,
        // What the feed has confirmed since does not count: it may have told of a change that this
        // very reading misses.
        Ok(Some(_)) => return Err(Unavailable::StoreTimeout(core.store_deadline).into()),
        Ok(None) => return Err(InvalidKey::Unknown.into()),
        Err(unavailable) => core
            .cache
            .find_stale(claim.id(), now.monotonic, core.stale_if_error)
            .ok_or(AuthError::Unavailable(unavailable))?,
    };
    Ok(Found { key, now })
}

fn check_usable(
    key: &CachedKey,
    credential: &Credential<'_>,
    at: Timestamp,
) -> Result<(), AuthError> {
    match key.state_at(at) {
        KeyState::Active => {}
        KeyState::Revoked => return Err(AuthError::Revoked(key.id)),
        KeyState::Superseded => return Err(AuthError::Superseded(key.id)),
        KeyState::Expired => return Err(AuthError::Expired(key.id)),
        KeyState::Disabled => return Err(AuthError::Disabled(key.id)),
    }
    if key.is_allowed_from(credential.address()) {
        Ok(())
    } else {
        Err(AuthError::AddressNotAllowed(key.id))
    }
}
