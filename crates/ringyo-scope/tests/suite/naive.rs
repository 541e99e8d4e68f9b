//! What scopes grant, worked out by comparing whole texts: no parser, no bits, no catalog.

use std::collections::BTreeSet;

use ringyo_scope::{Access, Catalog};

/// One thing that can be done.
#[derive(Debug, Clone)]
pub(crate) struct Atom {
    pub(crate) resource: String,
    pub(crate) action: String,
    pub(crate) access: Access,
    pub(crate) instance: Option<String>,
}

pub(crate) fn grants<S: AsRef<str>>(scopes: &[S], atom: &Atom) -> bool {
    let read_only = scopes.iter().any(|scope| scope.as_ref() == "read_only");
    if read_only && atom.access == Access::Write {
        return false;
    }
    if read_only && scopes.iter().all(|scope| scope.as_ref() == "read_only") {
        return true;
    }
    let Atom {
        resource, action, ..
    } = atom;
    let mut granting = vec![
        "*".to_owned(),
        "*:*".to_owned(),
        format!("*:{action}"),
        resource.clone(),
        format!("{resource}:*"),
        format!("{resource}:{action}"),
    ];
    if let Some(instance) = &atom.instance {
        granting.push(format!("{resource}@{instance}"));
        granting.push(format!("{resource}:*@{instance}"));
        granting.push(format!("{resource}:{action}@{instance}"));
    }
    scopes
        .iter()
        .any(|scope| granting.iter().any(|text| text == scope.as_ref()))
}

/// Every atom that can tell sets of these scopes apart: the names of the catalog and of the
/// scopes, and one of each kind that nobody has named.
pub(crate) fn universe<S: AsRef<str>>(scopes: &[S], catalog: &Catalog) -> Vec<Atom> {
    let mut resources = BTreeSet::from(["fresh_resource".to_owned()]);
    let mut actions = BTreeSet::from(["fresh_action".to_owned()]);
    let mut instances = BTreeSet::from([None, Some("fresh-instance".to_owned())]);
    for name in catalog.permissions() {
        resources.insert(name.resource().to_owned());
        actions.insert(name.action().to_owned());
    }
    for scope in scopes
        .iter()
        .map(AsRef::as_ref)
        .filter(|scope| *scope != "read_only")
    {
        let mut halves = scope.split('@');
        let mut names = halves.next().unwrap().split(':');
        resources.insert(names.next().unwrap().to_owned());
        actions.extend(names.next().map(str::to_owned));
        instances.extend(halves.next().map(|instance| Some(instance.to_owned())));
    }
    resources.remove("*");
    actions.remove("*");

    let mut atoms = Vec::new();
    for resource in &resources {
        for action in &actions {
            let known = catalog.find(&format!("{resource}:{action}"));
            let accesses = match known.and_then(|permission| catalog.name(permission)) {
                Some(name) => vec![name.access()],
                None => vec![Access::Read, Access::Write],
            };
            for access in accesses {
                for instance in &instances {
                    atoms.push(Atom {
                        resource: resource.clone(),
                        action: action.clone(),
                        access,
                        instance: instance.clone(),
                    });
                }
            }
        }
    }
    atoms
}

/// `covers`, by trying everything.
pub(crate) fn covers<S: AsRef<str>>(held: &[S], other: &[S], catalog: &Catalog) -> bool {
    let named: Vec<&str> = held.iter().chain(other).map(AsRef::as_ref).collect();
    universe(&named, catalog)
        .iter()
        .all(|atom| !grants(other, atom) || grants(held, atom))
}
