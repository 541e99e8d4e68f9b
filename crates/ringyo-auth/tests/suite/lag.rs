//! A clock that is read cheaply may tell an old time: no answer about a key is another one for that,
//! and no cell is held back.

use std::num::NonZeroU32;
use std::time::Duration;

use ringyo_auth::{AuthError, Credential, IssuedKey, NewKey, Preset, Ringyo};
use ringyo_limit::{Clock, ManualClock, Monotonic, Now};

use crate::support::{START, Setting, Watched, peppers};

const LAG: Duration = Duration::from_millis(100);

/// Late by so much, which is as late as it may be or less.
#[derive(Debug, Clone)]
struct Late(ManualClock, Duration);

impl Clock for Late {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn lately(&self) -> Now {
        let now = self.0.now();
        let late_by = self.1.as_nanos() as u64;
        Now {
            monotonic: Monotonic::from_nanos(now.monotonic.as_nanos().saturating_sub(late_by)),
            unix_millis: now.unix_millis - self.1.as_millis() as i64,
        }
    }

    fn lag(&self) -> Duration {
        LAG
    }
}

/// A service by such a clock that vouches for a record for so long.
async fn setting(late_by: Duration, max_staleness: Duration) -> Setting {
    let store = Watched::default();
    let clock = ManualClock::new(START);
    // The first moments after the start are not early enough to be late.
    clock.advance(LAG * 2);
    let ringyo = Ringyo::builder(Preset::ringyo(), peppers())
        .store(store.clone())
        .clock(Late(clock.clone(), late_by))
        .max_staleness(max_staleness)
        .build()
        .await
        .unwrap();
    for plan in ["pro", "agency"] {
        let id = format!("acct_{plan}");
        ringyo.accounts().create(&id, plan).await.unwrap();
    }
    Setting {
        ringyo,
        clock,
        store,
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);

#[tokio::test]
async fn a_key_ends_when_it_ends() {
    for late_by in [LAG, Duration::ZERO] {
        let setting = setting(late_by, Duration::from_secs(5)).await;
        let new = NewKey::live("acct_agency", "Server").scopes(["*"]);
        let new = new.expires_in(Duration::from_secs(1));
        // Of one nothing is asked before its end, of the other always where it comes from.
        let anywhere = setting.issue(new.clone()).await;
        let at_home = new.allowed_networks(["192.0.2.0/24".parse().unwrap()]);
        let at_home = setting.issue(at_home).await;
        // A node forgets a key once more when the feed tells it of its own change.
        setting.store.until_told(4).await;
        let authenticate = async |key: &IssuedKey| {
            let client = "192.0.2.7".parse().unwrap();
            let credential = Credential::key(key.key.expose()).client(client);
            setting.ringyo.authenticate(credential).await
        };
        for millis in [900, 99] {
            setting.clock.advance(Duration::from_millis(millis));
            for key in [&anywhere, &at_home] {
                assert!(authenticate(key).await.is_ok());
            }
        }
        setting.clock.advance(MILLISECOND);
        for key in [&anywhere, &at_home] {
            let answer = authenticate(key).await;
            assert!(matches!(answer, Err(AuthError::Expired(_))), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_record_is_vouched_for_no_longer_and_no_shorter() {
    // Less than the lag, and more; and a clock that could have been late, and was not.
    for (late_by, bound) in [(LAG, LAG / 2), (LAG, LAG * 20), (Duration::ZERO, LAG * 20)] {
        let setting = setting(late_by, bound).await;
        let key = setting.key().await;
        setting.store.until_told(2).await;
        setting.store.set_feed_down(true);
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        setting.clock.advance(bound * 2);
        assert!(setting.authenticate(&key).await.is_ok());
        let loads = setting.store.loads();
        setting.clock.advance(bound);
        assert!(setting.authenticate(&key).await.is_ok());
        assert_eq!(setting.store.loads(), loads, "{bound:?}");
        setting.clock.advance(MILLISECOND);
        assert!(setting.authenticate(&key).await.is_ok());
        assert_eq!(setting.store.loads(), loads + 1, "{bound:?}");
    }
}

#[tokio::test]
async fn a_cell_that_is_back_is_given_out() {
    let setting = setting(LAG, Duration::from_secs(5)).await;
    let all = ["*"];
    let key = setting
        .issue(NewKey::live("acct_pro", "Server").scopes(all))
        .await;
    let slow = NewKey::live("acct_agency", "Slow").scopes(all);
    let slow = slow.quota_per_minute(NonZeroU32::new(60).unwrap());
    let slow = setting.issue(slow).await;
    for key in [&key, &slow] {
        for _ in 0..60 {
            assert!(setting.authenticate(key).await.is_ok());
        }
        setting.clock.advance(Duration::from_secs(1) - MILLISECOND);
        assert!(setting.authenticate(key).await.is_err());
        setting.clock.advance(MILLISECOND);
        let answer = setting.authenticate(key).await;
        assert!(answer.is_ok(), "{} {answer:?}", key.record.name);
    }
}
