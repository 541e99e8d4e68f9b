use proptest::prelude::*;
use ringyo_scope::{Scope, ScopeParseError};

use crate::fixture;

/// Text, canonical text, resource, action, instance.
type Row = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
);

const VALID: &[Row] = &[
    ("*", "*", None, None, None),
    ("*:*", "*", None, None, None),
    ("*:read", "*:read", None, Some("read"), None),
    ("agents", "agents", Some("agents"), None, None),
    ("agents:*", "agents", Some("agents"), None, None),
    (
        "agents:read",
        "agents:read",
        Some("agents"),
        Some("read"),
        None,
    ),
    (
        "phone_numbers:read",
        "phone_numbers:read",
        Some("phone_numbers"),
        Some("read"),
        None,
    ),
    (
        "agents@agent_123",
        "agents@agent_123",
        Some("agents"),
        None,
        Some("agent_123"),
    ),
    (
        "agents:*@agent_123",
        "agents@agent_123",
        Some("agents"),
        None,
        Some("agent_123"),
    ),
    (
        "agents:update@a",
        "agents:update@a",
        Some("agents"),
        Some("update"),
        Some("a"),
    ),
    (
        "agents@A.b_c~d-9",
        "agents@A.b_c~d-9",
        Some("agents"),
        None,
        Some("A.b_c~d-9"),
    ),
    ("a1_:b2_", "a1_:b2_", Some("a1_"), Some("b2_"), None),
    ("read_only", "read_only", None, None, None),
    (
        "agents:read_only",
        "agents:read_only",
        Some("agents"),
        Some("read_only"),
        None,
    ),
    (
        "read_only_things",
        "read_only_things",
        Some("read_only_things"),
        None,
        None,
    ),
    (
        "agents@read_only",
        "agents@read_only",
        Some("agents"),
        None,
        Some("read_only"),
    ),
];

const INVALID: &[(&str, ScopeParseError)] = &[
    ("", ScopeParseError::Empty),
    (" ", ScopeParseError::Resource),
    (" agents", ScopeParseError::Resource),
    ("agents ", ScopeParseError::Resource),
    ("Agents", ScopeParseError::Resource),
    ("READ_ONLY", ScopeParseError::Resource),
    ("1agents", ScopeParseError::Resource),
    ("_agents", ScopeParseError::Resource),
    ("ag-ents", ScopeParseError::Resource),
    ("agénts", ScopeParseError::Resource),
    ("agents\n", ScopeParseError::Resource),
    ("agents\0", ScopeParseError::Resource),
    ("**", ScopeParseError::Resource),
    ("agents*", ScopeParseError::Resource),
    (":", ScopeParseError::Resource),
    (":read", ScopeParseError::Resource),
    ("@a", ScopeParseError::Resource),
    ("agents:", ScopeParseError::Action),
    ("agents:@a", ScopeParseError::Action),
    ("agents:Read", ScopeParseError::Action),
    ("agents:read:", ScopeParseError::Action),
    ("agents:read:write", ScopeParseError::Action),
    ("agents:r*", ScopeParseError::Action),
    ("agents: read", ScopeParseError::Action),
    ("*:", ScopeParseError::Action),
    ("agents@", ScopeParseError::Instance),
    ("agents:read@", ScopeParseError::Instance),
    ("agents@a@b", ScopeParseError::Instance),
    ("agents@a:read", ScopeParseError::Instance),
    ("agents@a b", ScopeParseError::Instance),
    ("agents@*", ScopeParseError::Instance),
    ("agents@é", ScopeParseError::Instance),
    ("agents@a/b", ScopeParseError::Instance),
    ("*@a", ScopeParseError::WildcardInstance),
    ("*:*@a", ScopeParseError::WildcardInstance),
    ("*:read@a", ScopeParseError::WildcardInstance),
    ("read_only:read", ScopeParseError::ReadOnly),
    ("read_only:*", ScopeParseError::ReadOnly),
    ("read_only@a", ScopeParseError::ReadOnly),
    ("read_only:", ScopeParseError::ReadOnly),
];

#[test]
fn the_grammar_as_a_table() {
    for (text, canonical, resource, action, instance) in VALID {
        let scope: Scope = text.parse().unwrap();
        assert_eq!(scope.to_string(), *canonical, "{text}");
        assert_eq!(scope.as_str(), *canonical);
        let parts = (scope.resource(), scope.action(), scope.instance());
        assert_eq!(parts, (*resource, *action, *instance), "{text}");
        assert_eq!(scope.is_read_only(), *text == "read_only");
        assert_eq!(canonical.parse(), Ok(scope));
    }
    for (text, error) in INVALID {
        assert_eq!(text.parse::<Scope>(), Err(*error), "{text:?}");
    }
}

#[test]
fn lengths_end_where_they_should() {
    let name = |len: usize| "a".repeat(len);
    assert!(name(64).parse::<Scope>().is_ok());
    assert_eq!(name(65).parse::<Scope>(), Err(ScopeParseError::Resource));
    assert!(format!("a:{}", name(64)).parse::<Scope>().is_ok());
    assert_eq!(
        format!("a:{}", name(65)).parse::<Scope>(),
        Err(ScopeParseError::Action)
    );
    assert!(format!("a@{}", name(128)).parse::<Scope>().is_ok());
    assert_eq!(
        format!("a@{}", name(129)).parse::<Scope>(),
        Err(ScopeParseError::Instance)
    );
}

#[test]
fn errors_name_the_part_and_not_the_text() {
    for (text, error) in INVALID {
        let message = error.to_string();
        assert!(
            !message.ends_with('.') && !message.starts_with(char::is_uppercase),
            "{message}"
        );
        assert!(
            text.len() < 7 || text.contains("read") || !message.contains(text),
            "{message}"
        );
    }
    assert_eq!(
        ScopeParseError::Action.to_string(),
        "the action of the scope is neither `*` nor `[a-z][a-z0-9_]{0,63}`",
    );
}

#[test]
fn equal_is_what_means_the_same_and_order_is_that_of_the_text() {
    let scope = |text: &str| text.parse::<Scope>().unwrap();
    assert_eq!(scope("agents:*"), scope("agents"));
    assert_ne!(scope("agents:read"), scope("agents"));
    let mut list = [
        scope("calls"),
        scope("agents:read"),
        scope("*"),
        scope("agents"),
    ];
    list.sort();
    assert_eq!(
        list.map(|scope| scope.to_string()),
        ["*", "agents", "agents:read", "calls"]
    );
}

#[test]
fn serde_is_a_string() {
    let scope: Scope = "agents:read".parse().unwrap();
    assert_eq!(
        (scope.as_ref(), scope.as_str()),
        ("agents:read", "agents:read")
    );
    let scope: Scope = serde_json::from_str(r#""agents:*""#).unwrap();
    assert_eq!(serde_json::to_string(&scope).unwrap(), r#""agents""#);
    assert!(serde_json::from_str::<Scope>(r#""agents:""#).is_err());
    assert!(serde_json::from_str::<Scope>("7").is_err());
}

proptest! {
    #[test]
    fn any_text_is_answered(text in prop_oneof!["\\PC*", "[a-z*@:_.~ A-Z0-9é-]{0,24}"]) {
        if let Ok(scope) = text.parse::<Scope>() {
            prop_assert_eq!(scope.to_string().parse(), Ok(scope));
        }
    }

    #[test]
    fn what_is_displayed_parses_to_the_same(text in fixture::scope_text()) {
        let scope: Scope = text.parse().unwrap();
        prop_assert_eq!(scope.to_string().parse(), Ok(scope.clone()));
        let json = serde_json::to_string(&scope).unwrap();
        prop_assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), scope);
    }
}
