use std::hint::black_box;

use ringyo_scope::{Grants, Requirement};

use crate::fixture::{AGENTS_READ, AGENTS_UPDATE, CATALOG, grants};

fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

fn check_everything(grants: &Grants, requirements: &[Requirement]) {
    for requirement in requirements {
        let _ = black_box(grants.check(black_box(requirement)));
        for instance in ["a1", "b2", "never-named", ""] {
            let _ = black_box(grants.check_on(black_box(requirement), instance));
        }
    }
}

#[test]
fn a_check_allocates_nothing_met_or_not() {
    let requirements = [
        AGENTS_READ.clone(),
        AGENTS_UPDATE.clone(),
        Requirement::any_of([
            CATALOG.permission("calls:read"),
            CATALOG.permission("calls:create"),
        ]),
        CATALOG
            .requirement("agents:read and (calls:create or webhooks:update)")
            .unwrap(),
    ];
    for text in [
        "",
        "*",
        "read_only",
        "agents:read agents:update@a1 webhooks@b2",
    ] {
        let grants = grants(text);
        assert_eq!(
            allocations(|| check_everything(&grants, &requirements)),
            0,
            "{text:?}"
        );
    }
}

#[test]
fn the_counter_counts() {
    let missing = grants("").check(&AGENTS_READ).unwrap_err();
    assert!(allocations(|| drop(black_box(missing.scope_text(&CATALOG)))) > 0);
}
