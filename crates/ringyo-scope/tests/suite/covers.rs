use std::time::{Duration, Instant};

use proptest::prelude::*;
use ringyo_scope::{Catalog, ScopeSet};

use crate::fixture::{self, CATALOG, GROWN, INSTANCES, granted, scopes};
use crate::naive;

#[test]
fn who_may_hand_out_what_as_a_table() {
    let yes = [
        (
            "agents",
            "agents:create agents:read agents:update agents:delete",
        ),
        ("*", "agents calls:read@a1 nothing:at_all *:read"),
        ("*", "read_only"),
        ("*", "*"),
        ("", ""),
        ("calls:read", ""),
        ("read_only", "agents:read calls:read"),
        ("read_only", "agents read_only"),
        ("read_only", "* read_only"),
        ("* read_only", "read_only"),
        ("read_only", "agents:read@a1"),
        ("agents", "agents@a1"),
        ("agents:update", "agents:update@a1"),
        ("agents@a1", "agents:update@a1"),
        ("*:read", "agents:read nothing:read@a1"),
        ("agents", "agents read_only"),
        ("agents:read", "agents:read read_only"),
        ("nothing", "nothing:at_all"),
        // What the other set holds is no permission to change anything, so nothing at all.
        ("calls:read", "agents:create read_only"),
    ];
    let no = [
        (
            "agents:create agents:read agents:update agents:delete",
            "agents",
        ),
        ("agents calls phone_numbers webhooks", "*"),
        (
            "agents:read calls:read phone_numbers:read webhooks:read",
            "*:read",
        ),
        (
            "agents:read calls:read phone_numbers:read webhooks:read",
            "read_only",
        ),
        ("*:read", "read_only"),
        ("*:create *:read *:update *:delete", "agents"),
        ("", "agents:read"),
        ("read_only", "agents"),
        ("read_only", "agents:update"),
        ("read_only", "nothing:read"),
        ("read_only", "*:read"),
        ("* read_only", "*"),
        ("agents@a1", "agents"),
        ("agents@a1", "agents@b2"),
        ("agents@a1", "calls@a1"),
        ("agents:read@a1", "agents@a1"),
        ("agents:read", "agents read_only"),
        ("agents read_only", "agents:read read_only calls:read"),
    ];
    for (held, other) in yes {
        assert!(
            scopes(held).covers(&scopes(other), &CATALOG),
            "{held:?} covers {other:?}"
        );
    }
    for (held, other) in no {
        assert!(
            !scopes(held).covers(&scopes(other), &CATALOG),
            "{held:?} covers {other:?} not"
        );
    }
}

#[test]
fn two_full_sets_are_compared_in_milliseconds() {
    let long = |letter: &str, number: usize| format!("{}{number:03}", letter.repeat(61));
    let texts = |instance: &str| -> Vec<String> {
        (0..100)
            .map(|n| format!("{}:{}@{instance}", long("r", n), long("a", n)))
            .collect()
    };
    let held = ScopeSet::parse(texts("x")).unwrap();
    let others = [held.clone(), ScopeSet::parse(texts("y")).unwrap()];
    let fastest = (0..5).map(|_| {
        let start = Instant::now();
        let answers = others.each_ref().map(|other| held.covers(other, &CATALOG));
        assert_eq!(answers, [true, false]);
        start.elapsed()
    });
    assert!(fastest.min() < Some(Duration::from_millis(50)));
}

/// Sets of up to two scopes, for trying all pairs of them.
fn small_sets() -> Vec<Vec<&'static str>> {
    const POOL: &[&str] = &[
        "*",
        "*:read",
        "*:create",
        "*:export",
        "agents",
        "agents:read",
        "agents:create",
        "agents:export",
        "agents@a1",
        "agents@b2",
        "agents:read@a1",
        "agents:create@a1",
        "agents:export@a1",
        "calls",
        "calls:read",
        "calls:export@b2",
        "calls:create@a1",
        "reports",
        "reports:read",
        "reports:export",
        "reports:export@a1",
        "read_only",
    ];
    let mut sets = vec![vec![]];
    for (place, first) in POOL.iter().enumerate() {
        sets.push(vec![*first]);
        sets.extend(POOL[..place].iter().map(|second| vec![*first, *second]));
        // Sets of three where the third is the switch, which changes the others.
        sets.extend(
            POOL[..place]
                .iter()
                .map(|second| vec![*first, *second, "read_only"]),
        );
    }
    sets
}

type Covers = fn(&ScopeSet, &ScopeSet, &Catalog) -> bool;

/// The pairs of small sets for which `covers` answers otherwise than trying every deed does.
fn disagreements(covers: Covers) -> usize {
    let sets = small_sets();
    let all: Vec<&str> = sets.iter().flatten().copied().collect();
    let atoms = naive::universe(&all, &CATALOG);
    let rows: Vec<Vec<bool>> = sets
        .iter()
        .map(|set| atoms.iter().map(|atom| naive::grants(set, atom)).collect())
        .collect();
    let parsed: Vec<ScopeSet> = sets
        .iter()
        .map(|set| ScopeSet::parse(set).unwrap())
        .collect();
    let mut count = 0;
    for (held, held_row) in parsed.iter().zip(&rows) {
        for (other, other_row) in parsed.iter().zip(&rows) {
            let expected = other_row
                .iter()
                .zip(held_row)
                .all(|(other, held)| !other || *held);
            count += usize::from(covers(held, other, &CATALOG) != expected);
        }
    }
    count
}

/// The tempting wrong answer: compare what is granted today.
fn covers_today(held: &ScopeSet, other: &ScopeSet, catalog: &Catalog) -> bool {
    let held = granted(held, catalog, &INSTANCES);
    granted(other, catalog, &INSTANCES).iter().all(|name| {
        held.contains(name)
            || name
                .split_once('@')
                .is_some_and(|(all, _)| held.contains(&all.to_owned()))
    })
}

#[test]
fn covers_is_what_trying_every_deed_says() {
    assert_eq!(disagreements(ScopeSet::covers), 0);
}

#[test]
fn trying_every_deed_finds_planted_faults() {
    assert!(disagreements(|_, _, _| true) > 0);
    assert!(disagreements(|_, _, _| false) > 0);
    // A list of texts, without an understanding of wildcards.
    assert!(disagreements(|held, other, _| other.iter().all(|s| held.iter().any(|h| h == s))) > 0);
}

#[test]
fn comparing_what_is_granted_today_would_not_last() {
    let (list, all) = (
        scopes("agents:create agents:read agents:update agents:delete"),
        scopes("agents"),
    );
    assert!(covers_today(&list, &all, &CATALOG));
    assert!(!covers_today(&list, &all, &GROWN));
    assert!(!list.covers(&all, &CATALOG));
}

#[test]
fn covers_is_a_preorder() {
    let sets: Vec<ScopeSet> = small_sets()
        .iter()
        .map(|set| ScopeSet::parse(set).unwrap())
        .collect();
    let rows: Vec<Vec<bool>> = sets
        .iter()
        .map(|held| {
            sets.iter()
                .map(|other| held.covers(other, &CATALOG))
                .collect()
        })
        .collect();
    for (held, row) in rows.iter().enumerate() {
        assert!(row[held], "{} covers itself", sets[held]);
        for other in (0..sets.len()).filter(|other| row[*other]) {
            let broken = (0..sets.len()).find(|third| rows[other][*third] && !row[*third]);
            assert_eq!(broken, None, "{} over {}", sets[held], sets[other]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn covers_agrees_with_brute_force(
        mut held in fixture::scope_texts(),
        other in fixture::scope_texts(),
        shared in prop::bool::ANY,
    ) {
        // Unrelated sets seldom cover each other.
        if shared {
            held.extend(other.iter().cloned());
        }
        for (held, other) in [(&held, &other), (&other, &held)] {
            let sets = [held, other].map(|texts| ScopeSet::parse(texts).unwrap());
            prop_assert_eq!(
                sets[0].covers(&sets[1], &CATALOG),
                naive::covers(held, other, &CATALOG),
                "{} over {}", sets[0], sets[1]
            );
        }
    }

    /// Under the catalog and a later one: what is covered is granted.
    #[test]
    fn what_is_covered_is_granted(
        mut held in fixture::scope_texts(),
        other in fixture::scope_texts(),
    ) {
        let sets = |held: &[String]| (ScopeSet::parse(held).unwrap(), ScopeSet::parse(&other).unwrap());
        let (mut left, right) = sets(&held);
        if !left.covers(&right, &CATALOG) {
            held.extend(other.iter().filter(|text| *text != "read_only").cloned());
            left = sets(&held).0;
        }
        prop_assume!(left.covers(&right, &CATALOG));
        for catalog in [&CATALOG, &*GROWN] {
            prop_assert!(covers_today(&left, &right, catalog), "{} over {}", left, right);
        }
    }
}
