use std::collections::HashMap;
use std::sync::{Arc, PoisonError, Weak};

use ringyo_scope::{Catalog, Grants, ScopeSet};

use crate::sync::Mutex;

/// What keys were given, as text and compiled. Most keys of a service were given one of a few
/// sets, and share them.
#[derive(Debug)]
pub(crate) struct Permissions {
    pub(crate) scopes: ScopeSet,
    pub(crate) grants: Grants,
}

/// The sets that cached keys hold on to.
#[derive(Debug, Default)]
pub(crate) struct PermissionSets {
    sets: Mutex<HashMap<ScopeSet, Weak<Permissions>>>,
}

impl PermissionSets {
    /// The one copy of a set.
    pub(crate) fn share(&self, scopes: ScopeSet, catalog: &Catalog) -> Arc<Permissions> {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sets.get(&scopes).and_then(Weak::upgrade) {
            return known;
        }
        // Growing is the moment to drop the sets that no key has any more.
        if sets.len() == sets.capacity() {
            sets.retain(|_, set| set.strong_count() > 0);
        }
        let set = Arc::new(Permissions {
            grants: scopes.compile(catalog),
            scopes: scopes.clone(),
        });
        sets.insert(scopes, Arc::downgrade(&set));
        set
    }
}
