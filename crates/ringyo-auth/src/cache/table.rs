//! A table whose look-ups wait for memory once.
//!
//! Linear probing (Knuth, The Art of Computer Programming 3, §6.4, algorithm L; removals by his
//! algorithm R). Where a look-up begins follows from the hash alone, so that the processor fetches
//! the tag there and the value beside it at the same time. A table that has to read its tags to
//! know which value is meant waits twice, and among a million keys waiting is what takes the time.

use std::mem;

/// Of a place where nothing is. All others have the highest bit.
const EMPTY: u8 = 0;

/// The fewest places, once there is anything.
const LEAST: usize = 8;

/// Values by hashes of them; whoever asks knows which is the one.
#[derive(Debug)]
pub(crate) struct Table<T> {
    /// Seven bits of each hash.
    tags: Box<[u8]>,
    values: Box<[Option<T>]>,
    len: usize,
}

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Self {
            tags: Box::default(),
            values: Box::default(),
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> usize {
        self.tags.len()
    }

    /// What is at a place.
    pub(crate) fn at(&self, place: usize) -> Option<&T> {
        self.values[place].as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.values.iter().flatten()
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<&T> {
        let place = self.place_of(hash, is_it)?;
        self.values[place].as_ref()
    }

    /// Puts in a value that is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, value: T, hash_of: impl Fn(&T) -> u64) {
        // A fifth stays free, so that what is looked for is near to where it is looked for.
        if self.len + 1 > most_of(self.places()) {
            self.grow(hash_of);
        }
        self.put(hash, value);
    }

    pub(crate) fn remove(
        &mut self,
        hash: u64,
        is_it: impl FnMut(&T) -> bool,
        hash_of: impl Fn(&T) -> u64,
    ) -> Option<T> {
        let mut hole = self.place_of(hash, is_it)?;
        let removed = self.values[hole].take();
        self.len -= 1;
        // What had to go past the hole comes back into it, so that nobody stops there.
        let mut place = hole;
        loop {
            place = self.after(place);
            let Some(value) = &self.values[place] else {
                break;
            };
            let home = self.home(hash_of(value));
            if self.steps(home, place) >= self.steps(hole, place) {
                self.values.swap(hole, place);
                self.tags[hole] = self.tags[place];
                hole = place;
            }
        }
        self.tags[hole] = EMPTY;
        removed
    }

    #[inline]
    fn place_of(&self, hash: u64, mut is_it: impl FnMut(&T) -> bool) -> Option<usize> {
        if self.len == 0 {
            return None;
        }
        let tag = tag(hash);
        let mut place = self.home(hash);
        loop {
            match self.tags[place] {
                EMPTY => return None,
                found if found == tag && self.values[place].as_ref().is_some_and(&mut is_it) => {
                    return Some(place);
                }
                _ => {}
            }
            place = self.after(place);
        }
    }

    /// There is a free place.
    fn put(&mut self, hash: u64, value: T) {
        let mut place = self.home(hash);
        while self.tags[place] != EMPTY {
            place = self.after(place);
        }
        self.tags[place] = tag(hash);
        self.values[place] = Some(value);
        self.len += 1;
    }

    #[cold]
    fn grow(&mut self, hash_of: impl Fn(&T) -> u64) {
        // By little, since memory is what large caches lack, and loads take far longer than this.
        let places = (self.places() + self.places() / 4).max(LEAST);
        self.tags = vec![EMPTY; places].into();
        let empty = std::iter::repeat_with(|| None).take(places).collect();
        let values = mem::replace(&mut self.values, empty);
        self.len = 0;
        for value in values.into_iter().flatten() {
            self.put(hash_of(&value), value);
        }
    }

    /// Where a look-up begins: the lower half of the hash spread over the places by multiplying,
    /// so that there may be any number of them.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        let half = hash & u64::from(u32::MAX);
        ((half * self.tags.len() as u64) >> 32) as usize
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        if place + 1 == self.tags.len() {
            0
        } else {
            place + 1
        }
    }

    /// How many steps lead from one place to another.
    fn steps(&self, from: usize, to: usize) -> usize {
        if from <= to {
            to - from
        } else {
            to + self.tags.len() - from
        }
    }
}

#[cfg(test)]
impl<T> Table<T> {
    /// How many steps behind its home each value is, in all.
    pub(crate) fn all_steps(&self, hash_of: impl Fn(&T) -> u64) -> usize {
        let steps = |(place, value): (usize, &Option<T>)| {
            let home = self.home(hash_of(value.as_ref()?));
            Some(self.steps(home, place))
        };
        self.values.iter().enumerate().filter_map(steps).sum()
    }
}

impl<T> IntoIterator for Table<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Option<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.into_iter().flatten()
    }
}

/// The most values in so many places.
const fn most_of(places: usize) -> usize {
    places - places.div_ceil(5)
}

/// The highest bits of the hash, which say nothing about the place.
#[inline]
fn tag(hash: u64) -> u8 {
    0x80 | (hash >> 57) as u8
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Deed {
        Put(u8),
        Remove(u8),
        Find(u8),
    }

    fn deeds() -> impl Strategy<Value = Vec<Deed>> {
        let deed = prop_oneof![
            any::<u8>().prop_map(Deed::Put),
            any::<u8>().prop_map(Deed::Remove),
            any::<u8>().prop_map(Deed::Find),
        ];
        prop::collection::vec(deed, 0..600)
    }

    /// Hashes of which many are alike in place, in tag or in both; most begin close to the end, where
    /// they go on at the beginning.
    fn hash(number: u8) -> u64 {
        let places = [0, 1 << 31, 0xf000_0000, 0xf800_0000, 0xffff_ffff];
        let tags = [0, 1 << 57, 1 << 63];
        places[usize::from(number % 5)] | tags[usize::from(number % 3)]
    }

    proptest! {
        /// Whatever happens to it, it holds what a map holds.
        #[test]
        fn it_is_a_map(deeds in deeds()) {
            let mut table = Table::new();
            let mut map = BTreeMap::new();
            let hash_of = |(number, _): &(u8, usize)| hash(*number);
            for (time, deed) in deeds.into_iter().enumerate() {
                match deed {
                    Deed::Put(number) => {
                        let old = table.remove(hash(number), |(it, _)| *it == number, hash_of);
                        table.insert(hash(number), (number, time), hash_of);
                        prop_assert_eq!(old.map(|(_, time)| time), map.insert(number, time));
                    }
                    Deed::Remove(number) => {
                        let old = table.remove(hash(number), |(it, _)| *it == number, hash_of);
                        prop_assert_eq!(old.map(|(_, time)| time), map.remove(&number));
                    }
                    Deed::Find(number) => {
                        let found = table.find(hash(number), |(it, _)| *it == number);
                        prop_assert_eq!(found.map(|(_, time)| time), map.get(&number));
                    }
                }
                prop_assert_eq!(table.len(), map.len());
            }
            for (number, time) in &map {
                let found = table.find(hash(*number), |(it, _)| it == number);
                prop_assert_eq!(found, Some(&(*number, *time)));
            }
            let all: BTreeMap<u8, usize> = table.into_iter().collect();
            prop_assert_eq!(all, map);
        }
    }

    /// Spread as hashes of ids are.
    fn spread(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn a_fifth_stays_free_and_what_is_looked_for_is_near() {
        let mut table = Table::new();
        for number in 1..=5_000_u64 {
            table.insert(spread(number), number, |number| spread(*number));
            let (len, places) = (table.len(), table.places());
            assert!(len * 5 <= places * 4, "{len} in {places}");
            assert!(
                len * 5 >= places * 3 || places == LEAST,
                "{len} in {places}"
            );
        }
        // Two on average, at four fifths, if homes are drawn at random (Knuth, §6.4, theorem K).
        let steps = table.all_steps(|number| spread(*number));
        assert!(steps < 3 * table.len(), "{steps} steps to {}", table.len());
    }
}
