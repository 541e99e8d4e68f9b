use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use redis::{Cmd, Value};
use ringyo_limit::{
    Backlog, Charge, CheckedBy, Decision, LimitError, LimitErrorKind, Now, RateLimiter, Tally,
    Verdict,
};
use tokio::time::timeout;

use crate::bucket::{self, TICK};
use crate::config::{ConfigError, RedisConfig};
use crate::denials::Denials;
use crate::failure;
use crate::link::Link;
use crate::script::Script;

/// Accounts and keys together; about 10 megabytes if all of them are used up at once.
const REMEMBERED_BUCKETS: usize = 65_536;

/// A limiter that all nodes share through one server. See the [crate's page](crate).
///
/// [`check_now`](RateLimiter::check_now) refuses what this node knows to be over the limit, without
/// I/O and without allocating, and decides nothing else. [`check`](RateLimiter::check) costs one
/// round trip; a second one when the server has lost the script, which it then keeps again.
///
/// A decision that takes longer than the [deadline](RedisConfig::with_deadline) fails with
/// [`Timeout`](LimitErrorKind::Timeout), or with [`Unavailable`](LimitErrorKind::Unavailable) if
/// nothing had been sent. While the server is known to be away, decisions fail at once.
///
/// The connection is made and made again in the background: a server that is back, or a network,
/// is in use again within a second with one of the wrappers in [`ringyo_limit::outage`], and sooner
/// without. Nothing is retried within a decision.
///
/// # Memory
///
/// At most about 65 000 buckets that are used up are remembered on the node, and at most 256 keys
/// of one account, however many are; if there are more, some are forgotten and asked about again.
/// So a flood with up to 256 keys of an account costs one round trip for each of them and refill
/// interval, whatever the other keys of the account have done.
pub struct RedisLimiter {
    link: Link,
    script: Script,
    denials: Denials,
    prefix: Box<str>,
    deadline: Duration,
}

impl RedisLimiter {
    /// Starts to connect on the current tokio runtime and returns at once. Decisions wait for the
    /// connection as long as their deadline allows.
    ///
    /// # Errors
    /// [`ConfigError::NoRuntime`].
    pub fn start(config: RedisConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            link: Link::start(config.servers, config.deadline)?,
            script: Script::on_server_time(),
            denials: Denials::new(REMEMBERED_BUCKETS),
            prefix: config.prefix,
            deadline: config.deadline,
        })
    }

    /// Runs `ask`, which says in its argument when it has sent something, within the deadline.
    async fn within_deadline<T>(
        &self,
        ask: impl AsyncFnOnce(&mut Sent) -> Result<T, LimitError>,
    ) -> Result<T, LimitError> {
        let mut sent = Sent::Nothing;
        match timeout(self.deadline, ask(&mut sent)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.link.doubt();
                Err(LimitError::new(match sent {
                    Sent::Nothing => LimitErrorKind::Unavailable,
                    Sent::Call => LimitErrorKind::Timeout,
                }))
            }
        }
    }

    async fn call(
        &self,
        sent: &mut Sent,
        keys: usize,
        complete: impl Fn(&mut Cmd),
    ) -> Result<Value, LimitError> {
        let mut connection = self.link.connection().await?;
        let mut command = self.script.by_digest(keys);
        complete(&mut command);
        *sent = Sent::Call;
        let mut outcome = connection.call(&command).await;
        if let Err(error) = &outcome
            && failure::is_unknown_script(error)
        {
            // Nothing was carried out, so this is not a second try.
            let mut command = self.script.by_text(keys);
            complete(&mut command);
            outcome = connection.call(&command).await;
        }
        outcome.map_err(|error| {
            if failure::asks_for_another_server(&error) {
                self.link.replace();
            } else if !failure::is_answer(&error) {
                self.link.doubt();
            }
            failure::of_call(error)
        })
    }

    async fn decide(
        &self,
        sent: &mut Sent,
        charge: &Charge<'_>,
        now: Now,
    ) -> Result<(Verdict, Backlog), LimitError> {
        let (account, key) = bucket::names(&self.prefix, charge);
        let keys = 1 + usize::from(key.is_some());
        let reply = self
            .call(sent, keys, |command| {
                command.arg(&account);
                if let Some(key) = &key {
                    command.arg(key);
                }
                command.arg(&bucket::arguments(charge, charge.account()));
                if let Some(key) = charge.key() {
                    command.arg(&bucket::arguments(charge, key));
                }
                self.script.tell_time(command, now);
            })
            .await?;
        read(&reply, charge).ok_or_else(|| LimitError::new(LimitErrorKind::Misconfigured))
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    fn check_now(&self, charge: &Charge<'_>, now: Now) -> Option<Decision> {
        let backlog = self.denials.refuse(charge, now.monotonic)?;
        Some(
            Decision::from_backlog_in(TICK, charge, Verdict::Denied, backlog)
                .with_checked_by(CheckedBy::RemoteDenial),
        )
    }

    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        let (verdict, backlog) = self
            .within_deadline(async |sent| self.decide(sent, charge, now).await)
            .await?;
        // `now` was read before the question was sent.
        self.denials.learn(charge, backlog, now.monotonic);
        Ok(Decision::from_backlog_in(TICK, charge, verdict, backlog)
            .with_checked_by(CheckedBy::Remote))
    }

    fn quota_changed(&self, account: &str) {
        self.denials.forget(account);
    }

    /// None: the buckets are on the server.
    fn tally(&self, _: &str) -> Option<Tally> {
        None
    }

    /// Charges a bucket that nobody else uses, so that a server which answers and takes no writes
    /// is not taken for one that can decide. In a cluster that asks one of the nodes.
    async fn ready(&self) -> Result<(), LimitError> {
        let bucket = bucket::for_readiness(&self.prefix);
        self.within_deadline(async |sent| {
            self.call(sent, 1, |command| {
                command.arg(&bucket).arg(&bucket::READINESS);
            })
            .await
        })
        .await
        .map(drop)
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter")
            .field("prefix", &self.prefix)
            .field("deadline", &self.deadline)
            .field("denials", &self.denials.len())
            .finish_non_exhaustive()
    }
}

/// Whether a charge may have been made by now.
enum Sent {
    Nothing,
    Call,
}

/// What the script gave; `None` if it is not what the script gives.
fn read(reply: &Value, charge: &Charge<'_>) -> Option<(Verdict, Backlog)> {
    let Value::Array(numbers) = reply else {
        return None;
    };
    let micros = |index: usize| match numbers.get(index) {
        Some(Value::Int(micros)) => u64::try_from(*micros).ok().map(Duration::from_micros),
        _ => None,
    };
    let verdict = match numbers.first() {
        Some(Value::Int(1)) => Verdict::Allowed,
        Some(Value::Int(0)) => Verdict::Denied,
        _ => return None,
    };
    let key = match charge.key() {
        Some(_) => micros(2)?,
        None => Duration::ZERO,
    };
    Some((
        verdict,
        Backlog {
            account: micros(1)?,
            key,
        },
    ))
}

#[cfg(test)]
impl RedisLimiter {
    /// A limiter on the time that is passed to it, for tests that move it.
    pub(crate) fn on_callers_time(config: RedisConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            script: Script::on_callers_time(),
            ..Self::start(config)?
        })
    }

    /// The same with a fault in its script, see [`Script::with_fault`].
    pub(crate) fn with_fault(
        config: RedisConfig,
        from: &str,
        into: &str,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            script: Script::on_callers_time().with_fault(from, into),
            ..Self::start(config)?
        })
    }
}
