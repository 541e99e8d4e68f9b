//! The values that records are made of: their text forms, ranges and derived states.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use proptest::prelude::*;
use ringyo_key::{Digest, KeyId, Mode, PepperId};
use ringyo_store::{
    Account, AccountId, EventKind, KeyCursor, KeyFilter, KeyQuery, KeyQuota, KeyRecord, KeyState,
    KeyStatus, OperationId, OperationKind, OperationState, PageSize, Revision, Settlement,
    Timestamp,
};
use serde_json::{from_value, json, to_value};

fn millis(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

fn record() -> KeyRecord {
    KeyRecord {
        id: "0a1B2c3D4e5F".parse().unwrap(),
        account: AccountId::new("acct_1").unwrap(),
        mode: Mode::Live,
        hint: "rg_live_0a1B2c3D4e5F…".to_owned(),
        digest: Digest::from_bytes([0xab; Digest::LEN]),
        pepper: Some(PepperId::new(1)),
        name: "Production Server".to_owned(),
        description: None,
        scopes: "agents".parse().unwrap(),
        quota: None,
        allowed_networks: Vec::new(),
        status: KeyStatus::Active,
        created_at: millis(0),
        expires_at: None,
        revoked_at: None,
        replaced_by: None,
        superseded_at: None,
        last_used_at: None,
        revision: Revision::NONE,
    }
}

mod ids {
    use super::*;

    #[test]
    fn account_ids() {
        let longest = "x".repeat(AccountId::MAX_LEN);
        for text in ["a", "0", "A.b_c~d:e@f-g", "-", longest.as_str()] {
            let id = AccountId::new(text).unwrap();
            assert_eq!(id.as_str(), text);
            assert_eq!(id.to_string(), text);
            assert_eq!(text.parse(), Ok(id.clone()));
            assert_eq!(to_value(&id).unwrap(), json!(text));
            assert_eq!(from_value::<AccountId>(json!(text)).unwrap(), id);
        }
        let too_long = "x".repeat(AccountId::MAX_LEN + 1);
        for text in [
            "", " ", "a b", "a/b", "a\n", "a\0", "ä", "a%", "a\"", &too_long,
        ] {
            assert!(AccountId::new(text).is_err(), "{text:?}");
            assert!(from_value::<AccountId>(json!(text)).is_err(), "{text:?}");
        }
        assert_ne!(AccountId::new("a"), AccountId::new("A"));
    }

    #[test]
    fn operation_ids() {
        let longest = "~".repeat(OperationId::MAX_LEN);
        for text in ["a", " ", "a b/\"'\\%", longest.as_str()] {
            let id = OperationId::new(text).unwrap();
            assert_eq!(id.as_str(), text);
            assert_eq!(id.to_string(), text);
            assert_eq!(text.parse(), Ok(id));
        }
        let too_long = "~".repeat(OperationId::MAX_LEN + 1);
        for text in ["", "a\n", "\t", "\u{7f}", "ä", "a\0", &too_long] {
            assert!(OperationId::new(text).is_err(), "{text:?}");
        }
        assert_ne!(OperationId::new("a"), OperationId::new("A"));
    }

    #[test]
    fn what_errors_say() {
        assert_eq!(
            AccountId::new("").unwrap_err().to_string(),
            "an account id is 1 to 128 characters of A-Z, a-z, 0-9 and . _ ~ : @ -"
        );
        assert_eq!(
            OperationId::new("").unwrap_err().to_string(),
            "an operation id is 1 to 200 printable ASCII characters"
        );
    }

    proptest! {
        #[test]
        fn ids_agree_with_their_rule(text in ".{0,210}", ascii in "[ -~]{0,210}") {
            for text in [text, ascii] {
                let allowed = |c: char| c.is_ascii_alphanumeric() || "._~:@-".contains(c);
                let account = (1..=128).contains(&text.len()) && text.chars().all(allowed);
                prop_assert_eq!(AccountId::new(&text).is_ok(), account);
                let printable = |c: char| c == ' ' || c.is_ascii_graphic();
                let operation = (1..=200).contains(&text.len()) && text.chars().all(printable);
                prop_assert_eq!(OperationId::new(&text).is_ok(), operation);
            }
        }
    }
}

mod lists {
    use super::*;

    #[test]
    fn page_sizes() {
        for entries in [0, 101, 256, 257, usize::MAX] {
            assert_eq!(PageSize::new(entries), None, "{entries}");
        }
        for entries in 1..=100 {
            assert_eq!(PageSize::new(entries).unwrap().as_usize(), entries);
        }
        assert_eq!(PageSize::DEFAULT.as_usize(), 20);
        assert_eq!(PageSize::MAX.as_usize(), 100);
    }

    #[test]
    fn cursor_text_is_frozen() {
        // Clients hold cursors across an update of the service.
        let key = KeyRecord {
            created_at: millis(1_767_323_045_678),
            ..record()
        };
        let cursor = KeyCursor::behind(&key);
        assert_eq!(cursor.to_string(), "1767323045678-0a1B2c3D4e5F");
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in [
            "",
            "-",
            "1767323045678",
            "1767323045678-",
            "-0a1B2c3D4e5F",
            "x-0a1B2c3D4e5F",
            "1-0a1B2c3D4e5",
            "1-0a1B2c3D4e5F0",
            "1-0a1B2c3D4e5-",
            "99999999999999999999-0a1B2c3D4e5F",
            "1 -0a1B2c3D4e5F",
        ] {
            assert!(text.parse::<KeyCursor>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn cursors_go_round(at in 0..=Timestamp::MAX.as_unix_millis(), id in "[0-9A-Za-z]{12}") {
            let id: KeyId = id.parse().unwrap();
            let cursor = KeyCursor { created_at: millis(at), id };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn parsing_never_panics(text in ".{0,40}") {
            let _ = text.parse::<KeyCursor>();
        }
    }

    #[test]
    fn a_query_of_active_keys_includes_active_keys() {
        let query = KeyQuery::active_at(millis(10));
        let disabled = KeyRecord {
            status: KeyStatus::Disabled,
            ..record()
        };
        let all = KeyQuery {
            filter: KeyFilter::All,
            ..query.clone()
        };
        assert_eq!(
            (query.size, query.filter),
            (PageSize::DEFAULT, KeyFilter::Active)
        );
        assert!(query.includes(&record()) && all.includes(&record()));
        assert!(!query.includes(&disabled) && all.includes(&disabled));
        for (part, fits) in [("SERVER", true), ("tion s", true), ("_", false), ("", true)] {
            let query = KeyQuery {
                name_contains: Some(part.to_owned()),
                ..query.clone()
            };
            assert_eq!(query.includes(&record()), fits, "{part:?}");
        }
    }
}

mod texts {
    use super::*;

    #[test]
    fn event_kinds_are_frozen() {
        // Audit trails keep these texts for years.
        let texts = [
            (EventKind::KeyIssued, "key.issued"),
            (EventKind::KeyRenamed, "key.renamed"),
            (EventKind::KeyScopesChanged, "key.scopes_changed"),
            (EventKind::KeyDisabled, "key.disabled"),
            (EventKind::KeyEnabled, "key.enabled"),
            (EventKind::KeyRevoked, "key.revoked"),
            (EventKind::KeyRegenerated, "key.regenerated"),
            (EventKind::KeyLeaked, "key.leaked"),
            (EventKind::KeyEdited, "key.edited"),
            (EventKind::AccountCreated, "account.created"),
            (EventKind::AccountPlanChanged, "account.plan_changed"),
            (EventKind::AccountEdited, "account.edited"),
        ];
        assert_eq!(EventKind::ALL, texts.map(|(kind, _)| kind));
        for (kind, text) in texts {
            assert_eq!(kind.to_string(), text);
            assert_eq!(text.parse(), Ok(kind));
            assert_eq!(to_value(kind).unwrap(), json!(text));
            assert_eq!(from_value::<EventKind>(json!(text)).unwrap(), kind);
        }
        for text in ["", "key", "Key.Issued", "key.issued ", "key.deleted"] {
            assert!(text.parse::<EventKind>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn statuses_are_frozen() {
        // Stores keep these texts.
        for (status, text) in [
            (KeyStatus::Active, "active"),
            (KeyStatus::Disabled, "disabled"),
            (KeyStatus::Superseded, "superseded"),
            (KeyStatus::Revoked, "revoked"),
        ] {
            assert_eq!(status.to_string(), text);
            assert_eq!(text.parse(), Ok(status));
            assert_eq!(to_value(status).unwrap(), json!(text));
            assert_eq!(from_value::<KeyStatus>(json!(text)).unwrap(), status);
        }
        for text in ["", "Active", "expired", "replaced", "revoked "] {
            assert!(text.parse::<KeyStatus>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn operations_are_frozen() {
        // Ledgers keep these texts.
        assert_eq!(OperationKind::Grant.as_str(), "grant");
        assert_eq!(OperationKind::Debit.as_str(), "debit");
        for (settlement, state, text) in [
            (Settlement::Reserve, OperationState::Reserved, "reserved"),
            (Settlement::Commit, OperationState::Committed, "committed"),
            (Settlement::Refund, OperationState::Refunded, "refunded"),
        ] {
            assert_eq!(OperationState::from(settlement), state);
            assert_eq!(state.as_str(), text);
        }
    }

    #[test]
    fn quotas_and_revisions_go_through_json() {
        let quota = KeyQuota {
            per_minute: 60.try_into().unwrap(),
            burst: None,
        };
        let text = json!({"per_minute": 60, "burst": null});
        assert_eq!(to_value(quota).unwrap(), text);
        assert_eq!(from_value::<KeyQuota>(text).unwrap(), quota);
        let zero = json!({"per_minute": 0, "burst": null});
        assert!(from_value::<KeyQuota>(zero).is_err());
        assert_eq!(to_value(Revision::new(7)).unwrap(), json!(7));
        assert_eq!(from_value::<Revision>(json!(7)).unwrap(), Revision::new(7));
        assert_eq!(Revision::default(), Revision::NONE);
        assert_eq!(Revision::new(7).to_string(), "7");
    }

    #[test]
    fn debugging_shows_no_digest() {
        let shown = format!("{:?}", record());
        assert!(shown.contains("0a1B2c3D4e5F"), "{shown}");
        assert!(!shown.contains("abab"), "{shown}");
        assert!(!shown.contains("171, 171"), "{shown}");
    }

    #[test]
    fn a_new_account_is_not_stored_yet() {
        let id = AccountId::new("acct_1").unwrap();
        let account = Account::new(id, "pro", millis(1));
        assert_eq!(account.revision, Revision::NONE);
    }
}

/// The most final reason wins: revoked, superseded, expired, disabled.
#[test]
fn states_of_a_key() {
    use KeyState as State;
    use KeyStatus::{Active, Disabled, Revoked};
    let (past, now, later) = (Some(millis(9)), Some(millis(10)), Some(millis(11)));
    let table = [
        (Active, None, None, State::Active),
        (Active, later, later, State::Active),
        (Active, now, None, State::Expired),
        (Active, past, None, State::Expired),
        (Active, past, later, State::Expired),
        (Active, None, now, State::Superseded),
        (Active, None, past, State::Superseded),
        (Active, past, past, State::Superseded),
        (Active, later, past, State::Superseded),
        (Disabled, None, None, State::Disabled),
        (Disabled, later, later, State::Disabled),
        (Disabled, past, None, State::Expired),
        (Disabled, None, past, State::Superseded),
        (Disabled, past, past, State::Superseded),
        (Revoked, None, None, State::Revoked),
        (Revoked, past, past, State::Revoked),
        (Revoked, later, later, State::Revoked),
    ];
    for (status, expires_at, superseded_at, expected) in table {
        let key = KeyRecord {
            status,
            expires_at,
            superseded_at,
            ..record()
        };
        let state = key.state_at(millis(10));
        assert_eq!(
            state, expected,
            "{status}, expires {expires_at:?}, superseded {superseded_at:?}"
        );
    }
    for (state, text) in [
        (State::Active, "active"),
        (State::Disabled, "disabled"),
        (State::Expired, "expired"),
        (State::Superseded, "superseded"),
        (State::Revoked, "revoked"),
    ] {
        assert_eq!(state.to_string(), text);
        assert_eq!(to_value(state).unwrap(), json!(text));
        assert_eq!(from_value::<KeyState>(json!(text)).unwrap(), state);
    }
}
