//! What an operation needs.

mod alternatives;
mod expression;

pub use expression::{RequirementError, RequirementErrorKind};

use std::fmt;

use crate::permission_set::PermissionSet;
use crate::{Catalog, Missing, Permission, PermissionName};
use alternatives::Alternatives;

/// What an operation needs: one permission, all of several, any of several, or a combination
/// [parsed from text](Catalog::requirement). It always needs something; there is no way to write
/// an empty one.
///
/// ```
/// use ringyo_scope::{Action, Catalog, Requirement, Resource};
///
/// static CATALOG: Catalog = Catalog::declare(&[
///     Resource::declare("agents", &[Action::write("update"), Action::read("read")]),
/// ]);
/// static AGENTS_READ: Requirement = Requirement::permission(CATALOG.permission("agents:read"));
/// static AGENTS_EDIT: Requirement = Requirement::all_of([
///     CATALOG.permission("agents:read"),
///     CATALOG.permission("agents:update"),
/// ]);
/// assert_eq!(AGENTS_EDIT, CATALOG.requirement("agents:update and agents:read")?);
/// # Ok::<(), ringyo_scope::RequirementError>(())
/// ```
///
/// Inside it is a list of alternatives, each a set of permissions: any one alternative that is
/// held in full will do. An alternative that asks for more than another one is left out. The list
/// keeps the order in which it was written, which decides what a refusal
/// [names](Missing) on a tie; two requirements are equal when their lists are.
///
/// A requirement made of permissions of different catalogs is never met, and neither is one that
/// meets [grants](crate::Grants) of another catalog.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Requirement {
    fingerprint: u64,
    alternatives: Alternatives,
}

impl Requirement {
    /// Most alternatives that a requirement may come down to.
    pub const MAX_ALTERNATIVES: usize = 64;

    /// Needs this permission.
    #[must_use]
    pub const fn permission(permission: Permission) -> Self {
        Self {
            fingerprint: permission.fingerprint,
            alternatives: Alternatives::All(PermissionSet::of(permission.index)),
        }
    }

    /// Needs every one of these permissions. An empty list does not compile:
    ///
    /// ```compile_fail
    /// use ringyo_scope::Requirement;
    /// static NOTHING: Requirement = Requirement::all_of([]);
    /// ```
    #[must_use]
    pub const fn all_of<const N: usize>(permissions: [Permission; N]) -> Self {
        const { assert!(N > 0, "a requirement needs at least one permission") };
        let mut all = PermissionSet::EMPTY;
        let mut place = 0;
        while place < N {
            all = all.with(permissions[place].index);
            place += 1;
        }
        Self {
            fingerprint: shared_fingerprint(&permissions),
            alternatives: Alternatives::All(all),
        }
    }

    /// Needs one of these permissions, whichever. An empty list and one of more than
    /// [`MAX_ALTERNATIVES`](Self::MAX_ALTERNATIVES) do not compile:
    ///
    /// ```compile_fail
    /// use ringyo_scope::Requirement;
    /// static NOTHING: Requirement = Requirement::any_of([]);
    /// ```
    #[must_use]
    pub const fn any_of<const N: usize>(permissions: [Permission; N]) -> Self {
        const {
            assert!(N > 0, "a requirement needs at least one permission");
            assert!(
                N <= Self::MAX_ALTERNATIVES,
                "a requirement has at most 64 alternatives"
            );
        };
        Self {
            fingerprint: shared_fingerprint(&permissions),
            alternatives: Alternatives::any_of(&permissions),
        }
    }

    /// The alternatives, each with the names of its permissions; none with a catalog other than
    /// its own. In OpenAPI each is a security requirement object of its own.
    ///
    /// ```
    /// # use ringyo_scope::{Action, Catalog, Resource};
    /// # static CATALOG: Catalog = Catalog::declare(&[
    /// #     Resource::declare("calls", &[Action::write("create"), Action::read("read")]),
    /// # ]);
    /// let needs = CATALOG.requirement("calls:create or calls:read")?;
    /// let alternatives = needs.alternatives(&CATALOG);
    /// let texts = alternatives.map(|names| names.map(|name| name.to_string()).collect::<Vec<_>>());
    /// assert!(texts.eq([["calls:create"], ["calls:read"]]));
    /// # Ok::<(), ringyo_scope::RequirementError>(())
    /// ```
    pub fn alternatives<'a>(
        &'a self,
        catalog: &'a Catalog,
    ) -> impl Iterator<Item = impl Iterator<Item = PermissionName<'a>> + 'a> + 'a {
        let is_own = catalog.fingerprint() == self.fingerprint;
        let alternatives = is_own.then(|| self.alternatives.iter());
        alternatives.into_iter().flatten().map(|alternative| {
            catalog
                .permissions()
                .filter(move |name| alternative.contains(name.permission.index))
        })
    }

    /// The requirement as text, as one `or` of `and`s, which [`Catalog::requirement`] reads back
    /// into an equal one. With a catalog other than its own there are no names to show, and it
    /// says so.
    pub fn display<'a>(&'a self, catalog: &'a Catalog) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| self.write(catalog, f))
    }

    #[inline]
    pub(crate) fn check(&self, fingerprint: u64, held: &PermissionSet) -> Result<(), Missing> {
        // Bits of another catalog mean something else: they count as nothing.
        let is_own = fingerprint == self.fingerprint;
        if is_own && self.alternatives.are_met_by(held) {
            return Ok(());
        }
        Err(self.missing(if is_own { *held } else { PermissionSet::EMPTY }))
    }

    #[cold]
    fn missing(&self, held: PermissionSet) -> Missing {
        let missing = self
            .alternatives
            .iter()
            .map(|alternative| alternative.without(held));
        let nearest = missing.min_by_key(|missing| missing.len());
        Missing {
            fingerprint: self.fingerprint,
            permissions: nearest.unwrap_or(PermissionSet::EMPTY),
        }
    }

    fn write(&self, catalog: &Catalog, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if catalog.fingerprint() != self.fingerprint {
            return f.write_str("permissions of another catalog");
        }
        for (place, names) in self.alternatives(catalog).enumerate() {
            if place > 0 {
                f.write_str(" or ")?;
            }
            for (place, name) in names.enumerate() {
                if place > 0 {
                    f.write_str(" and ")?;
                }
                write!(f, "{name}")?;
            }
        }
        Ok(())
    }
}

impl Catalog {
    /// Parses what an operation needs:
    ///
    /// ```text
    /// requirement = all *( "or" all )
    /// all         = one *( "and" one )
    /// one         = resource ":" action / "(" requirement ")"
    /// ```
    ///
    /// with white space between the words. `and` binds tighter than `or`; both are in lower case.
    /// Wildcards and instances are not allowed: an operation needs what it needs, and the
    /// instance is known when it is [checked](crate::Grants::check_on).
    ///
    /// The text may have 4,096 bytes and 32 parentheses inside one another, and come down to
    /// [64 alternatives](Requirement::MAX_ALTERNATIVES); within these bounds any text, hostile
    /// ones too, is answered in a fraction of a second.
    ///
    /// ```
    /// # use ringyo_scope::{Action, Catalog, Resource};
    /// # static CATALOG: Catalog = Catalog::declare(&[
    /// #     Resource::declare("agents", &[Action::read("read")]),
    /// #     Resource::declare("calls", &[Action::write("create"), Action::read("read")]),
    /// # ]);
    /// let needs = CATALOG.requirement("agents:read and (calls:create or calls:read)")?;
    /// assert_eq!(
    ///     needs.display(&CATALOG).to_string(),
    ///     "agents:read and calls:create or agents:read and calls:read",
    /// );
    /// # Ok::<(), ringyo_scope::RequirementError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the text stops making sense and what was expected there; for a permission that the
    /// catalog does not have, the ones it has on that resource.
    pub fn requirement(&self, text: &str) -> Result<Requirement, RequirementError> {
        let alternatives = expression::parse(self, text)?;
        Ok(Requirement {
            fingerprint: self.fingerprint(),
            alternatives,
        })
    }
}

/// No catalog has this fingerprint, so a requirement with it is never met.
const NO_CATALOG: u64 = 0;

const fn shared_fingerprint(permissions: &[Permission]) -> u64 {
    let mut place = 1;
    while place < permissions.len() {
        if permissions[place].fingerprint != permissions[0].fingerprint {
            return NO_CATALOG;
        }
        place += 1;
    }
    permissions[0].fingerprint
}
