//! All or nothing, exactly, whatever runs at the same time.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use ringyo_limit::{Charge, LocalLimiter, Monotonic, Quota};

const NOW: Monotonic = Monotonic::from_nanos(1_000_000_000);

/// Runs `work` on eight threads that start together.
fn together(work: impl Fn(usize) + Sync) {
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for thread in 0..8 {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(thread);
            });
        }
    });
}

#[test]
fn what_was_admitted_is_what_every_bucket_lost() {
    let (account_quota, key_quota) = (Quota::per_hour(9_000), Quota::per_hour(2_000));
    for round in 0..20 {
        let limiter = LocalLimiter::new();
        let account = format!("acct_{round}");
        let keys: Vec<String> = (0..6).map(|key| format!("key_{round}_{key}")).collect();
        let admitted: Vec<AtomicU32> = keys.iter().map(|_| AtomicU32::new(0)).collect();
        together(|thread| {
            for step in 0..2_500 {
                let key = (thread + step) % keys.len();
                let charge =
                    Charge::to_account(&account, account_quota).with_key(&keys[key], key_quota);
                if limiter.decide(&charge, NOW).is_allowed() {
                    admitted[key].fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let total: u32 = admitted
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum();
        assert_eq!(total, 9_000);
        for (key, admitted) in keys.iter().zip(&admitted) {
            let look = Charge::to_account(&account, account_quota)
                .with_key(key, key_quota)
                .with_weight(std::num::NonZeroU32::MAX);
            let left = limiter.decide(&look, NOW).key().unwrap().remaining();
            assert_eq!(left, 2_000 - admitted.load(Ordering::Relaxed));
        }
    }
}

#[test]
fn one_key_never_exceeds_its_quota_between_accounts() {
    let limiter = LocalLimiter::new();
    let admitted = AtomicU32::new(0);
    together(|thread| {
        let account = format!("acct_{thread}");
        for _ in 0..1_000 {
            let charge = Charge::to_account(&account, Quota::per_hour(400))
                .with_key("key", Quota::per_hour(1_500));
            admitted.fetch_add(
                u32::from(limiter.decide(&charge, NOW).is_allowed()),
                Ordering::Relaxed,
            );
        }
    });
    assert_eq!(admitted.into_inner(), 1_500);
}

#[test]
fn sweeps_beside_charges_lose_nothing() {
    let limiter = LocalLimiter::new();
    let quota = Quota::per_hour(5_000);
    let admitted = AtomicU32::new(0);
    together(|thread| {
        for step in 0..5_000_u64 {
            // Filler that is full again a nanosecond later, so that every sweep finds some.
            let filler = format!("filler_{thread}_{step}");
            let at = NOW + Duration::from_nanos(step);
            limiter.decide(
                &Charge::to_account(&filler, Quota::per_second(u32::MAX)),
                at,
            );
            if step % 100 == 0 {
                limiter.shrink(at);
            }
            let decision = limiter.decide(&Charge::to_account("acct", quota), NOW);
            admitted.fetch_add(u32::from(decision.is_allowed()), Ordering::Relaxed);
        }
    });
    assert_eq!(admitted.into_inner(), 5_000);
}

/// How often, in fifty rounds, `first` was refused its one cell of the account although all that
/// ran beside it, `refused`, was to be refused by a spent key.
fn wrongly_refused<T: Sync>(
    fresh: impl Fn() -> T,
    first: impl Fn(&T) -> bool + Sync,
    refused: impl Fn(&T) -> bool + Sync,
) -> u32 {
    let wrong = AtomicU32::new(0);
    for _ in 0..50 {
        let limiter = fresh();
        together(|thread| {
            if thread == 0 {
                thread::sleep(Duration::from_micros(200));
                wrong.fetch_add(u32::from(!first(&limiter)), Ordering::Relaxed);
            } else {
                for _ in 0..20 {
                    assert!(!refused(&limiter));
                }
            }
        });
    }
    wrong.into_inner()
}

#[test]
fn a_charge_that_its_key_refuses_is_never_seen_by_the_account() {
    let quota = Quota::per_hour(1);
    let with_key = |account| Charge::to_account(account, quota).with_key("key", quota);
    let ours = wrongly_refused(
        || {
            let limiter = LocalLimiter::new();
            assert!(limiter.decide(&with_key("other"), NOW).is_allowed());
            limiter
        },
        |limiter| {
            limiter
                .decide(&Charge::to_account("acct", quota), NOW)
                .is_allowed()
        },
        |limiter| {
            thread::sleep(Duration::from_micros(20));
            limiter.decide(&with_key("acct"), NOW).is_allowed()
        },
    );
    assert_eq!(ours, 0);

    // The tempting design: the account pays first and is given its cell back.
    let take = |cells: &AtomicU32| {
        cells
            .compare_exchange(1, 0, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    };
    let refunding = wrongly_refused(
        || AtomicU32::new(1),
        |cells| take(cells),
        |cells| {
            let taken = take(cells);
            thread::sleep(Duration::from_micros(20));
            if taken {
                cells.store(1, Ordering::SeqCst);
            }
            false
        },
    );
    assert!(refunding > 0, "the test would not notice refunds");
}
