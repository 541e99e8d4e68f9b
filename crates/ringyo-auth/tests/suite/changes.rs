//! Changes that a store does not take at once, and the ends of what may be asked for.

use std::num::NonZeroU32;
use std::time::Duration;

use ringyo_auth::{Actor, LeakPolicy, LeakVerdict, ManageError, NewKey, Overlap, Surplus};
use ringyo_key::{Digest, KeyId};
use ringyo_store::{AccountId, KeyQuota, StoreErrorKind};

use crate::support::{Setting, setting};

/// What writes a record, by its name.
const WRITES: [&str; 6] = [
    "issue",
    "import",
    "revoke",
    "regenerate",
    "set_plan",
    "report_leaked",
];

async fn write(name: &str, setting: &Setting, text: &str, id: KeyId) -> Result<(), ManageError> {
    let keys = setting.ringyo.keys();
    let new = NewKey::live("acct_agency", "Server").scopes(["*"]);
    match name {
        "issue" => keys.issue(new).await.map(drop),
        "import" => {
            let digest = Digest::from_bytes([7; Digest::LEN]);
            keys.import(new, digest, "acme_…").await.map(drop)
        }
        "revoke" => keys.revoke(id).await.map(drop),
        "regenerate" => keys.regenerate(id, Overlap::NONE).await.map(drop),
        "set_plan" => {
            let account = AccountId::new("acct_agency").unwrap();
            let accounts = setting.ringyo.accounts();
            accounts.set_plan(&account, "pro").await.map(drop)
        }
        _ => {
            let reported = keys.report_leaked(text, "a paste", LeakPolicy::Flag);
            assert!(matches!(reported.await?, LeakVerdict::Ours(_)));
            Ok(())
        }
    }
}

/// What each of them answers when the store answers so first.
async fn answers(refusals: &[StoreErrorKind]) -> Vec<(&'static str, Result<(), ManageError>)> {
    let mut answers = Vec::new();
    for name in WRITES {
        let setting = setting().await;
        let key = setting.key().await;
        setting.store.refuse_writes(refusals);
        let answer = write(name, &setting, key.key.expose(), key.record.id).await;
        answers.push((name, answer));
    }
    answers
}

#[tokio::test]
async fn whoever_loses_against_another_writer_tries_again() {
    use StoreErrorKind::{Conflict, Revoked};
    for (name, answer) in answers(&[Conflict, Revoked, Conflict]).await {
        match name {
            // What is inserted is in nobody's way.
            "issue" | "import" => assert!(matches!(answer, Err(ManageError::Conflict)), "{name}"),
            "set_plan" => assert!(matches!(answer, Err(ManageError::Conflict)), "{name}"),
            _ => assert!(answer.is_ok(), "{name}: {answer:?}"),
        }
    }
    for (name, answer) in answers(&[Conflict; 3]).await {
        let is_insert = matches!(name, "issue" | "import");
        assert_eq!(answer.is_ok(), !is_insert, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn an_id_that_is_taken_is_drawn_again() {
    for (name, answer) in answers(&[StoreErrorKind::AlreadyExists; 3]).await {
        match name {
            "issue" | "regenerate" => assert!(answer.is_ok(), "{name}: {answer:?}"),
            // There the id is not drawn, but that of the key.
            "import" => assert!(matches!(answer, Err(ManageError::Invalid(_))), "{name}"),
            _ => assert!(matches!(answer, Err(ManageError::AlreadyExists)), "{name}"),
        }
    }
}

#[tokio::test]
async fn a_store_that_writes_nothing_is_told_at_once() {
    for (name, answer) in answers(&[StoreErrorKind::Unavailable]).await {
        let is_told = matches!(answer, Err(ManageError::Unavailable(_)));
        assert!(is_told, "{name}: {answer:?}");
    }
    for (name, answer) in answers(&[StoreErrorKind::NotFound]).await {
        let is_told = matches!(answer, Err(ManageError::NotFound));
        assert!(is_told, "{name}: {answer:?}");
    }
    for (name, answer) in answers(&[StoreErrorKind::TooManyKeys]).await {
        let is_told = matches!(answer, Err(ManageError::TooManyKeys));
        assert!(is_told, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn the_longest_life_and_the_longest_words() {
    let setting = setting().await;
    let keys = setting.ringyo.keys();
    let new = || NewKey::live("acct_pro", "x").scopes(["agents"]);
    let century = Duration::from_secs(3_162_240_000);
    assert!(keys.check(&new().expires_in(century)).is_ok());
    let millisecond = Duration::from_millis(1);
    assert!(keys.check(&new().expires_in(millisecond)).is_ok());
    assert!(
        keys.check(&new().expires_in(century + millisecond))
            .is_err()
    );
    for good in ["ü".repeat(1_000), "two\nlines\tand a tab".to_owned()] {
        assert!(keys.check(&new().description(good)).is_ok());
    }
    let issued = setting.issue(new().description("  ")).await;
    assert_eq!(issued.record.description, None);
}

#[tokio::test]
async fn a_key_hands_out_just_what_it_is() {
    let setting = setting().await;
    let hour = Duration::from_secs(3_600);
    let number = |number| NonZeroU32::new(number).unwrap();
    let new = |name: &str| {
        NewKey::live("acct_pro", name)
            .scopes(["agents"])
            .expires_in(hour)
    };
    let maker = setting
        .issue(new("maker").quota_per_minute(number(5)))
        .await;
    let caller = setting.authenticate(&maker).await.unwrap();
    let keys = setting.ringyo.keys().acting_as(Actor::caller(&caller));
    for slow in [4, 5] {
        let made = keys.issue(new("made").quota_per_minute(number(slow)));
        assert!(made.await.is_ok(), "{slow} a minute");
    }
    // A quota whose burst is not a minute's worth has been written by hand.
    for (burst, rates) in [
        (3, [(3, true), (4, false), (5, false)]),
        (9, [(4, true), (5, true), (6, false)]),
    ] {
        let mut record = setting.stored(maker.record.id).await;
        record.quota = Some(KeyQuota {
            per_minute: number(5),
            burst: Some(number(burst)),
        });
        setting.write_by_hand(&record).await;
        for (rate, is_within) in rates {
            let answer = keys.issue(new("made").quota_per_minute(number(rate))).await;
            let is_faster = matches!(answer, Err(ManageError::Broader(Surplus::Rate)));
            assert_eq!(
                (answer.is_ok(), is_faster),
                (is_within, !is_within),
                "{rate} of {burst}"
            );
        }
    }

    // Of another account it does not know.
    let other = setting.key().await.record;
    let hidden = keys.find(other.id).await;
    assert!(matches!(hidden, Err(ManageError::NotFound)), "{hidden:?}");
    let elsewhere = NewKey::live("acct_agency", "x").scopes(["agents"]);
    let elsewhere = keys.issue(elsewhere.expires_in(hour)).await;
    assert!(
        matches!(elsewhere, Err(ManageError::NotFound)),
        "{elsewhere:?}"
    );
}
