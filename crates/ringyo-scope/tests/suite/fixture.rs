use std::sync::LazyLock;

use proptest::prelude::*;
use ringyo_scope::{Access, Action, Catalog, Grants, Requirement, Resource, ScopeSet};

/// The catalog of the Ringyo API.
pub(crate) static CATALOG: Catalog = Catalog::declare(&[
    Resource::declare(
        "agents",
        &[
            Action::write("create"),
            Action::read("read"),
            Action::write("update"),
            Action::write("delete"),
        ],
    ),
    Resource::declare("calls", &[Action::write("create"), Action::read("read")]),
    Resource::declare(
        "phone_numbers",
        &[Action::read("read"), Action::write("update")],
    ),
    Resource::declare(
        "webhooks",
        &[
            Action::write("create"),
            Action::read("read"),
            Action::write("update"),
            Action::write("delete"),
        ],
    ),
]);

/// The same catalog some releases later: everything is still there, in another order, and more.
/// `export` is a read on one resource and a write on another.
pub(crate) static GROWN: LazyLock<Catalog> = LazyLock::new(|| {
    use Access::{Read, Write};
    Catalog::builder()
        .resource("reports", [("export", Write), ("read", Read)])
        .resource(
            "calls",
            [("export", Read), ("read", Read), ("create", Write)],
        )
        .resource(
            "agents",
            [
                ("archive", Write),
                ("create", Write),
                ("read", Read),
                ("stats", Read),
                ("update", Write),
                ("delete", Write),
            ],
        )
        .resource("phone_numbers", [("read", Read), ("update", Write)])
        .resource(
            "webhooks",
            [
                ("create", Write),
                ("read", Read),
                ("update", Write),
                ("delete", Write),
            ],
        )
        .build()
        .unwrap()
});

pub(crate) static AGENTS_READ: Requirement =
    Requirement::permission(CATALOG.permission("agents:read"));
pub(crate) static AGENTS_UPDATE: Requirement =
    Requirement::permission(CATALOG.permission("agents:update"));

pub(crate) fn scopes(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

pub(crate) fn grants(text: &str) -> Grants {
    scopes(text).compile(&CATALOG)
}

/// Everything a set grants under a catalog, as text: `agents:read` and, for what is granted on
/// one of the instances only, `agents:read@a1`.
pub(crate) fn granted(set: &ScopeSet, catalog: &Catalog, instances: &[&str]) -> Vec<String> {
    let grants = set.compile(catalog);
    let mut found = Vec::new();
    for name in catalog.permissions() {
        let needs = Requirement::permission(name.permission());
        if grants.check(&needs).is_ok() {
            found.push(name.to_string());
        }
        for instance in instances {
            if grants.check_on(&needs, instance).is_ok() && grants.check(&needs).is_err() {
                found.push(format!("{name}@{instance}"));
            }
        }
    }
    found
}

pub(crate) const INSTANCES: [&str; 3] = ["a1", "b2", "never-named"];

/// Texts of scopes, in every spelling, of names that the catalogs know, that only the grown one
/// knows, and that neither does.
pub(crate) fn scope_text() -> impl Strategy<Value = String> {
    let resource = prop::sample::select(vec!["agents", "calls", "webhooks", "reports", "nothing"]);
    let action = prop::sample::select(vec![
        "", ":*", ":create", ":read", ":update", ":export", ":nothing",
    ]);
    let instance = prop::sample::select(vec!["", "", "", "@a1", "@b2"]);
    prop_oneof![
        8 => (resource, action.clone(), instance).prop_map(|(r, a, i)| format!("{r}{a}{i}")),
        2 => action.prop_map(|action| format!("*{action}")),
        1 => Just("read_only".to_owned()),
    ]
}

pub(crate) fn scope_texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(scope_text(), 0..7)
}
