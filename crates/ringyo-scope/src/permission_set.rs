/// A set of permissions of one catalog, a bit for each of the 256 there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PermissionSet([u64; 4]);

impl PermissionSet {
    pub(crate) const EMPTY: Self = Self([0; 4]);

    pub(crate) const fn of(index: u8) -> Self {
        Self::EMPTY.with(index)
    }

    pub(crate) const fn with(mut self, index: u8) -> Self {
        self.0[(index >> 6) as usize] |= 1 << (index & 63);
        self
    }

    pub(crate) const fn contains(&self, index: u8) -> bool {
        self.0[(index >> 6) as usize] & (1 << (index & 63)) != 0
    }

    pub(crate) fn union(self, other: Self) -> Self {
        self.zip(other, |left, right| left | right)
    }

    #[inline]
    pub(crate) fn without(self, other: Self) -> Self {
        self.zip(other, |left, right| left & !right)
    }

    #[inline]
    pub(crate) fn is_subset(self, other: Self) -> bool {
        self.without(other).is_empty()
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0.into_iter().fold(0, |all, word| all | word) == 0
    }

    pub(crate) fn len(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// The indexes in ascending order.
    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |index| self.contains(*index))
    }

    #[inline]
    fn zip(self, other: Self, merge: fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|word| {
            merge(self.0[word], other.0[word])
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::PermissionSet;

    #[test]
    fn a_set_is_empty_only_without_any_permission() {
        assert!(PermissionSet::EMPTY.is_empty());
        for first in 0..=u8::MAX {
            let one = PermissionSet::of(first);
            assert!(!one.is_empty() && one.without(one).is_empty());
            // Also where both are at the same place of different words.
            for second in 0..=u8::MAX {
                assert!(!one.with(second).is_empty(), "{first} {second}");
            }
        }
    }
}
