use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::format::{Draft, RANDOM_LEN};
use crate::{ApiKey, Digest, KeyFormat, KeyId, Mode, PepperId, PepperRing, base62};

/// A new key, and what to keep of it.
#[derive(Debug)]
pub struct MintedKey {
    /// The secret: show it once, then drop it.
    pub key: ApiKey,
    /// Its public name.
    pub id: KeyId,
    /// Its mode.
    pub mode: Mode,
    /// What to store and to compare with later.
    pub digest: Digest,
    /// The pepper it was made under; store it beside the digest.
    pub pepper: PepperId,
}

impl KeyFormat {
    /// Makes a new key under the active pepper of the ring.
    ///
    /// Id and secret are drawn from the thread's ChaCha generator, which the operating system
    /// seeds and reseeds; every one of the 62 digits is equally likely.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness to give. A service cannot go on without it.
    #[must_use]
    pub fn mint(&self, mode: Mode, peppers: &PepperRing) -> MintedKey {
        self.compose(mode, peppers, |digits| draw(&mut rand::rng(), digits))
    }

    fn compose(
        &self,
        mode: Mode,
        peppers: &PepperRing,
        draw: impl FnOnce(&mut [u8; RANDOM_LEN]),
    ) -> MintedKey {
        let mut draft = Draft::new(self.brand(), mode);
        draw(draft.random());
        let (pepper, digest) = draft.sign(peppers);
        let mut id = [0; KeyId::LEN];
        id.copy_from_slice(&draft.random()[..KeyId::LEN]);
        let id = KeyId::from_digits(id);
        MintedKey {
            key: ApiKey::new(draft.finish(), self.hint(mode, id)),
            id,
            mode,
            digest,
            pepper,
        }
    }
}

/// 44 base62 digits without bias: six random bits name one of 64, and the two that are no digit
/// are drawn again.
fn draw(rng: &mut impl CryptoRng, digits: &mut [u8; RANDOM_LEN]) {
    // Enough but for one draw in 10^15. In words, which are wiped faster than bytes.
    let mut pool = Zeroizing::new([0_u64; 8]);
    let mut drawn = 0;
    while drawn < RANDOM_LEN {
        pool.fill_with(|| rng.next_u64());
        let bytes = pool.iter().flat_map(|word| word.to_ne_bytes());
        let usable = bytes
            .map(|byte| usize::from(byte & 63))
            .filter(|&value| value < base62::DIGITS.len());
        for (digit, value) in digits[drawn..].iter_mut().zip(usable) {
            *digit = base62::DIGITS[value];
            drawn += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Brand, Pepper};
    use rand::Rng;

    fn setting() -> (KeyFormat, PepperRing) {
        (
            KeyFormat::new(Brand::new("rg").unwrap()),
            PepperRing::new(Pepper::generate(PepperId::new(1))),
        )
    }

    /// χ² of the digits in the random part of many keys, with 61 degrees of freedom.
    fn chi_squared(keys: impl Iterator<Item = String>) -> f64 {
        let mut counts = [0u32; 62];
        for key in keys {
            for byte in &key.as_bytes()[8..8 + RANDOM_LEN] {
                let digit = base62::DIGITS.iter().position(|d| d == byte).unwrap();
                counts[digit] += 1;
            }
        }
        let expected = f64::from(counts.iter().sum::<u32>()) / 62.0;
        counts
            .iter()
            .map(|&count| (f64::from(count) - expected).powi(2) / expected)
            .sum()
    }

    /// The value that χ² with 61 degrees of freedom exceeds with probability 10⁻⁶.
    const BOUND: f64 = 128.5;

    #[test]
    fn digits_are_uniform_and_the_check_sees_a_biased_build() {
        let (format, peppers) = setting();
        let fair = chi_squared((0..10_000).map(|_| {
            let minted = format.mint(Mode::Live, &peppers);
            minted.key.expose().to_owned()
        }));
        assert!(fair < BOUND, "chi squared {fair} of 10 000 keys");

        // The classical mistake: a random byte modulo 62 makes eight digits a quarter likelier.
        let biased = chi_squared((0..10_000).map(|_| {
            let mut random = [0; RANDOM_LEN];
            rand::rng().fill_bytes(&mut random);
            let biased = random.map(|byte| base62::DIGITS[usize::from(byte % 62)]);
            let minted = format.compose(Mode::Live, &peppers, |digits| *digits = biased);
            minted.key.expose().to_owned()
        }));
        assert!(biased > BOUND, "the planted bias went unseen: {biased}");
    }

    #[test]
    fn a_million_keys_without_a_repeat() {
        let (format, peppers) = setting();
        let mut ids = std::collections::HashSet::with_capacity(1_000_000);
        let mut secrets = std::collections::HashSet::with_capacity(1_000_000);
        for _ in 0..1_000_000 {
            let minted = format.mint(Mode::Test, &peppers);
            assert!(ids.insert(minted.id), "id {} came twice", minted.id);
            let secret = &minted.key.expose()[20..36];
            assert!(secrets.insert(secret.to_owned()), "a secret came twice");
        }
        println!("{} ids, {} secrets, none twice", ids.len(), secrets.len());
    }
}
