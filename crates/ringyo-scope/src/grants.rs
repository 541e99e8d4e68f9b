use std::collections::BTreeMap;

use crate::permission_set::PermissionSet;
use crate::rule::{self, Deed};
use crate::{Catalog, Missing, Permission, Requirement, ScopeSet};

/// A [`ScopeSet`] compiled against a [`Catalog`]: what every request is checked with.
///
/// A check compares bits: no allocation, no lock, no text but the id of an instance. Grants of
/// one catalog and a requirement of another do not meet: such a check always fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    fingerprint: u64,
    everywhere: PermissionSet,
    /// Sorted by instance, each once.
    instances: Box<[InstanceGrant]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct InstanceGrant {
    instance: Box<str>,
    permissions: PermissionSet,
}

impl Grants {
    /// Whether the requirement is met for resources as a whole: listing agents, creating one.
    /// Scopes for one instance do not count.
    ///
    /// # Errors
    ///
    /// [`Missing`]: what is missing of the alternative that needs the fewest further permissions,
    /// the first of them on a tie. It says nothing about what is held.
    #[inline]
    pub fn check(&self, requirement: &Requirement) -> Result<(), Missing> {
        requirement.check(self.fingerprint, &self.everywhere)
    }

    /// Whether the requirement is met for one instance: by what is granted on the resources as a
    /// whole together with what is granted on this instance.
    ///
    /// An instance is known by its id alone. Where two resources may have the same id, ask for
    /// the permissions of one of them at a time.
    ///
    /// An `instance` that cannot stand in a [scope](crate::Scope) is treated like one that no
    /// scope names.
    ///
    /// # Errors
    ///
    /// [`Missing`], as for [`check`](Self::check).
    #[inline]
    pub fn check_on(&self, requirement: &Requirement, instance: &str) -> Result<(), Missing> {
        requirement.check(self.fingerprint, &self.everywhere.union(self.on(instance)))
    }

    /// Whether one permission is granted on its resource as a whole; never for a permission of
    /// another catalog.
    #[must_use]
    pub fn contains(&self, permission: Permission) -> bool {
        permission.fingerprint == self.fingerprint && self.everywhere.contains(permission.index)
    }

    /// The permissions that are granted on their resource as a whole, in the order of the
    /// catalog; for dashboards.
    pub fn permissions(&self) -> impl Iterator<Item = Permission> {
        let fingerprint = self.fingerprint;
        self.everywhere
            .iter()
            .map(move |index| Permission { fingerprint, index })
    }

    pub(crate) fn compile(scopes: &ScopeSet, catalog: &Catalog) -> Self {
        let mut everywhere = PermissionSet::EMPTY;
        let mut instances = BTreeMap::<&str, PermissionSet>::new();
        for rule in rule::of(scopes) {
            let granted = catalog.permissions().filter(|name| {
                rule.grants(&Deed {
                    resource: Some(name.resource),
                    action: Some(name.action),
                    instance: rule.instance,
                    access: name.access,
                })
            });
            let granted = granted.fold(PermissionSet::EMPTY, |set, name| {
                set.with(name.permission.index)
            });
            match rule.instance {
                None => everywhere = everywhere.union(granted),
                Some(instance) => {
                    let on = instances.entry(instance).or_insert(PermissionSet::EMPTY);
                    *on = on.union(granted);
                }
            }
        }
        let instances = instances
            .into_iter()
            .map(|(instance, permissions)| InstanceGrant {
                instance: instance.into(),
                permissions,
            })
            .collect();
        Self {
            fingerprint: catalog.fingerprint(),
            everywhere,
            instances,
        }
    }

    fn on(&self, instance: &str) -> PermissionSet {
        match self
            .instances
            .binary_search_by(|grant| (*grant.instance).cmp(instance))
        {
            Ok(place) => self.instances[place].permissions,
            Err(_) => PermissionSet::EMPTY,
        }
    }
}
