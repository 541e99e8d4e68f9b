//! The questions of the decision and their order.

use std::num::NonZeroU32;
use std::time::Duration;

use ringyo_auth::preset::ringyo::{AGENTS_READ, AGENTS_UPDATE, CALLS_CREATE};
use ringyo_auth::{AuthError, Caller, Credential, InvalidKey, NewKey, Plan, Preset, Ringyo};
use ringyo_key::{KeyFormat, Mode};
use ringyo_limit::{BucketKind, Quota};
use ringyo_store::{AccountStore as _, KeyStatus, KeyStore as _, MemoryStore, NewEvent};

use crate::support::{Setting, authenticate, peppers, setting, setting_with, strange_peppers};

#[tokio::test]
async fn a_good_key_says_who_is_calling() {
    let setting = setting().await;
    let new = NewKey::test("acct_pro", "  Staging ").scopes(["agents", "calls:read"]);
    let key = setting.issue(new).await;
    let caller = setting.authenticate(&key).await.unwrap();
    assert_eq!(caller.key_id(), key.record.id);
    assert_eq!(caller.key_name(), "Staging");
    assert_eq!(caller.mode(), Mode::Test);
    assert_eq!(caller.account().as_str(), "acct_pro");
    assert_eq!(caller.plan().name, "pro");
    assert_eq!(caller.scopes().to_string(), "agents calls:read");
    assert!(caller.as_live().is_none());
    assert!(matches!(
        caller.require_live(),
        Err(AuthError::LiveKeyRequired)
    ));
    assert!(caller.require(&AGENTS_READ).is_ok());
    assert!(matches!(
        caller.require(&CALLS_CREATE),
        Err(AuthError::InsufficientPermissions(_))
    ));
    let rate = caller.rate().unwrap();
    assert_eq!(
        (rate.account().quota().limit(), rate.account().remaining()),
        (60, 59)
    );
}

#[tokio::test]
async fn what_is_at_hand_is_decided_now_and_for_the_rest_nothing_is_charged() {
    let setting = setting().await;
    let key = setting.key().await;
    // A node forgets a key once more when the feed tells it of its own change.
    setting.store.until_told(2).await;
    let authenticator = setting.ringyo.authenticator();
    let credential = Credential::key(key.key.expose());
    let remaining = |caller: &Caller| caller.rate().unwrap().account().remaining();
    assert!(authenticator.decide_now(credential).is_none());
    assert!(authenticator.decide_now(credential).is_none());
    let asked = authenticator.decide(credential).await.unwrap();
    assert_eq!(remaining(&asked), 299);
    let at_once = authenticator.decide_now(credential).unwrap().unwrap();
    assert_eq!(
        (remaining(&at_once), at_once.key_id()),
        (298, key.record.id)
    );

    let nothing = authenticator.decide_now(Credential::bearer("")).unwrap();
    assert!(nothing.unwrap_err().key.is_none());
    for _ in 0..298 {
        assert!(authenticator.decide(credential).await.is_ok());
    }
    let refused = authenticator.decide_now(credential).unwrap().unwrap_err();
    assert!(matches!(refused.error, AuthError::RateLimited(_)));
    let known = refused.key.unwrap();
    assert_eq!(known.id(), key.record.id);
    assert_eq!(known.account().as_str(), "acct_agency");
    assert_eq!(known.mode(), Mode::Live);
}

#[tokio::test]
async fn every_refusal_before_the_secret_is_proven() {
    let setting = setting().await;
    let key = setting.key().await;
    let text = key.key.expose();
    let refusal = async |credential| setting.ringyo.authenticate(credential).await.unwrap_err();

    assert!(matches!(
        refusal(Credential::bearer("")).await,
        AuthError::MissingCredential
    ));
    let checksum = format!(
        "{}{}",
        &text[..63],
        if text.ends_with('0') { '1' } else { '0' }
    );
    assert!(matches!(
        refusal(Credential::key(&checksum)).await,
        AuthError::InvalidKey(InvalidKey::Malformed(_))
    ));
    let format = KeyFormat::new(ringyo_auth::preset::ringyo::BRAND);
    let forged = format.mint(Mode::Live, &strange_peppers());
    assert!(matches!(
        refusal(Credential::key(forged.key.expose())).await,
        AuthError::InvalidKey(InvalidKey::Forged)
    ));
    let unknown = format.mint(Mode::Live, &peppers());
    assert!(matches!(
        refusal(Credential::key(unknown.key.expose())).await,
        AuthError::InvalidKey(InvalidKey::Unknown)
    ));
    assert!(
        setting.authenticate(&key).await.is_ok(),
        "the control is let in"
    );
}

#[tokio::test]
async fn a_key_with_another_secret_is_refused() {
    // Two services share a pepper but not a store: a key of the first whose id the second has
    // given to another secret passes the tag and fails the digest.
    let (first, second) = (setting().await, setting().await);
    let key = first.key().await;
    let other = second.key().await;
    let record = ringyo_store::KeyRecord {
        id: key.record.id,
        ..other.record.clone()
    };
    let event = NewEvent::new(
        ringyo_store::EventKind::KeyIssued,
        record.account.clone(),
        "test",
        record.created_at,
    );
    second
        .store
        .inner
        .insert_key(&record, None, &event)
        .await
        .unwrap();
    assert!(matches!(
        second.authenticate(&key).await,
        Err(AuthError::InvalidKey(InvalidKey::WrongSecret))
    ));
    assert!(first.authenticate(&key).await.is_ok());
}

#[tokio::test]
async fn states_are_told_apart_once_the_secret_is_proven() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();

    let revoked = setting.key().await;
    keys.revoke(revoked.record.id).await.unwrap();
    assert!(matches!(
        setting.authenticate(&revoked).await,
        Err(AuthError::Revoked(_))
    ));

    let disabled = setting.key().await;
    keys.disable(disabled.record.id).await.unwrap();
    assert!(matches!(
        setting.authenticate(&disabled).await,
        Err(AuthError::Disabled(_))
    ));
    keys.enable(disabled.record.id).await.unwrap();
    assert!(setting.authenticate(&disabled).await.is_ok());

    let new = NewKey::live("acct_agency", "Short")
        .scopes(["*"])
        .expires_in(Duration::from_secs(60));
    let expiring = setting.issue(new).await;
    assert!(setting.authenticate(&expiring).await.is_ok());
    setting.clock.advance(Duration::from_millis(59_999));
    assert!(setting.authenticate(&expiring).await.is_ok());
    setting.clock.advance(Duration::from_millis(1));
    assert!(matches!(
        setting.authenticate(&expiring).await,
        Err(AuthError::Expired(_))
    ));
}

#[tokio::test]
async fn the_old_key_ends_with_the_overlap_and_no_message() {
    let day = Duration::from_secs(24 * 3600);
    let setting = setting_with(|builder| builder.max_staleness(day)).await;
    let old = setting.key().await;
    let overlap = ringyo_auth::Overlap::new(Duration::from_secs(3600)).unwrap();
    let made = setting
        .ringyo
        .keys()
        .regenerate(old.record.id, overlap)
        .await
        .unwrap();
    assert!(setting.authenticate(&old).await.is_ok());
    assert!(setting.authenticate(&made.new).await.is_ok());
    // The cached record knows by itself: the store is away.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(setting.authenticate(&old).await.is_ok());
    setting.store.set_down(true);
    setting.clock.advance(Duration::from_secs(3599));
    assert!(setting.authenticate(&old).await.is_ok());
    setting.clock.advance(Duration::from_secs(1));
    assert!(matches!(
        setting.authenticate(&old).await,
        Err(AuthError::Superseded(_))
    ));
    setting.store.set_down(false);
    assert!(setting.authenticate(&made.new).await.is_ok());
}

#[tokio::test]
async fn networks_bind_a_key() {
    let setting = setting().await;
    let new = NewKey::live("acct_agency", "Office")
        .scopes(["*"])
        .allowed_networks([
            "192.0.2.0/24".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ]);
    let key = setting.issue(new).await;
    let from = async |address: &str| {
        let credential = Credential::key(key.key.expose()).client(address.parse().unwrap());
        setting.ringyo.authenticate(credential).await
    };
    for inside in ["192.0.2.1", "::ffff:192.0.2.255", "2001:db8::1"] {
        assert!(from(inside).await.is_ok(), "{inside}");
    }
    for outside in ["192.0.3.1", "::1", "2001:db9::1", "::192.0.2.1"] {
        assert!(
            matches!(from(outside).await, Err(AuthError::AddressNotAllowed(_))),
            "{outside}"
        );
    }
    // Not knowing where a request came from is no way in.
    assert!(matches!(
        setting.authenticate(&key).await,
        Err(AuthError::AddressNotAllowed(_))
    ));
}

#[tokio::test]
async fn a_plan_without_access_closes_the_door_at_once_and_opens_it_again() {
    let setting = setting().await;
    let key = setting.key().await;
    assert!(setting.authenticate(&key).await.is_ok());
    let account = &key.record.account;
    setting
        .ringyo
        .accounts()
        .set_plan(account, "starter")
        .await
        .unwrap();
    assert!(matches!(
        setting.authenticate(&key).await,
        Err(AuthError::PlanRequired)
    ));
    // A plan that the service does not know, as after a deployment gone wrong, is no way in.
    let mut stored = setting
        .store
        .inner
        .find_account(account)
        .await
        .unwrap()
        .unwrap();
    stored.plan = "unheard-of".to_owned();
    let kind = ringyo_store::EventKind::AccountEdited;
    let event = NewEvent::new(kind, account.clone(), "test", stored.created_at);
    setting
        .store
        .inner
        .update_account(&stored, &event)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(matches!(
        setting.authenticate(&key).await,
        Err(AuthError::PlanRequired)
    ));
    setting
        .ringyo
        .accounts()
        .set_plan(account, "pro")
        .await
        .unwrap();
    let caller = setting.authenticate(&key).await.unwrap();
    assert_eq!(caller.rate().unwrap().account().quota().limit(), 60);
}

async fn spend(setting: &Setting, key: &ringyo_auth::IssuedKey, times: usize) -> usize {
    let mut allowed = 0;
    for _ in 0..times {
        allowed += usize::from(setting.authenticate(key).await.is_ok());
    }
    allowed
}

#[tokio::test]
async fn the_rate_belongs_to_the_account_and_each_mode_has_its_own() {
    let setting = setting().await;
    let live = setting
        .issue(NewKey::live("acct_pro", "a").scopes(["*"]))
        .await;
    let other = setting
        .issue(NewKey::live("acct_pro", "b").scopes(["*"]))
        .await;
    let test = setting
        .issue(NewKey::test("acct_pro", "c").scopes(["*"]))
        .await;
    assert_eq!(spend(&setting, &live, 100).await, 60);
    assert_eq!(
        spend(&setting, &other, 10).await,
        0,
        "ten keys are not ten limits"
    );
    assert_eq!(
        spend(&setting, &test, 100).await,
        60,
        "testing does not starve production"
    );
    let Err(AuthError::RateLimited(exceeded)) = setting.authenticate(&live).await else {
        panic!("over the limit");
    };
    let wait = exceeded.decision().retry_after().unwrap();
    assert_eq!(wait, Duration::from_secs(1));
    setting.clock.advance(wait - Duration::from_nanos(1));
    assert!(setting.authenticate(&live).await.is_err());
    setting.clock.advance(Duration::from_nanos(1));
    assert!(setting.authenticate(&live).await.is_ok());
}

#[tokio::test]
async fn a_key_may_have_a_tighter_limit_and_then_the_account_is_not_charged() {
    let setting = setting().await;
    let new = NewKey::live("acct_pro", "slow").scopes(["*"]);
    let slow = setting
        .issue(new.quota_per_minute(NonZeroU32::new(5).unwrap()))
        .await;
    let fast = setting
        .issue(NewKey::live("acct_pro", "fast").scopes(["*"]))
        .await;
    assert_eq!(spend(&setting, &slow, 50).await, 5);
    let Err(AuthError::RateLimited(exceeded)) = setting.authenticate(&slow).await else {
        panic!("over the key's limit");
    };
    assert_eq!(exceeded.decision().binding().kind(), BucketKind::Key);
    assert_eq!(
        spend(&setting, &fast, 100).await,
        55,
        "refused requests were free"
    );
}

#[tokio::test]
async fn bad_credentials_spend_nothing_and_missing_permissions_do() {
    let setting = setting().await;
    let key = setting
        .issue(NewKey::live("acct_pro", "a").scopes(["agents:read"]))
        .await;
    for _ in 0..200 {
        let (start, end) = key.key.expose().split_at(63);
        let forged = format!("{start}{}", if end == "0" { "1" } else { "0" });
        let _ = setting.ringyo.authenticate(Credential::key(&forged)).await;
    }
    for _ in 0..10 {
        let caller = setting.authenticate(&key).await.unwrap();
        assert!(caller.require(&AGENTS_UPDATE).is_err());
    }
    assert_eq!(spend(&setting, &key, 100).await, 50);
}

#[tokio::test]
async fn a_plan_change_does_not_refill() {
    let setting = setting().await;
    let key = setting
        .issue(NewKey::live("acct_pro", "a").scopes(["*"]))
        .await;
    assert_eq!(spend(&setting, &key, 100).await, 60);
    let account = &key.record.account;
    setting
        .ringyo
        .accounts()
        .set_plan(account, "agency")
        .await
        .unwrap();
    assert_eq!(
        spend(&setting, &key, 100).await,
        0,
        "the bucket stays as empty as it was"
    );
    setting.clock.advance(Duration::from_secs(1));
    assert_eq!(
        spend(&setting, &key, 100).await,
        5,
        "and refills at the new rate"
    );
}

#[tokio::test]
async fn permissions_on_one_instance() {
    let setting = setting().await;
    let new =
        NewKey::live("acct_pro", "one agent").scopes(["agents:update@agent_1", "agents:read"]);
    let key = setting.issue(new).await;
    let caller = setting.authenticate(&key).await.unwrap();
    assert!(caller.require_on(&AGENTS_UPDATE, "agent_1").is_ok());
    assert!(caller.require_on(&AGENTS_UPDATE, "agent_2").is_err());
    assert!(caller.require(&AGENTS_UPDATE).is_err());
    assert!(caller.require_on(&AGENTS_READ, "agent_2").is_ok());
}

#[tokio::test]
async fn a_service_of_its_own_brand_and_plans() {
    let preset = Preset::new(
        ringyo_key::Brand::new("acme").unwrap(),
        ringyo_auth::preset::ringyo::CATALOG.clone(),
        [
            Plan::limited("solo", Quota::per_second(2)).max_keys(1),
            Plan {
                access: ringyo_auth::ApiAccess::Unlimited,
                ..Plan::without_api("house")
            },
        ],
        "acme",
    );
    let ringyo = Ringyo::builder(preset, peppers())
        .store(MemoryStore::new())
        .build()
        .await
        .unwrap();
    ringyo.accounts().create("a", "solo").await.unwrap();
    ringyo.accounts().create("b", "house").await.unwrap();
    let key = ringyo
        .keys()
        .issue(NewKey::live("a", "one").scopes(["*"]))
        .await
        .unwrap();
    assert!(key.key.expose().starts_with("acme_live_"));
    let second = ringyo
        .keys()
        .issue(NewKey::live("a", "two").scopes(["*"]))
        .await;
    assert!(matches!(second, Err(ringyo_auth::ManageError::TooManyKeys)));
    ringyo.keys().revoke(key.record.id).await.unwrap();
    ringyo
        .keys()
        .issue(NewKey::live("a", "two").scopes(["*"]))
        .await
        .unwrap();

    let house = ringyo
        .keys()
        .issue(NewKey::live("b", "house").scopes(["*"]))
        .await
        .unwrap();
    for _ in 0..1_000 {
        assert!(
            authenticate(&ringyo, &house)
                .await
                .unwrap()
                .rate()
                .is_none()
        );
    }
    assert_eq!(house.record.status, KeyStatus::Active);
}

#[tokio::test]
async fn a_ring_of_peppers_keeps_old_keys_working() {
    let setting = setting().await;
    let old = setting.key().await;
    let rotated = format!(
        "2:{}, {}",
        &crate::support::PEPPER[2..].replace('A', "B"),
        crate::support::PEPPER
    );
    let peppers = ringyo_key::PepperRing::parse(&rotated).unwrap();
    let ringyo = Ringyo::builder(Preset::ringyo(), peppers)
        .store(setting.store.clone())
        .clock(setting.clock.clone())
        .build()
        .await
        .unwrap();
    assert!(authenticate(&ringyo, &old).await.is_ok());
    let new = ringyo
        .keys()
        .issue(NewKey::live("acct_agency", "n").scopes(["*"]))
        .await
        .unwrap();
    assert!(authenticate(&ringyo, &new).await.is_ok());
    let usage = ringyo.keys().pepper_usage().await.unwrap();
    let usage: Vec<_> = usage
        .iter()
        .map(|(id, keys)| (id.unwrap().as_u16(), *keys))
        .collect();
    assert_eq!(usage, [(1, 1), (2, 1)]);
}

#[tokio::test]
async fn a_replaced_key_stays_replaced_when_the_clock_is_set_back() {
    let setting = setting().await;
    let old = setting.key().await;
    setting
        .ringyo
        .keys()
        .regenerate(old.record.id, ringyo_auth::Overlap::NONE)
        .await
        .unwrap();
    setting.clock.correct_wall_clock(-3_600_000);
    assert!(matches!(
        setting.authenticate(&old).await,
        Err(AuthError::Superseded(_))
    ));
}

#[tokio::test]
async fn the_digest_of_the_pepper_that_the_record_names_is_what_counts() {
    let setting = setting().await;
    let key = setting.key().await;
    let both = format!(
        "{},2:{}",
        crate::support::PEPPER,
        &crate::support::PEPPER[2..].replace('A', "B")
    );
    let ringyo = Ringyo::builder(
        Preset::ringyo(),
        ringyo_key::PepperRing::parse(&both).unwrap(),
    )
    .store(setting.store.clone())
    .clock(setting.clock.clone())
    .build()
    .await
    .unwrap();
    assert!(authenticate(&ringyo, &key).await.is_ok());
    // The same id, as if it had been made under the other pepper: the tag of the first proves
    // nothing for it.
    let store = MemoryStore::new();
    let account = setting
        .store
        .inner
        .find_account(&key.record.account)
        .await
        .unwrap()
        .unwrap();
    let event = NewEvent::new(
        ringyo_store::EventKind::AccountCreated,
        account.id.clone(),
        "test",
        account.created_at,
    );
    store.insert_account(&account, &event).await.unwrap();
    let record = ringyo_store::KeyRecord {
        pepper: Some(ringyo_key::PepperId::new(2)),
        ..key.record.clone()
    };
    store.insert_key(&record, None, &event).await.unwrap();
    let ringyo = Ringyo::builder(
        Preset::ringyo(),
        ringyo_key::PepperRing::parse(&both).unwrap(),
    )
    .store(store)
    .build()
    .await
    .unwrap();
    assert!(matches!(
        authenticate(&ringyo, &key).await,
        Err(AuthError::InvalidKey(InvalidKey::WrongSecret))
    ));
}

#[tokio::test]
async fn a_row_that_no_limiter_can_count_still_decides() {
    let setting = setting().await;
    let key = setting.key().await;
    let mut record = setting.stored(key.record.id).await;
    record.quota = Some(ringyo_store::KeyQuota {
        per_minute: NonZeroU32::MIN,
        burst: Some(NonZeroU32::MAX),
    });
    setting.write_by_hand(&record).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(spend(&setting, &key, 5).await, 1);
}

#[tokio::test]
#[should_panic = "polled after the answer"]
async fn a_request_that_is_answered_is_not_charged_again() {
    let setting = setting().await;
    let key = setting.key().await;
    // A node forgets a key once more when the feed tells it of its own change.
    setting.store.until_told(2).await;
    setting.authenticate(&key).await.unwrap();
    let authenticator = setting.ringyo.authenticator();
    let mut deciding = Box::pin(authenticator.authenticate(Credential::key(key.key.expose())));
    let caller = deciding.as_mut().await.unwrap();
    assert_eq!(caller.key_id(), key.record.id);
    drop(deciding.await);
}
