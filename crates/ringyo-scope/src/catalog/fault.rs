use super::Catalog;
use super::source::Source;
use crate::name;
use crate::scope::READ_ONLY;

/// Why a source is not a catalog, found by one check for both kinds of source: a declaration
/// turns it into a panic, which is a compile error, the builder into a `CatalogError`. Numbers
/// are places in the lists, counted from zero.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    Empty,
    TooLarge,
    ResourceName { resource: usize },
    Reserved,
    DuplicateResource { resource: usize },
    NoAction { resource: usize },
    ActionName { resource: usize, action: usize },
    DuplicateAction { resource: usize, action: usize },
}

impl Fault {
    pub(super) const fn panic(self) -> ! {
        match self {
            Self::Empty => panic!("a catalog needs at least one resource"),
            Self::TooLarge => panic!("a catalog holds at most 256 permissions"),
            Self::ResourceName { .. } => {
                panic!("the name of a resource must be `[a-z][a-z0-9_]{{0,63}}`")
            }
            Self::Reserved => panic!("`read_only` is a scope and cannot name a resource"),
            Self::DuplicateResource { .. } => panic!("two resources have the same name"),
            Self::NoAction { .. } => panic!("a resource needs at least one action"),
            Self::ActionName { .. } => {
                panic!("the name of an action must be `[a-z][a-z0-9_]{{0,63}}`")
            }
            Self::DuplicateAction { .. } => panic!("two actions of a resource have the same name"),
        }
    }
}

/// The first fault of the source. The size is checked first, which also bounds the rest.
pub(super) const fn find(source: &Source) -> Option<Fault> {
    if source.resources() == 0 {
        return Some(Fault::Empty);
    }
    let mut permissions = 0;
    let mut resource = 0;
    while resource < source.resources() {
        let actions = source.actions(resource);
        if actions == 0 {
            return Some(Fault::NoAction { resource });
        }
        if actions > Catalog::MAX_PERMISSIONS - permissions {
            return Some(Fault::TooLarge);
        }
        permissions += actions;
        resource += 1;
    }
    let mut resource = 0;
    while resource < source.resources() {
        let fault = in_resource(source, resource);
        if fault.is_some() {
            return fault;
        }
        resource += 1;
    }
    None
}

const fn in_resource(source: &Source, resource: usize) -> Option<Fault> {
    let text = source.resource_name(resource).as_bytes();
    if !name::is_name(text) {
        return Some(Fault::ResourceName { resource });
    }
    if name::same(text, READ_ONLY.as_bytes()) {
        return Some(Fault::Reserved);
    }
    let mut earlier = 0;
    while earlier < resource {
        if name::same(text, source.resource_name(earlier).as_bytes()) {
            return Some(Fault::DuplicateResource { resource });
        }
        earlier += 1;
    }
    let mut action = 0;
    while action < source.actions(resource) {
        let fault = in_action(source, resource, action);
        if fault.is_some() {
            return fault;
        }
        action += 1;
    }
    None
}

const fn in_action(source: &Source, resource: usize, action: usize) -> Option<Fault> {
    let text = source.action_name(resource, action).as_bytes();
    if !name::is_name(text) {
        return Some(Fault::ActionName { resource, action });
    }
    let mut earlier = 0;
    while earlier < action {
        if name::same(text, source.action_name(resource, earlier).as_bytes()) {
            return Some(Fault::DuplicateAction { resource, action });
        }
        earlier += 1;
    }
    None
}
