use std::sync::Arc;
use std::time::Duration;

use ringyo_key::PepperRing;
use ringyo_limit::{
    Clock, LimitError, LimitErrorKind, LocalLimiter, Now, RateLimiter, SystemClock,
};
use ringyo_scope::Catalog;
use ringyo_store::{Store, StoreError};

use crate::background::Background;
use crate::cache::KeyCache;
use crate::core::Core;
use crate::imported::LookUps;
use crate::{
    Accounts, Actor, AuthError, Authenticator, Caller, Credential, HttpMapping, KeyManager, Plans,
    Preset, Wallet,
};

/// API keys for one service: everything, behind one cheap handle.
///
/// Built once at start-up, cloned into whatever serves requests, [shut down](Self::shutdown) at
/// the end. See the [crate's page](crate) for an example.
#[derive(Debug, Clone)]
pub struct Ringyo {
    service: Arc<Service>,
    http: HttpMapping,
}

/// The shared part and its background work, which ends with the last handle of any kind.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) core: Arc<Core>,
    pub(crate) background: Background,
}

impl Ringyo {
    /// Starts to put a service together from how its keys look and what they may do, and the
    /// peppers that prove them.
    pub fn builder(preset: Preset, peppers: impl Into<PepperRing>) -> Builder {
        Builder {
            preset,
            peppers: peppers.into(),
            store: None,
            limiter: None,
            clock: Arc::new(SystemClock::default()),
            max_staleness: Duration::from_secs(5),
            stale_if_error: Duration::ZERO,
            store_deadline: Duration::from_secs(2),
            flush_interval: Duration::from_secs(10),
            cache_capacity: 1_000_000,
            foreign_look_ups: 200,
        }
    }

    /// Authenticates a request: [`Authenticator::authenticate`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn authenticate(&self, credential: Credential<'_>) -> Result<Caller, AuthError> {
        self.authenticator().authenticate(credential).await
    }

    /// The part that authenticates.
    #[must_use]
    pub fn authenticator(&self) -> Authenticator {
        Authenticator::new(self.service.clone())
    }

    /// The part that manages keys, on behalf of the service itself. Where somebody asks for it,
    /// say who with [`KeyManager::acting_as`].
    #[must_use]
    pub fn keys(&self) -> KeyManager {
        KeyManager::new(self.service.clone(), Actor::system())
    }

    /// The part that manages accounts.
    #[must_use]
    pub fn accounts(&self) -> Accounts {
        Accounts::new(self.service.clone(), Actor::system())
    }

    /// The part that spends credits.
    #[must_use]
    pub fn wallet(&self) -> Wallet {
        Wallet::new(self.service.clone())
    }

    /// The part that turns refusals and rates into HTTP.
    #[must_use]
    pub const fn http(&self) -> &HttpMapping {
        &self.http
    }

    /// Whether both are handles of one service: it was built once, and cloned.
    #[must_use]
    pub fn is_same_service(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.service, &other.service)
    }

    /// What keys can be given.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.service.core.catalog
    }

    /// The plans that accounts can have.
    #[must_use]
    pub fn plans(&self) -> &Plans {
        &self.service.core.plans
    }

    /// The time by the service's clock.
    #[must_use]
    pub fn now(&self) -> Now {
        self.service.core.now()
    }

    /// Whether store and limiter answer, for health checks.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::Unavailable), naming the one that does not.
    pub async fn ready(&self) -> Result<(), crate::Unavailable> {
        let core = &self.service.core;
        core.ask_store(core.store.ready()).await?;
        tokio::time::timeout(core.store_deadline, core.limiter.ready())
            .await
            .unwrap_or(Err(LimitError::new(LimitErrorKind::Timeout)))?;
        Ok(())
    }

    /// Ends the background work and saves the last-used times that are not saved yet. Call it
    /// when no more requests come in; calling it again is harmless.
    ///
    /// # Errors
    ///
    /// What kept the store from saving them. They are then lost, nothing else is.
    pub async fn shutdown(&self) -> Result<(), StoreError> {
        self.service.background.stop(&self.service.core).await
    }
}

/// Puts a [`Ringyo`] together.
#[derive(Debug)]
#[must_use = "nothing happens before `build`"]
pub struct Builder {
    preset: Preset,
    peppers: PepperRing,
    store: Option<Arc<dyn Store>>,
    limiter: Option<Arc<dyn RateLimiter>>,
    clock: Arc<dyn Clock>,
    max_staleness: Duration,
    stale_if_error: Duration,
    store_deadline: Duration,
    flush_interval: Duration,
    cache_capacity: usize,
    foreign_look_ups: u32,
}

impl Builder {
    /// Where records are kept. Needed.
    pub fn store(self, store: impl Store + 'static) -> Self {
        Self {
            store: Some(Arc::new(store)),
            ..self
        }
    }

    /// Who counts requests; [`LocalLimiter`] if nothing is said.
    pub fn limiter(self, limiter: impl RateLimiter + 'static) -> Self {
        Self {
            limiter: Some(Arc::new(limiter)),
            ..self
        }
    }

    /// Which clock to go by; the system's if nothing is said.
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        Self {
            clock: Arc::new(clock),
            ..self
        }
    }

    /// How long this node believes a record without hearing from the store: the bound on how late
    /// a revocation made on another node can take effect here. 5 s if nothing is said. With zero
    /// every request reads the store.
    pub fn max_staleness(self, max_staleness: Duration) -> Self {
        Self {
            max_staleness,
            ..self
        }
    }

    /// How much longer a record that is known here is served while the store fails. Zero if
    /// nothing is said: then such requests get `auth_unavailable`. It adds to the bound above.
    pub fn stale_if_error(self, stale_if_error: Duration) -> Self {
        Self {
            stale_if_error,
            ..self
        }
    }

    /// How long store and limiter together may take to answer for one request before it is answered
    /// without them. 2 s if nothing is said.
    pub fn store_deadline(self, store_deadline: Duration) -> Self {
        Self {
            store_deadline,
            ..self
        }
    }

    /// How often last-used times are written. 10 s if nothing is said; a key is written at most
    /// once a minute, and once more when it has been changed, or had left the cache.
    pub fn flush_interval(self, flush_interval: Duration) -> Self {
        Self {
            flush_interval,
            ..self
        }
    }

    /// How many keys are kept in memory, about. A million if nothing is said. A key takes 390 bytes
    /// if no other of its account is kept, 240 with three others, 190 with a hundred, and names
    /// longer than a few letters take their length beside.
    pub fn cache_capacity(self, cache_capacity: usize) -> Self {
        Self {
            cache_capacity,
            ..self
        }
    }

    /// How many texts that look like keys of another origin are looked up in a second, those apart
    /// that turn out to be keys. 200 if nothing is said.
    ///
    /// Such a text does not prove itself, so anybody can make this service read its store for one:
    /// this is the bound on that. While it is reached, keys of that kind that are not cached get
    /// `auth_unavailable`, and all others go on. Nobody's address is looked at: a service that knows
    /// whose flood it is should stop it before it comes here.
    pub fn foreign_look_ups(self, per_second: u32) -> Self {
        Self {
            foreign_look_ups: per_second,
            ..self
        }
    }

    /// Reads the state of the store's change feed and starts the background work on the current
    /// tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BuildError`].
    pub async fn build(self) -> Result<Ringyo, BuildError> {
        let store = self.store.ok_or(BuildError::NoStore)?;
        let Preset {
            format,
            catalog,
            plans,
            http,
        } = self.preset;
        let http = HttpMapping::new(catalog.clone(), http);
        let core = Arc::new(Core {
            store,
            limiter: self
                .limiter
                .unwrap_or_else(|| Arc::new(LocalLimiter::new())),
            // In whole milliseconds, as the wall clock is.
            lag: whole_millis(self.clock.lag()),
            clock: self.clock,
            peppers: self.peppers,
            format,
            catalog,
            plans,
            cache: KeyCache::new(self.cache_capacity, self.max_staleness),
            foreign_look_ups: LookUps::new(self.foreign_look_ups),
            store_deadline: self.store_deadline,
            stale_if_error: self.stale_if_error,
        });
        let background = Background::start(&core, self.flush_interval)
            .await
            .map_err(BuildError::Store)?;
        Ok(Ringyo {
            service: Arc::new(Service { core, background }),
            http,
        })
    }
}

/// Why a [`Ringyo`] could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// [`Builder::store`] was not called.
    #[error("no store was given")]
    NoStore,
    /// The store could not be read.
    #[error("the store could not be read")]
    Store(#[source] StoreError),
}

/// Rounded up.
fn whole_millis(duration: Duration) -> Duration {
    let millis = duration.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(millis.try_into().unwrap_or(u64::MAX))
}
