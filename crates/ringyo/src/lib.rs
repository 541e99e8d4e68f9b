//! API keys for Rust services: `rg_live_…` and `rg_test_…` keys that are shown once, permissions,
//! plans, rate limits and credits, on one embedded file or whatever store you bring. No web
//! framework is forced on anybody.
//!
//! ```
//! use ringyo::{Credential, MemoryStore, NewKey, Pepper, PepperId, Preset, Ringyo};
//! use ringyo::preset::ringyo::{AGENTS_DELETE, AGENTS_READ};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // At start-up. `SqliteStore::open("keys.db").await?` and `PepperRing::from_env("RINGYO_PEPPER")?`
//! // in a service that must remember.
//! let ringyo = Ringyo::builder(Preset::ringyo(), Pepper::generate(PepperId::new(1)))
//!     .store(MemoryStore::new())
//!     .build()
//!     .await?;
//!
//! // When a customer asks for a key.
//! ringyo.accounts().create("acct_1", "pro").await?;
//! let new = NewKey::live("acct_1", "Production Server").scopes(["agents:read", "calls"]);
//! let issued = ringyo.keys().issue(new).await?;
//! let header = format!("Bearer {}", issued.key.expose()); // the only time it can be seen
//!
//! // On every request.
//! let caller = ringyo.authenticate(Credential::bearer(&header)).await?; // who, within limits
//! caller.require(&AGENTS_READ)?;                                        // may they: yes
//! let refused = caller.require(&AGENTS_DELETE).unwrap_err();            // may they: no
//! let rejection = ringyo.http().reject(&refused, ringyo.now());
//! assert_eq!(rejection.status(), 403);
//! assert_eq!(rejection.code(), "insufficient_permissions");
//! # Ok(()) }
//! ```
//!
//! # Vocabulary
//!
//! | word | meaning |
//! | --- | --- |
//! | key, id, secret | the text a customer holds; its public name; the part nobody else knows |
//! | pepper, digest, tag | the service's own secret; what is stored of a key; what proves it before any look-up ([`key`]) |
//! | mode | `live` does the real thing, `test` costs nothing |
//! | account, plan, quota | who owns keys; what they pay for; how fast they may call |
//! | scope, requirement | what a key was given; what an operation needs ([`scope`]) |
//! | caller, decision, rejection | an authenticated key; what the limiter said; a refusal as HTTP |
//! | actor, event, revision | who manages keys; an entry of the audit trail; its number ([`store`]) |
//!
//! # Contents
//!
//! * Start with [`Ringyo`]; its parts are [`Authenticator`], [`KeyManager`], [`Accounts`],
//!   [`Wallet`] and [`HttpMapping`].
//! * [`key`], [`scope`], [`limit`], [`store`] and [`auth`] are the crates below, whole.
//! * [`docs`] explains the architecture and the decisions behind it, how
//!   [several nodes](docs::nodes) share one database, [what it costs](docs::speed) beside what others
//!   use, how a service [moves in](docs::moving_in) with the keys that it has,
//!   [`ringyoctl`](docs::ringyoctl), which manages keys from a shell, how
//!   [secret scanners](docs::secret_scanners) find keys, [what is promised](docs::promises) and how a
//!   stranger proves it, [from whom](docs::threat_model) what is protected, what
//!   [cannot be promised](docs::trust), what is [frozen](docs::upgrading) and how to get from one
//!   version to the next, and where to [report a hole](docs::security).
//!
//! # Features
//!
//! | feature | adds | default |
//! | --- | --- | --- |
//! | `sqlite` | [`SqliteStore`], everything in one file; needs a C compiler | yes |
//! | `postgres` | `PostgresStore`, for many machines; `postgres-tls` the same through TLS | no |
//! | `redis` | `RedisLimiter`, one rate limit for many machines, on Redis or Valkey | no |
//! | `redis-tls`, `redis-cluster`, `redis-sentinel` | the same through TLS, on a cluster, behind sentinels | no |
//! | `tower` | `ringyo::tower`, a layer for anything that speaks tower: axum, tonic, hyper | no |
//! | `axum` | the same with extractors for axum | no |
//! | `leak` | `ringyo::leak`: what GitHub's secret scanning has found is verified and revoked | no |

pub use ringyo_auth as auth;
pub use ringyo_key as key;
#[cfg(feature = "leak")]
pub use ringyo_leak as leak;
pub use ringyo_limit as limit;
#[cfg(feature = "postgres")]
pub use ringyo_postgres as postgres;
#[cfg(feature = "redis")]
pub use ringyo_redis as redis;
pub use ringyo_scope as scope;
#[cfg(feature = "sqlite")]
pub use ringyo_sqlite as sqlite;
pub use ringyo_store as store;
#[cfg(feature = "tower")]
pub use ringyo_tower as tower;

pub use ringyo_auth::{
    Accounts, Actor, ApiAccess, AuthError, Authenticator, BodyStyle, BuildError, Builder, Caller,
    Charge, Credential, CredentialSources, Edit, Exceeded, FieldError, HttpMapping, HttpStyle,
    Inspection, InvalidKey, IssuedKey, KeyManager, KnownKey, LeakPolicy, LeakResponse, LeakVerdict,
    LeakedKey, ListKeys, LiveCaller, ManageError, NewKey, Overlap, Plan, Plans, Preset,
    RateHeaderMaps, RateHeaders, Refusal, Refused, RegeneratedKey, Rejection, Reservation, Ringyo,
    Surplus, Unavailable, Wallet, WalletError, envelope, preset,
};
pub use ringyo_key::{
    ApiKey, Brand, KeyFormat, KeyId, Mode, Pepper, PepperError, PepperId, PepperRing,
};
pub use ringyo_limit::{
    Clock, Decision, FailClosed, FailOpen, FallBack, LocalLimiter, ManualClock, Now, Quota,
    SystemClock,
};
#[cfg(feature = "postgres")]
pub use ringyo_postgres::{PostgresOptions, PostgresStore};
#[cfg(feature = "redis")]
pub use ringyo_redis::{RedisConfig, RedisLimiter};
pub use ringyo_scope::{Action, Catalog, Permission, Requirement, Resource, ScopeSet};
#[cfg(feature = "sqlite")]
pub use ringyo_sqlite::SqliteStore;
pub use ringyo_store::{
    Account, AccountId, Event, EventKind, IpNet, KeyCursor, KeyFilter, KeyRecord, KeyState,
    MemoryStore, NetworkError, OperationId, OperationState, Outcome, Page, PageSize, Revision,
    Store, StoreError, StoreErrorKind, Timestamp, parse_network,
};

pub mod docs;

#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
