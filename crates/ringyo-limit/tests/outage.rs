//! What the wrappers do while their limiter gives no answer, and what they hand on to it.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringyo_limit::{
    Charge, CheckedBy, Clock, Decision, FailClosed, FailOpen, FallBack, LimitError, LimitErrorKind,
    LocalLimiter, ManualClock, Now, Quota, RateLimiter, Tally, Verdict,
};

const MINUTE: Quota = Quota::per_minute(60);
const TIMEOUT: LimitErrorKind = LimitErrorKind::Timeout;
/// After so many failures in a row nobody asks, and then one in that time.
const FAILURES: u32 = 5;
const PROBE_EVERY: Duration = Duration::from_millis(400);

/// A limiter that is asked elsewhere, and can be cut off.
#[derive(Debug, Default)]
struct Elsewhere {
    limiter: LocalLimiter,
    is_cut_off: AtomicBool,
    is_at_hand: AtomicBool,
    asked: AtomicU32,
    told: Mutex<Vec<String>>,
}

impl Elsewhere {
    fn cut_off() -> Arc<Self> {
        let limiter = Arc::new(Self::default());
        limiter.is_cut_off.store(true, Ordering::Relaxed);
        limiter
    }

    fn come_back(&self) {
        self.is_cut_off.store(false, Ordering::Relaxed);
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait::async_trait]
impl RateLimiter for Elsewhere {
    fn check_now(&self, charge: &Charge<'_>, now: Now) -> Option<Decision> {
        let is_at_hand = self.is_at_hand.load(Ordering::Relaxed);
        is_at_hand.then(|| self.limiter.decide(charge, now.monotonic))
    }

    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.ready().await?;
        let decision = self.limiter.decide(charge, now.monotonic);
        Ok(decision.with_checked_by(CheckedBy::Remote))
    }

    fn quota_changed(&self, account: &str) {
        let mut told = self.told.lock().expect("nothing panics under this lock");
        told.push(account.to_owned());
    }

    fn tally(&self, account: &str) -> Option<Tally> {
        self.limiter.tally(account)
    }

    async fn ready(&self) -> Result<(), LimitError> {
        match self.is_cut_off.load(Ordering::Relaxed) {
            true => Err(LimitError::new(TIMEOUT)),
            false => Ok(()),
        }
    }
}

fn charge() -> Charge<'static> {
    Charge::to_account("acct_1", MINUTE)
}

fn weight(cells: u32) -> NonZeroU32 {
    NonZeroU32::new(cells).expect("not zero")
}

/// How many of a hundred requests are let through.
async fn admitted(limiter: &dyn RateLimiter, charge: Charge<'_>, now: Now) -> usize {
    let mut admitted = 0;
    for _ in 0..100 {
        let decision = limiter.check(&charge, now).await.expect("decided here");
        admitted += usize::from(decision.is_allowed());
    }
    admitted
}

#[tokio::test]
async fn closed_it_refuses_and_soon_does_not_even_ask() {
    let (inner, clock) = (Elsewhere::cut_off(), ManualClock::new(0));
    let limiter = FailClosed::new(inner.clone());
    assert_eq!(limiter.outage(), None);
    for _ in 0..3 * FAILURES {
        let refused = limiter.check(&charge(), clock.now()).await;
        assert_eq!(refused.map_err(|error| error.kind()), Err(TIMEOUT));
    }
    assert_eq!((inner.asked(), limiter.outage()), (FAILURES, Some(TIMEOUT)));
    assert!(limiter.check_now(&charge(), clock.now()).is_none());
    assert_eq!(
        limiter.ready().await.map_err(|error| error.kind()),
        Err(TIMEOUT)
    );

    inner.come_back();
    assert!(limiter.ready().await.is_ok());
    asked_again(&limiter, &clock).await;
    assert_eq!((inner.asked(), limiter.outage()), (FAILURES + 1, None));
}

#[tokio::test]
async fn open_it_lets_everything_through_that_a_bucket_could_hold() {
    let (inner, clock) = (Elsewhere::cut_off(), ManualClock::new(0));
    let limiter = FailOpen::with_no_limits_during_outages(inner.clone());
    assert!(
        limiter.check_now(&charge(), clock.now()).is_none(),
        "not known yet"
    );
    assert_eq!(admitted(&limiter, charge(), clock.now()).await, 100);
    assert_eq!((inner.asked(), limiter.outage()), (FAILURES, Some(TIMEOUT)));
    let bypassed = |decision: Decision| {
        assert_eq!(decision.checked_by(), CheckedBy::Bypassed(TIMEOUT));
        decision.verdict()
    };
    let whole = charge().with_weight(weight(60));
    let more = charge().with_weight(weight(61));
    for (charge, verdict) in [(whole, Verdict::Allowed), (more, Verdict::Denied)] {
        let at_once = limiter
            .check_now(&charge, clock.now())
            .expect("known by now");
        assert_eq!(bypassed(at_once), verdict);
        let asked = limiter
            .check(&charge, clock.now())
            .await
            .expect("decided here");
        assert_eq!(bypassed(asked), verdict);
    }
    assert!(limiter.ready().await.is_ok());

    inner.come_back();
    clock.advance(PROBE_EVERY);
    assert_eq!(admitted(&limiter, charge(), clock.now()).await, 60);
    assert_eq!(limiter.outage(), None);
}

#[tokio::test]
async fn a_node_falls_back_to_its_share() {
    let (inner, clock) = (Elsewhere::cut_off(), ManualClock::new(0));
    let limiter = FallBack::new(inner.clone()).divided_among(weight(4));
    assert!(
        limiter.check_now(&charge(), clock.now()).is_none(),
        "not known yet"
    );
    let first = limiter
        .check(&charge(), clock.now())
        .await
        .expect("decided here");
    assert_eq!(first.checked_by(), CheckedBy::Fallback(TIMEOUT));
    assert_eq!(first.account().remaining(), 14, "56 among 4");
    assert_eq!(admitted(&limiter, charge(), clock.now()).await, 14);
    assert_eq!((inner.asked(), limiter.outage()), (FAILURES, Some(TIMEOUT)));
    let at_once = limiter
        .check_now(&charge(), clock.now())
        .expect("known by now");
    assert_eq!(at_once.checked_by(), CheckedBy::Fallback(TIMEOUT));
    assert!(!at_once.is_allowed());
    assert!(limiter.ready().await.is_ok());

    // What one node could not pay out of its share is not refused for good.
    let large = Charge::to_account("acct_2", MINUTE).with_weight(weight(30));
    assert_eq!(admitted(&limiter, large, clock.now()).await, 1);
    let of_a_key = Charge::to_account("acct_3", MINUTE).with_key("key", Quota::per_minute(3));
    assert_eq!(admitted(&limiter, of_a_key, clock.now()).await, 1);
    let never = Charge::to_account("acct_4", MINUTE).with_weight(weight(61));
    assert_eq!(admitted(&limiter, never, clock.now()).await, 0);

    inner.come_back();
    let decision = asked_again(&limiter, &clock).await;
    assert_eq!(
        (decision.account().remaining(), limiter.outage()),
        (59, None)
    );
}

/// What is no decision goes through each of them.
#[tokio::test]
async fn what_a_limiter_is_told_and_asked_reaches_it() {
    let inner = Arc::new(Elsewhere::default());
    inner.is_at_hand.store(true, Ordering::Relaxed);
    let wrapped: [(Arc<dyn RateLimiter>, bool); 4] = [
        (Arc::new(inner.clone()), true),
        (Arc::new(FailClosed::new(inner.clone())), true),
        (
            Arc::new(FailOpen::with_no_limits_during_outages(inner.clone())),
            true,
        ),
        // What this node charges by itself would be charged beside the others' fallback.
        (Arc::new(FallBack::new(inner.clone())), false),
    ];
    let now = ManualClock::new(0).now();
    for (nth, (limiter, gives_tally)) in wrapped.iter().enumerate() {
        limiter.quota_changed(&format!("acct_{nth}"));
        let tally = inner.limiter.tally("acct_1").filter(|_| *gives_tally);
        assert_eq!(limiter.tally("acct_1"), tally);
        assert!(limiter.check_now(&charge(), now).is_some());
        assert!(limiter.ready().await.is_ok());
    }
    let cut_off: Arc<dyn RateLimiter> = Arc::new(Elsewhere::cut_off());
    assert!(cut_off.ready().await.is_err());

    let told = inner.told.lock().expect("nothing panics under this lock");
    assert_eq!(*told, ["acct_0", "acct_1", "acct_2", "acct_3"]);
}

/// What the limiter that is back decides, once it is asked again.
async fn asked_again(limiter: &impl RateLimiter, clock: &ManualClock) -> Decision {
    clock.advance(PROBE_EVERY);
    let decision = limiter.check(&charge(), clock.now()).await;
    let decision = decision.expect("it is back");
    assert_eq!(decision.checked_by(), CheckedBy::Remote);
    decision
}
