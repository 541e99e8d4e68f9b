//! What this node knows of buckets that are used up.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use ringyo_limit::{Backlog, Bucket, Charge, Monotonic};

use crate::bucket;

/// Arrival times that were heard from the server, on this node's monotonic clock.
///
/// They are counted from before the question was sent, so the true ones are not earlier; and an
/// arrival time only moves forward. A charge that would be refused by what is known here is
/// therefore refused by the server too, whatever its weight and quota. The server is asked about
/// all others.
///
/// Only what refused something, or would refuse the same again, is worth remembering.
pub(crate) struct Denials {
    parts: Box<[RwLock<Part>]>,
    hasher: RandomState,
    buckets_per_part: usize,
}

#[derive(Default)]
struct Part {
    accounts: HashMap<Box<str>, Known>,
    buckets: usize,
}

#[derive(Default)]
struct Known {
    /// The arrival time in nanoseconds.
    account: u64,
    keys: HashMap<Box<str>, KnownKey>,
}

/// Times in nanoseconds.
#[derive(Clone, Copy)]
struct KnownKey {
    arrival: u64,
    /// Until then it would refuse again what it was last charged.
    refuses_until: u64,
}

/// What an answer is remembered for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// The same would be admitted again, or never is.
    Nothing,
    /// The account would refuse the same again; the key would not.
    Account,
    /// The key would refuse the same again.
    Key,
}

const PARTS: usize = 16;

/// Keys of one account that are told apart.
const KEYS_AT_MOST: usize = 256;

impl Denials {
    /// Remembers about `buckets` at most, accounts and keys together.
    pub(crate) fn new(buckets: usize) -> Self {
        Self {
            parts: (0..PARTS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            buckets_per_part: buckets / PARTS,
        }
    }

    /// How far the buckets are from full, if that is enough to refuse the charge.
    ///
    /// A refusal tells about both buckets. So where only the account is known to refuse, the
    /// server is asked once about the key, unless the account has too many keys for that.
    pub(crate) fn refuse(&self, charge: &Charge<'_>, now: Monotonic) -> Option<Backlog> {
        let account = charge.account();
        let part = self.read(account.subject);
        let known = part.accounts.get(account.subject)?;
        let account_backlog = backlog(known.account, now);
        let account_refuses = !fits(charge, account, account_backlog);
        let (key_backlog, key_refuses) = match charge.key() {
            None => (0, false),
            Some(key) => match known.keys.get(key.subject) {
                Some(known) => {
                    let key_backlog = backlog(known.arrival, now);
                    (key_backlog, !fits(charge, key, key_backlog))
                }
                None if known.keys.len() < KEYS_AT_MOST => return None,
                None => (0, false),
            },
        };
        (account_refuses || key_refuses).then(|| Backlog {
            account: Duration::from_nanos(account_backlog),
            key: Duration::from_nanos(key_backlog),
        })
    }

    /// Takes in what the server said about a charge that it was asked about at `asked_at`.
    pub(crate) fn learn(&self, charge: &Charge<'_>, backlog: Backlog, asked_at: Monotonic) {
        let worth = worth(charge, backlog);
        let account = charge.account().subject;
        if worth == Worth::Nothing && !self.read(account).accounts.contains_key(account) {
            return;
        }
        let draw = self.hasher.hash_one((account, asked_at.as_nanos()));
        let at_most = self.buckets_per_part;
        let mut part = self.write(account);
        if part.buckets >= at_most {
            part.make_room(asked_at, at_most);
        }
        part.learn(charge, backlog, worth, asked_at, draw);
    }

    pub(crate) fn forget(&self, account: &str) {
        let mut part = self.write(account);
        if let Some(known) = part.accounts.remove(account) {
            part.buckets -= known.buckets();
        }
    }

    /// How many buckets are remembered.
    pub(crate) fn len(&self) -> usize {
        self.parts
            .iter()
            .map(|part| part.read().unwrap_or_else(PoisonError::into_inner).buckets)
            .sum()
    }

    // A panic under a lock leaves at worst a wrong count behind: a poisoned lock is as good.
    fn read(&self, account: &str) -> RwLockReadGuard<'_, Part> {
        self.part(account)
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, account: &str) -> RwLockWriteGuard<'_, Part> {
        self.part(account)
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn part(&self, account: &str) -> &RwLock<Part> {
        let index = self.hasher.hash_one(account) as usize % PARTS;
        &self.parts[index]
    }
}

impl Part {
    /// Answers may come in another order than they were given in: the later arrival is the truth.
    fn learn(
        &mut self,
        charge: &Charge<'_>,
        backlog: Backlog,
        worth: Worth,
        asked_at: Monotonic,
        draw: u64,
    ) {
        let subject = charge.account().subject;
        if !self.accounts.contains_key(subject) {
            if worth == Worth::Nothing {
                return;
            }
            self.buckets += 1;
            self.accounts.insert(subject.into(), Known::default());
        }
        let Some(known) = self.accounts.get_mut(subject) else {
            return;
        };
        let account_arrival = (asked_at + backlog.account).as_nanos();
        known.account = known.account.max(account_arrival);
        if let Some(key) = charge.key() {
            let arrival = (asked_at + backlog.key).as_nanos();
            let spare = bucket::fill_nanos(key.quota)
                .saturating_sub(bucket::cost_nanos(key.quota, charge.weight().get()));
            let heard = KnownKey {
                arrival,
                refuses_until: arrival.saturating_sub(spare),
            };
            let before = known.keys.len();
            known.learn_key(key.subject, heard, worth, asked_at, draw);
            self.buckets += known.keys.len() - before;
        }
    }

    /// Drops what is full again and, if that is not half of it, everything: what is forgotten costs
    /// a round trip, and looking for something better to forget would cost each newcomer more.
    fn make_room(&mut self, now: Monotonic, at_most: usize) {
        let now = now.as_nanos();
        self.accounts.retain(|_, known| {
            known.account > now || known.keys.values().any(|key| key.arrival > now)
        });
        self.buckets = self.accounts.values().map(Known::buckets).sum();
        if self.buckets > at_most / 2 {
            self.accounts.clear();
            self.buckets = 0;
        }
    }
}

impl Known {
    fn buckets(&self) -> usize {
        1 + self.keys.len()
    }

    /// A key that refuses finds room whatever is there, so that a flood of calls with it costs one
    /// question: in the place of one that refuses no more, or else of one that `draw` names. In
    /// turn would be worse: of one key too many asked in turn, each would have gone before it comes
    /// again.
    fn learn_key(&mut self, key: &str, heard: KnownKey, worth: Worth, now: Monotonic, draw: u64) {
        if let Some(known) = self.keys.get_mut(key) {
            known.arrival = known.arrival.max(heard.arrival);
            known.refuses_until = known.refuses_until.max(heard.refuses_until);
            return;
        }
        match worth {
            Worth::Nothing => return,
            // Beyond that the account alone is remembered, which refuses as well.
            Worth::Account if self.keys.len() >= KEYS_AT_MOST => return,
            Worth::Key if self.keys.len() >= KEYS_AT_MOST => {
                let drawn = draw as usize % self.keys.len();
                let is_over = |key: &KnownKey| key.refuses_until <= now.as_nanos();
                let mut over = self.keys.iter().filter(|(_, known)| is_over(known));
                let leaves = over.next().or_else(|| self.keys.iter().nth(drawn));
                if let Some(leaves) = leaves.map(|(key, _)| key.clone()) {
                    self.keys.remove(&leaves);
                }
            }
            Worth::Account | Worth::Key => {}
        }
        self.keys.insert(key.into(), heard);
    }
}

fn worth(charge: &Charge<'_>, backlog: Backlog) -> Worth {
    let fits = |bucket, backlog| fits(charge, bucket, nanos(backlog));
    if !charge.is_payable() {
        Worth::Nothing
    } else if charge.key().is_some_and(|key| !fits(key, backlog.key)) {
        Worth::Key
    } else if !fits(charge.account(), backlog.account) {
        Worth::Account
    } else {
        Worth::Nothing
    }
}

/// Whether the server would admit the charge to this bucket.
fn fits(charge: &Charge<'_>, bucket: Bucket<'_>, backlog: u64) -> bool {
    let cost = bucket::cost_nanos(bucket.quota, charge.weight().get());
    backlog.saturating_add(cost) <= bucket::fill_nanos(bucket.quota)
}

fn backlog(arrival: u64, now: Monotonic) -> u64 {
    arrival.saturating_sub(now.as_nanos())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringyo_limit::Quota;

    const ONE: Quota = Quota::per_hour(1);
    const SPENT: Backlog = Backlog {
        account: Duration::from_secs(3_600),
        key: Duration::from_secs(3_600),
    };

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_flood_of_accounts_takes_bounded_memory() {
        let denials = Denials::new(1_600);
        let mut most = 0;
        for index in 0..100_000 {
            let (account, key) = (format!("acct_{index}"), format!("key_{index}"));
            let charge = Charge::to_account(&account, ONE).with_key(&key, ONE);
            denials.learn(&charge, SPENT, at(1));
            assert!(denials.refuse(&charge, at(1)).is_some());
            most = most.max(denials.len());
        }
        assert!((800..=1_600 + 2 * PARTS).contains(&most), "{most}");
        let counted: usize = denials
            .parts
            .iter()
            .map(|part| {
                let part = part.read().unwrap();
                let keys = part.accounts.values().map(|known| known.keys.len());
                part.accounts.len() + keys.sum::<usize>()
            })
            .sum();
        assert_eq!(denials.len(), counted);
    }

    #[test]
    fn what_is_over_makes_room_first() {
        let denials = Denials::new(16 * 64);
        let lasting = Charge::to_account("lasting", ONE);
        let hour = Backlog::default();
        for index in 0..10_000 {
            // Every one of these is over before the next comes.
            let now = at(10 * index);
            let account = format!("acct_{index}");
            let second = Duration::from_secs(1);
            let brief = Backlog {
                account: second,
                ..hour
            };
            let charge = Charge::to_account(&account, Quota::per_second(1));
            denials.learn(&charge, brief, now);
            denials.learn(&lasting, SPENT, now);
            assert!(denials.refuse(&lasting, now).is_some());
        }
        // Asked about once, at the end of all that: it has never been thrown out.
        assert!(denials.refuse(&lasting, at(10 * 9_999 + 3_599)).is_some());
        assert!(denials.refuse(&lasting, at(10 * 9_999 + 3_600)).is_none());
    }

    #[test]
    fn an_account_with_many_keys_is_bounded_too() {
        let denials = Denials::new(1_000_000);
        let wide = Quota::per_hour(100);
        let refused = |index: usize| {
            let key = format!("key_{index}");
            let charge = Charge::to_account("acct_1", ONE).with_key(&key, wide);
            let known = denials.refuse(&charge, at(1)).is_some();
            if !known {
                denials.learn(&charge, SPENT, at(1));
            }
            known
        };
        // Each key is asked about once, and those beyond the bound not at all.
        let asked: Vec<usize> = (0..1_000).filter(|index| !refused(*index)).collect();
        assert_eq!(asked.len(), KEYS_AT_MOST);
        assert!((0..1_000).all(refused));
        assert_eq!(denials.len(), 1 + KEYS_AT_MOST);
        denials.forget("acct_1");
        assert_eq!(denials.len(), 0);
    }

    /// A backlog after which a key's bucket of one cell a minute is used up.
    const KEY_SPENT: Backlog = Backlog {
        account: Duration::from_secs(10),
        key: Duration::from_secs(60),
    };

    /// Asks and learns what the server says, if it is asked.
    fn is_asked(denials: &Denials, charge: &Charge<'_>, says: Backlog, now: Monotonic) -> bool {
        let is_asked = denials.refuse(charge, now).is_none();
        if is_asked {
            denials.learn(charge, says, now);
        }
        is_asked
    }

    #[test]
    fn keys_that_had_their_turn_make_room_for_one_that_is_flooded() {
        let denials = Denials::new(1_000_000);
        let (wide, narrow) = (Quota::per_hour(1_000_000), Quota::per_minute(1));
        let keys: Vec<String> = (0..300).map(|index| format!("key_{index}")).collect();
        let charge =
            |index: usize| Charge::to_account("acct_1", wide).with_key(&keys[index], narrow);
        // Each uses up its cell, and half an hour later all have it again.
        for index in 0..KEYS_AT_MOST {
            assert!(is_asked(&denials, &charge(index), KEY_SPENT, at(1)));
        }
        let later = 1_800;
        let asked = (0..1_000).filter(|_| is_asked(&denials, &charge(299), KEY_SPENT, at(later)));
        assert_eq!(asked.count(), 1);
        assert_eq!(denials.len(), 1 + KEYS_AT_MOST);
        // The same when all that are remembered refuse, and of several in turn.
        for index in 0..KEYS_AT_MOST {
            denials.learn(&charge(index), KEY_SPENT, at(later));
        }
        let turns = (0..100).flat_map(|_| 290..300).zip(0..);
        let asked = turns.filter(|(index, micros)| {
            let now = at(later) + Duration::from_micros(*micros);
            is_asked(&denials, &charge(*index), KEY_SPENT, now)
        });
        let asked = asked.count();
        assert!((9..=20).contains(&asked), "{asked} of 1000");
        assert_eq!(denials.len(), 1 + KEYS_AT_MOST);
    }

    #[test]
    fn keys_that_are_admitted_take_no_room() {
        let denials = Denials::new(1_000_000);
        let wide = Quota::per_hour(1_000_000);
        let keys: Vec<String> = (0..300).map(|index| format!("key_{index}")).collect();
        let spent = Charge::to_account("acct_1", wide).with_key(&keys[0], ONE);
        denials.learn(&spent, SPENT, at(1));
        let brief = Backlog {
            account: Duration::from_millis(4),
            key: Duration::from_millis(4),
        };
        for key in &keys[1..] {
            let charge = Charge::to_account("acct_1", wide).with_key(key, wide);
            denials.learn(&charge, brief, at(1));
        }
        assert_eq!(denials.len(), 2);
        assert!(denials.refuse(&spent, at(2)).is_some());
    }

    #[test]
    fn an_older_answer_takes_nothing_back() {
        let denials = Denials::new(1_600);
        let charge = Charge::to_account("acct_1", ONE);
        denials.learn(&charge, SPENT, at(100));
        denials.learn(&charge, Backlog::default(), at(99));
        assert!(denials.refuse(&charge, at(3_699)).is_some());
        assert!(denials.refuse(&charge, at(3_700)).is_none());
    }
}
