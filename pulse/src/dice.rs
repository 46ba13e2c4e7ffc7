//! Numbers that look random and are a function of their seed: SplitMix64.

/// The step of the sequence: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Throws that follow from the seed alone.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of that seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence of a thing below the seed: things have sequences of their own.
    pub fn of(seed: u64, thing: u64) -> Self {
        Self(Self(seed).next() ^ Self(thing.wrapping_mul(STEP)).next())
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number from 0 to `bound`, which it never is.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).expect("the upper half of a product of two 64-bit numbers has 64 bits")
    }

    /// Whether the next throw is one of so many in a million.
    pub fn hits(&mut self, per_million: u32) -> bool {
        self.below(1_000_000) < u64::from(per_million)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first values of the reference implementation (Vigna, splitmix64.c) for the seed 1234567.
    #[test]
    fn the_sequence_is_the_published_one() {
        let mut dice = Dice::new(1_234_567);
        let first = [dice.next(), dice.next(), dice.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_throw_stays_below_its_bound_and_meets_every_face() {
        let mut dice = Dice::new(7);
        let mut faces = [0_u32; 6];
        for _ in 0..6_000 {
            faces[usize::try_from(dice.below(6)).unwrap()] += 1;
        }
        assert!(faces.iter().all(|count| (850..1_150).contains(count)), "{faces:?}");
        assert_eq!(dice.below(1), 0);
    }

    #[test]
    fn things_have_sequences_of_their_own() {
        let first = |thing| Dice::of(1, thing).next();
        let all: std::collections::BTreeSet<u64> = (0..1_000).map(first).collect();
        assert_eq!(all.len(), 1_000);
        assert_eq!(first(3), first(3));
        assert_ne!(Dice::of(2, 3).next(), first(3));
    }

    #[test]
    fn never_and_always_are_kept() {
        let mut dice = Dice::new(1);
        assert!((0..1_000).all(|_| !dice.hits(0)));
        assert!((0..1_000).all(|_| dice.hits(1_000_000)));
        let hits = (0..100_000).filter(|_| dice.hits(50_000)).count();
        assert!((4_700..5_300).contains(&hits), "five in a hundred, not {hits}");
    }
}
