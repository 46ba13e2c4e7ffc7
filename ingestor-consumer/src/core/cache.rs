//! Cells held in memory: which are dirty, which may be evicted.

use domain::position::Position;
use foldhash::fast::RandomState;
use indexmap::IndexMap;
use std::hash::Hash;

/// A value folded from the log: it knows the last position that changed it.
pub(super) trait Folded: Default {
    fn position(&self) -> Position;
}

impl Folded for domain::aggregate::Row {
    fn position(&self) -> Position {
        self.position
    }
}

impl Folded for domain::dead_letter::DeadLetterState {
    fn position(&self) -> Position {
        self.position
    }
}

/// A value and what is known to be on a quorum of the store.
#[derive(Debug)]
struct Held<V> {
    value: V,
    /// The position of the last acknowledged write; below the value's own, the value is dirty.
    written: Position,
    used: u64,
}

/// Values by key. Handles are stable until the next eviction.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    held: IndexMap<K, Held<V>, RandomState>,
}

impl<K: Hash + Eq + Clone, V: Folded> Cache<K, V> {
    pub(super) fn new() -> Self {
        Self { held: IndexMap::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.held.contains_key(key)
    }

    pub(super) fn handle(&self, key: &K) -> usize {
        self.held.get_index_of(key).expect("a batch is applied only when everything it touches is loaded")
    }

    pub(super) fn value_mut(&mut self, handle: usize, used: u64) -> &mut V {
        let held = &mut self.held[handle];
        held.used = used;
        &mut held.value
    }

    /// Takes in what the store holds. A value from at or above the checkpoint may be on a minority only: it is dirty.
    pub(super) fn insert_loaded(&mut self, key: K, value: V, checkpoint: Position) {
        let on_quorum = value.position() <= checkpoint;
        let written = if on_quorum { value.position() } else { Position::START };
        self.held.insert(key, Held { value, written, used: 0 });
    }

    pub(super) fn dirty(&self) -> impl Iterator<Item = (&K, &V)> {
        let is_dirty = |held: &&Held<V>| held.written < held.value.position();
        self.held.iter().filter(move |(_, held)| is_dirty(held)).map(|(key, held)| (key, &held.value))
    }

    pub(super) fn acknowledge(&mut self, key: &K, position: Position) {
        if let Some(held) = self.held.get_mut(key) {
            held.written = held.written.max(position);
        }
    }

    /// Drops clean values below the durable checkpoint, least recently used first, until `keep` are left.
    pub(super) fn evict(&mut self, keep: usize, checkpoint: Position) {
        let excess = self.held.len().saturating_sub(keep);
        if excess == 0 {
            return;
        }
        let clean =
            |held: &Held<V>| held.written == held.value.position() && held.value.position() <= checkpoint;
        let mut ages: Vec<u64> =
            self.held.values().filter(|held| clean(held)).map(|held| held.used).collect();
        ages.sort_unstable();
        let Some(newest) = ages.get(excess.min(ages.len()).saturating_sub(1)).copied() else { return };
        self.held.retain(|_, held| !(clean(held) && held.used <= newest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::aggregate::Row;
    use domain::quantity::Quantity;
    use domain::time::Quarter;

    fn row(offset: u64) -> Row {
        let mut row = Row::default();
        row.apply(Position::new(offset, 0), Quarter(0), Quantity::ZERO);
        row
    }

    #[test]
    fn what_is_loaded_from_above_the_checkpoint_is_written_back() {
        let mut cache = Cache::new();
        cache.insert_loaded("below", row(4), Position::before(5));
        cache.insert_loaded("above", row(5), Position::before(5));
        cache.insert_loaded("absent", Row::default(), Position::before(5));
        let dirty: Vec<&str> = cache.dirty().map(|(key, _)| *key).collect();
        assert_eq!(dirty, ["above"]);
    }

    #[test]
    fn only_clean_values_below_the_checkpoint_are_evicted_oldest_first() {
        let mut cache = Cache::new();
        for (used, key) in ["old", "new", "dirty", "ahead"].into_iter().enumerate() {
            cache.insert_loaded(key, row(1), Position::before(9));
            let handle = cache.handle(&key);
            cache.value_mut(handle, used as u64);
        }
        let handle = cache.handle(&"dirty");
        cache.value_mut(handle, 0).apply(Position::new(2, 0), Quarter(0), Quantity::ZERO);
        let handle = cache.handle(&"ahead");
        cache.value_mut(handle, 0).apply(Position::new(9, 0), Quarter(0), Quantity::ZERO);
        cache.acknowledge(&"ahead", Position::new(9, 0));
        cache.evict(3, Position::before(9));
        assert!(!cache.contains(&"old") && cache.contains(&"new"));
        cache.evict(0, Position::before(9));
        assert!(cache.contains(&"dirty") && cache.contains(&"ahead") && cache.len() == 2);
    }
}
