use std::collections::BTreeSet;

use proptest::prelude::*;
use ringyo_scope::{Missing, Requirement, ScopeSet};

use crate::fixture::{self, AGENTS_READ, AGENTS_UPDATE, CATALOG, grants};
use crate::naive::{self, Atom};

fn names(refused: Result<(), Missing>) -> String {
    refused.map_or_else(
        |missing| missing.scope_text(&CATALOG),
        |()| "nothing".to_owned(),
    )
}

#[test]
fn an_instance_adds_to_what_is_granted_everywhere() {
    let held = grants("agents:read agents:update@a1");
    assert_eq!(names(held.check(&AGENTS_READ)), "nothing");
    assert_eq!(names(held.check_on(&AGENTS_READ, "b2")), "nothing");
    assert_eq!(names(held.check(&AGENTS_UPDATE)), "agents:update");
    assert_eq!(names(held.check_on(&AGENTS_UPDATE, "a1")), "nothing");
    for other in ["b2", "A1", "a", "a11", "", "a1@a1", "*", "é"] {
        assert_eq!(
            names(held.check_on(&AGENTS_UPDATE, other)),
            "agents:update",
            "{other}"
        );
    }
}

#[test]
fn a_refusal_names_the_nearest_alternative_and_nothing_held() {
    let table = [
        (
            "agents:read",
            "agents:read and agents:update",
            "agents:update",
        ),
        (
            "",
            "agents:read and agents:update",
            "agents:read agents:update",
        ),
        (
            "",
            "agents:read and agents:update or calls:read",
            "calls:read",
        ),
        (
            "agents:read calls:create",
            "agents:read and agents:update or calls:read",
            "agents:update",
        ),
        // On a tie the first as written.
        ("", "calls:read or agents:read", "calls:read"),
        ("", "agents:read or calls:read", "agents:read"),
        (
            "calls:read",
            "calls:read and webhooks:read or calls:read and agents:read",
            "webhooks:read",
        ),
        ("agents calls", "agents:read and calls:read", "nothing"),
        ("calls:read", "agents:read or calls:read", "nothing"),
    ];
    for (held, needs, missing) in table {
        let needs = CATALOG.requirement(needs).unwrap();
        assert_eq!(names(grants(held).check(&needs)), missing, "{held:?}");
    }
}

#[test]
fn any_of_names_the_first_as_written() {
    let [read, create] = ["agents:read", "agents:create"].map(|name| CATALOG.permission(name));
    assert_eq!(
        names(grants("").check(&Requirement::any_of([read, create]))),
        "agents:read"
    );
    assert_eq!(
        names(grants("").check(&Requirement::any_of([create, read]))),
        "agents:create"
    );
}

#[test]
fn missing_is_an_error_that_gives_nothing_away() {
    let missing = grants("agents:read").check(&AGENTS_UPDATE).unwrap_err();
    let shown: &dyn std::error::Error = &missing;
    assert_eq!(
        shown.to_string(),
        "permissions that the operation needs are missing"
    );
    let without = grants("").check(&AGENTS_UPDATE).unwrap_err();
    assert_eq!(format!("{missing:?}"), format!("{without:?}"));
    assert_ne!(missing, grants("").check(&AGENTS_READ).unwrap_err());
}

/// A requirement as a tree, evaluated without ever becoming a list of alternatives.
#[derive(Debug, Clone)]
enum Tree {
    Name(String),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

impl Tree {
    fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::And(left, right) => format!("({} and {})", left.text(), right.text()),
            Self::Or(left, right) => format!("({} or {})", left.text(), right.text()),
        }
    }

    fn holds(&self, granted: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Name(name) => granted(name),
            Self::And(left, right) => left.holds(granted) && right.holds(granted),
            Self::Or(left, right) => left.holds(granted) || right.holds(granted),
        }
    }

    /// The fewest further permissions that would do.
    fn distance(&self, granted: &impl Fn(&str) -> bool) -> usize {
        let ways = self.ways();
        let lacking = ways
            .iter()
            .map(|way| way.iter().filter(|name| !granted(name)).count());
        lacking.min().unwrap()
    }

    fn ways(&self) -> Vec<BTreeSet<String>> {
        match self {
            Self::Name(name) => vec![BTreeSet::from([name.clone()])],
            Self::Or(left, right) => [left.ways(), right.ways()].concat(),
            Self::And(left, right) => {
                let right = right.ways();
                let pairs = left.ways().into_iter().flat_map(|left| {
                    right
                        .iter()
                        .map(move |right| &left | right)
                        .collect::<Vec<_>>()
                });
                pairs.collect()
            }
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let names: Vec<String> = CATALOG.permissions().map(|name| name.to_string()).collect();
    let leaf = prop::sample::select(names).prop_map(Tree::Name);
    leaf.prop_recursive(3, 8, 2, |inner| {
        (inner.clone(), inner, prop::bool::ANY).prop_map(|(left, right, and)| {
            let make = if and { Tree::And } else { Tree::Or };
            make(Box::new(left), Box::new(right))
        })
    })
}

fn granted(scopes: &[String], name: &str, instance: Option<&str>) -> bool {
    let known = CATALOG
        .find(name)
        .and_then(|permission| CATALOG.name(permission))
        .unwrap();
    let atom = Atom {
        resource: known.resource().to_owned(),
        action: known.action().to_owned(),
        access: known.access(),
        instance: instance.map(str::to_owned),
    };
    naive::grants(scopes, &atom)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_check_agrees_with_comparing_texts(
        scopes in fixture::scope_texts(),
        tree in tree(),
        instance in prop::option::of(prop::sample::select(vec!["a1", "b2", "never-named"])),
    ) {
        let grants = ScopeSet::parse(&scopes).unwrap().compile(&CATALOG);
        let needs = CATALOG.requirement(&tree.text()).unwrap();
        let answer = match instance {
            None => grants.check(&needs),
            Some(instance) => grants.check_on(&needs, instance),
        };
        let held = |name: &str| granted(&scopes, name, instance);
        prop_assert_eq!(answer.is_ok(), tree.holds(&held));
        if let Err(missing) = answer {
            let missing: BTreeSet<String> =
                missing.names(&CATALOG).map(|name| name.to_string()).collect();
            prop_assert_eq!(missing.len(), tree.distance(&held));
            prop_assert!(!missing.iter().any(|name| held(name)), "it names what is held");
            let then = |name: &str| held(name) || missing.contains(name);
            prop_assert!(tree.holds(&then), "what it names would not do");
        }
    }
}
