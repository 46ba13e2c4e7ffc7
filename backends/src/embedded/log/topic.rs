//! The topics of the file: declared once, never changed.

use super::partition::{self, Partition, Tail};
use crate::embedded::writer::Job;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;
use std::sync::Arc;

/// The tables of the log's file.
pub const SCHEMA: &str = "
    CREATE TABLE topic (name TEXT PRIMARY KEY, incarnation INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE partition (
        id INTEGER PRIMARY KEY, topic TEXT NOT NULL REFERENCES topic, number INTEGER NOT NULL,
        first_offset INTEGER NOT NULL, own_low INTEGER NOT NULL, UNIQUE (topic, number));
    CREATE TABLE record (
        id INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, headers BLOB NOT NULL, value BLOB NOT NULL,
        crc INTEGER NOT NULL);";

const INSERT_PARTITION: &str =
    "INSERT INTO partition (topic, number, first_offset, own_low) VALUES (?1, ?2, ?3, 0)";
const LAST_RECORD: &str =
    "SELECT id, timestamp FROM record WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT 1";

/// A topic as it was declared.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Which incarnation of its generation's log this file holds.
    pub incarnation: u32,
    /// Its partitions, by number.
    pub partitions: Vec<Arc<Partition>>,
}

impl Topic {
    /// The first logical offset of each partition.
    pub fn first_offsets(&self) -> Vec<u64> {
        self.partitions.iter().map(|partition| partition.first()).collect()
    }
}

/// All topics of the file.
pub fn load(connection: &Connection) -> rusqlite::Result<HashMap<Arc<str>, Topic>> {
    let mut topics = HashMap::new();
    let mut names = connection.prepare("SELECT name, incarnation FROM topic")?;
    for named in names.query_map((), |row| Ok((row.get::<_, Arc<str>>(0)?, row.get(1)?)))? {
        let (name, incarnation) = named?;
        let partitions = load_partitions(connection, &name)?;
        topics.insert(name, Topic { incarnation, partitions });
    }
    Ok(topics)
}

/// The end of a generation's partition. A generation's topic is named `….g` and its number.
pub fn find_end(topics: &HashMap<Arc<str>, Topic>, generation: i64, partition: i64) -> Option<u64> {
    let suffix = format!(".g{generation}");
    let (_, topic) = topics.iter().find(|(name, _)| name.ends_with(&suffix))?;
    Some(topic.partitions.get(usize::try_from(partition).ok()?)?.marks().high)
}

fn load_partitions(connection: &Connection, topic: &str) -> rusqlite::Result<Vec<Arc<Partition>>> {
    let sql = "SELECT id, first_offset, own_low FROM partition WHERE topic = ?1 ORDER BY number";
    let mut partitions = connection.prepare(sql)?;
    let stored = partitions.query_map([topic], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    stored.map(|row| row.and_then(|(id, first, low)| load_partition(connection, id, first, low))).collect()
}

fn load_partition(
    connection: &Connection,
    id: i64,
    first: i64,
    own_low: i64,
) -> rusqlite::Result<Arc<Partition>> {
    let rows = (partition::row(id, 0), partition::row(id + 1, 0));
    let last = connection.query_row(LAST_RECORD, rows, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (first, own_low) = (first.cast_unsigned(), own_low.cast_unsigned());
    let low = first + own_low;
    let tail = match last {
        Some((row, nanos)) => {
            Tail { high: first + partition::own_offset(row) + 1, timestamp: Timestamp::from_nanos(nanos) }
        }
        None => Tail { high: low, timestamp: Timestamp::from_nanos(i64::MIN) },
    };
    Ok(Arc::new(Partition::new(id, first, low, tail)))
}

/// Writes down that what lies below is gone.
pub fn set_low(connection: &Connection, id: i64, own_low: u64) -> rusqlite::Result<()> {
    let mut update =
        connection.prepare_cached("UPDATE partition SET own_low = max(own_low, ?2) WHERE id = ?1")?;
    update.execute((id, own_low.cast_signed())).map(drop)
}

/// Declares a topic that is not there yet; answers it, or the one that is.
pub struct Declare {
    /// Its name.
    pub name: Arc<str>,
    /// Its incarnation.
    pub incarnation: u32,
    /// The first logical offset of each partition.
    pub first_offsets: Vec<u64>,
}

impl Job for Declare {
    type Answer = Topic;

    fn apply(&mut self, transaction: &Connection) -> rusqlite::Result<Topic> {
        let new = transaction
            .execute("INSERT OR IGNORE INTO topic VALUES (?1, ?2)", (&self.name, self.incarnation))?;
        if new > 0 {
            for (number, first) in self.first_offsets.iter().enumerate() {
                let number = i64::try_from(number).expect("a count of partitions is small");
                transaction.execute(INSERT_PARTITION, (&self.name, number, first.cast_signed()))?;
            }
        }
        let sql = "SELECT incarnation FROM topic WHERE name = ?1";
        let incarnation = transaction.query_row(sql, [&self.name], |row| row.get(0))?;
        Ok(Topic { incarnation, partitions: load_partitions(transaction, &self.name)? })
    }
}
