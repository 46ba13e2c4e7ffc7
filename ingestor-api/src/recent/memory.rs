//! The landed pulses that are remembered: two halves, of which the older is forgotten as a whole.

use super::{Mark, Standing};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem;

/// A map by identity hash, which is keyed and even already and needs no second hash.
pub(super) type Keyed<V> = HashMap<u128, V, BuildHasherDefault<Low64>>;

/// The last pulses that landed: when the younger half is full it becomes the older one. About 40 bytes a pulse.
pub(super) struct Memory {
    half_max: usize,
    young: Keyed<u64>,
    old: Keyed<u64>,
}

impl Memory {
    pub(super) fn new(pulses_max: usize) -> Self {
        Self { half_max: pulses_max / 2, young: Keyed::default(), old: Keyed::default() }
    }

    pub(super) fn insert(&mut self, mark: Mark) {
        if self.young.len() >= self.half_max {
            self.old = mem::take(&mut self.young);
        }
        if self.half_max > 0 {
            self.young.insert(mark.identity, mark.content);
        }
    }

    pub(super) fn standing(&self, mark: Mark) -> Standing {
        let known = self.young.get(&mark.identity).or_else(|| self.old.get(&mark.identity));
        known.map_or(Standing::New, |content| mark.compare(*content))
    }
}

/// Takes the low half of a hash for a hash.
#[derive(Default)]
pub(crate) struct Low64(u64);

impl Hasher for Low64 {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = domain::hash::low64(hash);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(identity: u128) -> Mark {
        Mark { identity, content: 7 }
    }

    #[test]
    fn the_oldest_half_is_forgotten_first_and_the_bound_holds() {
        let mut memory = Memory::new(10);
        for identity in 0..23 {
            memory.insert(mark(identity));
            assert!(memory.young.len() + memory.old.len() <= 10);
        }
        let known: Vec<u128> = (0..23).filter(|id| memory.standing(mark(*id)) == Standing::Same).collect();
        assert_eq!(known, [15, 16, 17, 18, 19, 20, 21, 22]);
    }

    #[test]
    fn a_memory_of_nothing_knows_nothing() {
        let mut memory = Memory::new(0);
        memory.insert(mark(1));
        assert_eq!(memory.standing(mark(1)), Standing::New);
    }
}
