use super::Requirement;
use crate::Permission;
use crate::permission_set::PermissionSet;

/// The ways to meet a requirement, in the order they were written: at least one, none empty,
/// none asking for more than another. Each list has one form, so that equality can be derived.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Alternatives {
    /// One way.
    All(PermissionSet),
    /// Several ways of one permission each; this form can be made while compiling.
    Any {
        indexes: [u8; Requirement::MAX_ALTERNATIVES],
        len: u8,
    },
    /// Any other list.
    Many(Box<[PermissionSet]>),
}

impl Alternatives {
    /// One way for each permission, at least one and no more than fit.
    pub(super) const fn any_of(permissions: &[Permission]) -> Self {
        let mut seen = PermissionSet::EMPTY;
        let mut indexes = [0; Requirement::MAX_ALTERNATIVES];
        let mut len: u8 = 0;
        let mut place = 0;
        while place < permissions.len() {
            let index = permissions[place].index;
            if !seen.contains(index) {
                seen = seen.with(index);
                indexes[len as usize] = index;
                len += 1;
            }
            place += 1;
        }
        if len == 1 {
            Self::All(seen)
        } else {
            Self::Any { indexes, len }
        }
    }

    /// Whether one of them is held.
    #[inline]
    pub(crate) fn are_met_by(&self, held: &PermissionSet) -> bool {
        match self {
            Self::All(all) => all.is_subset(*held),
            Self::Any { .. } | Self::Many(_) => self.is_any_met_by(held),
        }
    }

    fn is_any_met_by(&self, held: &PermissionSet) -> bool {
        self.iter().any(|alternative| alternative.is_subset(*held))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = PermissionSet> {
        (0..).map_while(|place| match self {
            Self::All(all) => (place == 0).then_some(*all),
            Self::Any { indexes, len } => indexes[..usize::from(*len)]
                .get(place)
                .copied()
                .map(PermissionSet::of),
            Self::Many(sets) => sets.get(place).copied(),
        })
    }
}

/// A list of alternatives in the making.
pub(super) struct Draft(Vec<PermissionSet>);

/// The list would have had more than [`Requirement::MAX_ALTERNATIVES`] entries.
pub(super) struct TooMany;

impl Draft {
    pub(super) fn of(permission: Permission) -> Self {
        Self(vec![PermissionSet::of(permission.index)])
    }

    pub(super) fn or(mut self, other: Self) -> Result<Self, TooMany> {
        for set in other.0 {
            self.add(set)?;
        }
        Ok(self)
    }

    pub(super) fn and(self, other: Self) -> Result<Self, TooMany> {
        let mut product = Self(Vec::new());
        for left in &self.0 {
            for right in &other.0 {
                product.add(left.union(*right))?;
            }
        }
        Ok(product)
    }

    pub(super) fn finish(self) -> Alternatives {
        match *self.0 {
            [one] => Alternatives::All(one),
            _ if self.0.iter().all(|set| set.len() == 1) => {
                let mut indexes = [0; Requirement::MAX_ALTERNATIVES];
                let mut len = 0;
                for (slot, index) in indexes
                    .iter_mut()
                    .zip(self.0.iter().flat_map(|set| set.iter()))
                {
                    *slot = index;
                    len += 1;
                }
                Alternatives::Any { indexes, len }
            }
            _ => Alternatives::Many(self.0.into_boxed_slice()),
        }
    }

    fn add(&mut self, set: PermissionSet) -> Result<(), TooMany> {
        if self.0.iter().any(|kept| kept.is_subset(set)) {
            return Ok(());
        }
        self.0.retain(|kept| !set.is_subset(*kept));
        if self.0.len() == Requirement::MAX_ALTERNATIVES {
            return Err(TooMany);
        }
        self.0.push(set);
        Ok(())
    }
}
