//! What a batch asks the store about identities, and what that answered.

use domain::ledger::{Block, Seen, SliceKey};
use foldhash::fast::RandomState;
use indexmap::IndexSet;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The questions of one batch.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Where the store has seen an identity, if anywhere.
    answers: HashMap<u128, Option<Seen>, BuildHasherDefault<AlreadyHashed>>,
    blocks: IndexSet<(SliceKey, i64), RandomState>,
}

impl Asked {
    /// Whatever is read may answer for this identity.
    pub(super) fn ask(&mut self, identity: u128) {
        self.answers.insert(identity, None);
    }

    /// The same, and that block has to be read.
    pub(super) fn ask_block(&mut self, identity: u128, block: (SliceKey, i64)) {
        self.ask(identity);
        self.blocks.insert(block);
    }

    pub(super) fn blocks(&self) -> impl Iterator<Item = (SliceKey, i64)> {
        self.blocks.iter().copied()
    }

    /// A block as the store has it: keeps what was asked, and no more.
    pub(super) fn answer(&mut self, block: &Block) {
        if self.answers.is_empty() {
            return;
        }
        for seen in &block.0 {
            if let Some(answer) = self.answers.get_mut(&seen.identity) {
                *answer = Some(*seen);
            }
        }
    }

    /// What the store said.
    pub(super) fn answer_of(&self, identity: u128) -> Option<&Seen> {
        let answer = self.answers.get(&identity);
        answer
            .expect("an identity that a stored block may hold was asked before its batch is applied")
            .as_ref()
    }
}

/// Identity hashes are keyed SipHash already: their high half is the table's hash; the low one chose the slice.
#[derive(Default)]
struct AlreadyHashed(u64);

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

#[cfg(test)]
mod tests {
    use super::*;
    use domain::position::Position;

    const KEY: SliceKey = SliceKey { generation: 1, partition: 0, bucket: 7, slice: 3 };

    fn seen(identity: u128) -> Seen {
        Seen { position: Position::new(4, 0), identity, content: 9 }
    }

    #[test]
    fn only_what_was_asked_is_kept_of_an_answer() {
        let mut asked = Asked::default();
        asked.answer(&Block(vec![seen(1)]));
        asked.ask(1);
        asked.ask(2);
        asked.answer(&Block(vec![seen(1), seen(3)]));
        asked.answer(&Block(vec![seen(4)]));
        assert_eq!((asked.answer_of(1), asked.answer_of(2)), (Some(&seen(1)), None));
        assert_eq!(asked.answers.len(), 2);
    }

    #[test]
    fn a_block_that_several_ids_ask_is_read_once() {
        let mut asked = Asked::default();
        asked.ask(1);
        asked.ask_block(2, (KEY, 5));
        asked.ask_block(3, (KEY, 5));
        asked.ask_block(3, (KEY, 6));
        assert_eq!(asked.blocks().collect::<Vec<_>>(), [(KEY, 5), (KEY, 6)]);
    }

    #[test]
    #[should_panic(expected = "was asked before its batch is applied")]
    fn what_was_not_asked_is_not_taken_for_new() {
        Asked::default().answer_of(1);
    }
}
