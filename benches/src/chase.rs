use ringyo_bench_service::Random;

const LINE: usize = 64;

/// Loads each of which has to wait for the one before: what a cache miss costs in a working set of
/// that size.
#[derive(Debug)]
pub struct Chase {
    next: Vec<[u32; LINE / 4]>,
    place: u32,
}

impl Chase {
    /// A working set of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let lines = bytes / LINE;
        let mut next: Vec<[u32; LINE / 4]> =
            (0..lines as u32).map(|line| [line; LINE / 4]).collect();
        // One circle through all lines (Sattolo).
        let mut random = Random::default();
        for line in (1..lines).rev() {
            next.swap(line, random.below(line as u64) as usize);
        }
        Self { next, place: 0 }
    }

    /// One load.
    pub fn step(&mut self) -> u32 {
        self.place = self.next[self.place as usize][0];
        self.place
    }
}
