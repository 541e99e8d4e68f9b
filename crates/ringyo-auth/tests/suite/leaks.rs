//! Reports that a key has leaked: what is ours ends or is flagged, once; what is not stays unknown.

use std::sync::Arc;
use std::time::Duration;

use ringyo_auth::{
    Actor, AuthError, IssuedKey, LeakPolicy, LeakResponse, LeakVerdict, LeakedKey, ManageError,
    NewKey, Overlap, Ringyo,
};
use ringyo_key::{Brand, KeyFormat, KeyId, Mode};
use ringyo_postgres::PostgresStore;
use ringyo_sqlite::SqliteStore;
use ringyo_store::*;
use xtask::servers::for_tests;

use crate::support::{Setting, Watched, node, peppers, setting, strange_peppers};

const PLACE: &str = "https://example.com/octocat/app/blob/main/.env";

async fn report(ringyo: &Ringyo, found: &str, policy: LeakPolicy) -> LeakVerdict {
    let keys = ringyo.keys();
    keys.report_leaked(found, PLACE, policy).await.unwrap()
}

fn ours(verdict: LeakVerdict) -> LeakedKey {
    match verdict {
        LeakVerdict::Ours(leaked) => leaked,
        LeakVerdict::NotOurs => panic!("it is ours"),
    }
}

fn is_ours(verdict: &LeakVerdict) -> bool {
    matches!(verdict, LeakVerdict::Ours(_))
}

/// Kinds and details of what has happened to a key, oldest first.
async fn history(store: &dyn Store, key: KeyId) -> Vec<(EventKind, String)> {
    let mut history = Vec::new();
    let mut before = None;
    loop {
        let query = EventQuery {
            account: None,
            key: Some(key),
            before,
            size: PageSize::MAX,
        };
        let page = store.list_events(&query).await.unwrap();
        let entries = page.items.into_iter().map(|event| event.entry);
        history.extend(entries.map(|entry| (entry.kind, entry.detail)));
        before = page.next;
        if before.is_none() {
            history.reverse();
            return history;
        }
    }
}

async fn leak_entries(setting: &Setting, key: &IssuedKey) -> Vec<String> {
    let history = history(&*setting.store.inner, key.record.id).await;
    let leaks = history
        .into_iter()
        .filter(|(kind, _)| *kind == EventKind::KeyLeaked);
    leaks.map(|(_, detail)| detail).collect()
}

#[tokio::test]
async fn a_leaked_key_is_revoked_once_and_its_trail_says_where_it_was() {
    let setting = setting().await;
    let key = setting.key().await;
    setting.authenticate(&key).await.unwrap();
    let found = key.key.expose();

    let leaked = ours(report(&setting.ringyo, found, LeakPolicy::Revoke).await);
    assert_eq!(leaked.response, LeakResponse::Revoked);
    assert_eq!(leaked.record.status, KeyStatus::Revoked);
    assert!(leaked.record.revoked_at >= Some(leaked.record.created_at));
    let refused = setting.authenticate(&key).await;
    assert!(matches!(refused, Err(AuthError::Revoked(_))), "{refused:?}");

    let stored = setting.stored(key.record.id).await;
    for policy in [LeakPolicy::Revoke, LeakPolicy::Flag] {
        setting.clock.advance(Duration::from_secs(60));
        let again = ours(report(&setting.ringyo, found, policy).await);
        assert_eq!(again.response, LeakResponse::AlreadyDone);
        assert_eq!(again.record.revoked_at, stored.revoked_at);
    }
    assert_eq!(
        setting.stored(key.record.id).await.revision,
        stored.revision
    );
    let entries = leak_entries(&setting, &key).await;
    assert_eq!(entries, [format!("revoked; found at {PLACE}")]);
}

#[tokio::test]
async fn a_flagged_key_works_on_and_is_flagged_once_and_can_still_be_revoked() {
    let setting = setting().await;
    let key = setting.key().await;
    let found = key.key.expose();
    let mut responses = Vec::new();
    for policy in [LeakPolicy::Flag, LeakPolicy::Flag] {
        responses.push(ours(report(&setting.ringyo, found, policy).await).response);
    }
    // Also when more has happened since than is read at once.
    for number in 0..101 {
        let keys = setting.ringyo.keys();
        keys.rename(key.record.id, format!("name {number}"))
            .await
            .unwrap();
    }
    for policy in [LeakPolicy::Flag, LeakPolicy::Revoke, LeakPolicy::Flag] {
        setting.authenticate(&key).await.ok();
        responses.push(ours(report(&setting.ringyo, found, policy).await).response);
    }
    use LeakResponse::{AlreadyDone, Flagged, Revoked};
    assert_eq!(
        responses,
        [Flagged, AlreadyDone, AlreadyDone, Revoked, AlreadyDone]
    );
    let entries = leak_entries(&setting, &key).await;
    assert_eq!(
        entries,
        ["flagged", "revoked"].map(|done| format!("{done}; found at {PLACE}"))
    );

    let other = setting.key().await;
    report(&setting.ringyo, other.key.expose(), LeakPolicy::Flag).await;
    setting.authenticate(&other).await.unwrap();
}

#[tokio::test]
async fn what_is_not_ours_is_one_answer_changes_nothing_and_hardly_reads() {
    let setting = setting().await;
    let key = setting.key().await;
    let found = key.key.expose().to_owned();
    let format = KeyFormat::new(Brand::new("rg").unwrap());

    let last = found.len() - 1;
    let misspelt = format!(
        "{}{}",
        &found[..last],
        if found.ends_with('0') { '1' } else { '0' }
    );
    let forged = format.mint(Mode::Live, &strange_peppers());
    // Minted here, and in no store: an id without a record.
    let unknown = format.mint(Mode::Live, &peppers());
    let calls = setting.store.calls();
    for text in [
        "",
        "x",
        "rg_live_",
        &found[1..],
        &misspelt,
        forged.key.expose(),
    ] {
        let verdict = report(&setting.ringyo, text, LeakPolicy::Revoke).await;
        assert!(!is_ours(&verdict), "{text:?}");
    }
    assert_eq!(setting.store.calls(), calls, "nothing was looked up");
    let verdict = report(&setting.ringyo, unknown.key.expose(), LeakPolicy::Revoke).await;
    assert!(!is_ours(&verdict));
    assert_eq!(setting.store.calls(), calls + 1);

    // The record of that id has another secret.
    let other = format.mint(Mode::Live, &peppers());
    let record = KeyRecord {
        id: other.id,
        hint: format.hint(Mode::Live, other.id),
        digest: format.mint(Mode::Live, &peppers()).digest,
        revision: Revision::NONE,
        ..key.record.clone()
    };
    let event = NewEvent {
        key: Some(record.id),
        ..NewEvent::new(
            EventKind::KeyIssued,
            record.account.clone(),
            "sql",
            record.created_at,
        )
    };
    setting
        .store
        .inner
        .insert_key(&record, None, &event)
        .await
        .unwrap();
    let verdict = report(&setting.ringyo, other.key.expose(), LeakPolicy::Revoke).await;
    assert!(!is_ours(&verdict));
    assert_eq!(setting.stored(other.id).await.status, KeyStatus::Active);

    // The control: the key itself, after all that.
    setting.authenticate(&key).await.unwrap();
    assert!(is_ours(
        &report(&setting.ringyo, &found, LeakPolicy::Revoke).await
    ));
}

#[tokio::test]
async fn an_outage_is_no_verdict() {
    let setting = setting().await;
    let key = setting.key().await;
    let keys = setting.ringyo.keys();
    setting.store.set_down(true);
    let answer = keys
        .report_leaked(key.key.expose(), PLACE, LeakPolicy::Revoke)
        .await;
    assert!(
        matches!(answer, Err(ManageError::Unavailable(_))),
        "{answer:?}"
    );
    // What is known without the store is.
    assert!(!is_ours(
        &report(&setting.ringyo, "rg_live_x", LeakPolicy::Revoke).await
    ));
    setting.store.set_down(false);
    setting.store.set_contended(true);
    let answer = keys
        .report_leaked(key.key.expose(), PLACE, LeakPolicy::Revoke)
        .await;
    assert!(matches!(answer, Err(ManageError::Conflict)), "{answer:?}");
    setting.store.set_contended(false);
    assert!(is_ours(
        &report(&setting.ringyo, key.key.expose(), LeakPolicy::Revoke).await
    ));
}

#[tokio::test]
async fn a_key_in_any_state_is_revoked() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    let disabled = setting.key().await;
    keys.disable(disabled.record.id).await.unwrap();
    let superseded = setting.key().await;
    keys.regenerate(superseded.record.id, Overlap::NONE)
        .await
        .unwrap();
    let new = NewKey::test("acct_pro", "short").scopes(["*"]);
    let expired = setting.issue(new.expires_in(Duration::from_secs(1))).await;
    setting.clock.advance(Duration::from_secs(2));
    for key in [disabled, superseded, expired] {
        let leaked = ours(report(&setting.ringyo, key.key.expose(), LeakPolicy::Revoke).await);
        assert_eq!(leaked.response, LeakResponse::Revoked);
        assert_eq!(
            setting.stored(key.record.id).await.status,
            KeyStatus::Revoked
        );
    }
}

#[tokio::test]
async fn the_trail_never_holds_the_key() {
    let setting = setting().await;
    let (key, other) = (setting.key().await, setting.key().await);
    let (found, beside) = (key.key.expose(), other.key.expose());
    let place = format!("https://example.com/{found}/{beside}?q={found}\n");
    let keys = setting.ringyo.keys();
    let verdict = keys
        .report_leaked(found, &place, LeakPolicy::Revoke)
        .await
        .unwrap();
    let entry = leak_entries(&setting, &key).await.remove(0);
    let shown = format!("{entry} {verdict:?}");
    for text in [found, beside] {
        assert!(place.contains(text), "the control");
        assert!(!shown.contains(&text[20..]), "{shown}");
        assert!(!shown.contains(&text[20..52]), "{shown}");
    }
    assert_eq!(
        entry,
        format!(
            "revoked; found at https://example.com/…/rg_live_{}…?q=…",
            other.record.id
        )
    );
    let keys = setting.ringyo.keys();
    keys.report_leaked(beside, " ", LeakPolicy::Revoke)
        .await
        .unwrap();
    assert_eq!(leak_entries(&setting, &other).await, ["revoked"]);
}

#[tokio::test]
async fn who_is_bound_to_an_account_reports_its_keys_alone() {
    let setting = setting().await;
    let key = setting.key().await; // of acct_agency
    let found = key.key.expose();
    let of = |account: &str| {
        let user = Actor::user("7", AccountId::new(account).unwrap());
        setting.ringyo.keys().acting_as(user)
    };
    let foreign = of("acct_pro")
        .report_leaked(found, "", LeakPolicy::Revoke)
        .await;
    assert!(!is_ours(&foreign.unwrap()));
    setting.authenticate(&key).await.unwrap();
    let own = of("acct_agency")
        .report_leaked(found, "", LeakPolicy::Revoke)
        .await;
    assert!(is_ours(&own.unwrap()));
}

/// Two nodes, eight reports on each at the same time: one of them is the first.
async fn reported_at_once(store: impl Store + 'static) {
    let door = Watched::before(Arc::new(store));
    let clock = ringyo_limit::ManualClock::new(crate::support::START);
    let nodes = [
        node(&door, &clock, |builder| builder).await,
        node(&door, &clock, |builder| builder).await,
    ];
    nodes[0].accounts().create("acct_1", "pro").await.unwrap();
    for (policy, expected) in [
        (LeakPolicy::Flag, LeakResponse::Flagged),
        (LeakPolicy::Revoke, LeakResponse::Revoked),
    ] {
        for _ in 0..5 {
            let new = NewKey::live("acct_1", "Server").scopes(["*"]);
            let key = nodes[0].keys().issue(new).await.unwrap();
            let mut reports = tokio::task::JoinSet::new();
            for number in 0..16 {
                let (keys, found) = (nodes[number % 2].keys(), key.key.expose().to_owned());
                reports.spawn(async move { keys.report_leaked(found, PLACE, policy).await });
            }
            let verdicts = reports.join_all().await;
            let responses: Vec<LeakResponse> = verdicts
                .into_iter()
                .map(|verdict| ours(verdict.unwrap()).response)
                .collect();
            let first = responses.iter().filter(|response| **response == expected);
            assert_eq!(first.count(), 1, "{responses:?}");
            let kinds: Vec<EventKind> = history(&*door.inner, key.record.id)
                .await
                .into_iter()
                .map(|(kind, _)| kind)
                .collect();
            assert_eq!(kinds, [EventKind::KeyIssued, EventKind::KeyLeaked]);
        }
    }
    for node in nodes {
        node.shutdown().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_at_once_are_one_in_memory() {
    reported_at_once(MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_at_once_are_one_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("keys.db")).await;
    reported_at_once(store.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_at_once_are_one_on_postgresql() {
    let Some(database) = for_tests::database() else {
        return;
    };
    reported_at_once(PostgresStore::connect(&database.url()).await.unwrap()).await;
}
