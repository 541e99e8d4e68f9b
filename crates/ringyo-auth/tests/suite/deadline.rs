//! How long a decision takes at most, whoever does not answer, and what a late answer is worth.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ringyo_auth::{AuthError, Unavailable};
use ringyo_limit::{Charge, Decision, LimitError, LimitErrorKind, Now, RateLimiter, Tally};
use tokio::time::{Instant, sleep};

use crate::support::{Setting, authenticate, setting, setting_with};

const DEADLINE: Duration = Duration::from_millis(200);

/// What a decision may take beyond its deadline.
const SLACK: Duration = Duration::from_millis(20);

/// A limiter that takes its time, for ever.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl RateLimiter for Silent {
    fn check_now(&self, _: &Charge<'_>, _: Now) -> Option<Decision> {
        None
    }

    async fn check(&self, _: &Charge<'_>, _: Now) -> Result<Decision, LimitError> {
        std::future::pending().await
    }

    fn quota_changed(&self, _: &str) {}

    fn tally(&self, _: &str) -> Option<Tally> {
        None
    }

    async fn ready(&self) -> Result<(), LimitError> {
        std::future::pending().await
    }
}

/// What a request was answered, and after how long, by a service whose store answers after so long.
async fn answer(setting: Setting, store_takes: Duration) -> (AuthError, Duration) {
    let key = setting.key().await;
    setting.store.hold_loads();
    let store = setting.store.clone();
    let released = tokio::spawn(async move {
        sleep(store_takes).await;
        store.release_loads();
    });
    let asked = Instant::now();
    let answer = setting.authenticate(&key).await.unwrap_err();
    let took = asked.elapsed();
    released.await.unwrap();
    (answer, took)
}

#[tokio::test]
async fn store_and_limiter_share_one_deadline() {
    let mut shortest = Duration::MAX;
    for trial in 0..10 {
        let silent = setting_with(|builder| builder.store_deadline(DEADLINE).limiter(Silent));
        let (answer, took) = answer(silent.await, DEADLINE * 3 / 4).await;
        // The store has answered in time.
        let who = matches!(
            &answer,
            AuthError::Unavailable(Unavailable::Limiter(error))
                if error.kind() == LimitErrorKind::Timeout
        );
        assert!(who, "trial {trial}: {answer:?}");
        assert!(took >= DEADLINE, "trial {trial}: {took:?}");
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
        let (answer, took) = answer(setting, DEADLINE * 2).await;
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
    const BOUND: Duration = Duration::from_secs(5);
    for (stood_still, is_used) in [
        (BOUND, true),
        (BOUND + Duration::from_millis(1), false),
        (BOUND * 1_000, false),
    ] {
        let setting = setting().await;
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
