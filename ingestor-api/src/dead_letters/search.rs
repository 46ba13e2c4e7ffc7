//! Which dead letters a replay is about: open ones, in the order of their ids' cells.

use super::repair::payload;
use domain::dead_letter::{DeadLetter, DeadLetterId, DeadLetterState, Status};
use domain::generation::Registry;
use domain::port::{CellStore, ClusteringRange, Query, StoreError, read_all};
use domain::position::Position;
use domain::reject::RejectReason;
use domain::table::{Cell, CellKey, DEAD_LETTER, DEAD_LETTER_STATE, KeyValue};
use domain::time::Timestamp;
use proto::blob::Blob;
use std::collections::HashMap;

/// Day, generation and partition of dead letters that lie together.
pub(super) type Place = (i64, u32, u32);

/// A dead letter and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What was kept.
    pub letter: DeadLetter,
    /// Where it stands.
    pub state: DeadLetterState,
}

/// Which of the open dead letters are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter<'a> {
    /// Refused for that reason.
    pub reason: Option<RejectReason>,
    /// Reported for that tenant.
    pub tenant: Option<&'a str>,
}

/// Part of what matches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// At most as many as asked for.
    pub found: Vec<Found>,
    /// Where it goes on; `None`: that was all.
    pub last: Option<DeadLetterId>,
}

/// The dead letter of that id, in whatever state.
pub(super) async fn find(store: &dyn CellStore, id: DeadLetterId) -> Result<Option<Found>, StoreError> {
    let Some(letter) = read_one::<DeadLetter>(store, &id.cell_key()).await? else { return Ok(None) };
    let state = read_state(store, id).await?;
    Ok(Some(Found { letter, state }))
}

/// The state of the dead letter of that id.
pub(super) async fn read_state(
    store: &dyn CellStore,
    id: DeadLetterId,
) -> Result<DeadLetterState, StoreError> {
    Ok(read_one(store, &id.state_key()).await?.unwrap_or_default())
}

/// The first `count` open ones of these places that match and come after `after`.
pub(super) async fn search(
    store: &dyn CellStore,
    places: Vec<Place>,
    filter: Filter<'_>,
    (after, count): (Option<DeadLetterId>, usize),
) -> Result<Page, StoreError> {
    let mut page = Page::default();
    for place in places.into_iter().skip_while(|place| after.is_some_and(|after| *place < place_of(after))) {
        let resumed = after.filter(|after| place == place_of(*after));
        let from = resumed.map_or(Position::START, |after| Position::from_raw(after.position.raw() + 1));
        let mut query = Query::all(&DEAD_LETTER, key_of(place)).within(positions(from, None));
        loop {
            let chunk = store.read(&query).await?;
            for found in with_state(store, place, chunk.cells).await? {
                if page.take(found, filter, count) == Fill::Full {
                    return Ok(page);
                }
            }
            match chunk.next {
                Some(next) => query.resume = Some(next),
                None => break,
            }
        }
    }
    Ok(page)
}

/// Every place that may hold a dead letter whose pulse is within the horizon, rising.
pub(super) fn places(registry: &Registry, now: Timestamp) -> Vec<Place> {
    let mut places = Vec::new();
    for generation in registry.generations() {
        let horizon = generation.horizon;
        // A pulse may have arrived that much before its event time.
        let first = now.plus_seconds(-horizon.past_seconds - horizon.future_seconds).day();
        let days = first..=now.day();
        places.extend(
            days.flat_map(|day| (0..generation.partitions).map(move |part| (day, generation.number, part))),
        );
    }
    places.sort_unstable();
    places
}

/// Whether a page can take more.
#[derive(PartialEq, Eq)]
enum Fill {
    Open,
    Full,
}

impl Page {
    fn take(&mut self, found: Found, filter: Filter<'_>, count: usize) -> Fill {
        if found.state.status != Status::Open || !filter.covers(&found.letter) {
            return Fill::Open;
        }
        if self.found.len() == count {
            self.last = self.found.last().map(|found| found.letter.id);
            return Fill::Full;
        }
        self.found.push(found);
        Fill::Open
    }
}

impl Filter<'_> {
    /// Whether a search finds a dead letter. The identity of a conflict is counted already, with other content: it is
    /// billed beside that only where somebody means just this.
    fn covers(&self, letter: &DeadLetter) -> bool {
        let is_meant = self.reason.is_some() || letter.reason != RejectReason::DuplicateConflict;
        is_meant && self.matches(letter)
    }

    /// Whether a dead letter is meant.
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let reason_fits = self.reason.is_none_or(|reason| letter.reason == reason);
        let is_of = |tenant: &str| payload(letter).is_ok_and(|raw| raw.tenant == tenant);
        reason_fits && self.tenant.is_none_or(is_of)
    }
}

/// Adds to each dead letter what became of it.
async fn with_state(
    store: &dyn CellStore,
    place: Place,
    letters: Vec<Cell>,
) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::with_capacity(letters.len());
    for cell in letters {
        let letter: DeadLetter = open(&cell)?;
        found.push(Found { letter, state: DeadLetterState::default() });
    }
    let (Some(first), Some(last)) = (found.first(), found.last()) else { return Ok(found) };
    let (first, last) = (first.letter.id.position, last.letter.id.position);
    let range = positions(first, Some(Position::from_raw(last.raw() + 1)));
    let mut states = HashMap::new();
    for cell in read_all(store, Query::all(&DEAD_LETTER_STATE, key_of(place)).within(range)).await? {
        states.insert(cell.key.clustering[0].as_int(), open::<DeadLetterState>(&cell)?);
    }
    for found in &mut found {
        found.state = states.remove(&Some(found.letter.id.position.raw())).unwrap_or_default();
    }
    Ok(found)
}

fn positions(from: Position, to: Option<Position>) -> ClusteringRange {
    let value = |position: Position| position.raw().into();
    ClusteringRange { from: Some(value(from)), to: to.map(value), ..ClusteringRange::default() }
}

async fn read_one<T: Blob>(store: &dyn CellStore, key: &CellKey) -> Result<Option<T>, StoreError> {
    let cells = read_all(store, Query::one(key)).await?;
    cells.first().map(open).transpose()
}

fn open<T: Blob>(cell: &Cell) -> Result<T, StoreError> {
    let damaged =
        |_| StoreError::Damaged { table: cell.key.table.name, key: format!("{:?}", cell.key.clustering) };
    T::from_blob(&cell.value).map_err(damaged)
}

fn place_of(id: DeadLetterId) -> Place {
    (id.day, id.generation, id.partition)
}

fn key_of((day, generation, partition): Place) -> Vec<KeyValue> {
    DeadLetterId::partition_key(day, generation, partition)
}
