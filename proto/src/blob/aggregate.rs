//! Aggregate rows in cells.

mod reader;

use super::number::shorten;
use super::{Blob, BlobError, seal, unseal};
use crate::log;
use bytes::Bytes;
use domain::aggregate::{QuarterUsage, Row};

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
        reader::row(unseal(FORMAT, bytes)?).ok_or(BlobError::Damaged)
    }
}

fn write_quarter(quarter: &QuarterUsage) -> log::QuarterCell {
    log::QuarterCell {
        sum: shorten(&quarter.sum.to_le_bytes()),
        count: quarter.count,
        min: shorten(&quarter.min.atoms().to_le_bytes()),
        max: shorten(&quarter.max.atoms().to_le_bytes()),
    }
}

/// Start, length, gap, length, gap, …: each edge less the one before.
fn write_ranges(ranges: &[(u64, u64)]) -> Vec<u64> {
    let mut before = 0;
    let edges = ranges.iter().flat_map(|(start, end)| [*start, *end]);
    edges.map(|edge| edge - std::mem::replace(&mut before, edge)).collect()
}
