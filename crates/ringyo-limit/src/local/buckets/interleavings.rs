//! Buckets under a scheduler: the real limiter, charged and swept in every order that it tries.
//!
//! Tasks of one execution run one at a time, and at each lock and atomic the scheduler draws which
//! goes on. What it does not try out is weak memory: every atomic is read as last written.
//!
//! Each case is run twice over: as it is, and with a fault planted, which must be found.

mod stage;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::charge::Charge;
use crate::clock::Monotonic;
use crate::decision::Verdict;
use crate::local::{LocalLimiter, arrival};
use crate::quota::Quota;
use stage::{breaks, holds};

/// Two at once, and the next in half an hour.
const TWO: Quota = Quota::per_hour(2);
const ONE: Quota = Quota::per_hour(1);

/// When everything is charged.
const NOW: Monotonic = Monotonic::from_nanos(1_000_000_000);

/// When everything is full again.
const LATER: Monotonic = Monotonic::from_nanos(1_000_000_000 + 7_200_000_000_000);

type Sweep = fn(&LocalLimiter, Monotonic);
type Decide = fn(&LocalLimiter, &Charge<'_>) -> bool;

fn decide(limiter: &LocalLimiter, charge: &Charge<'_>) -> bool {
    limiter.decide(charge, NOW).is_allowed()
}

/// So many of so many charges are let in.
fn admitted(limiter: &LocalLimiter, charge: &Charge<'_>, times: usize) -> usize {
    (0..times).filter(|_| decide(limiter, charge)).count()
}

/// Two callers whose readings are from before a sweep charge one account twice each.
fn sweeping(sweep: Sweep) -> impl stage::Case {
    move |limiter: &Arc<LocalLimiter>| {
        let charging = [(); 2].map(|()| {
            stage::beside(limiter, |limiter| {
                admitted(limiter, &Charge::to_account("acct", TWO), 2)
            })
        });
        let swept = stage::beside(limiter, move |limiter| sweep(limiter, LATER));
        let all: usize = charging.map(|task| task.join().unwrap()).iter().sum();
        swept.join().unwrap();
        all == 2
    }
}

/// A sweep that lets go of buckets as the real one does, and of what was spent from them.
fn sweep_and_forget(limiter: &LocalLimiter, now: Monotonic) {
    for part in &limiter.accounts.parts {
        let mut table = part.write();
        table.entries.retain(|entry| {
            Arc::get_mut(&mut entry.arrival)
                .is_none_or(|arrival| *arrival.get_mut() > now.as_nanos())
        });
    }
}

#[test]
fn a_sweep_refills_nothing_for_whoever_has_read_the_clock_before() {
    holds(sweeping(LocalLimiter::shrink));
    breaks(sweeping(sweep_and_forget));
}

/// The same, at a moment at which a bucket is full until it is charged.
fn sweeping_now(sweep: Sweep) -> impl stage::Case {
    move |limiter: &Arc<LocalLimiter>| {
        // It is there, and full.
        drop(limiter.accounts.share("acct"));
        let charging = [(); 2].map(|()| {
            stage::beside(limiter, |limiter| {
                admitted(limiter, &Charge::to_account("acct", TWO), 2)
            })
        });
        let swept = stage::beside(limiter, move |limiter| sweep(limiter, NOW));
        let all: usize = charging.map(|task| task.join().unwrap()).iter().sum();
        swept.join().unwrap();
        all == 2
    }
}

/// A sweep that looks which are full, and drops them when it has the lock for that.
fn sweep_in_two_steps(limiter: &LocalLimiter, now: Monotonic) {
    for part in &limiter.accounts.parts {
        let table = part.read();
        let is_full = |entry: &&Entry| entry.arrival.load(Ordering::Relaxed) <= now.as_nanos();
        let full: Vec<Box<str>> = table
            .entries
            .iter()
            .filter(is_full)
            .map(|entry| entry.subject.clone())
            .collect();
        drop(table);
        let mut table = part.write();
        table.entries.retain(|entry| !full.contains(&entry.subject));
    }
}

#[test]
fn nothing_is_dropped_that_is_charged_meanwhile() {
    holds(sweeping_now(LocalLimiter::shrink));
    breaks(sweeping_now(sweep_in_two_steps));
}

/// Others come and make the table sweep itself.
fn crowding(newcomer: fn(&LocalLimiter, &str)) -> impl stage::Case {
    move |limiter: &Arc<LocalLimiter>| {
        let charging = stage::beside(limiter, |limiter| {
            admitted(limiter, &Charge::to_account("acct", TWO), 3)
        });
        let crowd = stage::beside(limiter, move |limiter| {
            for name in ["a", "b", "c", "d"] {
                newcomer(limiter, name);
            }
        });
        let admitted = charging.join().unwrap();
        crowd.join().unwrap();
        admitted == 2
    }
}

fn comes_later(limiter: &LocalLimiter, name: &str) {
    let at_once = Charge::to_account(name, Quota::per_second(u32::MAX));
    assert!(limiter.decide(&at_once, LATER).is_allowed());
}

#[test]
fn a_crowd_of_others_refills_nothing() {
    holds(crowding(comes_later));
    breaks(crowding(|limiter, name| {
        comes_later(limiter, name);
        sweep_and_forget(limiter, LATER);
    }));
}

/// One caller has the tally of an account, and another charges it by its name.
fn with_tally(sweep: Sweep) -> impl stage::Case {
    move |limiter: &Arc<LocalLimiter>| {
        let by_tally = stage::beside(limiter, |limiter| {
            let tally = crate::RateLimiter::tally(limiter, "acct");
            let charge = Charge::to_account("acct", TWO).with_tally(tally.as_ref());
            admitted(limiter, &charge, 2)
        });
        let by_name = stage::beside(limiter, |limiter| {
            admitted(limiter, &Charge::to_account("acct", TWO), 2)
        });
        let swept = stage::beside(limiter, move |limiter| sweep(limiter, NOW));
        let all = by_tally.join().unwrap() + by_name.join().unwrap();
        swept.join().unwrap();
        all == 2
    }
}

/// A sweep that does not ask whether anybody holds the bucket.
fn sweep_what_is_held(limiter: &LocalLimiter, now: Monotonic) {
    for part in &limiter.accounts.parts {
        let mut table = part.write();
        let is_draining =
            |entry: &mut Entry| entry.arrival.load(Ordering::Relaxed) > now.as_nanos();
        table.entries.retain(is_draining);
    }
}

#[test]
fn a_bucket_whose_tally_somebody_holds_stays_the_bucket() {
    holds(with_tally(LocalLimiter::shrink));
    breaks(with_tally(sweep_what_is_held));
}

/// Two charges of a key that has one cell, and one of its account, which has two: whoever wins the
/// key, the account has one left.
fn both(decide_both: Decide) -> impl stage::Case {
    move |limiter: &Arc<LocalLimiter>| {
        let with_key = [(); 2].map(|()| {
            stage::beside(limiter, move |limiter| {
                let charge = Charge::to_account("acct", TWO).with_key("key", ONE);
                decide_both(limiter, &charge)
            })
        });
        let alone = stage::beside(limiter, |limiter| {
            decide(limiter, &Charge::to_account("acct", TWO))
        });
        limiter.shrink(NOW);
        let with_key = with_key.map(|task| task.join().unwrap());
        let alone = alone.join().unwrap();
        let left = admitted(limiter, &Charge::to_account("acct", TWO), 1);
        alone && with_key.iter().filter(|is_in| **is_in).count() == 1 && left == 0
    }
}

/// The account pays first, and is given its cell back when the key cannot pay.
fn account_first(limiter: &LocalLimiter, charge: &Charge<'_>) -> bool {
    let now = NOW.as_nanos();
    if limiter.pay_account(charge, now).verdict == Verdict::Denied {
        return false;
    }
    let key = charge.key().unwrap();
    let mut keys = limiter.keys.lock(key.subject);
    let copy = AtomicU64::new(keys.arrival());
    let (verdict, paid) = arrival::pay(&copy, key.quota, charge.weight(), now);
    if verdict == Verdict::Allowed {
        keys.store(paid, now);
        return true;
    }
    let account = charge.account();
    let interval: Duration = account.quota.refill_interval();
    limiter
        .accounts
        .with_arrival(account.subject, now, |arrival| {
            arrival.fetch_sub(interval.as_nanos() as u64, Ordering::Relaxed)
        });
    false
}

/// The key's copy is made and stored under the lock, but not kept under it in between.
fn key_unlocked(limiter: &LocalLimiter, charge: &Charge<'_>) -> bool {
    let now = NOW.as_nanos();
    let key = charge.key().unwrap();
    let copy = AtomicU64::new(limiter.keys.lock(key.subject).arrival());
    let (verdict, paid) = arrival::pay(&copy, key.quota, charge.weight(), now);
    let is_in =
        verdict == Verdict::Allowed && limiter.pay_account(charge, now).verdict == Verdict::Allowed;
    if is_in {
        limiter.keys.lock(key.subject).store(paid, now);
    }
    is_in
}

#[test]
fn account_and_key_pay_together_or_not_at_all() {
    holds(both(decide));
    breaks(both(account_first));
    breaks(both(key_unlocked));
}
