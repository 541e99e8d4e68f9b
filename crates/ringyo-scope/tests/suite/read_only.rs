use proptest::prelude::*;
use ringyo_scope::{Access, Requirement, ScopeSet};

use crate::fixture::{self, CATALOG, GROWN, INSTANCES, granted, scopes};

#[test]
fn what_sets_grant_as_a_table() {
    let every_read = [
        "agents:read",
        "calls:read",
        "phone_numbers:read",
        "webhooks:read",
    ];
    let table: &[(&str, &[&str])] = &[
        ("read_only", &every_read),
        ("* read_only", &every_read),
        ("*:read", &every_read),
        ("*:read read_only", &every_read),
        ("agents read_only", &["agents:read"]),
        ("agents:create read_only", &[]),
        ("agents:create calls:read read_only", &["calls:read"]),
        ("agents@a1 read_only", &["agents:read@a1"]),
        ("agents:update@a1 read_only", &[]),
        ("nothing read_only", &[]),
        ("*:delete", &["agents:delete", "webhooks:delete"]),
        ("calls", &["calls:create", "calls:read"]),
        ("calls:*", &["calls:create", "calls:read"]),
        (
            "calls@a1 calls:read@b2",
            &["calls:create@a1", "calls:read@a1", "calls:read@b2"],
        ),
        ("calls:read calls@a1", &["calls:create@a1", "calls:read"]),
    ];
    for (text, expected) in table {
        assert_eq!(
            granted(&scopes(text), &CATALOG, &INSTANCES),
            *expected,
            "{text}"
        );
    }
    assert_eq!(granted(&scopes("*"), &CATALOG, &INSTANCES).len(), 12);
}

#[test]
fn a_read_is_what_the_catalog_says_not_what_it_is_called() {
    let read = |text: &str| granted(&scopes(text), &GROWN, &INSTANCES);
    assert!(read("read_only").contains(&"calls:export".to_owned()));
    assert!(!read("read_only").contains(&"reports:export".to_owned()));
    assert_eq!(read("*:export read_only"), ["calls:export"]);
}

/// The writes that a set grants, anywhere.
fn writes(set: &ScopeSet) -> usize {
    let grants = set.compile(&GROWN);
    let writes = GROWN
        .permissions()
        .filter(|name| name.access() == Access::Write);
    writes
        .filter(|name| {
            let needs = Requirement::permission(name.permission());
            grants.check(&needs).is_ok()
                || INSTANCES
                    .iter()
                    .any(|instance| grants.check_on(&needs, instance).is_ok())
        })
        .count()
}

#[test]
fn the_count_of_writes_sees_writes() {
    assert_eq!(writes(&scopes("agents:update")), 1);
    assert_eq!(writes(&scopes("agents:update@b2")), 1);
}

proptest! {
    #[test]
    fn read_only_never_writes(mut texts in fixture::scope_texts()) {
        texts.push("read_only".to_owned());
        prop_assert_eq!(writes(&ScopeSet::parse(&texts).unwrap()), 0);
    }

    /// Adding the switch to other scopes takes away the writes and nothing else.
    #[test]
    fn read_only_cuts_and_adds_nothing(texts in fixture::scope_texts()) {
        let plain: Vec<String> = texts.into_iter().filter(|text| text != "read_only").collect();
        prop_assume!(!plain.is_empty());
        let set = ScopeSet::parse(&plain).unwrap();
        let cut = ScopeSet::parse(plain.iter().map(String::as_str).chain(["read_only"])).unwrap();
        let (whole, cut_grants) = (set.compile(&GROWN), cut.compile(&GROWN));
        for name in GROWN.permissions() {
            let needs = Requirement::permission(name.permission());
            for instance in INSTANCES {
                let before = whole.check_on(&needs, instance).is_ok();
                let after = cut_grants.check_on(&needs, instance).is_ok();
                prop_assert_eq!(after, before && name.access() == Access::Read);
            }
        }
        prop_assert!(set.covers(&cut, &CATALOG));
    }
}
