//! Three copies of a store; every write and read names the ones it reached.

use crate::key;
use bytes::Bytes;
use domain::port::Query;
use domain::table::{Cell, CellKey, KeyValue, TableRef};
use std::collections::BTreeMap;

/// What a cell holds. The order is the rule of two writes: the larger timestamp wins, on a tie the larger value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    timestamp: i64,
    value: Bytes,
}

type Rows = BTreeMap<Vec<KeyValue>, Version>;

#[derive(Clone, Debug)]
struct TableRows {
    table: TableRef,
    partitions: BTreeMap<Vec<KeyValue>, Rows>,
}

type Replica = BTreeMap<&'static str, TableRows>;

/// Three replicas without I/O, tasks or time.
#[derive(Clone, Debug, Default)]
pub struct Replicas([Replica; 3]);

impl Replicas {
    /// Three empty replicas.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the cell to the replicas reached; each keeps the version that wins.
    pub fn write(&mut self, cell: &Cell, reached: [bool; 3]) {
        for replica in chosen_mut(&mut self.0, reached) {
            let table = cell.key.table;
            let rows =
                replica.entry(table.name).or_insert_with(|| TableRows { table, partitions: BTreeMap::new() });
            let rows = rows.partitions.entry(cell.key.partition.to_vec()).or_default();
            let version = Version { timestamp: cell.timestamp, value: cell.value.clone() };
            merge(rows, &cell.key.clustering, version);
        }
    }

    /// The cells of a query in clustering order, merged over the replicas asked: for each the version that wins.
    pub fn read(&self, query: &Query, asked: [bool; 3]) -> Vec<Cell> {
        let mut merged = Rows::new();
        for replica in chosen(&self.0, asked) {
            let rows = replica.get(query.table.name).and_then(|rows| rows.partitions.get(&*query.partition));
            let Some(rows) = rows else { continue };
            let from_start = rows.range(key::start(&query.range)..);
            for (clustering, version) in
                from_start.take_while(|(clustering, _)| key::is_within(&query.range, clustering))
            {
                merge(&mut merged, clustering, version.clone());
            }
        }
        cells(query.table, &query.partition, &merged).collect()
    }

    /// The whole content, merged over all three.
    pub fn all(&self) -> Vec<Cell> {
        let mut everything = Self::new();
        for (table, partition, rows) in self.0.iter().flat_map(partitions) {
            cells(table, partition, rows).for_each(|cell| everything.write(&cell, [true, false, false]));
        }
        partitions(&everything.0[0])
            .flat_map(|(table, partition, rows)| cells(table, partition, rows))
            .collect()
    }
}

fn chosen(replicas: &[Replica; 3], which: [bool; 3]) -> impl Iterator<Item = &Replica> {
    replicas.iter().zip(which).filter_map(|(replica, is_chosen)| is_chosen.then_some(replica))
}

fn chosen_mut(replicas: &mut [Replica; 3], which: [bool; 3]) -> impl Iterator<Item = &mut Replica> {
    replicas.iter_mut().zip(which).filter_map(|(replica, is_chosen)| is_chosen.then_some(replica))
}

fn merge(rows: &mut Rows, clustering: &[KeyValue], version: Version) {
    match rows.get_mut(clustering) {
        Some(stored) if *stored >= version => {}
        Some(stored) => *stored = version,
        None => drop(rows.insert(clustering.to_vec(), version)),
    }
}

fn partitions(replica: &Replica) -> impl Iterator<Item = (TableRef, &Vec<KeyValue>, &Rows)> {
    replica
        .values()
        .flat_map(|rows| rows.partitions.iter().map(|(partition, cells)| (rows.table, partition, cells)))
}

fn cells(table: TableRef, partition: &[KeyValue], rows: &Rows) -> impl Iterator<Item = Cell> {
    rows.iter().map(move |(clustering, version)| Cell {
        key: CellKey { table, partition: partition.into(), clustering: clustering.clone() },
        timestamp: version.timestamp,
        value: version.value.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::table::{CHECKPOINT, LEDGER};

    const ALL: [bool; 3] = [true; 3];

    fn cell(timestamp: i64, value: &'static [u8]) -> Cell {
        let key = CellKey::new(&CHECKPOINT, vec![1_i64.into(), 0_i64.into()], vec![]);
        Cell { key, timestamp, value: Bytes::from_static(value) }
    }

    fn read(replicas: &Replicas, asked: [bool; 3]) -> Vec<Cell> {
        replicas.read(&Query::one(&cell(0, b"").key), asked)
    }

    #[test]
    fn any_two_replicas_know_what_two_were_told_and_one_alone_may_not() {
        let mut replicas = Replicas::new();
        replicas.write(&cell(1, b"old"), ALL);
        replicas.write(&cell(2, b"new"), [true, true, false]);
        for asked in [[true, true, false], [true, false, true], [false, true, true]] {
            assert_eq!(read(&replicas, asked), [cell(2, b"new")]);
        }
        assert_eq!(read(&replicas, [false, false, true]), [cell(1, b"old")]);
        assert_eq!(replicas.all(), [cell(2, b"new")]);
    }

    #[test]
    fn the_larger_timestamp_wins_and_on_a_tie_the_larger_value() {
        let mut replicas = Replicas::new();
        for (written, expected) in [
            (cell(5, b"m"), cell(5, b"m")),
            (cell(4, b"z"), cell(5, b"m")),
            (cell(5, b"a"), cell(5, b"m")),
            (cell(5, b"mm"), cell(5, b"mm")),
            (cell(6, b"a"), cell(6, b"a")),
        ] {
            replicas.write(&written, ALL);
            assert_eq!(read(&replicas, ALL), [expected]);
        }
    }

    #[test]
    fn a_read_sees_one_partition_key_in_clustering_order() {
        let mut replicas = Replicas::new();
        let partition = |bucket: i64| vec![1_i64.into(), 0_i64.into(), bucket.into(), 0_i64.into()];
        for (bucket, block) in [(7, 10), (7, 9), (8, 1)] {
            let key = CellKey::new(&LEDGER, partition(bucket), vec![i64::into(block)]);
            replicas.write(&Cell { key, timestamp: 1, value: Bytes::new() }, ALL);
        }
        let blocks = |bucket| {
            let found = replicas.read(&Query::all(&LEDGER, partition(bucket)), ALL);
            found.iter().map(|cell| cell.key.clustering[0].as_int().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!((blocks(7), blocks(8), blocks(9)), (vec![9, 10], vec![1], vec![]));
        assert_eq!(replicas.all().len(), 3);
    }
}
