//! Aggregate rows in cells.

use super::number::{shorten, widen};
use super::{Blob, BlobError, open, seal};
use crate::log;
use bytes::Bytes;
use domain::aggregate::{QuarterUsage, Row};
use domain::position::Position;
use domain::quantity::{Quantity, Sum};

const FORMAT: u8 = 1;

impl Blob for Row {
    fn to_blob(&self) -> Bytes {
        let cell = log::AggregateCell {
            position: self.position.raw(),
            quarters: self.quarters.iter().map(write_quarter).collect(),
            ranges: write_ranges(&self.ranges),
        };
        seal(FORMAT, &cell)
    }

    fn from_blob(bytes: &[u8]) -> Result<Self, BlobError> {
        read(&open(FORMAT, bytes)?).ok_or(BlobError::Damaged)
    }
}

fn read(cell: &log::AggregateCell) -> Option<Row> {
    let quarters: Option<Vec<QuarterUsage>> = cell.quarters.iter().map(read_quarter).collect();
    Some(Row {
        position: Position::from_raw(cell.position),
        quarters: quarters?.try_into().ok()?,
        ranges: read_ranges(&cell.ranges)?,
    })
}

fn write_quarter(quarter: &QuarterUsage) -> log::QuarterCell {
    log::QuarterCell {
        sum: shorten(&quarter.sum.to_le_bytes()),
        count: quarter.count,
        min: shorten(&quarter.min.atoms().to_le_bytes()),
        max: shorten(&quarter.max.atoms().to_le_bytes()),
    }
}

fn read_quarter(cell: &log::QuarterCell) -> Option<QuarterUsage> {
    let quantity = |bytes: &[u8]| Quantity::from_atoms(i128::from_le_bytes(widen(bytes)?));
    Some(QuarterUsage {
        sum: Sum::from_le_bytes(widen(&cell.sum)?),
        count: cell.count,
        min: quantity(&cell.min)?,
        max: quantity(&cell.max)?,
    })
}

/// Start, length, gap, length, gap, …: each edge less the one before.
fn write_ranges(ranges: &[(u64, u64)]) -> Vec<u64> {
    let mut before = 0;
    let edges = ranges.iter().flat_map(|(start, end)| [*start, *end]);
    edges.map(|edge| edge - std::mem::replace(&mut before, edge)).collect()
}

fn read_ranges(steps: &[u64]) -> Option<Vec<(u64, u64)>> {
    let mut before = 0_u64;
    let mut edge = |step: u64| {
        before = before.checked_add(step)?;
        Some(before)
    };
    let (pairs, rest) = steps.as_chunks::<2>();
    let ranges = pairs.iter().map(|[gap, length]| Some((edge(*gap)?, edge(*length)?)));
    if rest.is_empty() { ranges.collect() } else { None }
}
