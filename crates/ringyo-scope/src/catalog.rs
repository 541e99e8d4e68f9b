//! What can be permitted at all.

mod builder;
mod declaration;
mod fault;
mod fingerprint;
mod source;

pub use builder::{CatalogBuilder, CatalogError};
pub use declaration::{Access, Action, Resource};

use crate::name;
use crate::{Permission, PermissionName};
use source::Source;

/// The resources of a service and what can be done to each: every [`Permission`] there is.
///
/// [Declared](Self::declare) in a `static`, a mistake in it or in a permission that is asked of
/// it stops the build; [built](Self::builder) at run time, from a configuration file say, it is a
/// [`CatalogError`]. Both behave the same afterwards.
///
/// A catalog may change between releases. Scopes are stored as text and met with the catalog of
/// the day; permissions, requirements and grants are never stored. Keep the [`Access`] of an
/// action that has been released: turning a write into a read widens every read-only key.
///
/// ```
/// use ringyo_scope::{Access, Action, Catalog, Resource};
///
/// static CATALOG: Catalog = Catalog::declare(&[
///     Resource::declare("agents", &[Action::write("create"), Action::read("read")]),
///     Resource::declare("calls", &[Action::read("read")]),
/// ]);
///
/// let all: Vec<String> = CATALOG.permissions().map(|permission| permission.to_string()).collect();
/// assert_eq!(all, ["agents:create", "agents:read", "calls:read"]);
///
/// let create = CATALOG.find("agents:create").and_then(|found| CATALOG.name(found));
/// assert_eq!(create.map(|name| name.access()), Some(Access::Write));
/// ```
#[derive(Debug, Clone)]
pub struct Catalog {
    source: Source,
    fingerprint: u64,
}

impl Catalog {
    /// Most permissions that a catalog holds, over all its resources.
    pub const MAX_PERMISSIONS: usize = 256;

    /// A catalog from constants, checked while compiling when it stands in a `static` or `const`.
    ///
    /// There the lists may be written in place; in the body of a function they need a constant
    /// of their own, or the [builder](Self::builder).
    ///
    /// # Panics
    ///
    /// When the declaration is not a catalog, for the reasons of [`CatalogError`]. In a `static`
    /// or `const` that is a compile error:
    ///
    /// ```compile_fail
    /// use ringyo_scope::{Action, Catalog, Resource};
    /// static CATALOG: Catalog =
    ///     Catalog::declare(&[Resource::declare("Agents", &[Action::read("read")])]);
    /// ```
    #[must_use]
    pub const fn declare(resources: &'static [Resource]) -> Self {
        let source = Source::Declared(resources);
        if let Some(fault) = fault::find(&source) {
            fault.panic();
        }
        let fingerprint = fingerprint::of(&source);
        Self {
            source,
            fingerprint,
        }
    }

    /// Starts a catalog whose names are known at run time only.
    #[must_use]
    pub fn builder() -> CatalogBuilder {
        CatalogBuilder::default()
    }

    /// The permission `resource:action`, checked while compiling when called in a `static` or
    /// `const`.
    ///
    /// ```
    /// # use ringyo_scope::{Action, Catalog, Permission, Resource};
    /// # static CATALOG: Catalog =
    /// #     Catalog::declare(&[Resource::declare("agents", &[Action::read("read")])]);
    /// static AGENTS_READ: Permission = CATALOG.permission("agents:read");
    /// ```
    ///
    /// # Panics
    ///
    /// When the catalog has no such permission; [`find`](Self::find) is for names that are not
    /// written in the source. In a `static` or `const` a misspelling is a compile error:
    ///
    /// ```compile_fail
    /// # use ringyo_scope::{Action, Catalog, Permission, Resource};
    /// # static CATALOG: Catalog =
    /// #     Catalog::declare(&[Resource::declare("agents", &[Action::read("read")])]);
    /// static AGENTS_READ: Permission = CATALOG.permission("agent:read");
    /// ```
    #[must_use]
    pub const fn permission(&self, name: &str) -> Permission {
        match self.find(name) {
            Some(permission) => permission,
            None => {
                panic!("the catalog has no permission of this name; expected `resource:action`")
            }
        }
    }

    /// The permission `resource:action`, or `None` when there is none of this name. Wildcards
    /// and instances are for [scopes](crate::Scope), not for permissions.
    #[must_use]
    pub const fn find(&self, name: &str) -> Option<Permission> {
        let name = name.as_bytes();
        let mut colon = 0;
        while colon < name.len() && name[colon] != b':' {
            colon += 1;
        }
        if colon == name.len() {
            return None;
        }
        let (resource, rest) = name.split_at(colon);
        let (_, action) = rest.split_at(1);
        self.locate(resource, action)
    }

    /// How the catalog spells a permission; `None` for a permission of another catalog.
    #[must_use]
    pub fn name(&self, permission: Permission) -> Option<PermissionName<'_>> {
        self.permissions()
            .find(|name| name.permission == permission)
    }

    /// The names of the resources, in the order of declaration.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        (0..self.source.resources()).map(|resource| self.source.resource_name(resource))
    }

    /// Every permission on one resource, in the order of declaration; none when the catalog does
    /// not know the resource.
    pub fn actions<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = PermissionName<'a>> {
        self.permissions()
            .filter(move |name| name.resource == resource)
    }

    /// Every permission, in the order of declaration.
    pub fn permissions(&self) -> impl Iterator<Item = PermissionName<'_>> {
        let source = &self.source;
        let places = (0..source.resources()).flat_map(move |resource| {
            (0..source.actions(resource)).map(move |action| (resource, action))
        });
        (0..=u8::MAX)
            .zip(places)
            .map(move |(index, (resource, action))| PermissionName {
                permission: Permission {
                    fingerprint: self.fingerprint,
                    index,
                },
                resource: source.resource_name(resource),
                action: source.action_name(resource, action),
                access: source.access(resource, action),
            })
    }

    /// A 64-bit FNV-1a hash of all names and accesses in their order, never zero.
    ///
    /// It travels with every permission, requirement and grant, so that those of different
    /// catalogs do not get mixed up: together they grant nothing. It tells mistakes apart, it
    /// does not withstand somebody who crafts a catalog to collide.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    const fn locate(&self, resource: &[u8], action: &[u8]) -> Option<Permission> {
        let source = &self.source;
        // Stays below 256, or the catalog would have been refused.
        let mut index: usize = 0;
        let mut outer = 0;
        while outer < source.resources() {
            let here = name::same(source.resource_name(outer).as_bytes(), resource);
            let mut inner = 0;
            while inner < source.actions(outer) {
                if here && name::same(source.action_name(outer, inner).as_bytes(), action) {
                    return Some(Permission {
                        fingerprint: self.fingerprint,
                        index: index as u8,
                    });
                }
                inner += 1;
                index += 1;
            }
            outer += 1;
        }
        None
    }
}
