//! Ids seen, by (bucket, slice): each loaded whole before the first question. An id is a fingerprint that names its
//! block; the block itself is held only until the store has all of it below the durable checkpoint.

use super::asked::Asked;
use super::fingerprints::Fingerprints;
use domain::ledger::{Block, Seen, SliceKey};
use domain::position::Position;
use foldhash::fast::RandomState;
use indexmap::{IndexMap, IndexSet};

/// About what a set costs beside its fingerprints and blocks: itself, its key, and its share of the index.
const SLICE_BYTES: usize = size_of::<Slice>() + size_of::<SliceKey>() + 64;

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

impl Sight {
    fn of(seen: &Seen, first: &Seen) -> Self {
        debug_assert!(first.position <= seen.position, "a first position comes first in every replay");
        if first.position == seen.position {
            Self::First
        } else if first.content == seen.content {
            Self::Duplicate
        } else {
            Self::Conflict
        }
    }
}

/// A block that the store may not have, or not all of.
#[derive(Debug)]
struct HeldBlock {
    number: i64,
    block: Block,
    written: Position,
}

impl HeldBlock {
    fn is_clean(&self) -> bool {
        self.written == self.block.position()
    }

    fn is_durable(&self, checkpoint: Position) -> bool {
        self.is_clean() && self.block.position() <= checkpoint
    }

    fn find(&self, identity: u128) -> Option<&Seen> {
        self.block.0.iter().find(|seen| seen.identity == identity)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.block.0.capacity() * size_of::<Seen>()
    }
}

/// The ids of one (bucket, slice).
#[derive(Debug)]
struct Slice {
    fingerprints: Fingerprints,
    /// Whole, rising: blocks that are part-filled, or not known to be on a quorum below the durable checkpoint.
    held: Vec<HeldBlock>,
    used: u64,
}

impl Slice {
    fn find_held(&self, number: i64) -> Option<&HeldBlock> {
        self.held.iter().rfind(|held| held.number == number)
    }

    /// Keeps an id in a block. Returns how many bytes the blocks have grown by.
    fn keep(&mut self, seen: Seen, number: i64) -> usize {
        self.fingerprints.insert(seen.identity, number);
        let at = self.held.partition_point(|held| held.number < number);
        let is_begun = self.held.get(at).is_some_and(|held| held.number == number);
        if !is_begun {
            self.held.insert(at, HeldBlock { number, block: Block::default(), written: Position::START });
        }
        let held = &mut self.held[at];
        let before = if is_begun { held.bytes() } else { 0 };
        held.block.0.push(seen);
        held.bytes() - before
    }

    fn bytes(&self) -> usize {
        SLICE_BYTES + self.fingerprints.bytes() + self.held.iter().map(HeldBlock::bytes).sum::<usize>()
    }
}

/// All id sets held.
#[derive(Debug)]
pub(super) struct Ids {
    slices: IndexMap<SliceKey, Slice, RandomState>,
    /// The slices that hold blocks.
    holding: IndexSet<SliceKey, RandomState>,
    asked: Asked,
    /// Blocks were let go up to this checkpoint.
    checkpoint: Position,
    print_bits: u32,
    count: usize,
    bytes: usize,
}

impl Ids {
    /// None, with prints of so many bits.
    pub(super) fn new(print_bits: u32) -> Self {
        Self {
            slices: IndexMap::default(),
            holding: IndexSet::default(),
            asked: Asked::default(),
            checkpoint: Position::START,
            print_bits,
            count: 0,
            bytes: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn sets(&self) -> usize {
        self.slices.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn find(&self, key: &SliceKey) -> Option<usize> {
        self.slices.get_index_of(key)
    }

    pub(super) fn handle(&self, key: &SliceKey) -> usize {
        self.find(key).expect("a batch is applied only when everything it touches is loaded")
    }

    /// Forgets what the batch before asked.
    pub(super) fn begin_batch(&mut self) {
        self.asked = Asked::default();
    }

    /// Notes what the store has to be asked about an identity: whether its slice holds it, which is not loaded yet, or
    /// blocks do that its fingerprint names and that are not held.
    pub(super) fn ask(&mut self, handle: Option<usize>, identity: u128) {
        let Some((key, slice)) = handle.and_then(|handle| self.slices.get_index(handle)) else {
            return self.asked.ask(identity);
        };
        for number in slice.fingerprints.blocks(identity) {
            if slice.find_held(number).is_none() {
                self.asked.ask_block(identity, (*key, number));
            }
        }
    }

    /// The blocks that have to be read for that.
    pub(super) fn asked_blocks(&self) -> impl Iterator<Item = (SliceKey, i64)> {
        self.asked.blocks()
    }

    /// A block as the store has it.
    pub(super) fn answer(&mut self, block: &Block) {
        self.asked.answer(block);
    }

    /// Takes in all blocks of a slice. Those from at or above the checkpoint are dirty, and the running one is held,
    /// because it will be written again.
    pub(super) fn insert_loaded(
        &mut self,
        key: SliceKey,
        blocks: Vec<(i64, Block)>,
        checkpoint: Position,
        running: i64,
    ) {
        let lowest = blocks.iter().map(|(number, _)| *number).fold(running, i64::min);
        let fingerprints = Fingerprints::new(lowest, self.print_bits);
        let mut slice = Slice { fingerprints, held: Vec::new(), used: 0 };
        for (number, block) in blocks {
            self.asked.answer(&block);
            for seen in &block.0 {
                slice.fingerprints.insert(seen.identity, number);
            }
            let position = block.position();
            let on_quorum = position <= checkpoint;
            if !on_quorum || number >= running {
                let written = if on_quorum { position } else { Position::START };
                slice.held.push(HeldBlock { number, block, written });
            }
        }
        self.count += slice.fingerprints.len();
        self.bytes += slice.bytes();
        if !slice.held.is_empty() {
            self.holding.insert(key);
        }
        self.slices.insert(key, slice);
    }

    /// Asks for an identity, and keeps it in the running block where it is new.
    pub(super) fn see(&mut self, handle: usize, seen: Seen, running: i64, used: u64) -> Sight {
        let (key, slice) =
            self.slices.get_index_mut(handle).expect("handles are stable while a batch is applied");
        slice.used = used;
        for number in slice.fingerprints.blocks(seen.identity) {
            let first = match slice.find_held(number) {
                Some(held) => held.find(seen.identity),
                None => self.asked.answer_of(seen.identity),
            };
            if let Some(first) = first {
                return Sight::of(&seen, first);
            }
        }
        if slice.held.is_empty() {
            self.holding.insert(*key);
        }
        let before = slice.fingerprints.bytes();
        self.bytes += slice.keep(seen, running);
        self.bytes = self.bytes + slice.fingerprints.bytes() - before;
        self.count += 1;
        Sight::First
    }

    pub(super) fn dirty(&self) -> impl Iterator<Item = (SliceKey, i64, &Block)> {
        self.holding.iter().flat_map(|key| {
            let dirty = self.slices[key].held.iter().filter(|held| !held.is_clean());
            dirty.map(|held| (*key, held.number, &held.block))
        })
    }

    /// A block is on a quorum up to `position`.
    pub(super) fn acknowledge(&mut self, key: &SliceKey, number: i64, position: Position) {
        let Some(slice) = self.slices.get_mut(key) else { return };
        if let Some(held) = slice.held.iter_mut().find(|held| held.number == number) {
            held.written = held.written.max(position);
        }
    }

    /// Lets go of finished blocks that are durable, once for each checkpoint: from now on the store answers for them.
    pub(super) fn let_go(&mut self, checkpoint: Position, running: i64) {
        if checkpoint <= self.checkpoint {
            return;
        }
        self.checkpoint = checkpoint;
        let (slices, bytes) = (&mut self.slices, &mut self.bytes);
        self.holding.retain(|key| {
            let slice = slices.get_mut(key).expect("a slice that holds blocks is held");
            slice.held.retain(|held| {
                let stays = held.number >= running || !held.is_durable(checkpoint);
                *bytes -= if stays { 0 } else { held.bytes() };
                stays
            });
            if slice.held.is_empty() {
                slice.held = Vec::new();
            }
            !slice.held.is_empty()
        });
    }

    /// Drops clean sets below the durable checkpoint, least recently used first, until at most `keep` bytes are left,
    /// and a sixteenth of it more, so that room for the next ones is not looked for one by one.
    pub(super) fn evict(&mut self, keep: usize, checkpoint: Position) {
        if self.bytes <= keep {
            return;
        }
        let clean = |slice: &Slice| slice.held.iter().all(|held| held.is_durable(checkpoint));
        let candidates = self.slices.iter().filter(|(_, slice)| clean(slice));
        let mut candidates: Vec<(u64, SliceKey)> =
            candidates.map(|(key, slice)| (slice.used, *key)).collect();
        candidates.sort_unstable();
        for (_, key) in candidates {
            if self.bytes <= keep - keep / 16 {
                return;
            }
            if let Some(slice) = self.slices.swap_remove(&key) {
                self.holding.swap_remove(&key);
                self.count -= slice.fingerprints.len();
                self.bytes -= slice.bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: SliceKey = SliceKey { generation: 1, partition: 0, bucket: 7, slice: 3 };
    const OTHER: SliceKey = SliceKey { bucket: 8, ..KEY };

    fn seen(offset: u64, identity: u128, content: u64) -> Seen {
        Seen { position: Position::new(offset, 0), identity: identity << 120 | identity, content }
    }

    fn asked(ids: &mut Ids, handle: Option<usize>, one: Seen) -> Vec<i64> {
        ids.begin_batch();
        ids.ask(handle, one.identity);
        ids.asked_blocks().map(|(_, number)| number).collect()
    }

    fn loaded(blocks: Vec<(i64, Block)>, checkpoint: u64, running: i64) -> Ids {
        let mut ids = Ids::new(32);
        ids.insert_loaded(KEY, blocks, Position::before(checkpoint), running);
        ids
    }

    /// Block 0 is full and durable, block 1 is running; both hold one id.
    fn let_go() -> Ids {
        let mut ids = loaded(Vec::new(), 0, 0);
        ids.see(0, seen(3, 1, 10), 0, 1);
        ids.see(0, seen(4, 2, 20), 1, 1);
        ids.acknowledge(&KEY, 0, Position::new(3, 0));
        ids.acknowledge(&KEY, 1, Position::new(4, 0));
        ids.let_go(Position::before(5), 1);
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
        assert_eq!((ids.len(), ids.sets()), (2, 1));
    }

    #[test]
    fn a_part_filled_block_is_written_again_with_what_it_held() {
        let mut ids = loaded(vec![(0, Block(vec![seen(1, 1, 1)])), (3, Block(vec![seen(4, 2, 2)]))], 5, 3);
        assert_eq!(ids.dirty().count(), 0);
        ids.see(0, seen(6, 3, 3), 3, 1);
        let dirty: Vec<(i64, Vec<Seen>)> =
            ids.dirty().map(|(_, number, block)| (number, block.0.clone())).collect();
        assert_eq!(dirty, [(3, vec![seen(4, 2, 2), seen(6, 3, 3)])]);
    }

    #[test]
    fn what_may_be_on_a_minority_is_dirty_and_not_evicted() {
        let mut ids = loaded(vec![(0, Block(vec![seen(5, 1, 1)]))], 5, 2);
        assert_eq!(ids.dirty().count(), 1);
        ids.evict(0, Position::before(5));
        assert!(ids.find(&KEY).is_some());
        ids.acknowledge(&KEY, 0, Position::new(5, 0));
        ids.evict(0, Position::before(5));
        assert!(ids.find(&KEY).is_some());
        ids.evict(0, Position::before(6));
        assert_eq!((ids.find(&KEY), ids.len(), ids.bytes()), (None, 0, 0));
    }

    #[test]
    fn the_store_answers_for_a_block_that_was_let_go_and_for_no_other() {
        let mut ids = let_go();
        assert_eq!(asked(&mut ids, Some(0), seen(6, 2, 20)), [0_i64; 0], "its block is held");
        assert_eq!(ids.see(0, seen(6, 2, 20), 1, 2), Sight::Duplicate);
        assert_eq!(asked(&mut ids, Some(0), seen(6, 3, 30)), [0_i64; 0], "no fingerprint looks like it");
        assert_eq!(asked(&mut ids, Some(0), seen(7, 1, 10)), [0]);
        ids.answer(&Block(vec![seen(3, 1, 10)]));
        assert_eq!(ids.see(0, seen(7, 1, 10), 1, 2), Sight::Duplicate);
        assert_eq!(ids.see(0, seen(8, 1, 11), 1, 2), Sight::Conflict);
    }

    #[test]
    fn an_id_that_only_looks_like_one_that_was_let_go_is_new_once() {
        let mut ids = let_go();
        let alike = Seen { identity: seen(7, 1, 0).identity ^ 1, ..seen(7, 1, 70) };
        assert_eq!(asked(&mut ids, Some(0), alike), [0]);
        ids.answer(&Block(vec![seen(3, 1, 10)]));
        assert_eq!(ids.see(0, alike, 1, 2), Sight::First);
        assert_eq!(ids.see(0, Seen { position: Position::new(8, 0), ..alike }, 1, 2), Sight::Duplicate);
    }

    #[test]
    fn a_slice_that_is_loaded_answers_what_was_asked_and_holds_only_what_is_not_durable() {
        let mut ids = Ids::new(32);
        assert_eq!(asked(&mut ids, None, seen(9, 1, 10)), [0_i64; 0]);
        let block = |offset, identity| Block(vec![seen(offset, identity, 10)]);
        let blocks = vec![(0, block(3, 1)), (2, block(5, 2)), (4, block(8, 3))];
        ids.insert_loaded(KEY, blocks, Position::before(6), 3);
        assert_eq!(ids.see(0, seen(9, 1, 10), 3, 1), Sight::Duplicate);
        let held: Vec<i64> = ids.slices[0].held.iter().map(|held| held.number).collect();
        assert_eq!(held, [4], "from above the checkpoint");
    }

    #[test]
    fn a_block_is_held_until_it_is_full_and_written_and_checkpointed() {
        let mut ids = loaded(Vec::new(), 0, 0);
        ids.see(0, seen(3, 1, 10), 0, 1);
        let mut holds = |written: bool, checkpoint, running| {
            if written {
                ids.acknowledge(&KEY, 0, Position::new(3, 0));
            }
            ids.let_go(Position::before(checkpoint), running);
            ids.slices[0].held.len()
        };
        assert_eq!(holds(false, 4, 1), 1, "not written");
        assert_eq!(holds(true, 5, 0), 1, "not full");
        assert_eq!(holds(true, 6, 1), 0);
        let mut ids = loaded(Vec::new(), 0, 0);
        ids.see(0, seen(3, 1, 10), 0, 1);
        ids.acknowledge(&KEY, 0, Position::new(3, 0));
        ids.let_go(Position::before(3), 1);
        assert_eq!(ids.slices[0].held.len(), 1, "not checkpointed");
    }

    #[test]
    fn the_least_recently_used_set_goes_first_and_bytes_are_those_of_what_is_left() {
        let mut ids = let_go();
        ids.insert_loaded(OTHER, vec![(0, Block(vec![seen(2, 9, 9)]))], Position::before(5), 1);
        let total = |ids: &Ids| ids.slices.values().map(Slice::bytes).sum::<usize>();
        assert_eq!(ids.bytes(), total(&ids));
        let before = ids.bytes();
        ids.evict(before, Position::before(5));
        assert_eq!(ids.sets(), 2, "there is room");
        ids.evict(before - 1, Position::before(5));
        assert!(
            ids.find(&KEY).is_some() && ids.find(&OTHER).is_none(),
            "it was not used since it was loaded"
        );
        assert_eq!((ids.len(), ids.bytes()), (2, total(&ids)));
    }
}
