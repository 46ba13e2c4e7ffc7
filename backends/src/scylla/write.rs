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
