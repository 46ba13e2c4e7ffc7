//! All dead letters of a range in the order of their ids, a chunk at a time.

use super::Kept;
use crate::meta::damaged;
use domain::dead_letter::{DeadLetter, DeadLetterId, DeadLetterState};
use domain::generation::Registry;
use domain::port::{CellStore, Chunk, ClusteringRange, PageState, Query, StoreError, read_all};
use domain::table::{Cell, DEAD_LETTER, DEAD_LETTER_STATE, KeyValue};
use domain::time::Window;
use proto::blob::Blob;
use std::collections::{BTreeMap, VecDeque};

/// Where dead letters lie: day, generation, partition.
type Place = (i64, u32, u32);

/// Reads on from place to place.
pub struct Scan<'a> {
    store: &'a dyn CellStore,
    places: VecDeque<Place>,
    resume: Option<PageState>,
    after: Option<DeadLetterId>,
}

impl<'a> Scan<'a> {
    /// Everything received on the days of the range, after that id.
    pub fn new(
        store: &'a dyn CellStore,
        registry: &Registry,
        range: &Window,
        after: Option<DeadLetterId>,
    ) -> Self {
        let mut generations: Vec<_> =
            registry.generations().map(|one| (one.number, one.partitions)).collect();
        generations.sort_unstable();
        let places = range.days().flat_map(|day| {
            let generations = generations.clone();
            generations
                .into_iter()
                .flat_map(move |(number, count)| (0..count).map(move |one| (day, number, one)))
        });
        let begins = after.map(|id| (id.day, id.generation, id.partition));
        Self { store, places: places.filter(|place| Some(*place) >= begins).collect(), resume: None, after }
    }

    /// Those of one partition of a generation.
    #[must_use]
    pub fn only(mut self, generation: u32, partition: u32) -> Self {
        self.places.retain(|place| (place.1, place.2) == (generation, partition));
        self
    }

    /// The next of them, at least none; `None`: that was all.
    pub async fn next_chunk(&mut self) -> Result<Option<Vec<Kept>>, StoreError> {
        let Some(place) = self.places.front().copied() else { return Ok(None) };
        let Chunk { cells, next } = self.store.read(&self.query(place)).await?;
        let states = self.states(place, &cells).await?;
        if next.is_none() {
            self.places.pop_front();
        }
        self.resume = next;
        cells.iter().map(|cell| kept(cell, &states)).collect::<Result<_, _>>().map(Some)
    }

    fn query(&self, (day, generation, partition): Place) -> Query {
        let key = DeadLetterId::partition_key(day, generation, partition);
        let here =
            self.after.filter(|id| (id.day, id.generation, id.partition) == (day, generation, partition));
        let from = here.map(|id| KeyValue::Int(id.position.raw() + 1));
        let query =
            Query::all(&DEAD_LETTER, key).within(ClusteringRange { from, ..ClusteringRange::default() });
        Query { resume: self.resume.clone(), ..query }
    }

    /// The later states of the cells, by position.
    async fn states(
        &self,
        (day, generation, partition): Place,
        cells: &[Cell],
    ) -> Result<BTreeMap<i64, DeadLetterState>, StoreError> {
        let (Some(first), Some(last)) = (cells.first(), cells.last()) else { return Ok(BTreeMap::new()) };
        let range = ClusteringRange {
            from: Some(KeyValue::Int(position(first))),
            to: Some(KeyValue::Int(position(last) + 1)),
            ..ClusteringRange::default()
        };
        let key = DeadLetterId::partition_key(day, generation, partition);
        let states = read_all(self.store, Query::all(&DEAD_LETTER_STATE, key).within(range)).await?;
        let read = |cell: &Cell| Ok((position(cell), decode(cell)?));
        states.iter().map(read).collect()
    }
}

fn kept(cell: &Cell, states: &BTreeMap<i64, DeadLetterState>) -> Result<Kept, StoreError> {
    let letter: DeadLetter = decode(cell)?;
    Ok(Kept::new(letter, states.get(&position(cell)).cloned().unwrap_or_default()))
}

fn decode<T: Blob>(cell: &Cell) -> Result<T, StoreError> {
    T::from_blob(&cell.value).map_err(|_| damaged(&cell.key))
}

fn position(cell: &Cell) -> i64 {
    cell.key.clustering.first().and_then(KeyValue::as_int).unwrap_or_default()
}
