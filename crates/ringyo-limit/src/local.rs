//! The limiter for one process.

pub(crate) mod arrival;
mod buckets;

use std::fmt;

use async_trait::async_trait;

use crate::charge::{Bucket, Charge};
use crate::clock::{Monotonic, Now};
use crate::decision::{Decision, Outcome, Verdict};
use crate::error::LimitError;
use crate::limiter::RateLimiter;
use crate::sync::{AtomicU64, Ordering};
use crate::tally::Tally;

use self::buckets::Buckets;

/// Limits within this process, in memory, by GCRA as the `governor` crate implements it.
///
/// Always decides in [`check_now`](RateLimiter::check_now), never fails, and reads no clock. A
/// subject that has been seen lately is charged without allocating: one table lookup under a
/// shared lock, which a [`Tally`] saves, and one compare-and-swap; a key's own bucket costs one
/// short exclusive lock of the sixty-fourth part of the keys that it falls into.
///
/// # Memory
///
/// A bucket that is full again is the same as no bucket and is dropped, a few at a time, as new
/// ones come in; [`shrink`](Self::shrink) drops them all at once. What stays is proportional to
/// the subjects that are below full, not to the subjects ever seen. A bucket that is not full, or
/// whose [`Tally`] somebody has, is never dropped.
///
/// # Time
///
/// The caller passes the time. Readings that step back a little are safe, see [`RateLimiter`].
/// Time stands still for the limiter 292 years after the start of [`Monotonic`].
///
/// ```
/// use ringyo_limit::{Charge, Clock, LocalLimiter, Quota, SystemClock};
///
/// let limiter = LocalLimiter::new();
/// let now = SystemClock::default().now();
/// let charge = Charge::to_account("acct_1", Quota::per_second(5));
/// let admitted = (0..8).filter(|_| limiter.decide(&charge, now.monotonic).is_allowed()).count();
/// assert_eq!(admitted, 5);
/// ```
#[derive(Default)]
pub struct LocalLimiter {
    accounts: Buckets,
    keys: Buckets,
}

impl LocalLimiter {
    /// A limiter in which every bucket is full.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decides at `now`: what [`check_now`](RateLimiter::check_now) does, without the option.
    pub fn decide(&self, charge: &Charge<'_>, now: Monotonic) -> Decision {
        let now = now.as_nanos().min(LAST_MOMENT);
        let Spent { verdict, arrivals } = if !charge.is_payable() {
            self.refuse(charge)
        } else if let Some(key) = charge.key() {
            self.pay_both(charge, key, now)
        } else {
            self.pay_account(charge, now)
        };
        let backlog = [arrivals.account, arrivals.key].map(|arrival| arrival.saturating_sub(now));
        let outcome = Outcome::local(verdict, charge.weight(), backlog);
        Decision::on(charge, outcome)
    }

    /// Drops every bucket that is full at `now` and gives the memory back.
    ///
    /// Never needed for bounded memory, only to have it back at once after a busy time. Locks the
    /// sixty-four parts one after another, each for as long as walking it takes.
    pub fn shrink(&self, now: Monotonic) {
        let now = now.as_nanos().min(LAST_MOMENT);
        self.accounts.shrink(now);
        self.keys.shrink(now);
    }

    /// How many buckets are held in memory, accounts and keys together: those below full, and
    /// some that have become full since.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.accounts.len() + self.keys.len()
    }

    fn refuse(&self, charge: &Charge<'_>) -> Spent {
        Spent {
            verdict: Verdict::Denied,
            arrivals: Arrivals {
                account: self.account_arrival(charge),
                key: charge.key().map_or(0, |key| self.keys.arrival(key.subject)),
            },
        }
    }

    fn account_arrival(&self, charge: &Charge<'_>) -> u64 {
        match charge.tally() {
            Some(tally) => tally.arrival().load(Ordering::Relaxed),
            None => self.accounts.arrival(charge.account().subject),
        }
    }

    #[inline]
    fn pay_account(&self, charge: &Charge<'_>, now: u64) -> Spent {
        let Bucket { subject, quota } = charge.account();
        let pay = |arrival: &AtomicU64| arrival::pay(arrival, quota, charge.weight(), now);
        let (verdict, account) = match charge.tally() {
            Some(tally) => pay(tally.arrival()),
            None => self.accounts.with_arrival(subject, now, pay),
        };
        Spent {
            verdict,
            arrivals: Arrivals { account, key: 0 },
        }
    }

    /// Both or neither, without giving anything back.
    ///
    /// A refund would break GCRA's bound: between charge and refund the bucket refuses others, and
    /// it cannot be told whether the arrival time that is moved back is still the one that was
    /// moved forward. So nothing is charged before both are known to pay:
    ///
    /// 1. The exclusive lock of the key's part is taken. Key buckets change only here, under this
    ///    lock, so what is read now stays true until it is released.
    /// 2. The key pays on a copy. If it cannot, nothing has happened to either bucket.
    /// 3. The account pays by compare-and-swap, the one step that others can see and the moment
    ///    at which the decision is made. If it cannot, the copy is thrown away.
    /// 4. The key's copy is stored. By 1 that cannot fail, and nobody can decide on the key's
    ///    bucket between 3 and 4.
    ///
    /// Locks are always taken in the order key, account, and a charge without a key takes no key
    /// lock: there is no circle to dead-lock in.
    fn pay_both(&self, charge: &Charge<'_>, key: Bucket<'_>, now: u64) -> Spent {
        let mut keys = self.keys.lock(key.subject);
        let unpaid = keys.arrival();
        let copy = AtomicU64::new(unpaid);
        let (verdict, paid) = arrival::pay(&copy, key.quota, charge.weight(), now);
        if verdict == Verdict::Denied {
            return Spent {
                verdict,
                arrivals: Arrivals {
                    account: self.account_arrival(charge),
                    key: unpaid,
                },
            };
        }
        let account = self.pay_account(charge, now);
        let key = match account.verdict {
            Verdict::Allowed => {
                keys.store(paid, now);
                paid
            }
            Verdict::Denied => unpaid,
        };
        Spent {
            verdict: account.verdict,
            arrivals: Arrivals {
                key,
                ..account.arrivals
            },
        }
    }
}

#[async_trait]
impl RateLimiter for LocalLimiter {
    fn check_now(&self, charge: &Charge<'_>, now: Now) -> Option<Decision> {
        Some(self.decide(charge, now.monotonic))
    }

    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        Ok(self.decide(charge, now.monotonic))
    }

    fn quota_changed(&self, _account: &str) {}

    fn tally(&self, account: &str) -> Option<Tally> {
        Some(Tally::new(self.accounts.share(account)))
    }

    async fn ready(&self) -> Result<(), LimitError> {
        Ok(())
    }
}

impl fmt::Debug for LocalLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalLimiter")
            .field("accounts", &self.accounts.len())
            .field("keys", &self.keys.len())
            .finish()
    }
}

/// Theoretical arrival times in nanoseconds on the monotonic clock.
struct Arrivals {
    account: u64,
    key: u64,
}

struct Spent {
    verdict: Verdict,
    arrivals: Arrivals,
}

/// governor adds without checking: half of the range is kept free above the latest time, which is
/// more than `Quota::MAX_FILL` many times over.
pub(crate) const LAST_MOMENT: u64 = 1 << 63;
