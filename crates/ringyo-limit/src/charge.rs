//! What one request costs, and whom.

use std::num::NonZeroU32;

use crate::quota::Quota;
use crate::tally::Tally;

/// A subject and the quota that holds for it now.
///
/// A limiter remembers what the subject has spent, never its quota: the quota comes with every
/// charge, so a change of plan is simply another quota from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket<'a> {
    /// Whose bucket it is; any text, compared byte by byte. Not a secret: limiters may store it
    /// and send it over a network.
    pub subject: &'a str,
    /// What the bucket holds and how it refills.
    pub quota: Quota,
}

/// What one request costs: a weight, taken from an account's bucket and, if it has one, from the
/// key's own bucket too. From both or from neither.
///
/// An account and a key with the same text are different subjects. A key belongs to one account:
/// whether the same key under another account has the same bucket is up to the limiter.
///
/// ```
/// use ringyo_limit::{Charge, Quota};
/// use std::num::NonZeroU32;
///
/// let charge = Charge::to_account("acct_1", Quota::per_minute(300))
///     .with_key("2f9Kx0aLmQz7", Quota::per_minute(60))
///     .with_weight(NonZeroU32::new(5).ok_or("weight")?);
/// assert_eq!(charge.account().subject, "acct_1");
/// assert_eq!(charge.weight().get(), 5);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge<'a> {
    account: Bucket<'a>,
    key: Option<Bucket<'a>>,
    weight: NonZeroU32,
    tally: Option<&'a Tally>,
}

impl<'a> Charge<'a> {
    /// One cell from the bucket of the account `subject`.
    #[must_use]
    pub const fn to_account(subject: &'a str, quota: Quota) -> Self {
        Self {
            account: Bucket { subject, quota },
            key: None,
            weight: NonZeroU32::MIN,
            tally: None,
        }
    }

    /// The same, taken from the bucket of the key `subject` as well. Replaces an earlier key.
    #[must_use]
    pub const fn with_key(self, subject: &'a str, quota: Quota) -> Self {
        Self {
            key: Some(Bucket { subject, quota }),
            ..self
        }
    }

    /// The same with `weight` cells instead of one. Replaces an earlier weight.
    ///
    /// A weight above the [burst](Quota::burst) of either bucket can never be admitted.
    #[must_use]
    pub const fn with_weight(self, weight: NonZeroU32) -> Self {
        Self { weight, ..self }
    }

    /// The same, with what the limiter gave for the account's bucket, so that it need not look
    /// the bucket up. It must be from the limiter that is charged, and for the account that is
    /// charged; see [`RateLimiter::tally`](crate::RateLimiter::tally).
    #[must_use]
    pub const fn with_tally(self, tally: Option<&'a Tally>) -> Self {
        Self { tally, ..self }
    }

    /// The account's bucket.
    #[must_use]
    pub const fn account(&self) -> Bucket<'a> {
        self.account
    }

    /// The key's own bucket; `None` when the account's quota is the only limit.
    #[must_use]
    pub const fn key(&self) -> Option<Bucket<'a>> {
        self.key
    }

    /// Cells taken from each bucket.
    #[must_use]
    pub const fn weight(&self) -> NonZeroU32 {
        self.weight
    }

    /// What the limiter gave for the account's bucket, if the charge brings it.
    #[must_use]
    pub const fn tally(&self) -> Option<&'a Tally> {
        self.tally
    }

    /// Whether some state of the buckets would admit this charge: the weight is within the burst
    /// of both. If not, every limiter denies it for ever and charges nothing.
    #[must_use]
    pub fn is_payable(&self) -> bool {
        let weight = self.weight.get();
        weight <= self.account.quota.burst()
            && self.key.is_none_or(|key| weight <= key.quota.burst())
    }
}
