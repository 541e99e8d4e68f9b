//! How long a decision takes at most, whoever does not answer, and what a late answer is worth.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ringyo_auth::{AuthError, NewKey, Unavailable};
use ringyo_limit::{
    Charge, Decision, LimitError, LimitErrorKind, LocalLimiter, Now, RateLimiter, Tally,
};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::support::{Setting, authenticate, setting_with};

const DEADLINE: Duration = Duration::from_millis(200);

/// What a decision may take beyond its deadline.
const SLACK: Duration = Duration::from_millis(20);

/// A limiter that answers when it is told to.
#[derive(Debug, Clone)]
struct Slow {
    inner: Arc<LocalLimiter>,
    asked: Arc<Semaphore>,
    may_answer: Arc<Semaphore>,
}

/// One that nobody tells to.
fn silent() -> Slow {
    Slow {
        inner: Arc::default(),
        asked: Arc::new(Semaphore::new(0)),
        may_answer: Arc::new(Semaphore::new(0)),
    }
}

#[async_trait]
impl RateLimiter for Slow {
    fn check_now(&self, _: &Charge<'_>, _: Now) -> Option<Decision> {
        None
    }

    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        self.asked.add_permits(1);
        self.may_answer.acquire().await.unwrap().forget();
        self.inner.check(charge, now).await
    }

    fn quota_changed(&self, _: &str) {}

    fn tally(&self, _: &str) -> Option<Tally> {
        None
    }

    async fn ready(&self) -> Result<(), LimitError> {
        std::future::pending().await
    }
}

const BOUND: Duration = Duration::from_secs(5);

/// How long a node stands still, and whether what it was told before is of use after it.
const STANDSTILLS: [(Duration, bool); 3] = [
    (BOUND, true),
    (BOUND.saturating_add(Duration::from_millis(1)), false),
    (BOUND.saturating_mul(1_000), false),
];

/// What a request was answered, and after how long, by a service whose store answers after so long;
/// and after how long it really did.
async fn answer(setting: Setting, store_takes: Duration) -> (AuthError, [Duration; 2]) {
    let key = setting.key().await;
    setting.store.hold_loads();
    let store = setting.store.clone();
    let asked = Instant::now();
    let released = tokio::spawn(async move {
        sleep(store_takes).await;
        store.release_loads();
        asked.elapsed()
    });
    let answer = setting.authenticate(&key).await.unwrap_err();
    let took = asked.elapsed();
    (answer, [took, released.await.unwrap()])
}

#[tokio::test]
async fn store_and_limiter_share_one_deadline() {
    let store_takes = DEADLINE * 3 / 4;
    let mut shortest = Duration::MAX;
    for trial in 0..10 {
        let silent = setting_with(|builder| builder.store_deadline(DEADLINE).limiter(silent()));
        let (answer, [took, released]) = answer(silent.await, store_takes).await;
        assert!(took >= DEADLINE, "trial {trial}: {took:?}");
        // Otherwise it may not have been the store and the limiter that took their time.
        if took > DEADLINE + SLACK || released > store_takes + SLACK {
            continue;
        }
        let who = matches!(
            &answer,
            AuthError::Unavailable(Unavailable::Limiter(error))
                if error.kind() == LimitErrorKind::Timeout
        );
        assert!(who, "trial {trial}: {answer:?}");
        shortest = shortest.min(took);
    }
    // The others may have shared the machine with somebody. One deadline for each would take at
    // least seven quarters of one, every time.
    assert!(shortest <= DEADLINE + SLACK, "{shortest:?}");
}

#[tokio::test]
async fn a_silent_store_is_answered_for_in_time() {
    let mut shortest = Duration::MAX;
    for trial in 0..10 {
        let setting = setting_with(|builder| builder.store_deadline(DEADLINE)).await;
        let (answer, [took, _]) = answer(setting, DEADLINE * 2).await;
        let who = matches!(
            answer,
            AuthError::Unavailable(Unavailable::StoreTimeout(DEADLINE))
        );
        assert!(who, "trial {trial}: {answer:?}");
        assert!(took >= DEADLINE, "trial {trial}: {took:?}");
        shortest = shortest.min(took);
    }
    assert!(shortest <= DEADLINE + SLACK, "{shortest:?}");
}

#[tokio::test]
async fn what_the_store_said_before_a_standstill_is_not_used_after_it() {
    for (stood_still, is_used) in STANDSTILLS {
        // As long as it may be without moving the bound.
        let setting = setting_with(|builder| builder.store_deadline(BOUND)).await;
        let key = Arc::new(setting.key().await);
        setting.store.hold_loads();
        let (ringyo, asked) = (setting.ringyo.clone(), key.clone());
        let request = tokio::spawn(async move { authenticate(&ringyo, &asked).await });
        setting.store.until_held(1).await;
        setting.clock.advance(stood_still);
        setting.store.release_loads();
        let answer = request.await.unwrap();
        match is_used {
            true => assert!(answer.is_ok(), "{answer:?}"),
            false => assert!(matches!(
                answer,
                Err(AuthError::Unavailable(Unavailable::StoreTimeout(_)))
            )),
        }
        assert!(setting.authenticate(&key).await.is_ok(), "it asks again");
    }
}

#[tokio::test]
async fn what_the_limiter_said_before_a_standstill_is_not_used_after_it() {
    for (stood_still, is_used) in STANDSTILLS {
        let limiter = silent();
        let setting = setting_with(|builder| {
            let builder = builder.store_deadline(BOUND);
            builder.limiter(limiter.clone())
        });
        let setting = setting.await;
        let key = Arc::new(setting.key().await);
        let (ringyo, asked) = (setting.ringyo.clone(), key.clone());
        let request = tokio::spawn(async move { authenticate(&ringyo, &asked).await });
        limiter.asked.acquire().await.unwrap().forget();
        setting.clock.advance(stood_still);
        limiter.may_answer.add_permits(2);
        let answer = request.await.unwrap();
        match is_used {
            true => assert!(answer.is_ok(), "{answer:?}"),
            false => assert!(matches!(
                answer,
                Err(AuthError::Unavailable(Unavailable::Limiter(_)))
            )),
        }
        assert!(setting.authenticate(&key).await.is_ok(), "it asks again");
    }
}

#[tokio::test]
async fn a_store_that_hangs_keeps_nobody_from_going_on_with_known_keys() {
    let grace = Duration::from_secs(60);
    for (grace, is_served) in [(grace, true), (Duration::ZERO, false)] {
        let setting = setting_with(|builder| {
            let builder = builder.store_deadline(DEADLINE);
            builder.stale_if_error(grace)
        });
        let setting = setting.await;
        let key = setting.key().await;
        setting.store.until_told(2).await;
        assert!(setting.authenticate(&key).await.is_ok());
        setting.store.set_feed_down(true);
        sleep(Duration::from_millis(1_300)).await;
        setting.store.hold_loads();
        setting.clock.advance(BOUND * 2);
        let answer = setting.authenticate(&key).await;
        assert_eq!(answer.is_ok(), is_served, "{answer:?}");
        // Past the grace as well.
        setting.clock.advance(grace);
        assert!(matches!(
            setting.authenticate(&key).await,
            Err(AuthError::Unavailable(_))
        ));
    }
}

#[tokio::test]
async fn a_store_that_panics_keeps_nobody_waiting() {
    let setting = setting_with(|builder| builder.store_deadline(Duration::from_secs(60))).await;
    let key = setting.key().await;
    setting.store.let_loads_panic(true);
    let asked = Instant::now();
    let answer = setting.authenticate(&key).await;
    assert!(
        matches!(answer, Err(AuthError::Unavailable(Unavailable::Store(_)))),
        "{answer:?}"
    );
    setting.store.let_loads_panic(false);
    assert!(setting.authenticate(&key).await.is_ok());
    assert!(asked.elapsed() < Duration::from_secs(30));
}

/// A limiter that has its buckets elsewhere, and knows them by their names.
#[derive(Debug, Default)]
struct ByName(LocalLimiter);

#[async_trait]
impl RateLimiter for ByName {
    fn check_now(&self, charge: &Charge<'_>, now: Now) -> Option<Decision> {
        self.0.check_now(charge, now)
    }

    async fn check(&self, charge: &Charge<'_>, now: Now) -> Result<Decision, LimitError> {
        self.0.check(charge, now).await
    }

    fn quota_changed(&self, _: &str) {}

    fn tally(&self, _: &str) -> Option<Tally> {
        None
    }

    async fn ready(&self) -> Result<(), LimitError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_limiter_without_tallies_is_given_each_account_and_mode_by_name() {
    let setting = setting_with(|builder| builder.limiter(ByName::default())).await;
    let remaining = async |new: NewKey| {
        let key = setting.issue(new.scopes(["agents"])).await;
        let caller = setting.authenticate(&key).await.unwrap();
        caller.rate().unwrap().binding().remaining()
    };
    // The second key of one account and mode finds what the first has left; all others begin anew.
    for (new, left) in [
        (NewKey::live("acct_pro", "a"), 59),
        (NewKey::live("acct_pro", "b"), 58),
        (NewKey::test("acct_pro", "c"), 59),
        (NewKey::live("acct_agency", "d"), 299),
        (NewKey::test("acct_agency", "e"), 299),
        (NewKey::live("acct_pro", "f"), 57),
    ] {
        assert_eq!(remaining(new.clone()).await, left, "{new:?}");
    }
}
