//! Keys of another origin: known by the hash of their text, and then like any other; and what
//! looks like one and is none costs no more than was said.

use std::sync::Arc;
use std::time::Duration;

use ringyo_auth::preset::ringyo::{AGENTS_DELETE, AGENTS_READ};
use ringyo_auth::{
    Actor, AuthError, Caller, Credential, InvalidKey, LeakPolicy, LeakVerdict, ManageError, NewKey,
    Overlap, Preset, Ringyo, Unavailable,
};
use ringyo_key::{Digest, ForeignFormat, ForeignKey};
use ringyo_limit::ManualClock;
use ringyo_postgres::PostgresStore;
use ringyo_sqlite::SqliteStore;
use ringyo_store::*;
use xtask::servers::for_tests;

use crate::support::{START, Watched, authenticate, peppers};

/// What a home-made service gave out: `acme_` and 32 hexadecimal digits.
fn text(number: u64) -> String {
    format!(
        "acme_{:032x}",
        u128::from(number) * 0x9e37_79b9_7f4a_7c15_f39c_c060
    )
}

/// What it kept of that: by `printf acme_… | sha256sum`.
fn kept(text: &str) -> Digest {
    ForeignKey::of_text(text.as_bytes()).digest
}

fn preset() -> Preset {
    let preset = Preset::ringyo();
    let acme = ForeignFormat::new("acme_", ForeignFormat::HEX, 32).unwrap();
    Preset {
        format: preset.format.accept_foreign(acme),
        ..preset
    }
}

struct Site {
    ringyo: Ringyo,
    door: Watched,
    clock: ManualClock,
}

impl Site {
    async fn new(store: &Arc<dyn Store>, look_ups: u32) -> Self {
        let (door, clock) = (Watched::before(store.clone()), ManualClock::new(START));
        let builder = Ringyo::builder(preset(), peppers()).store(door.clone());
        let builder = builder.clock(clock.clone()).foreign_look_ups(look_ups);
        // A freeze of this machine is no outage of the store.
        let builder = builder.store_deadline(Duration::from_secs(30));
        let ringyo = builder.build().await.unwrap();
        Self {
            ringyo,
            door,
            clock,
        }
    }

    async fn in_memory(look_ups: u32) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let site = Self::new(&store, look_ups).await;
        for account in ["acct_1", "acct_2"] {
            site.ringyo
                .accounts()
                .create(account, "agency")
                .await
                .unwrap();
        }
        site
    }

    async fn import(&self, text: &str) -> Result<KeyRecord, ManageError> {
        let keys = self.ringyo.keys();
        keys.import(new(), kept(text), "acme_…").await
    }

    /// Past this library, as somebody with access to the database does.
    async fn insert(&self, record: &KeyRecord, event: &NewEvent) {
        let inserted = self.door.inner.insert_key(record, None, event).await;
        inserted.unwrap();
    }

    async fn ask(&self, text: &str) -> Result<Caller, AuthError> {
        self.ringyo.authenticate(Credential::key(text)).await
    }
}

fn new() -> NewKey {
    NewKey::live("acct_1", "Moved").scopes(["agents:read"])
}

async fn on_a_store(store: impl Store + 'static) {
    let store: Arc<dyn Store> = Arc::new(store);
    let (site, other) = (Site::new(&store, 200).await, Site::new(&store, 200).await);
    site.ringyo
        .accounts()
        .create("acct_1", "agency")
        .await
        .unwrap();
    let (own, revoked, replaced) = (text(1), text(2), text(3));
    assert!(matches!(
        site.ask(&own).await,
        Err(AuthError::InvalidKey(InvalidKey::Unknown))
    ));
    for text in [&own, &revoked, &replaced] {
        let record = site.import(text).await.unwrap();
        assert_eq!((&*record.hint, record.pepper), ("acme_…", None));
        let shown = format!("{record:?}");
        assert!(!shown.contains(&text[5..]), "{shown}");
    }

    for site in [&site, &other] {
        // A node forgets a key once more when the feed tells it of its own change.
        site.door.until_told(2).await;
        let caller = site.ask(&own).await.unwrap();
        assert_eq!(
            (caller.key_name(), caller.account().as_str()),
            ("Moved", "acct_1")
        );
        caller.require(&AGENTS_READ).unwrap();
        assert!(caller.require(&AGENTS_DELETE).is_err());
        // Known by now: nobody is asked.
        let calls = site.door.calls();
        site.ask(&own).await.unwrap();
        let authenticator = site.ringyo.authenticator();
        let decided = authenticator.decide_now(Credential::key(&own)).unwrap();
        assert_eq!(decided.unwrap().key_id(), caller.key_id());
        assert_eq!(site.door.calls(), calls);
        let inspected = authenticator.inspect(Credential::key(&own)).await.unwrap();
        assert_eq!(inspected.record.id, caller.key_id());
    }

    // One that is revoked is so on the node that heard of it as well, and stays so.
    let id = ForeignKey::of_text(revoked.as_bytes()).id;
    other.ask(&revoked).await.unwrap();
    site.ringyo.keys().revoke(id).await.unwrap();
    assert!(matches!(
        site.ask(&revoked).await,
        Err(AuthError::Revoked(_))
    ));
    other.clock.advance(Duration::from_secs(6));
    assert!(matches!(
        other.ask(&revoked).await,
        Err(AuthError::Revoked(_))
    ));
    let again = site.import(&revoked).await.unwrap();
    assert_eq!(again.status, KeyStatus::Revoked);
    assert!(matches!(
        site.ask(&revoked).await,
        Err(AuthError::Revoked(_))
    ));

    // One that is regenerated has a successor of this service's own format.
    let keys = site.ringyo.keys();
    let id = ForeignKey::of_text(replaced.as_bytes()).id;
    let both = keys.regenerate(id, Overlap::NONE).await.unwrap();
    assert!(both.new.key.expose().starts_with("rg_live_"));
    assert_eq!(both.new.record.name, "Moved");
    authenticate(&site.ringyo, &both.new).await.unwrap();
    assert!(matches!(
        site.ask(&replaced).await,
        Err(AuthError::Superseded(_))
    ));

    keys.rename(ForeignKey::of_text(own.as_bytes()).id, "Renamed")
        .await
        .unwrap();
    assert_eq!(site.ask(&own).await.unwrap().key_name(), "Renamed");
    let usage = keys.pepper_usage().await.unwrap();
    assert_eq!(
        usage.iter().find(|(pepper, _)| pepper.is_none()),
        Some(&(None, 1))
    );
    for site in [site, other] {
        site.ringyo.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn in_memory() {
    on_a_store(MemoryStore::new()).await;
}

#[tokio::test]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("keys.db")).await;
    on_a_store(store.unwrap()).await;
}

#[tokio::test]
async fn on_postgresql() {
    let Some(database) = for_tests::database() else {
        return;
    };
    on_a_store(PostgresStore::connect(&database.url()).await.unwrap()).await;
}

#[tokio::test]
async fn only_what_looks_like_one_is_looked_up() {
    let site = Site::in_memory(200).await;
    let known = text(1);
    site.import(&known).await.unwrap();
    let calls = site.door.calls();
    let upper = known.to_uppercase();
    for text in [
        "",
        "acme_",
        &known[..36],
        &format!("{known}0"),
        &upper,
        &known[1..],
        "rg_live_x",
    ] {
        let refused = site.ask(text).await;
        let is_malformed = matches!(
            refused,
            Err(AuthError::InvalidKey(InvalidKey::Malformed(_)))
        );
        assert!(is_malformed, "{text:?}: {refused:?}");
    }
    assert_eq!(site.door.calls(), calls);
    // The controls: one that does is, and one that is there is let in.
    assert!(matches!(
        site.ask(&text(2)).await,
        Err(AuthError::InvalidKey(InvalidKey::Unknown))
    ));
    assert_eq!(site.door.calls(), calls + 1);
    site.ask(&known).await.unwrap();

    // A service that accepts none looks none up, whatever it has records of.
    let builder = Ringyo::builder(Preset::ringyo(), peppers()).store(site.door.clone());
    let without = builder.build().await.unwrap();
    let calls = site.door.calls();
    assert!(without.authenticate(Credential::key(&known)).await.is_err());
    assert_eq!(site.door.calls(), calls);
}

#[tokio::test]
async fn a_flood_costs_what_was_said_and_stops_no_key_that_is_known() {
    let site = Site::in_memory(10).await;
    let (known, cold) = (text(1), text(2));
    for text in [&known, &cold] {
        site.import(text).await.unwrap();
    }
    let native = site.ringyo.keys().issue(new()).await.unwrap();
    // What the feed tells of all this makes the node forget it once more.
    site.door.until_told(2).await;
    site.ask(&known).await.unwrap();
    for _second in 0..3 {
        let loads = site.door.loads();
        let mut refused = [0, 0];
        for number in 100..600 {
            match site.ask(&text(number)).await {
                Err(AuthError::InvalidKey(InvalidKey::Unknown)) => refused[0] += 1,
                Err(AuthError::Unavailable(Unavailable::TooManyForeign)) => refused[1] += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((refused, site.door.loads() - loads), ([10, 490], 10));
        // Amid that: what is known, and what proves itself, goes on.
        site.ask(&known).await.unwrap();
        authenticate(&site.ringyo, &native).await.unwrap();
        let refused = site.ask(&cold).await;
        assert!(
            matches!(refused, Err(AuthError::Unavailable(_))),
            "{refused:?}"
        );
        site.clock.advance(Duration::from_secs(1));
    }
    site.ask(&cold).await.unwrap();

    // What is there does not count, however often it is looked up.
    let mut texts = Vec::new();
    for number in 1_000..1_050 {
        site.import(&text(number)).await.unwrap();
        texts.push(text(number));
    }
    site.clock.advance(Duration::from_secs(1));
    for text in texts {
        site.ask(&text).await.unwrap();
    }

    // The control: with another bound it is another number.
    let site = Site::in_memory(1_000).await;
    for number in 0..500 {
        let refused = site.ask(&text(number)).await;
        assert!(
            matches!(refused, Err(AuthError::InvalidKey(_))),
            "{refused:?}"
        );
    }
    assert_eq!(site.door.loads(), 500);
}

#[tokio::test]
async fn importing_again_changes_nothing_and_another_account_cannot_take_a_key() {
    let site = Site::in_memory(200).await;
    let text = text(1);
    let first = site.import(&text).await.unwrap();
    let renamed = site
        .ringyo
        .keys()
        .rename(first.id, "Renamed")
        .await
        .unwrap();
    let again = site.import(&text).await.unwrap();
    assert_eq!(
        (again.revision, &*again.name),
        (renamed.revision, "Renamed")
    );

    let keys = site.ringyo.keys();
    let fields = |error: ManageError| match error {
        ManageError::Invalid(fields) => {
            let names = fields.iter().map(|field| field.field);
            names.collect::<Vec<_>>()
        }
        error => panic!("{error:?}"),
    };
    let elsewhere = NewKey::live("acct_2", "Mine").scopes(["*"]);
    let taken = keys.import(elsewhere.clone(), kept(&text), "acme_…").await;
    assert_eq!(fields(taken.unwrap_err()), ["digest"]);
    let user = Actor::user("7", AccountId::new("acct_2").unwrap());
    let theirs = keys.acting_as(user);
    let taken = theirs.import(elsewhere, kept(&text), "acme_…").await;
    assert_eq!(fields(taken.unwrap_err()), ["digest"]);
    let test = NewKey::test("acct_1", "Moved").scopes(["*"]);
    let taken = keys.import(test, kept(&text), "acme_…").await;
    assert_eq!(fields(taken.unwrap_err()), ["digest"]);

    // A hint is shown, so it must not be the key.
    let other = self::text(2);
    for hint in [&*other, "", "a\nb", &"x".repeat(41)] {
        let refused = keys.import(new(), kept(&other), hint).await;
        assert_eq!(fields(refused.unwrap_err()), ["hint"], "{hint:?}");
    }
    assert!(site.ask(&other).await.is_err());
    let nobody = NewKey::live("nobody", "Moved").scopes(["*"]);
    let refused = keys.import(nobody, kept(&other), "acme_…").await;
    assert!(matches!(refused, Err(ManageError::NotFound)), "{refused:?}");
    keys.import(new(), kept(&other), "acme_…").await.unwrap();
    site.ask(&other).await.unwrap();
}

#[tokio::test]
async fn one_that_has_leaked_is_revoked() {
    // Reports are not held up by the bound for requests: a long list of them could never be worked
    // off.
    let site = Site::in_memory(1).await;
    let (leaked, unknown) = (text(1), text(2));
    let record = site.import(&leaked).await.unwrap();
    let keys = site.ringyo.keys();
    let place = format!("https://example.com/{leaked}");
    for _ in 0..10 {
        let verdict = keys.report_leaked(&unknown, &place, LeakPolicy::Revoke);
        let verdict = verdict.await;
        assert!(matches!(verdict, Ok(LeakVerdict::NotOurs)), "{verdict:?}");
    }
    site.ask(&leaked).await.unwrap();
    let verdict = keys
        .report_leaked(&leaked, &place, LeakPolicy::Revoke)
        .await;
    assert!(matches!(verdict, Ok(LeakVerdict::Ours(_))), "{verdict:?}");
    assert!(matches!(
        site.ask(&leaked).await,
        Err(AuthError::Revoked(_))
    ));
    let events = keys
        .events(record.id, None, PageSize::DEFAULT)
        .await
        .unwrap();
    let shown = format!("{events:?}");
    assert!(
        shown.contains("https://example.com/…") && !shown.contains(&leaked[5..]),
        "{shown}"
    );
}

#[tokio::test]
async fn an_outage_is_no_verdict_on_one() {
    let site = Site::in_memory(200).await;
    let known = text(1);
    site.import(&known).await.unwrap();
    site.door.set_down(true);
    for text in [&known, &text(2)] {
        let answer = site.ask(text).await;
        assert!(
            matches!(answer, Err(AuthError::Unavailable(_))),
            "{answer:?}"
        );
    }
    site.door.set_down(false);
    site.ask(&known).await.unwrap();
}

/// Two texts of one id: no digest gives one, but a row that was written by hand may.
#[tokio::test]
async fn the_whole_digest_is_compared_and_not_the_id_that_is_made_of_it() {
    let site = Site::in_memory(200).await;
    let (presented, other) = (text(1), text(2));
    let imported = site.import(&other).await.unwrap();
    let id = ForeignKey::of_text(presented.as_bytes()).id;
    let event = NewEvent {
        key: Some(id),
        ..NewEvent::new(
            EventKind::KeyIssued,
            imported.account.clone(),
            "sql",
            imported.created_at,
        )
    };
    let record = KeyRecord {
        id,
        revision: Revision::NONE,
        ..imported
    };
    site.insert(&record, &event).await;
    for _ in ["cold", "warm"] {
        let refused = site.ask(&presented).await;
        let wrong = AuthError::InvalidKey(InvalidKey::WrongSecret);
        assert_eq!(refused.unwrap_err().to_string(), wrong.to_string());
    }
    // A record with a pepper is of a key that was minted here, whatever its digest.
    let site = Site::in_memory(200).await;
    let minted = KeyRecord {
        digest: kept(&presented),
        pepper: peppers().ids().next(),
        ..record.clone()
    };
    site.insert(&minted, &event).await;
    assert!(matches!(
        site.ask(&presented).await,
        Err(AuthError::InvalidKey(InvalidKey::WrongSecret))
    ));
    // The control: with its own digest and none it is let in.
    let site = Site::in_memory(200).await;
    let good = KeyRecord {
        digest: kept(&presented),
        ..record
    };
    site.insert(&good, &event).await;
    assert!(site.ask(&presented).await.is_ok());
}
