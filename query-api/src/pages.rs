//! The records of a partition in their order: kept ones from pages, the rest from the log.

use crate::meta::damaged;
use bytes::Bytes;
use domain::port::{
    CellStore, ClusteringRange, Entry, Log, LogError, Query, ReadLimit, StoreError, TopicPartition,
};
use domain::table::{Cell, CellKey, KeyValue, PAGE};
use proto::page::{OFFSETS_PER_PAGE, join};
use std::ops::Range;
use std::time::Duration;

/// How much of the log is in memory at once.
const READ: ReadLimit = ReadLimit { bytes: 1024 * 1024, wait: Duration::ZERO };

/// The pages of one partition.
#[derive(Clone, Copy)]
pub struct Pages<'a> {
    /// Holds them.
    pub store: &'a dyn CellStore,
    /// Of which generation.
    pub generation: u32,
    /// Of which partition.
    pub partition: u32,
}

impl Pages<'_> {
    /// Hands over every kept record of the offsets, rising.
    pub async fn each(&self, offsets: Range<u64>, mut take: impl FnMut(&Entry)) -> Result<(), StoreError> {
        if offsets.is_empty() {
            return Ok(());
        }
        let mut parts = Parts::default();
        for page in offsets.start / OFFSETS_PER_PAGE..=(offsets.end - 1) / OFFSETS_PER_PAGE {
            let mut query = self.query(page, &offsets);
            loop {
                let chunk = self.store.read(&query).await?;
                for cell in chunk.cells {
                    parts.add(cell, &mut take)?;
                }
                match chunk.next {
                    Some(next) => query.resume = Some(next),
                    None => break,
                }
            }
        }
        parts.flush(&mut take)
    }

    fn query(&self, page: u64, offsets: &Range<u64>) -> Query {
        let number =
            |offset: u64| i64::try_from(offset).expect("a position holds offsets of at most 55 bits");
        let key = vec![self.generation.into(), self.partition.into(), number(page).into()];
        let (from, to) = (Some(number(offsets.start).into()), Some(number(offsets.end).into()));
        Query::all(&PAGE, key).within(ClusteringRange { from, to, ..ClusteringRange::default() })
    }
}

/// Parts of one record, until the next begins.
#[derive(Default)]
struct Parts {
    key: Option<(u64, CellKey)>,
    values: Vec<Bytes>,
}

impl Parts {
    fn add(&mut self, cell: Cell, take: &mut impl FnMut(&Entry)) -> Result<(), StoreError> {
        let offset = cell.key.clustering.first().and_then(KeyValue::as_int);
        let offset =
            offset.and_then(|offset| u64::try_from(offset).ok()).ok_or_else(|| damaged(&cell.key))?;
        if self.key.as_ref().is_none_or(|(known, _)| *known != offset) {
            self.flush(take)?;
            self.key = Some((offset, cell.key));
        }
        self.values.push(cell.value);
        Ok(())
    }

    fn flush(&mut self, take: &mut impl FnMut(&Entry)) -> Result<(), StoreError> {
        let Some((offset, key)) = self.key.take() else { return Ok(()) };
        let entry = join(offset, &std::mem::take(&mut self.values)).map_err(|_| damaged(&key))?;
        take(&entry);
        Ok(())
    }
}

/// Hands over every record of the log at the offsets, rising.
pub async fn each_of_log(
    log: &dyn Log,
    of: &TopicPartition,
    offsets: Range<u64>,
    mut take: impl FnMut(&Entry),
) -> Result<(), LogError> {
    let mut next = offsets.start;
    while next < offsets.end {
        let entries = log.read(of, next, READ).await?;
        let Some(last) = entries.last() else { return Ok(()) };
        next = last.offset + 1;
        entries.iter().filter(|entry| entry.offset < offsets.end).for_each(&mut take);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
