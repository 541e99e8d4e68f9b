//! One rate limit across machines: a [`RateLimiter`](ringyo_limit::RateLimiter) on Redis or
//! Valkey, with the numbers of the local one, in at most one round trip.
//!
//! ```no_run
//! use ringyo_limit::FallBack;
//! use ringyo_redis::{RedisConfig, RedisLimiter};
//!
//! # async fn start() -> Result<(), ringyo_redis::ConfigError> {
//! let config = RedisConfig::new("redis://127.0.0.1:6379/0")?;
//! let limiter = FallBack::new(RedisLimiter::start(config)?);
//! // `Ringyo::builder(…).limiter(limiter)`
//! # Ok(())
//! # }
//! ```
//!
//! The wrapper is a choice that every service has to make: what happens to requests while Redis
//! does not answer. See [`ringyo_limit::outage`]. Without one, a server that hangs costs every
//! request its deadline, and each is then refused.
//!
//! # How it decides
//!
//! One script on the server does GCRA for account and key together, all or nothing, on the
//! server's clock, so that the clocks of the nodes do not matter. A bucket is one number, the
//! moment at which it will be full again in microseconds, under a key that expires at that moment:
//! whoever is idle takes no memory. It does not depend on the quota.
//!
//! A refill interval that is not whole microseconds is rounded up: a quota of n a second refills
//! at least n ÷ (1 + n/1 000 000) cells a second here, 0.03 % fewer at 700 and none fewer at 60 or
//! 300 a minute, and never more.
//!
//! What a node has heard of a bucket that is used up it remembers until a cell must have come back,
//! and refuses by itself meanwhile ([`CheckedBy::RemoteDenial`](ringyo_limit::CheckedBy)). That
//! changes no decision: arrival times only ever move forward, so a bucket that was used up cannot
//! hold more than it did. A flood over the limit therefore costs about one round trip per node and
//! refill interval. Remembered is at most as much as [`RedisLimiter`] says. The numbers of such a
//! refusal are what this node last heard; another node may have charged the bucket meanwhile, and
//! its wait, which counts from when this node asked, may be short by as long as the answer took.
//!
//! # What is in Redis
//!
//! `ringyo:{ACCOUNT}` is an account's bucket, `ringyo:{ACCOUNT}:KEY` that of one of its keys: in a
//! cluster all keys of an account are in one slot, which the script needs. `ringyo:ready` is there
//! for two milliseconds after a health check. No key holds a secret.
//! `DEL` of a bucket fills it, as far as the nodes remember nothing of it.
//!
//! A key's bucket is found by its account and itself together: the same key under two accounts has
//! two buckets here, and one in the local limiter.
//!
//! # When the server answers, and refuses
//!
//! That is an outage as well as silence is: never a denial, and never an admission that nobody has
//! chosen. [`ready`](ringyo_limit::RateLimiter::ready) charges a bucket of its own, so it fails
//! with the same.
//!
//! | the server | is reported as |
//! | --- | --- |
//! | is a replica (`READONLY`, `MASTERDOWN`), or a master that misses its replicas (`NOREPLICAS`) | [`Unavailable`](ringyo_limit::LimitErrorKind); a new connection is made, with sentinels to the new master |
//! | is starting (`LOADING`), or busy with a script of somebody else's (`BUSY`) | `Unavailable` |
//! | is full (`OOM`), cannot save (`MISCONF`), or does not let this client in or write (`NOAUTH`, `NOPERM`) | [`Misconfigured`](ringyo_limit::LimitErrorKind): an operator is needed |
//!
//! # What can be lost
//!
//! * A failover, a restart without persistence and `FLUSHALL` fill the buckets: up to one burst
//!   more for each. So does eviction; give the limiter a server of its own, or
//!   `maxmemory-policy noeviction`.
//! * When the clock of the server is set back, used-up buckets stay so for as much longer; when it
//!   is set forward, they refill as much earlier. The clocks of the nodes do not matter.
//! * A machine that was suspended, and whose monotonic clock stood still with it, refuses by what it
//!   remembers for as long as it would have without that, at most until the bucket would be full.
//! * An answer that comes too late is not used, but what it charged stays charged: at the edge of
//!   an outage fewer requests may be admitted, never more.
//!
//! Tested with Redis 7.0 and Valkey 9.1; written for Redis from 5 on and every Valkey. No module is needed, only
//! the commands `EVALSHA`, `EVAL`, `TIME`, `GET`, `SET` and `PING`, in a cluster also `CLUSTER SLOTS` and
//! `CLUSTER INFO`.
//!
//! # Contents
//!
//! - [`RedisLimiter`]: the limiter.
//! - [`RedisConfig`], [`ConfigError`]: where the server is, and how long to wait for it.
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `tls` | addresses of the form `rediss://`, by rustls and the certificates of the system |
//! | `cluster` | `RedisConfig::cluster` |
//! | `sentinel` | `RedisConfig::sentinel` |

mod bucket;
mod config;
mod denials;
mod failure;
mod limiter;
mod link;
mod script;
mod servers;
#[cfg(test)]
mod tests;

pub use config::{ConfigError, RedisConfig};
pub use limiter::RedisLimiter;
