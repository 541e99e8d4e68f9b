//! The local limiter passes the suite, and the suite notices every planted fault.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringyo_limit::conformance::{self, Case};
use ringyo_limit::{
    Backlog, Charge, Decision, FailClosed, FailOpen, FallBack, LimitError, LocalLimiter, Monotonic,
    Now, Quota, RateLimiter, Tally, Verdict,
};

const TICK: Duration = Duration::from_nanos(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn local_limiter_conforms() {
    conformance::run(TICK, async || Arc::new(LocalLimiter::new()) as _).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn suite_runs_on_coarser_time() {
    conformance::run(Duration::from_micros(1), async || {
        Arc::new(Arc::new(LocalLimiter::new())) as _
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guarded_limiters_conform() {
    conformance::run(TICK, async || {
        Arc::new(FailClosed::new(LocalLimiter::new())) as _
    })
    .await;
    conformance::run(TICK, async || {
        Arc::new(FallBack::new(LocalLimiter::new())) as _
    })
    .await;
    conformance::run(TICK, async || {
        let limiter = LocalLimiter::new();
        Arc::new(FailOpen::with_no_limits_during_outages(limiter)) as _
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn suite_accepts_the_faulty_limiter_without_its_fault() {
    conformance::run(TICK, async || Faulty::shared(None)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn suite_notices_every_planted_fault() {
    for (fault, cases) in PLANTED {
        for case in *cases {
            let limiter = Faulty::shared(Some(*fault));
            let outcome = tokio::spawn(async move { case.run(TICK, limiter).await }).await;
            let failure = outcome.expect_err(&format!("{case} overlooks {fault:?}"));
            assert!(failure.is_panic(), "{case} on {fault:?}: {failure}");
        }
    }
}

#[test]
fn every_case_has_a_planted_fault() {
    for case in Case::ALL {
        let caught = PLANTED.iter().any(|(_, cases)| cases.contains(case));
        assert!(caught, "{case} is not shown to notice anything");
    }
}

const UNPOISONED: &str = "nothing panics under this lock";

const PLANTED: &[(Fault, &[Case])] = &[
    (Fault::DenialIsCharged, &[Case::BurstThenDenial]),
    (
        Fault::OneMoreThanBurst,
        &[Case::BurstThenDenial, Case::FastPath, Case::EveryWindow],
    ),
    (
        Fault::RefillsTooFast,
        &[Case::Refill, Case::Strict, Case::EveryWindow],
    ),
    (Fault::WeightIgnored, &[Case::Weights, Case::EveryWindow]),
    (Fault::DeniesAll, &[Case::EveryWindow]),
    (Fault::OversizeIsCharged, &[Case::WeightAboveBurst]),
    (Fault::RetryRoundedUp, &[Case::RetryAfter, Case::EveryRetry]),
    (
        Fault::RetryATickEarly,
        &[Case::RetryAfter, Case::EveryRetry],
    ),
    (Fault::ResetIsWholePeriod, &[Case::Reset]),
    (Fault::OneBucketForAll, &[Case::IndependentSubjects]),
    (Fault::KeysAreAccounts, &[Case::NameSpaces]),
    (
        Fault::AccountPaysFirst,
        &[Case::BothOrNeither, Case::ParallelKeys],
    ),
    (
        Fault::KeyPaysFirst,
        &[Case::BothOrNeither, Case::ParallelKeys],
    ),
    (Fault::KeyForgotten, &[Case::Binding, Case::NameSpaces]),
    (Fault::QuotaChangeRefills, &[Case::Upgrade, Case::Downgrade]),
    (Fault::FastPathApart, &[Case::FastPath]),
    (Fault::TallyApart, &[Case::Tally]),
    (Fault::TimeStepRefills, &[Case::TimeStepsBack]),
    (
        Fault::ReadsThenWrites,
        &[Case::ParallelCallers, Case::ParallelKeys],
    ),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    DenialIsCharged,
    OneMoreThanBurst,
    RefillsTooFast,
    WeightIgnored,
    OversizeIsCharged,
    DeniesAll,
    RetryRoundedUp,
    RetryATickEarly,
    ResetIsWholePeriod,
    OneBucketForAll,
    KeysAreAccounts,
    AccountPaysFirst,
    KeyPaysFirst,
    KeyForgotten,
    QuotaChangeRefills,
    FastPathApart,
    TallyApart,
    TimeStepRefills,
    ReadsThenWrites,
}

/// A plain limiter under one mutex, written apart from the real one, that can be made to err.
#[derive(Debug)]
struct Faulty {
    fault: Option<Fault>,
    arrivals: Mutex<HashMap<String, u64>>,
}

struct Trial {
    name: String,
    quota: Quota,
    arrival: u64,
    next: u64,
    fits: bool,
}

impl Faulty {
    fn shared(fault: Option<Fault>) -> Arc<dyn RateLimiter> {
        Arc::new(Self {
            fault,
            arrivals: Mutex::default(),
        })
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn name(&self, kind: &str, subject: &str, quota: Quota) -> String {
        let kind = if self.has(Fault::KeysAreAccounts) {
            ""
        } else {
            kind
        };
        let subject = if self.has(Fault::OneBucketForAll) {
            ""
        } else {
            subject
        };
        let quota = if self.has(Fault::QuotaChangeRefills) {
            quota.to_string()
        } else {
            String::new()
        };
        format!("{kind}/{subject}/{quota}")
    }

    fn trial(&self, name: String, quota: Quota, weight: NonZeroU32, now: u64) -> Trial {
        let mut interval = quota.refill_interval().as_nanos() as u64;
        if self.has(Fault::RefillsTooFast) {
            interval -= interval / 50;
        }
        let mut fill = interval * u64::from(quota.burst());
        if self.has(Fault::OneMoreThanBurst) {
            fill += interval;
        }
        let weight = if self.has(Fault::WeightIgnored) {
            1
        } else {
            u64::from(weight.get())
        };
        let mut arrival = self
            .arrivals
            .lock()
            .expect(UNPOISONED)
            .get(&name)
            .copied()
            .unwrap_or(0);
        if self.has(Fault::TimeStepRefills) && arrival > now + fill {
            arrival = 0;
        }
        let next = arrival
            .max(now)
            .saturating_add(weight.saturating_mul(interval));
        Trial {
            name,
            quota,
            arrival,
            next,
            fits: next - now <= fill,
        }
    }

    fn pay(&self, trial: &mut Trial) {
        trial.arrival = trial.next;
        self.arrivals
            .lock()
            .expect(UNPOISONED)
            .insert(trial.name.clone(), trial.next);
    }

    fn decide(&self, charge: &Charge<'_>, now: Monotonic, path: &str) -> Decision {
        static ATOMIC: Mutex<()> = Mutex::new(());
        let atomic = (!self.has(Fault::ReadsThenWrites)).then(|| ATOMIC.lock().expect(UNPOISONED));
        let now_nanos = now.as_nanos();
        let path = if self.has(Fault::FastPathApart) {
            path
        } else if charge.tally().is_some() {
            // Only with its fault this limiter has given one.
            "tally"
        } else {
            ""
        };
        let bucket = charge.account();
        let name = path.to_owned() + &self.name("account", bucket.subject, bucket.quota);
        let mut account = self.trial(name, bucket.quota, charge.weight(), now_nanos);
        let mut key = charge
            .key()
            .filter(|_| !self.has(Fault::KeyForgotten))
            .map(|bucket| {
                let name = path.to_owned() + &self.name("key", bucket.subject, bucket.quota);
                self.trial(name, bucket.quota, charge.weight(), now_nanos)
            });
        if atomic.is_none() {
            std::thread::sleep(Duration::from_micros(50));
        }

        let key_fits = key.as_ref().is_none_or(|key| key.fits);
        let allowed = account.fits && key_fits && !self.has(Fault::DeniesAll);
        if allowed
            || (self.has(Fault::AccountPaysFirst) && account.fits)
            || (self.has(Fault::DenialIsCharged) && charge.is_payable())
            || (self.has(Fault::OversizeIsCharged)
                && !charge.is_payable()
                && charge.weight() != NonZeroU32::MAX)
        {
            self.pay(&mut account);
        }
        if let Some(key) = &mut key
            && (allowed || (self.has(Fault::KeyPaysFirst) && key.fits))
        {
            self.pay(key);
        }
        self.report(charge, allowed, &account, key.as_ref(), now_nanos)
    }

    fn report(
        &self,
        charge: &Charge<'_>,
        allowed: bool,
        account: &Trial,
        key: Option<&Trial>,
        now: u64,
    ) -> Decision {
        let verdict = if allowed {
            Verdict::Allowed
        } else {
            Verdict::Denied
        };
        let backlog = |trial: &Trial| {
            let exact = Duration::from_nanos(trial.arrival.saturating_sub(now));
            if self.has(Fault::ResetIsWholePeriod) && !exact.is_zero() {
                trial.quota.period()
            } else if self.has(Fault::RetryRoundedUp) {
                Duration::from_secs(exact.as_nanos().div_ceil(1_000_000_000) as u64)
            } else if self.has(Fault::RetryATickEarly) {
                exact.saturating_sub(TICK)
            } else {
                exact
            }
        };
        Decision::from_backlog(
            charge,
            verdict,
            Backlog {
                account: backlog(account),
                key: key.map(backlog).unwrap_or_default(),
            },
        )
    }
}

#[async_trait::async_trait]
impl RateLimiter for Faulty {
    fn check_now(&self, charge: &Charge<'_>, now: Now) -> Option<Decision> {
        Some(self.decide(charge, now.monotonic, "fast"))
    }

    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        Ok(self.decide(charge, now.monotonic, "whole"))
    }

    fn quota_changed(&self, _account: &str) {}

    fn tally(&self, account: &str) -> Option<Tally> {
        self.has(Fault::TallyApart)
            .then(|| LocalLimiter::new().tally(account))?
    }

    async fn ready(&self) -> Result<(), LimitError> {
        Ok(())
    }
}
