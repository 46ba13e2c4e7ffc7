//! Pages handed over record by record, over the borders of page and part.

use super::*;
use crate::testing::records::keep_page;
use backends::memory::{MemoryStore, ReadFault};
use domain::time::Timestamp;
use proptest::prelude::*;
use proto::page::{page_key, split};

fn entry(offset: u64, bytes: usize) -> Entry {
    // Bytes that do not compress, so that a long record has several parts.
    let value = (0..bytes)
        .map(|index| domain::hash::fixed_hash(&(index as u64 ^ offset).to_le_bytes()).to_le_bytes()[0]);
    let value: Bytes = value.collect::<Vec<u8>>().into();
    Entry { offset, timestamp: Timestamp::from_seconds(5), headers: Vec::new(), value }
}

async fn read(store: &MemoryStore, offsets: Range<u64>) -> Result<Vec<Entry>, StoreError> {
    let mut found = Vec::new();
    let pages = Pages { store, generation: 1, partition: 0 };
    pages.each(offsets, |entry| found.push(entry.clone())).await.map(|()| found)
}

fn offsets(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.offset).collect()
}

#[tokio::test]
async fn records_come_whole_and_rising_over_pages_and_parts() {
    let store = MemoryStore::new();
    let kept = [entry(0, 3), entry(1_022, 120_000), entry(1_023, 0), entry(1_024, 90_000), entry(4_000, 1)];
    for entry in kept.iter().rev() {
        keep_page(&store, 0, entry).await;
    }
    for chunk in [1, 2, 3, 1_000] {
        store.set_chunk_cells(chunk);
        assert_eq!(read(&store, 0..5_000).await.unwrap(), kept, "{chunk}");
    }
}

#[tokio::test]
async fn only_the_offsets_asked_for_are_handed_over() {
    let store = MemoryStore::new();
    for offset in [0, 5, 1_023, 1_024, 2_047, 2_048] {
        keep_page(&store, 0, &entry(offset, 10)).await;
    }
    for (range, expected) in [
        (0..0, vec![]),
        (0..1, vec![0]),
        (1..5, vec![]),
        (5..6, vec![5]),
        (5..1_024, vec![5, 1_023]),
        (1_023..1_025, vec![1_023, 1_024]),
        (1_025..2_048, vec![2_047]),
        (2_048..9_999, vec![2_048]),
        (9_999..10_000, vec![]),
    ] {
        assert_eq!(offsets(&read(&store, range.clone()).await.unwrap()), expected, "{range:?}");
    }
}

#[tokio::test]
async fn other_partitions_and_generations_are_not_touched() {
    let store = MemoryStore::new();
    for (generation, partition) in [(1, 1), (2, 0)] {
        for (part, value) in (0..).zip(split(&entry(7, 3))) {
            let cell = Cell { key: page_key(generation, partition, 7, part), timestamp: 1, value };
            store.write(vec![cell]).await.unwrap();
        }
    }
    assert!(read(&store, 0..100).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_part_that_is_lost_or_damaged_is_named() {
    let store = MemoryStore::new();
    let long = entry(3, 120_000);
    for (part, value) in (0..).zip(split(&long)).filter(|(part, _)| *part != 1) {
        store.write(vec![Cell { key: page_key(1, 0, 3, part), timestamp: 1, value }]).await.unwrap();
    }
    let lost = read(&store, 0..9).await;
    assert!(matches!(lost, Err(StoreError::Damaged { table: "page", .. })), "{lost:?}");
    let value = Bytes::from_static(b"?");
    store.write(vec![Cell { key: page_key(1, 0, 3, 1), timestamp: 1, value }]).await.unwrap();
    assert!(matches!(read(&store, 0..9).await, Err(StoreError::Damaged { .. })));
    assert!(read(&store, 4..9).await.unwrap().is_empty(), "what is not asked for is not read");
}

#[tokio::test]
async fn a_store_that_is_away_is_no_end() {
    let store = MemoryStore::new();
    keep_page(&store, 0, &entry(3, 3)).await;
    store.script_reads([Some(ReadFault::Unavailable)]);
    assert!(matches!(read(&store, 0..9).await, Err(StoreError::Unavailable(_))));
    assert_eq!(offsets(&read(&store, 0..9).await.unwrap()), [3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn ranges_that_tile_hand_over_each_record_once(
        kept in prop::collection::btree_set(0_u64..3_000, 0..30),
        cuts in prop::collection::btree_set(0_u64..3_000, 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = MemoryStore::new();
            for offset in &kept {
                keep_page(&store, 0, &entry(*offset, 8)).await;
            }
            let (mut seen, mut start) = (Vec::new(), 0);
            for end in cuts.into_iter().chain([3_000]) {
                seen.extend(offsets(&read(&store, start..end).await.unwrap()));
                start = end;
            }
            assert_eq!(seen, kept.into_iter().collect::<Vec<_>>());
        });
    }
}
