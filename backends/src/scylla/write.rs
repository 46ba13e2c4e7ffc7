//! Writing cells: those of one partition key in small batches, a bounded number of requests at once.

use super::outcome;
use super::statements::Statements;
use domain::port::StoreError;
use domain::table::{Cell, KeyValue};
use futures::stream::{self, StreamExt, TryStreamExt};

/// The most cells of a batch.
const BATCH_CELLS_MAX: usize = 64;
/// The most bytes of the values of a batch of more than one cell.
const BATCH_BYTES_MAX: usize = 32 * 1024;

/// Writes them all, or says that any part may be written.
pub async fn write(statements: &Statements, cells: Vec<Cell>, requests_max: usize) -> Result<(), StoreError> {
    let batches = batches(cells);
    let is_one = batches.len() == 1;
    let written = stream::iter(batches)
        .map(|batch| async move { statements.insert(&batch).await })
        .buffer_unordered(requests_max)
        .try_collect::<()>()
        .await;
    written.map_err(|error| match outcome::of_write(&error) {
        StoreError::Overloaded(reason) | StoreError::Unavailable(reason) if !is_one => {
            StoreError::UnknownOutcome(reason)
        }
        error => error,
    })
}

/// Cells of one partition key together, within the bounds of a batch.
fn batches(mut cells: Vec<Cell>) -> Vec<Vec<Cell>> {
    cells.sort_by(|one, other| place(one).cmp(&place(other)));
    let mut batches: Vec<Vec<Cell>> = Vec::new();
    let mut bytes = 0;
    for cell in cells {
        bytes += cell.value.len();
        match batches.last_mut() {
            Some(batch)
                if place(&batch[0]) == place(&cell)
                    && batch.len() < BATCH_CELLS_MAX
                    && bytes <= BATCH_BYTES_MAX =>
            {
                batch.push(cell);
            }
            _ => {
                bytes = cell.value.len();
                batches.push(vec![cell]);
            }
        }
    }
    batches
}

/// What a batch shares.
fn place(cell: &Cell) -> (&str, &[KeyValue]) {
    (cell.key.table.name, &cell.key.partition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::table::{CHARGE, CHECKPOINT, CellKey};

    fn charge(tenant: &str, period: usize, bytes: usize) -> Cell {
        let key = vec![KeyValue::text(&format!("{period:05}"))];
        let key = CellKey::new(&CHARGE, vec![KeyValue::text(tenant)], key);
        Cell { key, timestamp: 1, value: vec![0; bytes].into() }
    }

    /// The sizes of the batches, and whether each holds cells of one place.
    fn sizes(cells: Vec<Cell>) -> Vec<usize> {
        let batches = batches(cells);
        for batch in &batches {
            assert!(batch.iter().all(|cell| place(cell) == place(&batch[0])));
        }
        batches.iter().map(Vec::len).collect()
    }

    #[test]
    fn a_batch_holds_cells_of_one_partition_key_only() {
        let mut cells: Vec<Cell> =
            (0..9).map(|number| charge(["a", "b", "c"][number % 3], number, 1)).collect();
        let key = CellKey::new(&CHECKPOINT, vec![1_i64.into(), 0_i64.into()], vec![]);
        cells.insert(4, Cell { key, timestamp: 1, value: "v".into() });
        assert_eq!(sizes(cells), [3, 3, 3, 1]);
    }

    #[test]
    fn a_batch_is_bounded_in_cells() {
        let cells = (0..=BATCH_CELLS_MAX * 2).map(|number| charge("a", number, 1)).collect();
        assert_eq!(sizes(cells), [BATCH_CELLS_MAX, BATCH_CELLS_MAX, 1]);
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_and_a_larger_cell_goes_alone() {
        let half = BATCH_BYTES_MAX / 2;
        let cells = [half, half, 1, BATCH_BYTES_MAX + 1, half, half].into_iter().enumerate();
        let cells = cells.map(|(number, bytes)| charge("a", number, bytes)).collect();
        assert_eq!(sizes(cells), [2, 1, 1, 2]);
    }

    #[test]
    fn versions_of_a_cell_keep_their_order() {
        let version = |timestamp| Cell { timestamp, ..charge("a", 1, 1) };
        let batches = batches(vec![version(2), charge("b", 1, 1), version(1), version(3)]);
        let timestamps = |batch: &Vec<Cell>| batch.iter().map(|cell| cell.timestamp).collect::<Vec<_>>();
        assert_eq!(batches.iter().map(timestamps).collect::<Vec<_>>(), [vec![2, 1, 3], vec![1]]);
    }

    #[test]
    fn nothing_to_write_is_nothing_sent() {
        assert_eq!(batches(Vec::new()), Vec::<Vec<Cell>>::new());
    }
}
