//! Ways to ask Redis, the plainest first.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline};
use ringyo::limit::{Charge, RateLimiter};
use ringyo::{Clock, Quota, RedisLimiter, SystemClock};

/// What a contender answers: whether the request may pass.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

pub(crate) trait Contender: Send + Sync {
    fn name(&self) -> &'static str;

    /// Asks for one request of this account.
    fn ask<'a>(&'a self, account: &'a str) -> Answer<'a>;

    /// What it has to answer, or it would not be measured.
    fn expected(&self) -> bool {
        true
    }
}

/// So much that nobody is refused.
const PLENTY: Quota = Quota::per_second(100_000);

/// A bare round trip.
pub(crate) struct Ping(pub(crate) MultiplexedConnection);

impl Contender for Ping {
    fn name(&self) -> &'static str {
        "PING"
    }

    fn ask<'a>(&'a self, _: &'a str) -> Answer<'a> {
        let mut connection = self.0.clone();
        Box::pin(async move {
            let pong: String = Cmd::new()
                .arg("PING")
                .query_async(&mut connection)
                .await
                .unwrap();
            pong == "PONG"
        })
    }
}

/// A count, which is the least that a limiter of any kind needs.
pub(crate) struct IncrAndExpire(pub(crate) MultiplexedConnection);

impl Contender for IncrAndExpire {
    fn name(&self) -> &'static str {
        "INCR+EXPIRE"
    }

    fn ask<'a>(&'a self, account: &'a str) -> Answer<'a> {
        let mut connection = self.0.clone();
        Box::pin(async move {
            let mut both = Pipeline::with_capacity(2);
            both.cmd("INCR").arg(account);
            both.cmd("EXPIRE").arg(account).arg(60).ignore();
            let (count,): (u64,) = both.query_async(&mut connection).await.unwrap();
            count > 0
        })
    }
}

/// redis-cell, by the client that is used for everything else here.
pub(crate) struct RedisCell(pub(crate) MultiplexedConnection);

impl Contender for RedisCell {
    fn name(&self) -> &'static str {
        "redis-cell"
    }

    fn ask<'a>(&'a self, account: &'a str) -> Answer<'a> {
        let mut connection = self.0.clone();
        Box::pin(async move {
            let mut command = redis::cmd("CL.THROTTLE");
            // Its names must not be those that are counted above.
            command.arg(["cell:", account].concat());
            // It adds one to the burst.
            command.arg(PLENTY.burst() - 1).arg(PLENTY.burst()).arg(1);
            let (limited, ..): (u8, i64, i64, i64, i64) =
                command.query_async(&mut connection).await.unwrap();
            limited == 0
        })
    }
}

/// The limiter that this bench is about.
pub(crate) struct Ringyo {
    pub(crate) limiter: Arc<RedisLimiter>,
    pub(crate) charges: Charges,
}

#[derive(Clone, Copy)]
pub(crate) enum Charges {
    Account,
    AccountAndKey,
    /// An account that is used up, asked of the server all the same.
    UsedUp,
}

pub(crate) fn used_up() -> Charge<'static> {
    Charge::to_account("acct_used_up/live", Quota::per_hour(1))
}

impl Contender for Ringyo {
    fn name(&self) -> &'static str {
        match self.charges {
            Charges::Account => "ringyo",
            Charges::AccountAndKey => "ringyo, account and key",
            Charges::UsedUp => "ringyo, refusing",
        }
    }

    fn ask<'a>(&'a self, account: &'a str) -> Answer<'a> {
        Box::pin(async move {
            let charge = match self.charges {
                Charges::Account => Charge::to_account(account, PLENTY),
                Charges::AccountAndKey => {
                    Charge::to_account(account, PLENTY).with_key("2f9Kx0aLmQz7", PLENTY)
                }
                Charges::UsedUp => used_up(),
            };
            let now = SystemClock::default().now();
            let decision = self.limiter.check(&charge, now).await;
            decision.unwrap().is_allowed()
        })
    }

    fn expected(&self) -> bool {
        !matches!(self.charges, Charges::UsedUp)
    }
}
