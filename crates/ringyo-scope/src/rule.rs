//! What a scope grants, in the one place that says so: compiling and covering both ask here.

use crate::{Access, ScopeSet};

/// A scope after `read_only` has been applied to it. `None` means: all of them.
pub(crate) struct Rule<'a> {
    pub(crate) resource: Option<&'a str>,
    pub(crate) action: Option<&'a str>,
    pub(crate) instance: Option<&'a str>,
    limit: Limit,
}

/// One thing that can be done: an action on a resource, to one instance or to the resource as a
/// whole. `None` stands for a name that no scope and no catalog has used so far (for the
/// instance: the resource as a whole), which only a rule without a name grants.
pub(crate) struct Deed<'a> {
    pub(crate) resource: Option<&'a str>,
    pub(crate) action: Option<&'a str>,
    pub(crate) instance: Option<&'a str>,
    pub(crate) access: Access,
}

#[derive(Clone, Copy)]
enum Limit {
    All,
    Reads,
}

impl Rule<'_> {
    pub(crate) fn grants(&self, deed: &Deed<'_>) -> bool {
        self.allows(deed.access)
            && takes_in(self.resource, deed.resource)
            && takes_in(self.action, deed.action)
            && takes_in(self.instance, deed.instance)
    }

    pub(crate) fn allows(&self, access: Access) -> bool {
        match self.limit {
            Limit::All => true,
            Limit::Reads => access == Access::Read,
        }
    }
}

/// The rules of a set: together they are what it grants.
pub(crate) fn of(scopes: &ScopeSet) -> impl Iterator<Item = Rule<'_>> {
    let limit = if scopes.is_read_only() {
        Limit::Reads
    } else {
        Limit::All
    };
    let alone = scopes.is_read_only() && scopes.len() == 1;
    // The switch is no rule of its own, unless nothing stands beside it.
    let rules = scopes
        .iter()
        .filter(move |scope| alone || !scope.is_read_only());
    rules.map(move |scope| Rule {
        resource: scope.resource(),
        action: scope.action(),
        instance: scope.instance(),
        limit,
    })
}

fn takes_in(rule: Option<&str>, deed: Option<&str>) -> bool {
    rule.is_none() || rule == deed
}
