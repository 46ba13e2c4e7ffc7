//! First sights: which of several reports of one identity is the one that was counted.

use crate::meta::damaged;
use domain::generation::Generation;
use domain::ledger::{Block, Seen, SliceKey};
use domain::port::{CellStore, Query, StoreError, read_all};
use domain::pulse::Identity;
use domain::table::LEDGER;
use proto::blob::Blob;
use std::collections::BTreeMap;

/// How many slices are held at once: pulses come in the order of their arrival, so few are enough.
const SLICES_MAX: usize = 64;

/// The consumer's memory of identities, read slice by slice.
pub struct Ledger<'a> {
    store: &'a dyn CellStore,
    slices: BTreeMap<SliceKey, BTreeMap<u128, Seen>>,
}

impl<'a> Ledger<'a> {
    /// Nothing read yet.
    pub fn new(store: &'a dyn CellStore) -> Self {
        Self { store, slices: BTreeMap::new() }
    }

    /// Where an identity was seen first; `None`: never, or so long ago that it is forgotten.
    pub async fn first_sight(
        &mut self,
        place: (&Generation, u32),
        identity: &Identity<'_>,
    ) -> Result<Option<Seen>, StoreError> {
        let (generation, partition) = place;
        let hash = identity.hash(&generation.hash_key);
        let key = SliceKey {
            generation: generation.number,
            partition,
            bucket: generation.bucket(identity.minute),
            slice: generation.slice(hash),
        };
        if !self.slices.contains_key(&key) {
            let slice = self.load(&key).await?;
            if self.slices.len() >= SLICES_MAX {
                self.slices.clear();
            }
            self.slices.insert(key, slice);
        }
        Ok(self.slices[&key].get(&hash).copied())
    }

    async fn load(&self, key: &SliceKey) -> Result<BTreeMap<u128, Seen>, StoreError> {
        let mut slice = BTreeMap::new();
        for cell in read_all(self.store, Query::all(&LEDGER, key.partition_key())).await? {
            let block = Block::from_blob(&cell.value).map_err(|_| damaged(&cell.key))?;
            for seen in block.0 {
                let first = slice.entry(seen.identity).or_insert(seen);
                *first = (*first).min(seen);
            }
        }
        Ok(slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backends::memory::MemoryStore;
    use domain::position::Position;
    use domain::table::Cell;

    fn identity(id: &[u8], minute: i64) -> Identity<'_> {
        Identity { tenant: "acme", source: "", id, minute }
    }

    fn seen(generation: &Generation, id: &[u8], minute: i64, offset: u64) -> (SliceKey, Seen) {
        let hash = identity(id, minute).hash(&generation.hash_key);
        let (bucket, slice) = (generation.bucket(minute), generation.slice(hash));
        let key = SliceKey { generation: 1, partition: 3, bucket, slice };
        (key, Seen { position: Position::new(offset, 0), identity: hash, content: 1 })
    }

    async fn write(store: &MemoryStore, key: &SliceKey, number: i64, ids: Vec<Seen>) {
        let block = Block(ids);
        let cell =
            Cell { key: key.cell_key(number), timestamp: block.position().raw(), value: block.to_blob() };
        store.write(vec![cell]).await.unwrap();
    }

    #[tokio::test]
    async fn the_first_of_several_blocks_holds() {
        let (store, generation) = (MemoryStore::new(), Generation::first([7; 16], 4));
        let (key, first) = seen(&generation, b"a", 100, 5);
        let (_, later) = seen(&generation, b"a", 100, 9);
        write(&store, &key, 2, vec![later]).await;
        write(&store, &key, 7, vec![first]).await;
        let mut ledger = Ledger::new(&store);
        let found = ledger.first_sight((&generation, 3), &identity(b"a", 100)).await.unwrap();
        assert_eq!(found.map(|seen| seen.position), Some(Position::new(5, 0)));
        for (id, minute, partition) in [(b"b", 100, 3), (b"a", 101, 3), (b"a", 100, 2)] {
            let found = ledger.first_sight((&generation, partition), &identity(id, minute)).await.unwrap();
            assert_eq!(found, None, "{id:?} {minute} {partition}");
        }
    }

    #[tokio::test]
    async fn far_more_slices_than_are_held_at_once_are_all_found() {
        let (store, generation) = (MemoryStore::new(), Generation::first([7; 16], 4));
        for minute in 0..200 {
            let (key, seen) = seen(&generation, b"a", minute, 5);
            write(&store, &key, 0, vec![seen]).await;
        }
        let mut ledger = Ledger::new(&store);
        for minute in (0..200).chain(0..5) {
            let found = ledger.first_sight((&generation, 3), &identity(b"a", minute)).await.unwrap();
            assert!(found.is_some(), "{minute}");
            assert!(ledger.slices.len() <= SLICES_MAX);
        }
    }

    #[tokio::test]
    async fn a_block_that_is_not_what_was_written_is_named() {
        let (store, generation) = (MemoryStore::new(), Generation::first([7; 16], 4));
        let (key, _) = seen(&generation, b"a", 100, 5);
        let cell = Cell { key: key.cell_key(0), timestamp: 1, value: b"?".as_slice().into() };
        store.write(vec![cell]).await.unwrap();
        let found = Ledger::new(&store).first_sight((&generation, 3), &identity(b"a", 100)).await;
        assert!(matches!(found, Err(StoreError::Damaged { table: "ledger", .. })), "{found:?}");
    }
}
