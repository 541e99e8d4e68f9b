//! Managing keys: what is checked, what is recorded, who may hand out what.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ringyo_auth::{Actor, Credential, Edit, ListKeys, ManageError, NewKey, Overlap, Surplus};
use ringyo_store::{AccountId, EventKind, EventQuery, KeyFilter, KeyState, KeyStatus, PageSize};
use tokio::sync::Barrier;

use crate::support::setting;

fn fields(error: ManageError) -> Vec<&'static str> {
    match error {
        ManageError::Invalid(fields) => fields.iter().map(|field| field.field).collect(),
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_record_holds_what_was_asked_for_and_not_the_key() {
    let setting = setting().await;
    let new = NewKey::live("acct_pro", "  Production Server\u{a0}")
        .description(" the one in Frankfurt\n")
        .scopes(["calls:read", "agents"])
        .expires_in(Duration::from_secs(60));
    let issued = setting.issue(new).await;
    let record = setting.ringyo.keys().find(issued.record.id).await.unwrap();
    assert_eq!(record.name, "Production Server");
    assert_eq!(record.description.as_deref(), Some("the one in Frankfurt"));
    assert_eq!(record.scopes.to_string(), "agents calls:read");
    assert_eq!(record.hint, format!("rg_live_{}…", record.id));
    assert_eq!(record.status, KeyStatus::Active);
    let shown = format!("{record:?} {issued:?}");
    let secret = &issued.key.expose()[20..];
    assert!(!shown.contains(&secret[..32]) && !shown.contains(&secret[32..38]));
}

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    let bad = NewKey::live("acct_pro", " \u{1f980}\u{7} ")
        .description("\u{0}")
        .scopes(["agents:fly", "Agents"])
        .expires_in(Duration::ZERO);
    let error = keys.issue(bad).await.unwrap_err();
    assert_eq!(
        fields(error),
        ["name", "description", "permissions", "expires_in_seconds"]
    );

    let with_name = |name: String| NewKey::live("acct_pro", name).scopes(["agents"]);
    for good in ["x", "🦀", &"ü".repeat(100), " a "] {
        keys.issue(with_name(good.to_owned())).await.unwrap();
    }
    for bad in ["", "   ", "\u{2003}", "a\nb", "a\u{85}b", &"ü".repeat(101)] {
        let error = keys.issue(with_name(bad.to_owned())).await.unwrap_err();
        assert_eq!(fields(error), ["name"], "{bad:?}");
    }
    let long = with_name("x".into()).description("d".repeat(1_001));
    assert_eq!(fields(keys.issue(long).await.unwrap_err()), ["description"]);
    for scopes in [
        vec![],
        vec!["agents:fly"],
        vec!["*:fly"],
        vec!["birds"],
        vec![""],
    ] {
        let new = NewKey::live("acct_pro", "x").scopes(scopes.clone());
        assert_eq!(
            fields(keys.issue(new).await.unwrap_err()),
            ["permissions"],
            "{scopes:?}"
        );
    }
    for account in ["nobody", "", "a b"] {
        let new = NewKey::live(account, "x").scopes(["agents"]);
        assert!(
            matches!(keys.issue(new).await, Err(ManageError::NotFound)),
            "{account:?}"
        );
    }
    let starter = NewKey::live("acct_starter", "x").scopes(["agents"]);
    assert!(matches!(
        keys.issue(starter).await,
        Err(ManageError::PlanRequired)
    ));
}

#[tokio::test]
async fn revoked_is_for_good() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    let id = setting.key().await.record.id;
    let revoked = keys.revoke(id).await.unwrap();
    assert!(revoked.revoked_at.is_some());
    assert_eq!(
        keys.revoke(id).await.unwrap().revision,
        revoked.revision,
        "once"
    );
    let state = |error| match error {
        ManageError::State { state, .. } => state,
        error => panic!("{error:?}"),
    };
    assert_eq!(state(keys.enable(id).await.unwrap_err()), KeyState::Revoked);
    assert_eq!(
        state(keys.disable(id).await.unwrap_err()),
        KeyState::Revoked
    );
    assert_eq!(
        state(keys.rename(id, "x").await.unwrap_err()),
        KeyState::Revoked
    );
    assert_eq!(
        state(keys.set_scopes(id, ["*"]).await.unwrap_err()),
        KeyState::Revoked
    );
    let error = keys.regenerate(id, Overlap::NONE).await.unwrap_err();
    assert_eq!(state(error), KeyState::Revoked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_brings_a_key_back_that_is_revoked_in_a_race() {
    const RACERS: usize = 8;
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    let (mut before, mut after) = (0, 0);
    let mut rounds = 0;
    // The control: some have come before the revocation, and some after it.
    while rounds < 50 || before == 0 || after == 0 {
        assert!(rounds < 500, "no race: {before} before and {after} after");
        rounds += 1;
        let id = setting.key().await.record.id;
        let start = Arc::new(Barrier::new(RACERS + 1));
        let racers: Vec<_> = (0..RACERS)
            .map(|n| {
                let (keys, start) = (keys.clone(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    match n % 4 {
                        0 => keys.disable(id).await.map(drop),
                        1 => keys.enable(id).await.map(drop),
                        2 => keys.rename(id, format!("name {n}")).await.map(drop),
                        _ => keys.regenerate(id, Overlap::NONE).await.map(drop),
                    }
                })
            })
            .collect();
        start.wait().await;
        keys.revoke(id).await.unwrap();
        assert_eq!(keys.find(id).await.unwrap().status, KeyStatus::Revoked);
        for racer in racers {
            match racer.await.unwrap() {
                Ok(()) => before += 1,
                Err(ManageError::State { state, .. }) => match state {
                    KeyState::Revoked => after += 1,
                    // By another of them.
                    KeyState::Disabled | KeyState::Superseded => {}
                    state => panic!("{state:?}"),
                },
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(keys.find(id).await.unwrap().status, KeyStatus::Revoked);
    }
    println!("{rounds} rounds, {before} before the revocation and {after} after it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn regenerating_in_a_race_makes_one_key() {
    const RACERS: usize = 16;
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    // How often the store is asked when nobody races.
    let id = setting.key().await.record.id;
    let calls = setting.store.calls();
    for n in 0..RACERS {
        let made = keys.regenerate(id, Overlap::NONE).await;
        assert_eq!(made.is_ok(), n == 0);
    }
    let calls_in_turn = setting.store.calls() - calls;

    let (mut rounds, mut races) = (0, 0);
    // The control: who has seen the old key and writes too late asks again.
    while rounds < 10 || races == 0 {
        assert!(rounds < 500, "no race");
        rounds += 1;
        let name = format!("round {rounds}.");
        let new = NewKey::live("acct_agency", name.as_str()).scopes(["*"]);
        let old = setting.issue(new).await.record;
        let start = Arc::new(Barrier::new(RACERS));
        let calls = setting.store.calls();
        let racers: Vec<_> = (0..RACERS)
            .map(|_| {
                let (keys, start, id) = (keys.clone(), start.clone(), old.id);
                tokio::spawn(async move {
                    start.wait().await;
                    keys.regenerate(id, Overlap::NONE).await
                })
            })
            .collect();
        let mut made = Vec::new();
        for racer in racers {
            match racer.await.unwrap() {
                Ok(regenerated) => made.push(regenerated),
                Err(ManageError::State { state, .. }) => assert_eq!(state, KeyState::Superseded),
                Err(error) => panic!("{error:?}"),
            }
        }
        races += usize::from(setting.store.calls() - calls > calls_in_turn);
        assert_eq!(made.len(), 1);
        assert_eq!(made[0].old.replaced_by, Some(made[0].new.record.id));
        assert_eq!(made[0].new.record.scopes, old.scopes);
        // Its hint is its own, and not that of the key that it replaces.
        let new = &made[0].new.record;
        assert!(new.hint.contains(new.id.as_str()), "{}", new.hint);
        let both = ListKeys {
            filter: KeyFilter::All,
            name_contains: Some(name),
            ..ListKeys::default()
        };
        assert_eq!(keys.list(both).await.unwrap().items.len(), 2);
    }
    println!("{rounds} rounds, {races} of them with a write that came too late");
}

#[tokio::test]
async fn a_change_is_one_event_and_no_change_is_none() {
    let setting = setting().await;
    let actor = Actor::operator("alice").from("192.0.2.9".parse().unwrap());
    let keys = setting.ringyo.keys().acting_as(actor);
    let id = keys
        .issue(NewKey::live("acct_pro", "old").scopes(["agents"]))
        .await
        .unwrap()
        .record
        .id;
    keys.rename(id, "new").await.unwrap();
    keys.rename(id, " new ").await.unwrap();
    let description = Some("words".to_owned());
    let edit = Edit {
        description,
        ..Edit::default()
    };
    keys.edit(id, edit.clone()).await.unwrap();
    keys.edit(id, edit).await.unwrap();
    keys.set_scopes(id, ["agents:read"]).await.unwrap();
    keys.set_scopes(id, ["agents:read", "agents:read"])
        .await
        .unwrap();
    keys.disable(id).await.unwrap();
    keys.disable(id).await.unwrap();
    keys.enable(id).await.unwrap();
    keys.enable(id).await.unwrap();
    let made = keys.regenerate(id, Overlap::NONE).await.unwrap();
    keys.revoke(id).await.unwrap();

    let events = keys
        .events(id, None, PageSize::DEFAULT)
        .await
        .unwrap()
        .items;
    let kinds: Vec<_> = events.iter().rev().map(|event| event.entry.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::KeyIssued,
            EventKind::KeyRenamed,
            EventKind::KeyRenamed,
            EventKind::KeyScopesChanged,
            EventKind::KeyDisabled,
            EventKind::KeyEnabled,
            EventKind::KeyRegenerated,
            EventKind::KeyRevoked,
        ]
    );
    for event in &events {
        assert_eq!(event.entry.actor, "operator:alice");
        assert_eq!(event.entry.from, Some("192.0.2.9".parse().unwrap()));
    }
    assert!(
        events[6].entry.detail.contains("\"old\" to \"new\""),
        "{:?}",
        events[6]
    );
    let successor = keys
        .events(made.new.record.id, None, PageSize::DEFAULT)
        .await
        .unwrap();
    assert_eq!(successor.items.len(), 1);
    assert!(successor.items[0].entry.detail.contains(id.as_str()));
}

#[tokio::test]
async fn a_key_hands_out_no_more_than_it_is() {
    let setting = setting().await;
    let new = NewKey::test("acct_pro", "maker")
        .scopes(["agents", "calls:read"])
        .expires_in(Duration::from_secs(3600));
    let maker = setting.issue(new).await;
    let caller = setting.authenticate(&maker).await.unwrap();
    let keys = setting.ringyo.keys().acting_as(Actor::caller(&caller));
    let minute = Duration::from_secs(60);
    let test = |scopes: &[&'static str]| NewKey::test("acct_pro", "made").scopes(scopes.to_vec());

    let made = keys
        .issue(test(&["agents:read"]).expires_in(minute))
        .await
        .unwrap();
    keys.issue(test(&["agents", "calls:read"]).expires_in(minute))
        .await
        .unwrap();
    let surplus = async |new| match keys.issue(new).await {
        Err(ManageError::Broader(surplus)) => surplus,
        other => panic!("{other:?}"),
    };
    for scopes in [
        &["calls"][..],
        &["*"],
        &["*:read"],
        &["read_only"],
        &["agents", "webhooks:read"],
    ] {
        assert_eq!(
            surplus(test(scopes).expires_in(minute)).await,
            Surplus::Scopes,
            "{scopes:?}"
        );
    }
    let live = NewKey::live("acct_pro", "made")
        .scopes(["agents"])
        .expires_in(minute);
    assert_eq!(surplus(live).await, Surplus::Mode);
    assert_eq!(surplus(test(&["agents"])).await, Surplus::Expiry);
    assert_eq!(
        surplus(test(&["agents"]).expires_in(minute * 61)).await,
        Surplus::Expiry
    );

    // Nor by changing, enabling or regenerating one.
    assert!(matches!(
        keys.set_scopes(made.record.id, ["agents", "calls"]).await,
        Err(ManageError::Broader(Surplus::Scopes))
    ));
    let broad = setting
        .issue(NewKey::live("acct_pro", "broad").scopes(["*"]))
        .await
        .record
        .id;
    assert!(matches!(
        keys.regenerate(broad, Overlap::NONE).await,
        Err(ManageError::Broader(_))
    ));
    keys.disable(broad).await.unwrap();
    assert!(matches!(
        keys.enable(broad).await,
        Err(ManageError::Broader(_))
    ));
    setting.ringyo.keys().enable(broad).await.unwrap();
    let event = &setting
        .ringyo
        .keys()
        .events(broad, None, PageSize::MAX)
        .await
        .unwrap()
        .items[1];
    assert_eq!(event.entry.actor, format!("key:{}", maker.record.id));

    let account = AccountId::new("acct_pro").unwrap();
    let clerk = Actor::user("7", account).limited_to("agents:read".parse().unwrap());
    let clerk = setting.ringyo.keys().acting_as(clerk);
    assert!(
        clerk
            .issue(NewKey::live("acct_pro", "x").scopes(["agents:read"]))
            .await
            .is_ok()
    );
    assert!(
        clerk
            .issue(NewKey::live("acct_pro", "x").scopes(["agents"]))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn overlaps_are_bounded_and_an_expiry_is_inherited() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    assert!(Overlap::new(Duration::from_secs(30 * 24 * 3600)).is_ok());
    let error = Overlap::new(Duration::from_secs(30 * 24 * 3600 + 1)).unwrap_err();
    assert_eq!(fields(error), ["overlap_seconds"]);

    let new = NewKey::live("acct_pro", "x")
        .scopes(["agents"])
        .expires_in(Duration::from_secs(90));
    let old = setting.issue(new).await.record;
    let overlap = Overlap::new(Duration::from_secs(60)).unwrap();
    let made = keys.regenerate(old.id, overlap).await.unwrap();
    assert_eq!(made.new.record.expires_at, old.expires_at);
    // It has a successor already, though it works still.
    assert!(matches!(
        keys.regenerate(old.id, overlap).await,
        Err(ManageError::State {
            state: KeyState::Superseded,
            ..
        })
    ));
    setting.clock.advance(Duration::from_secs(90));
    assert!(matches!(
        keys.regenerate(made.new.record.id, overlap).await,
        Err(ManageError::State {
            state: KeyState::Expired,
            ..
        })
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_are_stable_while_keys_are_made() {
    let setting = setting().await;
    let mut ids = Vec::new();
    for _ in 0..45 {
        ids.push(setting.key().await.record.id);
    }
    let mut seen = Vec::new();
    let mut list = ListKeys {
        size: PageSize::new(10).unwrap(),
        ..ListKeys::default()
    };
    loop {
        let page = setting.ringyo.keys().list(list.clone()).await.unwrap();
        seen.extend(page.items.iter().map(|key| key.id));
        setting.clock.advance(Duration::from_millis(1));
        setting.key().await;
        match page.next {
            Some(next) => list.after = Some(next.to_string().parse().unwrap()),
            None => break,
        }
    }
    ids.sort_unstable();
    seen.sort_unstable();
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn limits_add_up_and_a_key_is_read_again() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    let new = |name: &str| NewKey::test("acct_pro", name).scopes(["agents:read"]);
    let maker = setting.issue(new("maker")).await;
    let caller = setting.authenticate(&maker).await.unwrap();
    let issue = async |actor: Actor, new: NewKey| keys.acting_as(actor).issue(new).await;

    // Limiting never widens.
    let wide = Actor::caller(&caller).limited_to("*".parse().unwrap());
    let broad = NewKey::test("acct_pro", "x").scopes(["*"]);
    assert!(matches!(
        issue(wide.clone(), broad).await,
        Err(ManageError::Broader(Surplus::Scopes))
    ));
    assert!(issue(wide, new("x")).await.is_ok());
    let narrow = Actor::caller(&caller).limited_to("calls".parse().unwrap());
    assert!(matches!(
        issue(narrow, new("x")).await,
        Err(ManageError::Broader(Surplus::Scopes))
    ));

    // In its overlap a key hands out none that outlives it.
    let overlap = Overlap::new(Duration::from_secs(60)).unwrap();
    keys.regenerate(maker.record.id, overlap).await.unwrap();
    let actor = Actor::caller(&setting.authenticate(&maker).await.unwrap());
    let eternal = issue(actor.clone(), new("x")).await;
    assert!(
        matches!(eternal, Err(ManageError::Broader(Surplus::Expiry))),
        "{eternal:?}"
    );
    let short = new("x").expires_in(Duration::from_secs(59));
    assert!(issue(actor.clone(), short.clone()).await.is_ok());

    // An actor that was kept is worth no more than its key is now.
    keys.revoke(maker.record.id).await.unwrap();
    assert!(matches!(
        issue(actor, short).await,
        Err(ManageError::ActorEnded)
    ));
}

#[tokio::test]
async fn networks_and_rates_are_handed_down() {
    let setting = setting().await;
    let five = NonZeroU32::new(5).unwrap();
    let net = |text: &str| text.parse().unwrap();
    let new = |name: &str| NewKey::live("acct_pro", name).scopes(["agents"]);
    let maker = new("maker")
        .quota_per_minute(five)
        .allowed_networks([net("192.0.2.0/24")]);
    let maker = setting.issue(maker).await;
    let credential = Credential::key(maker.key.expose()).client("192.0.2.1".parse().unwrap());
    let caller = setting.ringyo.authenticate(credential).await.unwrap();
    let keys = setting.ringyo.keys().acting_as(Actor::caller(&caller));
    let inside = || new("made").allowed_networks([net("192.0.2.128/25")]);
    assert!(keys.issue(inside().quota_per_minute(five)).await.is_ok());
    for (wide, expected) in [
        (new("made").quota_per_minute(five), Surplus::Networks),
        (
            inside()
                .allowed_networks([net("192.0.0.0/16")])
                .quota_per_minute(five),
            Surplus::Networks,
        ),
        (inside(), Surplus::Rate),
        (
            inside().quota_per_minute(NonZeroU32::new(6).unwrap()),
            Surplus::Rate,
        ),
    ] {
        match keys.issue(wide).await {
            Err(ManageError::Broader(surplus)) => assert_eq!(surplus, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn overlaps_do_not_get_around_the_maximum() {
    let preset = ringyo_auth::Preset::new(
        ringyo_auth::preset::ringyo::BRAND,
        ringyo_auth::preset::ringyo::CATALOG.clone(),
        [ringyo_auth::Plan::limited("solo", ringyo_limit::Quota::per_minute(60)).max_keys(1)],
        "x",
    );
    let ringyo = ringyo_auth::Ringyo::builder(preset, crate::support::peppers())
        .store(ringyo_store::MemoryStore::new())
        .build()
        .await
        .unwrap();
    ringyo.accounts().create("a", "solo").await.unwrap();
    let keys = ringyo.keys();
    let first = keys
        .issue(NewKey::live("a", "x").scopes(["*"]))
        .await
        .unwrap();
    let second = keys
        .regenerate(first.record.id, Overlap::MAX)
        .await
        .unwrap()
        .new;
    let third = keys.regenerate(second.record.id, Overlap::MAX).await;
    assert!(matches!(third, Err(ManageError::TooManyKeys)), "{third:?}");
    keys.regenerate(second.record.id, Overlap::NONE)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_record_that_others_keep_changing_is_given_up_on() {
    let setting = setting().await;
    let key = setting.key().await.record;
    setting.store.set_contended(true);
    let keys = setting.ringyo.keys();
    let answers = [
        keys.revoke(key.id).await.map(drop),
        keys.rename(key.id, "x").await.map(drop),
        keys.regenerate(key.id, Overlap::NONE).await.map(drop),
        setting
            .ringyo
            .accounts()
            .set_plan(&key.account, "pro")
            .await
            .map(drop),
    ];
    for answer in answers {
        assert!(matches!(answer, Err(ManageError::Conflict)), "{answer:?}");
    }
    setting.store.set_contended(false);
    keys.revoke(key.id).await.unwrap();
}

#[tokio::test]
async fn a_form_can_be_checked_without_making_a_key() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    let error = keys
        .check(&NewKey::live("acct_pro", "").scopes(["fly"]))
        .unwrap_err();
    assert_eq!(fields(error), ["name", "permissions"]);
    keys.check(&NewKey::live("acct_pro", "x").scopes(["agents"]))
        .unwrap();
    let list = keys.list(ListKeys::default()).await.unwrap();
    assert!(list.items.is_empty());
}

#[tokio::test]
async fn a_change_of_an_account_says_what_and_from_where() {
    let setting = setting().await;
    let address = "192.0.2.9".parse().unwrap();
    let actor = Actor::operator("alice").from(address);
    let accounts = setting.ringyo.accounts().acting_as(actor);
    let pro = AccountId::new("acct_pro").unwrap();
    accounts.set_plan(&pro, "agency").await.unwrap();
    let query = EventQuery {
        account: Some(pro),
        key: None,
        before: None,
        size: PageSize::MAX,
    };
    let events = setting.store.inner.list_events(&query).await.unwrap().items;
    assert_eq!(events[0].entry.from, Some(address));
    assert_eq!(events[0].entry.actor, "operator:alice");
    assert!(
        events[0].entry.detail.contains("agency"),
        "{}",
        events[0].entry.detail
    );
}

#[tokio::test]
async fn a_service_tells_its_plans() {
    let setting = setting().await;
    let plans = setting.ringyo.plans();
    let mut names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
    names.sort_unstable();
    assert!(
        names.contains(&"agency") && names.contains(&"pro"),
        "{names:?}"
    );
    assert!(names.iter().all(|name| plans.contains(name)));
    assert!(!plans.contains("no such plan"));
}

#[tokio::test]
async fn a_regenerated_key_begins_anew_and_the_old_one_has_a_note_of_the_overlap() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    for (seconds, note) in [(0, ""), (90, ", both work for 90 s")] {
        let old = setting.key().await;
        setting.authenticate(&old).await.unwrap();
        let used = keys.find(old.record.id).await.unwrap();
        assert!(used.last_used_at.is_some());
        setting.clock.advance(Duration::from_secs(1));
        let overlap = Overlap::new(Duration::from_secs(seconds)).unwrap();
        let made = keys.regenerate(old.record.id, overlap).await.unwrap();
        let new = made.new.record;
        assert_eq!(new.last_used_at, None);
        assert_eq!(
            new.created_at.since(old.record.created_at),
            Duration::from_secs(1)
        );
        let events = keys
            .events(old.record.id, None, PageSize::DEFAULT)
            .await
            .unwrap();
        let expected = format!("replaced by {}{note}", new.id);
        assert_eq!(events.items[0].entry.detail, expected);
    }
}
