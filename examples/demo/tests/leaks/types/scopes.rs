//! Of `ringyo_scope`: a key may be pasted where a permission belongs.

use ringyo::preset::ringyo::{AGENTS_DELETE, AGENTS_READ, CATALOG};
use ringyo::scope::{Access, Scope};
use ringyo::{Action, Catalog, Requirement, Resource, ScopeSet};

use super::Stage;
use crate::shown::show;

pub(super) fn show(stage: &mut Stage) {
    let key = stage.text();
    let shown = &mut stage.shown;
    let set = ScopeSet::parse(["agents:read"]).unwrap();
    let grants = set.compile(&CATALOG);
    let missing = grants.check(&AGENTS_DELETE).unwrap_err();
    let permission = CATALOG.permission("agents:read");
    let name = CATALOG.name(permission).unwrap();
    let scope: Scope = "agents:read".parse().unwrap();
    show!(
        shown, set, grants, missing, permission, name, scope, CATALOG
    );
    show!(shown, AGENTS_READ, Access::Read);
    show!(
        shown,
        Action::read("read"),
        Resource::declare("agents", &[])
    );
    let builder = Catalog::builder().resource("agents", [("read", Access::Read)]);
    show!(shown, builder.clone(), builder.build().unwrap());

    let secret = &key[20..];
    for text in [&key, secret, &format!("agents:{secret}"), ""] {
        show!(shown, text.parse::<Scope>().unwrap_err());
        show!(shown, ScopeSet::parse([text]).unwrap_err());
    }
    for text in [
        key.clone(),
        format!("agents:{secret}"),
        format!("agents:read and {key}"),
        format!("{key} or agents:read"),
        format!("agents:read@{key}"),
        format!("({key}"),
        key.to_lowercase(),
    ] {
        let refused = CATALOG.requirement(&text).unwrap_err();
        show!(shown, refused, *refused.kind());
    }
    let none: [(&str, Access); 0] = [];
    show!(
        shown,
        Catalog::builder().resource(&key, none).build().unwrap_err()
    );
    let twice = [("read", Access::Read); 2];
    show!(
        shown,
        Catalog::builder()
            .resource("agents", twice)
            .build()
            .unwrap_err()
    );
    let requirement: Requirement = CATALOG.requirement("agents:read").unwrap();
    show!(shown, requirement);
}
