//! What the tests share.

use std::time::Duration;

use redis::{Connection, FromRedisValue};
use ringyo_limit::{Charge, Clock, Decision, LimitError, Quota, RateLimiter, SystemClock};
use ringyo_redis::{RedisConfig, RedisLimiter};

/// Refills nothing while a test runs.
pub(crate) const FIFTY: Quota = Quota::per_hour(50);

/// A limiter that has time: what is asked of it is not about speed.
pub(crate) fn patient(address: &str) -> RedisLimiter {
    let config = RedisConfig::new(address).unwrap();
    RedisLimiter::start(config.with_deadline(Duration::from_secs(20))).unwrap()
}

/// Asks as a service does: what is known here first, then the server.
pub(crate) async fn ask(
    limiter: &dyn RateLimiter,
    charge: &Charge<'_>,
) -> Result<Decision, LimitError> {
    let now = SystemClock::default().now();
    match limiter.check_now(charge, now) {
        Some(decision) => Ok(decision),
        None => limiter.check(charge, now).await,
    }
}

/// A client to look into a server with.
pub(crate) struct Admin(Connection);

impl Admin {
    pub(crate) fn of(address: &str) -> Self {
        let client = redis::Client::open(address).unwrap();
        Self(client.get_connection().unwrap())
    }

    pub(crate) fn ask<T: FromRedisValue>(&mut self, command: &str) -> T {
        let mut words = command.split_whitespace();
        let mut command = redis::cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        command.query(&mut self.0).unwrap()
    }

    /// How often this command has been carried out.
    pub(crate) fn calls(&mut self, command: &str) -> u64 {
        let stats: String = self.ask("INFO commandstats");
        let line = format!("cmdstat_{command}:calls=");
        stats
            .lines()
            .find_map(|stat| stat.strip_prefix(&line))
            .map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    }

    /// The keys that would stay for ever.
    pub(crate) fn immortal(&mut self) -> Vec<String> {
        let mut keys: Vec<String> = self.ask("KEYS *");
        keys.retain(|key| self.ask::<i64>(&format!("PTTL {key}")) == -1);
        keys
    }

    /// The server's clock, in microseconds.
    pub(crate) fn micros(&mut self) -> u64 {
        let (seconds, micros): (u64, u64) = self.ask("TIME");
        seconds * 1_000_000 + micros
    }
}
