//! Fingerprints of ids: which blocks may hold an identity. "None" is always right; "this one" is for the block to say.

/// Bits of an entry.
const BITS: u32 = 48;
/// Spare places behind the last home, and how many are added when they are used up.
const SPARE: usize = 8;

/// An entry, its lowest bits first. Zero is a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place([u8; 6]);

impl Place {
    const GAP: Self = Self([0; 6]);

    fn of(entry: u64) -> Self {
        Self(*entry.to_le_bytes().first_chunk().expect("eight bytes begin with six"))
    }

    fn entry(self) -> u64 {
        let mut bytes = [0; 8];
        bytes[..6].copy_from_slice(&self.0);
        u64::from_le_bytes(bytes)
    }
}

/// A hash table whose entries stand in order. An entry is some high bits of an identity's hash, its *print*, and the
/// number of its block. The print says where an entry is at home; it stands there or to the right, with no gap between,
/// so a search ends at the first gap or larger print. Its homes grow by a quarter: 7 to 9 bytes an identity.
#[derive(Debug)]
pub(super) struct Fingerprints {
    places: Vec<Place>,
    homes: usize,
    len: usize,
    /// The low bits of an entry, which hold the block's number less `base` plus one. The rest is print.
    block_bits: u32,
    base: i64,
}

impl Fingerprints {
    /// None yet, and none of a block below `base`; prints have at most so many bits.
    pub(super) fn new(base: i64, print_bits: u32) -> Self {
        Self { places: Vec::new(), homes: 0, len: 0, block_bits: BITS - print_bits, base }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Place>()
    }

    /// The blocks that may hold an identity. No other one does.
    pub(super) fn blocks(&self, identity: u128) -> impl Iterator<Item = i64> {
        let print = high(identity) >> self.block_bits;
        let from = self.places[self.home(print)..].iter();
        let entries = from.take_while(|place| **place != Place::GAP).map(|place| place.entry());
        let upto = entries.take_while(move |entry| self.print(*entry) <= print);
        upto.filter(move |entry| self.print(*entry) == print).map(|entry| self.block(entry))
    }

    pub(super) fn insert(&mut self, identity: u128, block: i64) {
        let number = block.abs_diff(self.base) + 1;
        assert!(block >= self.base, "blocks rise");
        let needed_bits = u64::BITS - number.leading_zeros();
        if needed_bits > self.block_bits {
            assert!(needed_bits < BITS, "no log has so many blocks");
            self.rebuild(self.homes, (needed_bits + 1).min(BITS - 1));
        }
        if (self.len + 1) * 8 > self.homes * 7 {
            self.rebuild(self.homes + self.homes / 4 + SPARE, self.block_bits);
        }
        let print = high(identity) >> self.block_bits;
        self.place(print << self.block_bits | number);
    }

    /// Puts an entry behind those of smaller and same prints, and moves the run that is in its way.
    fn place(&mut self, entry: u64) {
        let print = self.print(entry);
        let home = self.home(print);
        let is_before = |place: &&Place| **place != Place::GAP && self.print(place.entry()) <= print;
        let at = home + self.places[home..].iter().take_while(is_before).count();
        if let Some(run) = self.places[at..].iter().position(|place| *place == Place::GAP) {
            self.places.copy_within(at..at + run, at + 1);
            self.places[at] = Place::of(entry);
        } else {
            self.make_room();
            self.places.insert(at, Place::of(entry));
        }
        self.len += 1;
    }

    /// The same entries at so many homes; prints lose the bits that blocks gain.
    fn rebuild(&mut self, homes: usize, block_bits: u32) {
        let mut places = Vec::with_capacity(homes + SPARE);
        places.resize(homes, Place::GAP);
        let older = std::mem::replace(&mut self.places, places);
        let older_bits = std::mem::replace(&mut self.block_bits, block_bits);
        self.homes = homes;
        let mut at = 0;
        for entry in older.into_iter().filter(|place| *place != Place::GAP).map(Place::entry) {
            let print = entry >> block_bits;
            at = at.max(self.home(print));
            if at == self.places.len() {
                self.make_room();
                self.places.push(Place::GAP);
            }
            self.places[at] = Place::of(print << block_bits | entry & !(u64::MAX << older_bits));
            at += 1;
        }
    }

    /// One more place would double the vector.
    fn make_room(&mut self) {
        if self.places.len() == self.places.capacity() {
            self.places.reserve_exact(SPARE);
        }
    }

    /// Homes rise with prints, from the first to the last.
    fn home(&self, print: u64) -> usize {
        let share = u128::from(print << self.block_bits) * self.homes as u128;
        usize::try_from(share >> BITS).expect("a share of the homes is below their number")
    }

    fn print(&self, entry: u64) -> u64 {
        entry >> self.block_bits
    }

    fn block(&self, entry: u64) -> i64 {
        let number = entry & !(u64::MAX << self.block_bits);
        self.base.saturating_add_unsigned(number - 1)
    }
}

/// The highest bits of an identity's hash: its lower half chose the slice.
fn high(identity: u128) -> u64 {
    domain::hash::low64(identity >> (u128::BITS - BITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// As an identity's hash looks: its two halves have nothing to do with each other.
    fn identity(number: u64) -> u128 {
        domain::hash::fingerprint(&number.to_le_bytes())
    }

    fn named(fingerprints: &Fingerprints, identity: u128) -> BTreeSet<i64> {
        fingerprints.blocks(identity).collect()
    }

    proptest! {
        /// Against a list of all that was inserted: named are the blocks of all ids with the same first bits, no others.
        #[test]
        fn the_blocks_named_are_those_of_all_ids_with_the_same_print(
            print_bits in 1_u32..=16,
            ids in vec((any::<u64>(), 0_i64..200), 0..300),
            others in vec(any::<u64>(), 20),
        ) {
            let mut fingerprints = Fingerprints::new(0, print_bits);
            for (high, block) in &ids {
                fingerprints.insert(u128::from(*high) << 64, *block);
            }
            prop_assert_eq!(fingerprints.len(), ids.len());
            let same = |high: u64, other: u64| (high ^ other) >> (64 - print_bits) == 0;
            for asked in others.into_iter().chain(ids.iter().map(|(high, _)| *high)) {
                let expected = ids.iter().filter(|(high, _)| same(*high, asked)).map(|(_, block)| *block);
                let found = named(&fingerprints, u128::from(asked) << 64);
                prop_assert_eq!(found, expected.collect::<BTreeSet<_>>());
            }
        }

        /// However far apart blocks are: prints give their bits away, and no id is lost.
        #[test]
        fn numbers_that_need_more_bits_take_them_from_the_prints(
            base in 0_i64..1_000,
            widths in vec(0_u32..=46, 1..100),
        ) {
            let mut fingerprints = Fingerprints::new(base, 32);
            let block = |width: u32| base + (1 << width);
            for (number, width) in (0..).zip(&widths) {
                fingerprints.insert(identity(number), block(*width));
            }
            for (number, width) in (0..).zip(&widths) {
                prop_assert!(named(&fingerprints, identity(number)).contains(&block(*width)));
            }
        }
    }

    #[test]
    fn an_id_takes_at_most_nine_bytes_and_prints_of_thirty_two_bits_tell_ids_apart() {
        let mut fingerprints = Fingerprints::new(7, 32);
        for number in 0..100_000_u64 {
            fingerprints.insert(identity(number), 7 + i64::try_from(number / 64).unwrap());
            let len = fingerprints.len();
            assert!(len < 200 || fingerprints.bytes() <= 9 * len, "{} bytes of {len}", fingerprints.bytes());
        }
        let false_names =
            (100_000..200_000).filter(|number| !named(&fingerprints, identity(*number)).is_empty());
        let count = false_names.count();
        assert!(count < 10, "{count} where 2.3 are expected");
    }

    #[test]
    fn nothing_is_named_before_something_is_inserted() {
        let fingerprints = Fingerprints::new(0, 32);
        assert_eq!((named(&fingerprints, identity(1)).len(), fingerprints.bytes()), (0, 0));
    }
}
