//! Many trials of one moment: a key comes to its end while requests with it keep coming. Of those
//! that start when the end has been told, none is let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use ringyo_auth::{IssuedKey, NewKey, Overlap};
use tokio::task::{JoinHandle, yield_now};

use crate::support::{Setting, authenticate, setting_of, unlimited};

/// Trials of each kind, unless `RINGYO_TEST_TRIALS` asks for more.
const TRIALS: u64 = 10_000;

/// Services that try at the same time, so that threads get into each other's way.
const LANES: u64 = 2;

/// Trials of a change that is told before it is made, all of which must be noticed.
const PLANTED: u64 = 20;

/// Tasks that keep asking, and how often each of them asks after the end.
const CALLERS: u64 = 2;
const LATE: u64 = 3;

/// How long keys live whose end comes with time.
const LIFE: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Revoked,
    Disabled,
    Expired,
    OverlapOver,
    PlanLost,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_revoked_key_is_not_let_in() {
    trials(End::Revoked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_disabled_key_is_not_let_in() {
    trials(End::Disabled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_expired_key_is_not_let_in() {
    trials(End::Expired).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replaced_key_is_not_let_in_after_the_overlap() {
    trials(End::OverlapOver).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_without_a_plan_is_not_let_in() {
    trials(End::PlanLost).await;
}

/// When it is told that a key has ended.
#[derive(Debug, Clone, Copy)]
enum Told {
    /// When it has.
    InTime,
    /// Before that: the planted fault.
    TooSoon,
}

/// How far the first request with a key has come.
#[derive(Debug, Clone, Copy)]
enum Sign {
    Asked = 1,
    LetIn = 2,
}

/// What the requests of all trials have come to.
#[derive(Debug, Default)]
struct Counts {
    let_in_early: AtomicU64,
    /// Let in, since they had started before the end, when it had been told.
    let_in_across: AtomicU64,
    late: AtomicU64,
    let_in_late: AtomicU64,
}

#[expect(clippy::print_stdout, reason = "how much was tried is worth knowing")]
async fn trials(end: End) {
    let more = std::env::var("RINGYO_TEST_TRIALS").ok();
    let trials = more
        .map_or(TRIALS, |more| more.parse().unwrap())
        .max(TRIALS);
    let planted = count(end, PLANTED, Told::TooSoon).await;
    let noticed = planted.let_in_late.load(Ordering::SeqCst);
    assert_eq!(noticed, PLANTED * CALLERS * LATE, "{planted:?}");

    let counts = count(end, trials, Told::InTime).await;
    let [late, let_in_late] =
        [&counts.late, &counts.let_in_late].map(|count| count.load(Ordering::SeqCst));
    println!("{end:?}: {let_in_late} of {late} late requests let in, in {trials} trials");
    assert_eq!(let_in_late, 0, "{counts:?}");
    // The controls: they were asked, and the same requests were let in before.
    assert_eq!(late, trials * CALLERS * LATE, "{counts:?}");
    let early = counts.let_in_early.load(Ordering::SeqCst);
    assert!(early >= trials / 2, "{counts:?}");
}

async fn count(end: End, trials: u64, told: Told) -> Arc<Counts> {
    let counts = Arc::new(Counts::default());
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let counts = counts.clone();
            tokio::spawn(async move {
                let setting = setting_of(unlimited()).await;
                let trials = (lane..trials).step_by(LANES as usize);
                for trial in trials {
                    run(&setting, end, trial, told, &counts).await;
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await.unwrap();
    }
    counts
}

async fn run(setting: &Setting, end: End, trial: u64, told: Told, counts: &Arc<Counts>) {
    let key = Arc::new(prepare(setting, end, trial).await);
    let ended = Arc::new(AtomicBool::new(false));
    // Every other key is in the cache when it ends; the rest have just been asked for.
    let waits_for = match trial % 2 {
        0 => Sign::LetIn,
        _ => Sign::Asked,
    };
    let sign = Arc::new(AtomicU8::new(0));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| keep_asking(setting, &key, ended.clone(), sign.clone(), counts.clone()))
        .collect();
    while sign.load(Ordering::SeqCst) < waits_for as u8 {
        yield_now().await;
    }
    if let Told::InTime = told {
        finish(setting, end, &key).await;
    }
    ended.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
    if let Told::TooSoon = told {
        finish(setting, end, &key).await;
    }
}

fn keep_asking(
    setting: &Setting,
    key: &Arc<IssuedKey>,
    ended: Arc<AtomicBool>,
    sign: Arc<AtomicU8>,
    counts: Arc<Counts>,
) -> JoinHandle<()> {
    let (ringyo, key) = (setting.ringyo.clone(), key.clone());
    tokio::spawn(async move {
        let mut late = 0;
        while late < LATE {
            let is_late = ended.load(Ordering::SeqCst);
            sign.fetch_max(Sign::Asked as u8, Ordering::SeqCst);
            let is_let_in = authenticate(&ringyo, &key).await.is_ok();
            if is_late {
                late += 1;
                counts.late.fetch_add(1, Ordering::SeqCst);
            }
            if is_let_in {
                let seen = match (is_late, ended.load(Ordering::SeqCst)) {
                    (true, _) => &counts.let_in_late,
                    (false, true) => &counts.let_in_across,
                    (false, false) => &counts.let_in_early,
                };
                seen.fetch_add(1, Ordering::SeqCst);
                sign.fetch_max(Sign::LetIn as u8, Ordering::SeqCst);
            }
            yield_now().await;
        }
    })
}

/// A key that works, and comes to its end as asked.
async fn prepare(setting: &Setting, end: End, trial: u64) -> IssuedKey {
    let keys = setting.ringyo.keys();
    let account = match end {
        End::PlanLost => {
            let account = format!("acct_{trial}");
            let accounts = setting.ringyo.accounts();
            accounts.create(&account, "open").await.unwrap();
            account
        }
        _ => "acct_open".to_owned(),
    };
    let new = NewKey::live(account, "short-lived").scopes(["*"]);
    match end {
        End::Expired => keys.issue(new.expires_in(LIFE)).await.unwrap(),
        End::OverlapOver => {
            let key = keys.issue(new).await.unwrap();
            let overlap = Overlap::new(LIFE).unwrap();
            keys.regenerate(key.record.id, overlap).await.unwrap();
            key
        }
        _ => keys.issue(new).await.unwrap(),
    }
}

/// When it has returned, the key has come to its end.
async fn finish(setting: &Setting, end: End, key: &IssuedKey) {
    let (keys, id) = (setting.ringyo.keys(), key.record.id);
    match end {
        End::Revoked => drop(keys.revoke(id).await.unwrap()),
        End::Disabled => drop(keys.disable(id).await.unwrap()),
        End::Expired | End::OverlapOver => setting.clock.advance(LIFE),
        End::PlanLost => {
            let accounts = setting.ringyo.accounts();
            let account = &key.record.account;
            drop(accounts.set_plan(account, "closed").await.unwrap());
        }
    }
}
