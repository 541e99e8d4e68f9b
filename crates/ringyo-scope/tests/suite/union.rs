use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use ringyo_scope::{Access, Requirement, ScopeSet};

use crate::fixture::{self, CATALOG, GROWN};

/// What a set grants: each permission, everywhere and on instances that are named or not.
fn deeds(set: &ScopeSet) -> Vec<bool> {
    let grants = set.compile(&GROWN);
    let mut deeds = Vec::new();
    for name in GROWN.permissions() {
        let needs = Requirement::permission(name.permission());
        deeds.push(grants.check(&needs).is_ok());
        for instance in ["a1", "b2", "never-named"] {
            deeds.push(grants.check_on(&needs, instance).is_ok());
        }
    }
    deeds
}

/// Whether what is granted there is a read, deed by deed.
fn reads() -> Vec<bool> {
    let each = GROWN.permissions();
    each.flat_map(|name| [name.access() == Access::Read; 4])
        .collect()
}

fn parsed(texts: &[String]) -> ScopeSet {
    ScopeSet::parse(texts).unwrap()
}

fn without_switch(texts: &[String]) -> Vec<String> {
    let plain = texts.iter().filter(|text| *text != "read_only");
    plain.cloned().collect()
}

type Union = fn(&[String], &[String]) -> ScopeSet;

fn union(left: &[String], right: &[String]) -> ScopeSet {
    ScopeSet::parse(left.iter().chain(right)).unwrap()
}

/// The laws of two sets that become one.
fn laws(union: Union, left: &[String], right: &[String]) -> Result<(), TestCaseError> {
    let both = union(left, right);
    let has_switch = [left, right].map(|texts| texts.iter().any(|text| text == "read_only"));
    let (of_both, of_left, of_right) = (deeds(&both), deeds(&parsed(left)), deeds(&parsed(right)));
    let (plain_left, plain_right) = (without_switch(left), without_switch(right));
    let of_plain = [&plain_left, &plain_right].map(|texts| deeds(&parsed(texts)));
    let is_all_switch = plain_left.is_empty() && plain_right.is_empty();
    for (deed, is_read) in reads().into_iter().enumerate() {
        let either = of_left[deed] || of_right[deed];
        prop_assert!(!of_both[deed] || either, "granted by neither");
        if has_switch == [false, false] {
            prop_assert_eq!(
                of_both[deed],
                either,
                "what either grants, and nothing else"
            );
        } else {
            // The switch of one is the switch of both: the reads of what stands beside it.
            let beside = of_plain[0][deed] || of_plain[1][deed] || is_all_switch;
            prop_assert_eq!(of_both[deed], beside && is_read);
        }
    }
    prop_assert_eq!(&both, &union(right, left));
    prop_assert_eq!(&union(left, left), &parsed(left));
    if has_switch == [false, false] {
        for part in [left, right] {
            prop_assert!(both.covers(&parsed(part), &CATALOG));
        }
    }
    Ok(())
}

fn break_a_law(union: Union) -> bool {
    let config = ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let sets = (fixture::scope_texts(), fixture::scope_texts());
    let run = TestRunner::new(config).run(&sets, |(left, right)| laws(union, &left, &right));
    matches!(run, Err(TestError::Fail(..)))
}

#[test]
fn the_laws_notice_a_union_that_is_none() {
    assert!(!break_a_law(union), "the control");
    // The switch of one side is lost, which turns its reads into writes.
    assert!(break_a_law(|left, right| union(
        &without_switch(left),
        right
    )));
    // One side is forgotten.
    assert!(break_a_law(|left, _| parsed(left)));
    // A resource that both name becomes the whole of it.
    assert!(break_a_law(|left, right| {
        let mut texts = [left, right].concat();
        texts.push("agents".to_owned());
        parsed(&texts)
    }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_union_grants_what_its_parts_do(
        left in fixture::scope_texts(), right in fixture::scope_texts(),
    ) {
        laws(union, &left, &right)?;
    }

    /// Another scope takes nothing away, the switch apart, and apart from a set that is the switch
    /// alone: beside another scope it is no longer every read.
    #[test]
    fn another_scope_only_adds(texts in fixture::scope_texts(), more in fixture::scope_text()) {
        prop_assume!(more != "read_only" && texts != ["read_only"]);
        prop_assume!(!texts.iter().all(|text| text == "read_only") || texts.is_empty());
        let before = deeds(&parsed(&texts));
        let after = deeds(&union(&texts, &[more]));
        for (before, after) in before.iter().zip(&after) {
            prop_assert!(!before || *after);
        }
    }
}
