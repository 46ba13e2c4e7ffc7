//! Ids seen: exact sets by (bucket, slice), loaded whole before the first question.

use domain::ledger::{Block, Seen, SliceKey};
use domain::position::Position;
use foldhash::fast::RandomState;
use indexmap::IndexMap;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// What an id set costs beside its ids, counted in ids (820 bytes against 49 to 70).
const SLICE_WEIGHT: usize = 12;

/// What an identity turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// First seen at this position, now or before a restart.
    First,
    /// Seen before with the same content.
    Duplicate,
    /// Seen before with other content.
    Conflict,
}

/// Identity hashes are keyed SipHash already: their high half is the table's hash; the low one chose the slice.
#[derive(Default)]
pub(super) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = domain::hash::low64(hash >> 64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Debug)]
struct HeldBlock {
    block: Block,
    written: Position,
}

impl HeldBlock {
    fn is_clean(&self) -> bool {
        self.written == self.block.position()
    }
}

/// The ids of one (bucket, slice).
#[derive(Debug, Default)]
struct Slice {
    first: HashMap<u128, (Position, u64), BuildHasherDefault<AlreadyHashed>>,
    /// Whole: blocks that are part-filled or not known to be on a quorum, and finished ones until the next flush of this slice.
    blocks: BTreeMap<i64, HeldBlock>,
    /// The position of the last id.
    last: Position,
    used: u64,
}

/// All id sets held.
#[derive(Debug, Default)]
pub(super) struct Ids {
    slices: IndexMap<SliceKey, Slice, RandomState>,
    count: usize,
}

impl Ids {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn sets(&self) -> usize {
        self.slices.len()
    }

    /// How much is held, in ids: a set weighs as much as a dozen of its ids.
    pub(super) fn weight(&self) -> usize {
        self.len() + self.sets() * SLICE_WEIGHT
    }

    pub(super) fn contains(&self, key: &SliceKey) -> bool {
        self.slices.contains_key(key)
    }

    pub(super) fn handle(&self, key: &SliceKey) -> usize {
        self.slices.get_index_of(key).expect("a batch is applied only when everything it touches is loaded")
    }

    /// Takes in all blocks of a slice. Those from at or above the checkpoint are dirty, and the running one is kept
    /// whole, because it will be written again.
    pub(super) fn insert_loaded(
        &mut self,
        key: SliceKey,
        blocks: Vec<(i64, Block)>,
        checkpoint: Position,
        running: i64,
    ) {
        let mut slice = Slice::default();
        for (number, block) in blocks {
            for seen in &block.0 {
                let known = slice.first.insert(seen.identity, (seen.position, seen.content));
                debug_assert!(known.is_none(), "an identity stands in one block only, at its first position");
            }
            let position = block.position();
            slice.last = slice.last.max(position);
            let on_quorum = position <= checkpoint;
            if !on_quorum || number >= running {
                let written = if on_quorum { position } else { Position::START };
                slice.blocks.insert(number, HeldBlock { block, written });
            }
        }
        self.count += slice.first.len();
        self.slices.insert(key, slice);
    }

    /// Asks for an identity, and keeps it in the running block where it is new.
    pub(super) fn see(&mut self, handle: usize, seen: Seen, running: i64, used: u64) -> Sight {
        let slice = &mut self.slices[handle];
        slice.used = used;
        if let Some((position, content)) = slice.first.get(&seen.identity) {
            debug_assert!(*position <= seen.position, "a first position comes first in every replay");
            return if *position == seen.position {
                Sight::First
            } else if *content == seen.content {
                Sight::Duplicate
            } else {
                Sight::Conflict
            };
        }
        slice.first.insert(seen.identity, (seen.position, seen.content));
        slice.last = slice.last.max(seen.position);
        let fresh = || HeldBlock { block: Block::default(), written: Position::START };
        slice.blocks.entry(running).or_insert_with(fresh).block.0.push(seen);
        self.count += 1;
        Sight::First
    }

    pub(super) fn dirty(&self) -> impl Iterator<Item = (SliceKey, i64, &Block)> {
        self.slices.iter().flat_map(|(key, slice)| {
            let dirty = slice.blocks.iter().filter(|(_, held)| !held.is_clean());
            dirty.map(|(number, held)| (*key, *number, &held.block))
        })
    }

    /// A block is on a quorum up to `position`; once it is finished only its ids are needed.
    pub(super) fn acknowledge(&mut self, key: &SliceKey, number: i64, position: Position, running: i64) {
        let Some(slice) = self.slices.get_mut(key) else { return };
        if let Some(held) = slice.blocks.get_mut(&number) {
            held.written = held.written.max(position);
        }
        slice.blocks.retain(|number, held| *number >= running || !held.is_clean());
    }

    /// Drops clean sets below the durable checkpoint, least recently used first, until at most a weight of `keep` is left.
    pub(super) fn evict(&mut self, keep: usize, checkpoint: Position) {
        if self.weight() <= keep {
            return;
        }
        let clean =
            |slice: &Slice| slice.last <= checkpoint && slice.blocks.values().all(HeldBlock::is_clean);
        let mut candidates: Vec<(u64, SliceKey)> = self
            .slices
            .iter()
            .filter(|(_, slice)| clean(slice))
            .map(|(key, slice)| (slice.used, *key))
            .collect();
        candidates.sort_unstable();
        for (_, key) in candidates {
            if self.weight() <= keep {
                return;
            }
            if let Some(slice) = self.slices.swap_remove(&key) {
                self.count -= slice.first.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: SliceKey = SliceKey { generation: 1, partition: 0, bucket: 7, slice: 3 };

    fn seen(offset: u64, identity: u128, content: u64) -> Seen {
        Seen { position: Position::new(offset, 0), identity, content }
    }

    fn loaded(blocks: Vec<(i64, Block)>, checkpoint: u64, running: i64) -> Ids {
        let mut ids = Ids::default();
        ids.insert_loaded(KEY, blocks, Position::before(checkpoint), running);
        ids
    }

    #[test]
    fn an_identity_is_first_once_also_when_its_own_position_is_replayed() {
        let mut ids = loaded(vec![(0, Block(vec![seen(5, 1, 10)]))], 5, 0);
        assert_eq!(ids.see(0, seen(5, 1, 10), 0, 1), Sight::First);
        assert_eq!(ids.see(0, seen(6, 1, 10), 0, 1), Sight::Duplicate);
        assert_eq!(ids.see(0, seen(7, 1, 11), 0, 1), Sight::Conflict);
        assert_eq!(ids.see(0, seen(8, 2, 11), 0, 1), Sight::First);
        assert_eq!(ids.see(0, seen(9, 2, 11), 0, 1), Sight::Duplicate);
        assert_eq!(ids.weight(), 2 + SLICE_WEIGHT);
    }

    #[test]
    fn a_part_filled_block_is_written_again_with_what_it_held() {
        let mut ids = loaded(vec![(0, Block(vec![seen(1, 1, 1)])), (3, Block(vec![seen(4, 2, 2)]))], 5, 3);
        assert_eq!(ids.dirty().count(), 0);
        ids.see(0, seen(6, 3, 3), 3, 1);
        let dirty: Vec<(i64, Vec<u128>)> = ids
            .dirty()
            .map(|(_, number, block)| (number, block.0.iter().map(|seen| seen.identity).collect()))
            .collect();
        assert_eq!(dirty, [(3, vec![2, 3])]);
    }

    #[test]
    fn what_may_be_on_a_minority_is_dirty_and_not_evicted() {
        let mut ids = loaded(vec![(0, Block(vec![seen(5, 1, 1)]))], 5, 2);
        assert_eq!(ids.dirty().count(), 1);
        ids.evict(0, Position::before(5));
        assert!(ids.contains(&KEY));
        ids.acknowledge(&KEY, 0, Position::new(5, 0), 2);
        ids.evict(0, Position::before(5));
        assert!(ids.contains(&KEY));
        ids.evict(0, Position::before(6));
        assert!(!ids.contains(&KEY) && ids.weight() == 0);
    }
}
