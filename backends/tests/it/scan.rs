//! Every cell of a file is found by its partitions, whatever their keys are made of.

use crate::open;
use bytes::Bytes;
use domain::port::{CellStore, Query, read_all};
use domain::table::{Cell, CellKey, Column, ColumnType, KeyValue, TABLES, Table};
use std::collections::BTreeSet;

/// A key value that differs with the number; numbers of both signs, texts of several lengths.
fn value(column: &Column, number: i64) -> KeyValue {
    match column.kind {
        ColumnType::Text => KeyValue::text(&format!("é{}", "x".repeat(usize::try_from(number % 7).unwrap()))),
        ColumnType::Int => KeyValue::Int(number - 40),
        ColumnType::Timestamp => KeyValue::Timestamp(number * 1_000),
        ColumnType::Blob => KeyValue::Blob(Bytes::from(number.to_be_bytes().to_vec())),
    }
}

fn cell(table: &'static Table, number: i64) -> Cell {
    let values = |columns: &[Column]| columns.iter().map(|column| value(column, number)).collect();
    let key = CellKey::new(table, values(table.partition), values(table.clustering));
    Cell { key, timestamp: number, value: Bytes::from(format!("{number}")) }
}

async fn partitions(store: &backends::embedded::EmbeddedStore, table: &'static Table) -> Vec<Vec<KeyValue>> {
    let mut all: Vec<Vec<KeyValue>> = Vec::new();
    loop {
        let next = store.partitions(table, all.last().cloned()).await.unwrap();
        if next.is_empty() {
            return all;
        }
        all.extend(next);
    }
}

#[tokio::test]
async fn the_partitions_of_a_table_hold_every_cell_of_it_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).store;
    for table in TABLES {
        assert_eq!(partitions(&store, table).await, Vec::<Vec<KeyValue>>::new(), "{}", table.name);
        let cells: Vec<Cell> = (0..100).map(|number| cell(table, number)).collect();
        let kept: BTreeSet<Vec<KeyValue>> =
            cells.iter().map(|cell| [&cell.key.partition[..], &cell.key.clustering].concat()).collect();
        store.write(cells).await.unwrap();
        let mut found = Vec::new();
        for partition in partitions(&store, table).await {
            let read = read_all(&*store, Query::all(table, partition)).await.unwrap();
            found.extend(read.iter().map(|cell| [&cell.key.partition[..], &cell.key.clustering].concat()));
        }
        assert_eq!(found.len(), kept.len(), "{}", table.name);
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), kept, "{}", table.name);
    }
}

#[tokio::test]
async fn more_partitions_than_one_answer_holds_come_in_several() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).store;
    let table = TABLES.into_iter().find(|table| table.name == "page").unwrap();
    store.write((0..2_500).map(|number| cell(table, number)).collect()).await.unwrap();
    assert_eq!(store.partitions(table, None).await.unwrap().len(), 1_000);
    let all = partitions(&store, table).await;
    assert_eq!(all.len(), 2_500);
    assert!(all.is_sorted(), "in the order of their keys");
}
