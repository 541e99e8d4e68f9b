/// `Authorization` headers of good keys, one after the other. They lie in memory in the order in
/// which they come, as a header does that has only just been received: it costs no cache miss.
#[derive(Debug, Clone)]
pub struct Workload {
    text: String,
    /// Of one header; all are as long.
    len: usize,
    next: usize,
}

impl Workload {
    pub(crate) fn new(headers: &[String]) -> Self {
        Self {
            text: headers.concat(),
            len: headers.first().map_or(0, String::len),
            next: 0,
        }
    }

    /// The next header; after the last comes the first.
    pub fn header(&mut self) -> &str {
        let start = self.next;
        self.next += self.len;
        if self.next == self.text.len() {
            self.next = 0;
        }
        &self.text[start..start + self.len]
    }

    /// The same headers as they are asked for where few keys make most requests: the chance of
    /// each is in inverse proportion to its rank (Zipf's law with the exponent 1).
    #[must_use]
    pub fn by_zipf(&self) -> Self {
        let mut random = Random::default();
        let count = self.text.len() / self.len;
        let most = (count as f64).ln();
        let mut text = String::with_capacity(self.text.len());
        for _ in 0..count {
            let rank = (random.fraction() * most).exp() as usize - 1;
            text.push_str(&self.text[rank * self.len..][..self.len]);
        }
        Self {
            text,
            next: 0,
            ..*self
        }
    }

    /// So many parts, each with keys of its own.
    #[must_use]
    pub fn split(&self, parts: usize) -> Vec<Self> {
        let part = self.text.len() / self.len / parts * self.len;
        let parts = (0..parts).map(|place| Self {
            text: self.text[place * part..][..part].to_owned(),
            next: 0,
            ..*self
        });
        parts.collect()
    }
}

/// Puts items into an order that is the same in every run and that of nothing else (Fisher and
/// Yates).
pub fn shuffle<T>(items: &mut [T]) {
    let mut random = Random::default();
    for place in (1..items.len()).rev() {
        items.swap(place, random.below(place as u64 + 1) as usize);
    }
}

/// xorshift64: good enough to be unpredictable to a prefetcher.
#[derive(Debug)]
pub struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Random {
    /// A number from 0 up to `bound`, which itself is not drawn and is above 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn fraction(&mut self) -> f64 {
        self.below(1 << 53) as f64 / (1_u64 << 53) as f64
    }
}
