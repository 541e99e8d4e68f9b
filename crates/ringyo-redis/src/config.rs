use std::fmt;
use std::time::Duration;

use crate::servers::Servers;

/// Where Redis or Valkey is, and how long a decision may wait for it.
///
/// `Debug` does not show the address, which may hold a password.
///
/// ```
/// use ringyo_redis::RedisConfig;
/// use std::time::Duration;
///
/// let config = RedisConfig::new("redis://:secret@127.0.0.1:6379/2")?
///     .with_prefix("voice-api")?
///     .with_deadline(Duration::from_millis(40));
/// assert!(!format!("{config:?}").contains("secret"));
/// assert!(RedisConfig::new("127.0.0.1").is_err());
/// # Ok::<(), ringyo_redis::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct RedisConfig {
    pub(crate) servers: Servers,
    pub(crate) prefix: Box<str>,
    pub(crate) deadline: Duration,
}

/// Why a limiter cannot be set up. Never tells the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An address is not one.
    #[error(
        "redis address is not understood: expected redis://[[user]:password@]host[:port][/database], \
         or rediss:// with the feature `tls`"
    )]
    Address,
    /// The list of cluster or sentinel addresses is empty, or they do not fit together.
    #[error(
        "redis addresses of a cluster or of sentinels: expected at least one, all with the same user"
    )]
    Addresses,
    /// A prefix holds braces.
    #[error("key prefix must not hold `{{` or `}}`")]
    Prefix,
    /// The limiter was started outside of a tokio runtime.
    #[error("a redis limiter needs a tokio runtime to start in")]
    NoRuntime,
}

impl RedisConfig {
    /// One server: `redis://[[user]:password@]host[:port][/database]`.
    ///
    /// # Errors
    /// [`ConfigError::Address`].
    pub fn new(address: &str) -> Result<Self, ConfigError> {
        Servers::single(address).map(Self::of)
    }

    /// A cluster, of which at least one of these nodes must be reachable at the start.
    ///
    /// The client follows a slot that moves with one more call, and may repeat a call whose
    /// connection broke: the second may charge again, so that fewer requests are admitted, never
    /// more. While one node is away, the accounts on the others are decided as before; when it is
    /// back, all connections are made anew, for which these nodes are asked first.
    ///
    /// # Errors
    /// [`ConfigError::Address`], [`ConfigError::Addresses`].
    #[cfg(feature = "cluster")]
    pub fn cluster<T: AsRef<str>>(
        addresses: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        Servers::cluster(addresses).map(Self::of)
    }

    /// The server that these sentinels call the master. They are asked all at once, and the first
    /// answer that leads to a master counts. After a failover they are asked again.
    ///
    /// `master` is the address of a server with the name that the sentinels know it by in place of
    /// the host: `redis://:password@mymaster/0`.
    ///
    /// # Errors
    /// [`ConfigError::Address`], [`ConfigError::Addresses`].
    #[cfg(feature = "sentinel")]
    pub fn sentinel<T: AsRef<str>>(
        master: &str,
        sentinels: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        Servers::sentinel(master, sentinels).map(Self::of)
    }

    /// How long one decision may take before it fails: 25 ms if nothing is said. It is never tried
    /// twice. Up to 200 ms a server that is back is in use again within a second; with more, a
    /// connection that was lost is noticed later by as much, at most by a second.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// What the names of all keys begin with: `ringyo` if nothing is said. Services that share a
    /// server and have accounts of the same names need different ones.
    ///
    /// # Errors
    /// [`ConfigError::Prefix`].
    pub fn with_prefix(self, prefix: &str) -> Result<Self, ConfigError> {
        if prefix.contains(['{', '}']) {
            return Err(ConfigError::Prefix);
        }
        Ok(Self {
            prefix: prefix.into(),
            ..self
        })
    }

    fn of(servers: Servers) -> Self {
        Self {
            servers,
            prefix: "ringyo".into(),
            deadline: Duration::from_millis(25),
        }
    }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("prefix", &self.prefix)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
