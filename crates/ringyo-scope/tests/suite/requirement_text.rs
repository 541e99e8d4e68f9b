use std::time::{Duration, Instant};

use proptest::prelude::*;
use ringyo_scope::{Access, Catalog, Requirement, RequirementErrorKind};

use crate::fixture::CATALOG;

fn canonical(text: &str) -> String {
    CATALOG
        .requirement(text)
        .unwrap()
        .display(&CATALOG)
        .to_string()
}

fn error(text: &str) -> (usize, String) {
    let error = CATALOG.requirement(text).unwrap_err();
    (error.position(), error.kind().to_string())
}

#[test]
fn what_is_written_and_how_it_is_shown() {
    let table = [
        ("agents:read", "agents:read"),
        ("  ( ( agents:read ) ) ", "agents:read"),
        ("agents:read and agents:read", "agents:read"),
        (
            "agents:update and agents:read",
            "agents:read and agents:update",
        ),
        ("calls:read or agents:read", "calls:read or agents:read"),
        (
            "agents:read and (calls:create or calls:read)",
            "agents:read and calls:create or agents:read and calls:read",
        ),
        (
            "agents:read or calls:create and calls:read",
            "agents:read or calls:create and calls:read",
        ),
        (
            "(agents:read or calls:create)and(calls:read)",
            "agents:read and calls:read or calls:create and calls:read",
        ),
        // What asks for more than another alternative is left out.
        ("agents:read or agents:read and calls:read", "agents:read"),
        ("agents:read and calls:read or agents:read", "agents:read"),
        ("(agents:read or calls:read) and agents:read", "agents:read"),
        (
            "agents:read\n\tand\r\ncalls:read",
            "agents:read and calls:read",
        ),
    ];
    for (text, shown) in table {
        assert_eq!(canonical(text), shown, "{text}");
    }
}

#[test]
fn typed_and_parsed_are_equal() {
    let [create, read, update] =
        ["agents:create", "agents:read", "agents:update"].map(|name| CATALOG.permission(name));
    let parsed = |text: &str| CATALOG.requirement(text).unwrap();
    assert_eq!(Requirement::permission(read), parsed("agents:read"));
    assert_eq!(Requirement::all_of([read]), parsed("agents:read"));
    assert_eq!(Requirement::all_of([read, read]), parsed("agents:read"));
    assert_eq!(Requirement::any_of([read, read]), parsed("agents:read"));
    assert_eq!(
        Requirement::all_of([update, read]),
        parsed("agents:read and agents:update")
    );
    assert_eq!(
        Requirement::any_of([update, create]),
        parsed("agents:update or agents:create")
    );
    assert_ne!(
        Requirement::any_of([update, create]),
        parsed("agents:create or agents:update")
    );
    assert_ne!(
        Requirement::any_of([read, create]),
        Requirement::all_of([read, create])
    );
}

#[test]
fn errors_say_where_and_what_was_expected() {
    let permission = "expected a permission such as `agents:read`, or `(`";
    let operator = "expected `and`, `or` or the end";
    let agents = "unknown permission, expected one of agents:create, agents:read, agents:update, agents:delete";
    let resources = "unknown resource, expected one of agents, calls, phone_numbers, webhooks";
    let wildcard = "wildcards are for scopes, expected `resource:action`";
    let instance = "a requirement names no instance, expected `resource:action`";
    let table = [
        ("", 0, permission),
        ("   ", 3, permission),
        ("()", 1, permission),
        ("and", 0, permission),
        ("agents:read and", 15, permission),
        ("agents:read or or", 15, permission),
        ("agents:read and )", 16, permission),
        ("agents:read calls:read", 12, operator),
        ("agents:read)", 11, operator),
        ("agents:read AND calls:read", 12, operator),
        ("agents:read, calls:read", 0, agents),
        ("agents:list", 0, agents),
        ("agents", 0, agents),
        ("agents:", 0, agents),
        ("agents:read or agent:read", 15, resources),
        ("é", 0, resources),
        ("agents:*", 0, wildcard),
        ("*", 0, wildcard),
        ("read_only", 0, resources),
        ("agents:read@a1", 0, instance),
        (
            "(agents:read",
            12,
            "expected `and`, `or` or the `)` for byte 0",
        ),
        (
            " ((agents:read) calls:read)",
            16,
            "expected `and`, `or` or the `)` for byte 1",
        ),
    ];
    for (text, position, message) in table {
        assert_eq!(error(text), (position, message.to_owned()), "{text:?}");
    }
    assert_eq!(
        CATALOG
            .requirement("agents:read and")
            .unwrap_err()
            .to_string(),
        format!("byte 15 of the requirement: {permission}"),
    );
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}agents:read{}", "(".repeat(depth), ")".repeat(depth));
    assert!(CATALOG.requirement(&nested(32)).is_ok());
    let error = CATALOG.requirement(&nested(33)).unwrap_err();
    assert_eq!(
        (error.position(), error.kind()),
        (32, &RequirementErrorKind::TooDeep)
    );
    let error = CATALOG.requirement(&"(".repeat(4096)).unwrap_err();
    assert_eq!(error.kind(), &RequirementErrorKind::TooDeep);
}

#[test]
fn length_is_bounded() {
    let text = format!("agents:read{}", " ".repeat(4096));
    assert!(CATALOG.requirement(&text[..4096]).is_ok());
    let error = CATALOG.requirement(&text[..4097]).unwrap_err();
    assert_eq!(error.kind(), &RequirementErrorKind::TooLong);
}

/// A catalog with the permissions `r:a0` to `r:a255`.
fn wide() -> Catalog {
    let actions = (0..256).map(|n| (format!("a{n}"), Access::Write));
    Catalog::builder().resource("r", actions).build().unwrap()
}

fn either(range: std::ops::Range<usize>) -> String {
    let names: Vec<String> = range.map(|n| format!("r:a{n}")).collect();
    format!("({})", names.join(" or "))
}

#[test]
fn alternatives_are_bounded() {
    let catalog = wide();
    assert!(catalog.requirement(&either(0..64)).is_ok());
    let pairs = |count: usize| {
        (0..count)
            .map(|n| either(2 * n..2 * n + 2))
            .collect::<Vec<_>>()
            .join(" and ")
    };
    for text in [either(0..65), pairs(7), pairs(40)] {
        let error = catalog.requirement(&text).unwrap_err();
        assert_eq!(error.kind(), &RequirementErrorKind::TooManyAlternatives);
    }
    let most = catalog.requirement(&pairs(6)).unwrap();
    let shown = most.display(&catalog).to_string();
    assert_eq!(shown.split(" or ").count(), 64);
    assert_eq!(catalog.requirement(&shown), Ok(most));
}

#[test]
fn the_worst_text_is_answered_soon() {
    let catalog = wide();
    // Products of 64 by 64 alternatives that always come down to the same 64.
    let block: Vec<String> = (0..6).map(|n| either(2 * n..2 * n + 2)).collect();
    let block = format!("({})", block.join(" and "));
    let mut text = block.clone();
    while text.len() + block.len() + 5 <= 4096 {
        text.push_str(" and ");
        text.push_str(&block);
    }
    let fastest = (0..3).map(|_| {
        let start = Instant::now();
        assert!(catalog.requirement(&text).is_ok());
        start.elapsed()
    });
    assert!(fastest.min() < Some(Duration::from_secs(2)));
}

proptest! {
    #[test]
    fn any_text_is_answered(text in prop_oneof!["\\PC*", "[a-z:*@() \t\né]{0,60}"]) {
        if let Ok(requirement) = CATALOG.requirement(&text) {
            let shown = requirement.display(&CATALOG).to_string();
            prop_assert_eq!(CATALOG.requirement(&shown), Ok(requirement));
        }
    }

    #[test]
    fn any_row_of_tokens_is_answered(tokens in prop::collection::vec(
        prop::sample::select(vec![
            "(", ")", "and", "or", "agents:read", "calls:create", "calls:read", "webhooks:update", "*", " ",
        ]),
        0..40,
    )) {
        match CATALOG.requirement(&tokens.join(" ")) {
            Ok(requirement) => {
                let shown = requirement.display(&CATALOG).to_string();
                prop_assert_eq!(CATALOG.requirement(&shown), Ok(requirement));
            }
            Err(error) => prop_assert!(error.position() <= tokens.join(" ").len()),
        }
    }
}
