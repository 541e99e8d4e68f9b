use ringyo_scope::{Access, Catalog, CatalogBuilder, CatalogError, Requirement};

use crate::fixture::{AGENTS_READ, CATALOG, GROWN, scopes};

const READ: [(&str, Access); 1] = [("read", Access::Read)];

fn rebuilt(source: &Catalog) -> CatalogBuilder {
    source
        .resources()
        .fold(Catalog::builder(), |builder, resource| {
            let actions = source
                .actions(resource)
                .map(|name| (name.action(), name.access()));
            builder.resource(resource, actions)
        })
}

#[test]
fn a_declared_and_a_built_catalog_are_the_same() {
    let built = rebuilt(&CATALOG).build().unwrap();
    assert_eq!(built.fingerprint(), CATALOG.fingerprint());
    assert!(built.permissions().eq(CATALOG.permissions()));
    assert_eq!(built.find("calls:read"), CATALOG.find("calls:read"));
    let more = rebuilt(&CATALOG).resource("logs", READ).build().unwrap();
    assert_ne!(more.fingerprint(), CATALOG.fingerprint());
}

#[test]
fn the_fingerprint_sees_names_accesses_and_order() {
    let base = || Catalog::builder().resource("a", [("b", Access::Read), ("c", Access::Read)]);
    let variants = [
        base().build(),
        Catalog::builder()
            .resource("a", [("c", Access::Read), ("b", Access::Read)])
            .build(),
        Catalog::builder()
            .resource("a", [("b", Access::Write), ("c", Access::Read)])
            .build(),
        Catalog::builder()
            .resource("a", [("bc", Access::Read)])
            .build(),
        Catalog::builder()
            .resource("ab", [("c", Access::Read)])
            .build(),
        Catalog::builder()
            .resource("a", [("b", Access::Read)])
            .resource("c", READ)
            .build(),
    ];
    let prints: std::collections::BTreeSet<u64> = variants
        .iter()
        .map(|catalog| catalog.as_ref().unwrap().fingerprint())
        .collect();
    assert_eq!(prints.len(), variants.len());
    assert_eq!(
        base().build().unwrap().fingerprint(),
        variants[0].as_ref().unwrap().fingerprint()
    );
}

/// FNV-1a of 64 bits, by another implementation, of `a:b=r,;`.
#[test]
fn the_fingerprint_is_a_published_hash() {
    let catalog = Catalog::builder().resource("a", [("b", Access::Read)]);
    let fingerprint = catalog.build().unwrap().fingerprint();
    assert_eq!(fingerprint, 0xb720_eb74_1d93_f0e6);
}

#[test]
fn permissions_are_found_by_their_name_and_no_other() {
    assert_eq!(CATALOG.permissions().count(), 12);
    for name in CATALOG.permissions() {
        assert_eq!(CATALOG.find(&name.to_string()), Some(name.permission()));
        assert_eq!(CATALOG.name(name.permission()), Some(name));
        let parts = format!("{}:{}", name.resource(), name.action());
        assert_eq!(parts, name.to_string());
    }
    let none = [
        "",
        ":",
        "agents",
        "agents:",
        ":read",
        "agents:list",
        "agents:*",
        "*",
        "agents:read@a1",
    ];
    for text in none {
        assert_eq!(CATALOG.find(text), None, "{text:?}");
    }
    let resources: Vec<&str> = CATALOG.resources().collect();
    assert_eq!(resources, ["agents", "calls", "phone_numbers", "webhooks"]);
    let calls: Vec<String> = CATALOG
        .actions("calls")
        .map(|name| name.to_string())
        .collect();
    assert_eq!(calls, ["calls:create", "calls:read"]);
    assert_eq!(CATALOG.actions("nothing").count(), 0);
}

#[test]
#[should_panic(expected = "the catalog has no permission of this name")]
fn a_misspelt_permission_panics_when_it_is_not_const() {
    let _ = CATALOG.permission("agent:read");
}

#[test]
fn what_is_not_a_catalog() {
    let builder = Catalog::builder;
    let nothing: [(&str, Access); 0] = [];
    let cases = [
        (builder(), CatalogError::Empty),
        (
            builder().resource("agents", nothing),
            CatalogError::NoAction { position: 1 },
        ),
        (
            builder().resource("agents", READ).resource("Calls", READ),
            CatalogError::ResourceName { position: 2 },
        ),
        (
            builder().resource("", READ),
            CatalogError::ResourceName { position: 1 },
        ),
        (
            builder().resource("*", READ),
            CatalogError::ResourceName { position: 1 },
        ),
        (
            builder().resource("a".repeat(65), READ),
            CatalogError::ResourceName { position: 1 },
        ),
        (
            builder().resource("read_only", READ),
            CatalogError::ReservedName,
        ),
        (
            builder()
                .resource("agents", READ)
                .resource("calls", READ)
                .resource("agents", READ),
            CatalogError::DuplicateResource {
                resource: "agents".into(),
            },
        ),
        (
            builder().resource(
                "agents",
                [("read", Access::Read), ("re-read", Access::Read)],
            ),
            CatalogError::ActionName {
                resource: "agents".into(),
                position: 2,
            },
        ),
        (
            builder().resource("agents", [("read", Access::Read), ("read", Access::Write)]),
            CatalogError::DuplicateAction {
                resource: "agents".into(),
                action: "read".into(),
            },
        ),
    ];
    for (builder, error) in cases {
        assert_eq!(builder.build().map(|_| ()), Err(error));
    }
    assert!(builder().resource("a".repeat(64), READ).build().is_ok());
}

#[test]
fn two_hundred_and_fifty_six_permissions_fit_and_no_more() {
    let actions = |count: usize| (0..count).map(|n| (format!("a{n}"), Access::Write));
    let full = Catalog::builder()
        .resource("first", actions(200))
        .resource("second", actions(56))
        .build()
        .unwrap();
    assert_eq!(full.permissions().count(), Catalog::MAX_PERMISSIONS);
    let last = full.permissions().last().unwrap();
    assert_eq!(last.to_string(), "second:a55");
    assert_eq!(full.find("second:a55"), Some(last.permission()));
    let grants = scopes("second:a55").compile(&full);
    let held: Vec<_> = grants.permissions().collect();
    assert_eq!(held, [last.permission()]);
    assert!(
        grants
            .check(&Requirement::permission(last.permission()))
            .is_ok()
    );

    let over = Catalog::builder()
        .resource("first", actions(200))
        .resource("second", actions(57));
    assert_eq!(over.build().map(|_| ()), Err(CatalogError::TooLarge));
}

#[test]
fn catalogs_that_are_mixed_grant_nothing() {
    let everything = scopes("*").compile(&CATALOG);
    assert!(everything.check(&AGENTS_READ).is_ok());

    let elsewhere = scopes("*").compile(&GROWN);
    let missing = elsewhere.check(&AGENTS_READ).unwrap_err();
    assert_eq!(missing.scope_text(&CATALOG), "agents:read");
    assert_eq!(missing.names(&GROWN).count(), 0);
    assert!(elsewhere.check_on(&AGENTS_READ, "a1").is_err());
    assert!(!elsewhere.contains(CATALOG.permission("agents:read")));
    assert_eq!(GROWN.name(CATALOG.permission("agents:read")), None);

    let [here, there] = [&CATALOG, &*GROWN].map(|catalog| catalog.find("agents:read").unwrap());
    for mixed in [
        Requirement::any_of([here, there]),
        Requirement::all_of([here, there]),
    ] {
        assert!(everything.check(&mixed).is_err());
        assert!(elsewhere.check(&mixed).is_err());
        assert_eq!(
            mixed.display(&CATALOG).to_string(),
            "permissions of another catalog"
        );
    }
}

/// What the compiler says of a declaration that is none, when it is not constant.
#[test]
fn a_declaration_that_is_no_catalog_says_why() {
    use ringyo_scope::{Action, Resource};

    let read = || vec![Action::read("read")];
    let resource = |name, actions: Vec<Action>| Resource::declare(name, actions.leak());
    let many: Vec<Resource> = (0..257)
        .map(|number| resource(format!("r{number}").leak(), read()))
        .collect();
    for (resources, expected) in [
        (vec![], "a catalog needs at least one resource"),
        (many, "a catalog holds at most 256 permissions"),
        (
            vec![resource("Agents", read())],
            "the name of a resource must be `[a-z][a-z0-9_]{0,63}`",
        ),
        (
            vec![resource("read_only", read())],
            "`read_only` is a scope and cannot name a resource",
        ),
        (
            vec![resource("agents", read()), resource("agents", read())],
            "two resources have the same name",
        ),
        (
            vec![resource("agents", vec![])],
            "a resource needs at least one action",
        ),
        (
            vec![resource("agents", vec![Action::write("*")])],
            "the name of an action must be `[a-z][a-z0-9_]{0,63}`",
        ),
        (
            vec![resource(
                "agents",
                vec![Action::read("x"), Action::write("x")],
            )],
            "two actions of a resource have the same name",
        ),
    ] {
        let resources: &'static [Resource] = resources.leak();
        let panic = std::panic::catch_unwind(|| Catalog::declare(resources)).unwrap_err();
        let message = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = message.or(panic.downcast_ref::<String>().cloned());
        assert_eq!(message.as_deref(), Some(expected));
    }
    let good = [resource("agents", read())].to_vec().leak();
    assert!(Catalog::declare(good).find("agents:read").is_some());
}
