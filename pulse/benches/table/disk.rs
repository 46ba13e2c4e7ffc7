//! The raw limit of the disk: the records of a log, appended again to a new file under the same settings.

use anyhow::Context;
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::{Duration, Instant};

/// Records of a transaction: what the log takes at once when it is busy.
const TRANSACTION_RECORDS: usize = 32;
const SCHEMA: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
    PRAGMA wal_autocheckpoint = 16384;
    CREATE TABLE record (id INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, headers BLOB NOT NULL,
        value BLOB NOT NULL, crc INTEGER NOT NULL);";
const SELECT: &str = "SELECT timestamp, headers, value, crc FROM record JOIN partition
    ON record.id >> 40 = partition.id WHERE topic LIKE 'resource-consumption.%'";
const INSERT: &str = "INSERT INTO record (timestamp, headers, value, crc) VALUES (?1, ?2, ?3, ?4)";

/// A row of the log.
pub struct Record {
    timestamp: i64,
    headers: Vec<u8>,
    value: Vec<u8>,
    crc: u32,
}

/// What the log of a server took in.
pub fn records(log: &Path) -> anyhow::Result<Vec<Record>> {
    let connection = Connection::open(log)?;
    let mut select = connection.prepare(SELECT)?;
    let records = select.query_map((), |row| {
        Ok(Record { timestamp: row.get(0)?, headers: row.get(1)?, value: row.get(2)?, crc: row.get(3)? })
    })?;
    records.collect::<Result<_, _>>().context("reading the log")
}

/// The bytes of the records themselves.
pub fn bytes(records: &[Record]) -> u64 {
    records.iter().map(|record| record.value.len() as u64).sum()
}

/// How long it takes to append all of them durably.
pub fn append(directory: &Path, records: &[Record]) -> anyhow::Result<Duration> {
    let mut connection = Connection::open(directory.join("raw.db"))?;
    connection.execute_batch(SCHEMA)?;
    let started = Instant::now();
    for group in records.chunks(TRANSACTION_RECORDS) {
        let transaction = connection.transaction()?;
        let mut insert = transaction.prepare_cached(INSERT)?;
        for Record { timestamp, headers, value, crc } in group {
            insert.execute(params![timestamp, headers, value, crc])?;
        }
        drop(insert);
        transaction.commit()?;
    }
    Ok(started.elapsed())
}
