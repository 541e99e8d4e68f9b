//! A clock that is read cheaply may tell an old time: no answer about a key is another one for that,
//! and no cell is held back.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringyo_auth::{AuthError, Credential, IssuedKey, NewKey, Preset, Ringyo};
use ringyo_limit::{Clock, ManualClock, Monotonic, Now};

use crate::support::{START, Setting, Watched, peppers};

const LAG: Duration = Duration::from_millis(100);

/// Late by so much, which is as late as it may be or less; and how often it was asked for the exact
/// time.
#[derive(Debug, Clone)]
struct Late(ManualClock, Duration, Arc<AtomicU64>);

impl Clock for Late {
    fn now(&self) -> Now {
        self.2.fetch_add(1, Ordering::Relaxed);
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
    counted(late_by, max_staleness).await.0
}

/// The same, and how often it asked for the exact time.
async fn counted(late_by: Duration, max_staleness: Duration) -> (Setting, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let store = Watched::default();
    let clock = ManualClock::new(START);
    // The first moments after the start are not early enough to be late.
    clock.advance(LAG * 2);
    let ringyo = Ringyo::builder(Preset::ringyo(), peppers())
        .store(store.clone())
        .clock(Late(clock.clone(), late_by, asked.clone()))
        .max_staleness(max_staleness)
        .build()
        .await
        .unwrap();
    for plan in ["pro", "agency"] {
        let id = format!("acct_{plan}");
        ringyo.accounts().create(&id, plan).await.unwrap();
    }
    let setting = Setting {
        ringyo,
        clock,
        store,
    };
    (setting, asked)
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
        setting.store.until_told(2).await;
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

#[tokio::test]
async fn the_exact_time_is_asked_for_where_it_makes_a_difference() {
    let (setting, asked) = counted(Duration::ZERO, Duration::from_secs(5)).await;
    let new = || NewKey::live("acct_agency", "Server").scopes(["*"]);
    let at_home = || new().allowed_networks(["192.0.2.0/24".parse().unwrap()]);
    let second = Duration::from_secs(1);
    let keys = [
        ("plain", new(), 0),
        ("with networks", at_home(), 0),
        ("with an end", at_home().expires_in(second + LAG * 2), 0),
        ("near its end", at_home().expires_in(second), 1),
        (
            "with a limit",
            new().quota_per_minute(NonZeroU32::new(60).unwrap()),
            0,
        ),
        (
            "with a limit, spent",
            new().quota_per_minute(NonZeroU32::MIN),
            0,
        ),
    ];
    let mut issued = Vec::new();
    for (about, new, times) in keys {
        issued.push((about, setting.issue(new).await, times));
    }
    setting.store.until_told(2).await;
    setting.clock.advance(second - MILLISECOND);
    let authenticator = setting.ringyo.authenticator();
    for (about, key, times) in &issued {
        let client = "192.0.2.7".parse().unwrap();
        let credential = Credential::key(key.key.expose()).client(client);
        assert!(setting.ringyo.authenticate(credential).await.is_ok());
        let before = asked.load(Ordering::Relaxed);
        let decided = authenticator.decide_now(credential).unwrap();
        assert_eq!(decided.is_err(), about.ends_with("spent"), "{about}");
        let during = asked.load(Ordering::Relaxed) - before;
        assert_eq!(during, *times, "{about}");
    }
}
