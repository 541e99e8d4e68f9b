//! May the holder of one set hand out another?
//!
//! Asked literally, this ranges over endlessly many deeds: every resource, action and instance
//! that a later catalog or user may name. One or two deeds for each rule of `other` are enough.
//!
//! Take a rule and put, for every part that it leaves open, a name that nobody has used (for the
//! instance: the resource as a whole). A rule of `held` that grants this deed leaves the same
//! parts open, so it grants every other deed of the rule too. And if no rule of `held` grants it,
//! the deed itself is what `other` has and `held` lacks. That leaves the access, which for a pair
//! of names in the catalog is known; for any other pair both must be granted. The tests compare
//! this with trying all deeds over a finite universe.

use crate::rule::{self, Deed, Rule};
use crate::{Access, Catalog, ScopeSet};

pub(crate) fn covers(held: &ScopeSet, other: &ScopeSet, catalog: &Catalog) -> bool {
    let held: Vec<Rule<'_>> = rule::of(held).collect();
    rule::of(other).all(|wanted| {
        hardest(&wanted, catalog).all(|deed| held.iter().any(|rule| rule.grants(&deed)))
    })
}

/// The deeds of a rule whose grant implies all its others.
fn hardest<'a>(rule: &Rule<'a>, catalog: &Catalog) -> impl Iterator<Item = Deed<'a>> {
    let Rule {
        resource,
        action,
        instance,
        ..
    } = *rule;
    let known = match (resource, action) {
        (Some(resource), Some(action)) => catalog
            .actions(resource)
            .find(|name| name.action == action)
            .map(|name| name.access),
        _ => None,
    };
    [Access::Read, Access::Write]
        .into_iter()
        .filter(move |access| known.is_none_or(|known| known == *access))
        .filter(|access| rule.allows(*access))
        .map(move |access| Deed {
            resource,
            action,
            instance,
            access,
        })
}
