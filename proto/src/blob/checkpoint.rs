//! Checkpoints, watermarks and workers' progress in cells.

use super::{Blob, BlobError, open, seal};
use crate::log;
use bytes::Bytes;
use domain::calendar::Period;
use domain::checkpoint::{Checkpoint, Closing, Closings, Totals};
use domain::time::Timestamp;
use std::sync::Arc;

const FORMAT: u8 = 1;

/// How far a reader of a log has come: the first offset it has not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextOffset(pub u64);

impl Blob for NextOffset {
    fn to_blob(&self) -> Bytes {
        seal(FORMAT, &log::NextOffset { offset: self.0 })
    }

    fn from_blob(bytes: &[u8]) -> Result<Self, BlobError> {
        open::<log::NextOffset>(FORMAT, bytes).map(|next| Self(next.offset))
    }
}

impl Blob for Timestamp {
    fn to_blob(&self) -> Bytes {
        seal(FORMAT, &log::Instant { nanos: self.nanos() })
    }

    fn from_blob(bytes: &[u8]) -> Result<Self, BlobError> {
        open::<log::Instant>(FORMAT, bytes).map(|instant| Self::from_nanos(instant.nanos))
    }
}

impl Blob for Checkpoint {
    fn to_blob(&self) -> Bytes {
        let cell = log::Checkpoint {
            next: self.next,
            incarnation: self.incarnation,
            fingerprint: Bytes::copy_from_slice(&self.fingerprint.to_le_bytes()),
            arrival_nanos: self.arrival.nanos(),
            block: self.block,
            block_fill: self.block_fill,
            closings: self.closings.0.iter().map(write_closing).collect(),
            totals: Some(write_totals(&self.totals)),
        };
        seal(FORMAT, &cell)
    }

    fn from_blob(bytes: &[u8]) -> Result<Self, BlobError> {
        read(open(FORMAT, bytes)?).ok_or(BlobError::Damaged)
    }
}

fn read(cell: log::Checkpoint) -> Option<Checkpoint> {
    let closings: Option<_> = cell.closings.into_iter().map(read_closing).collect();
    Some(Checkpoint {
        next: cell.next,
        incarnation: cell.incarnation,
        fingerprint: u128::from_le_bytes(cell.fingerprint.as_ref().try_into().ok()?),
        arrival: Timestamp::from_nanos(cell.arrival_nanos),
        block: cell.block,
        block_fill: cell.block_fill,
        closings: Closings(closings?),
        totals: read_totals(&cell.totals?),
    })
}

fn write_closing(((calendar, period), closing): (&(Arc<str>, Period), &Closing)) -> log::Closing {
    log::Closing {
        calendar: calendar.as_ref().to_owned(),
        period: period.to_string(),
        number: closing.number,
        closed: closing.closed,
        offset: closing.offset,
    }
}

fn read_closing(cell: log::Closing) -> Option<((Arc<str>, Period), Closing)> {
    let month = (cell.calendar.into(), Period::parse(&cell.period)?);
    Some((month, Closing { number: cell.number, closed: cell.closed, offset: cell.offset }))
}

fn write_totals(totals: &Totals) -> log::Totals {
    let Totals { read, applied, duplicate, conflict, refused, foreign, too_late, control } = *totals;
    log::Totals { read, applied, duplicate, conflict, refused, foreign, too_late, control }
}

fn read_totals(totals: &log::Totals) -> Totals {
    let log::Totals { read, applied, duplicate, conflict, refused, foreign, too_late, control } = *totals;
    Totals { read, applied, duplicate, conflict, refused, foreign, too_late, control }
}
