use proptest::prelude::*;
use ringyo_scope::{Scope, ScopeParseError, ScopeSet, ScopeSetError};

use crate::fixture::{self, CATALOG, GROWN, INSTANCES, granted, grants, scopes};

#[test]
fn a_set_is_sorted_and_holds_each_scope_once() {
    let set = ScopeSet::parse(["calls:read", "agents", "agents:*", "*:read"]).unwrap();
    assert_eq!(set.to_string(), "*:read agents calls:read");
    assert_eq!(set.len(), 3);
    assert!(!set.is_empty());
    assert_eq!(set, scopes("calls:read  agents *:read "));
    assert_eq!(set, ScopeSet::from_scopes(set.iter().cloned()).unwrap());
    assert_ne!(set, scopes("calls:read agents"));
}

#[test]
fn the_empty_set_grants_nothing() {
    for empty in [
        ScopeSet::default(),
        scopes(""),
        ScopeSet::parse([""; 0]).unwrap(),
    ] {
        assert!(empty.is_empty());
        assert_eq!(empty.to_string(), "");
        assert_eq!(granted(&empty, &CATALOG, &INSTANCES), [""; 0]);
    }
    assert_eq!(
        granted(&scopes("calls:read"), &CATALOG, &INSTANCES),
        ["calls:read"]
    );
}

#[test]
fn an_error_says_which_scope() {
    let error = ScopeSet::parse(["agents", "agents:"]).unwrap_err();
    assert_eq!(
        error,
        ScopeSetError::Scope {
            position: 2,
            error: ScopeParseError::Action
        }
    );
    assert_eq!(
        error.to_string(),
        "scope 2: the action of the scope is neither `*` nor `[a-z][a-z0-9_]{0,63}`",
    );
    let empty = ScopeSetError::Scope {
        position: 1,
        error: ScopeParseError::Empty,
    };
    assert_eq!(ScopeSet::parse([""]), Err(empty));
    // Only the space separates (RFC 6749 §3.3).
    assert!("agents\tcalls".parse::<ScopeSet>().is_err());
}

#[test]
fn a_hundred_scopes_fit_and_no_more() {
    let texts: Vec<String> = (0..=100).map(|number| format!("agents@{number}")).collect();
    assert_eq!(ScopeSet::parse(&texts[..100]).unwrap().len(), 100);
    assert_eq!(ScopeSet::parse(&texts), Err(ScopeSetError::TooMany));
    assert_eq!(
        texts.join(" ").parse::<ScopeSet>(),
        Err(ScopeSetError::TooMany)
    );
    let parsed = texts.iter().map(|text| text.parse::<Scope>().unwrap());
    assert_eq!(ScopeSet::from_scopes(parsed), Err(ScopeSetError::TooMany));
    let json = serde_json::to_string(&texts).unwrap();
    assert!(serde_json::from_str::<ScopeSet>(&json).is_err());
    assert_eq!(ScopeSet::parse(vec!["agents"; 1000]).unwrap().len(), 1);
}

#[test]
fn serde_is_a_list_of_strings() {
    let set: ScopeSet = serde_json::from_str(r#"["calls:read","agents:*","agents"]"#).unwrap();
    assert_eq!(
        serde_json::to_string(&set).unwrap(),
        r#"["agents","calls:read"]"#
    );
    assert!(serde_json::from_str::<ScopeSet>(r#"["calls:"]"#).is_err());
    assert!(serde_json::from_str::<ScopeSet>(r#""agents""#).is_err());
}

#[test]
fn unknown_scopes_are_reported_and_grant_nothing() {
    let set = scopes(
        "* *:read *:export agents agents@a1 agents:read calls:update nothing nothing:read@a1 read_only",
    );
    let unknown: Vec<&str> = set.unknown_in(&CATALOG).map(Scope::as_str).collect();
    // `read_only` is a switch and known to every catalog; its resource and action are none.
    assert_eq!(
        unknown,
        ["*:export", "calls:update", "nothing", "nothing:read@a1"]
    );
    let unknown_later: Vec<&str> = set.unknown_in(&GROWN).map(Scope::as_str).collect();
    assert_eq!(
        unknown_later,
        ["calls:update", "nothing", "nothing:read@a1"]
    );

    let only_unknown = scopes("*:export calls:update nothing nothing:read@a1");
    assert_eq!(granted(&only_unknown, &CATALOG, &INSTANCES), [""; 0]);
    assert_eq!(
        granted(&only_unknown, &GROWN, &INSTANCES),
        ["reports:export", "calls:export"]
    );
}

#[test]
fn grants_list_what_they_hold() {
    let held = grants("calls agents:read@a1");
    let names = |permission| CATALOG.name(permission).map(|name| name.to_string());
    let listed: Vec<_> = held.permissions().filter_map(names).collect();
    assert_eq!(listed, ["calls:create", "calls:read"]);
    assert!(held.contains(CATALOG.permission("calls:read")));
    assert!(!held.contains(CATALOG.permission("agents:read")));
}

proptest! {
    #[test]
    fn what_is_displayed_parses_to_the_same(texts in fixture::scope_texts()) {
        let set = ScopeSet::parse(&texts).unwrap();
        prop_assert_eq!(set.to_string().parse(), Ok(set.clone()));
        let json = serde_json::to_string(&set).unwrap();
        prop_assert_eq!(serde_json::from_str::<ScopeSet>(&json).unwrap(), set);
    }

    #[test]
    fn any_text_is_answered(text in prop_oneof!["\\PC*", "[a-z*@: _]{0,60}"]) {
        if let Ok(set) = text.parse::<ScopeSet>() {
            prop_assert_eq!(set.to_string().parse(), Ok(set));
        }
    }
}
