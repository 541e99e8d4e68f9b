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
        if sets.len() >= sets.capacity() {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The lock is the scheduler's, which wants to be there.
    #[test]
    fn a_set_is_kept_once_and_for_as_long_as_it_is_used() {
        shuttle::check_random(
            || {
                let (sets, catalog) = (PermissionSets::default(), ringyo_catalog());
                let share = |number: u32| {
                    let scopes = format!("agents:read@{number}").parse().unwrap();
                    sets.share(scopes, &catalog)
                };
                let staying: Vec<_> = (0..50).map(share).collect();
                for number in 50..1_000 {
                    share(number);
                }
                let known = sets.sets.lock().unwrap().len();
                assert!((50..500).contains(&known), "{known} sets");
                for (number, set) in (0..).zip(&staying) {
                    assert!(Arc::ptr_eq(set, &share(number)), "set {number}");
                }
            },
            1,
        );
    }

    fn ringyo_catalog() -> Catalog {
        crate::Preset::ringyo().catalog
    }
}
