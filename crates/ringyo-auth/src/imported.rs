//! Keys of another origin: nothing in them proves where they were made, so each one that is not
//! cached costs a look at the store, and how many of those may come to nothing is bounded.

use ringyo_key::{Digest, ForeignKey, KeyId, PepperId};
use ringyo_limit::Monotonic;

use crate::core::Core;
use crate::credential::Credential;
use crate::error::{InvalidKey, Unavailable};
use crate::proven::Unproven;
use crate::sync::{AtomicU64, Ordering};

/// What somebody has shown to be: the key that it would be, and whether it is.
pub(crate) trait Claim: Send + Sync {
    /// The key that it would be.
    fn id(&self) -> KeyId;

    /// Whether it is the key with that digest, made under that pepper; in constant time.
    fn is_of(&self, core: &Core, pepper: Option<PepperId>, digest: &Digest) -> bool;

    /// Asks to look the key up.
    fn look_up(&self, core: &Core) -> Result<LookUp, Unavailable>;
}

/// Leave to look a key up.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LookUp {
    /// As often as anybody likes: it was minted here.
    Free,
    /// One of those of that second.
    Counted { second: u32 },
}

impl LookUp {
    /// The key was there. What is there is no flood.
    pub(crate) fn found(self, core: &Core) {
        if let Self::Counted { second } = self {
            core.foreign_look_ups.give_back(second);
        }
    }
}

/// A text that looks like a key of another origin.
pub(crate) struct Imported(ForeignKey);

impl Imported {
    /// What came, if it is no key of our own making and looks like one of another's that are
    /// accepted.
    #[inline(always)]
    pub(crate) fn instead(
        core: &Core,
        credential: &Credential<'_>,
        unproven: Unproven,
    ) -> Option<Self> {
        if !core.format.accepts_foreign() {
            return None;
        }
        match unproven {
            Unproven::Invalid(InvalidKey::Malformed(_)) => {
                Self::read(core, credential.presented.text()?)
            }
            _ => None,
        }
    }

    pub(crate) fn read(core: &Core, text: &[u8]) -> Option<Self> {
        core.format.read_foreign(text).map(Self)
    }
}

impl Claim for Imported {
    fn id(&self) -> KeyId {
        self.0.id
    }

    fn is_of(&self, _: &Core, pepper: Option<PepperId>, digest: &Digest) -> bool {
        // A record with a pepper is of a key of our own making.
        pepper.is_none() && self.0.digest.matches(digest)
    }

    fn look_up(&self, core: &Core) -> Result<LookUp, Unavailable> {
        let taken = core.foreign_look_ups.take(core.now().monotonic);
        taken.ok_or(Unavailable::TooManyForeign)
    }
}

/// Counts look-ups that are under way or came to nothing, second by second.
#[derive(Debug)]
pub(crate) struct LookUps {
    per_second: u32,
    /// The second in the upper half, what was taken of it in the lower.
    taken: AtomicU64,
}

impl LookUps {
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            taken: AtomicU64::new(0),
        }
    }

    fn take(&self, now: Monotonic) -> Option<LookUp> {
        // After 136 years it begins anew.
        let now = (now.as_nanos() / 1_000_000_000) as u32;
        let mut second = now;
        let take = |state: u64| {
            let (last, taken) = ((state >> 32) as u32, state as u32);
            // Whoever has read the clock before another took the second after is counted there.
            second = now.max(last);
            let taken = if second == last { taken } else { 0 };
            (taken < self.per_second).then(|| u64::from(second) << 32 | u64::from(taken + 1))
        };
        let update = self
            .taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        update.ok().map(|_| LookUp::Counted { second })
    }

    fn give_back(&self, second: u32) {
        let give_back = |state: u64| {
            let is_that_second = (state >> 32) as u32 == second && state as u32 > 0;
            is_that_second.then(|| state - 1)
        };
        // Of a second that is over there is nothing to give back.
        let _ = self
            .taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, give_back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number here is the scheduler's, which wants to be there.
    #[test]
    fn so_many_are_looked_up_in_a_second_and_what_is_found_does_not_count() {
        shuttle::check_random(
            || {
                let look_ups = LookUps::new(2);
                let take = |millis: u64| {
                    let now = Monotonic::from_nanos(millis * 1_000_000);
                    match look_ups.take(now)? {
                        LookUp::Counted { second } => Some(second),
                        LookUp::Free => panic!("none of these is free"),
                    }
                };
                assert_eq!([7_000, 7_400, 7_999].map(take), [Some(7), Some(7), None]);
                look_ups.give_back(7);
                assert_eq!([7_999; 2].map(take), [Some(7), None]);
                // Who has read the clock before is counted in the second that has begun since.
                assert_eq!([8_000, 7_999, 8_999].map(take), [Some(8), Some(8), None]);
                // Of a second that is over there is nothing to give back.
                look_ups.give_back(7);
                assert_eq!(take(8_999), None);
                // Nor is there more than was taken.
                for _ in 0..3 {
                    look_ups.give_back(8);
                }
                assert_eq!([7_900, 8_000, 8_999].map(take), [Some(8), Some(8), None]);
            },
            1,
        );
    }
}
