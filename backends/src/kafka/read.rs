//! Reading by offset: a cursor for each reader that goes on where it stopped, another for one that jumps.

use super::KafkaOptions;
use super::control::{Control, unavailable};
use super::cursor::{Cursor, Stop};
use super::topics::Place;
use crate::{bounds, waiting};
use domain::port::{Clock, Entry, LogError, ReadLimit, TopicPartition, Watermarks};
use domain::time::Timestamp;
use rdkafka::ClientConfig;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// Readers of one partition that may go on from different offsets and find what is fetched ahead.
const IDLE_MAX: usize = 4;
/// How long a cursor waits for its reader.
const IDLE_SECONDS: i64 = 60;

/// The cursors of this process.
pub struct Readers {
    config: ClientConfig,
    timeout: Duration,
    control: Arc<Control>,
    clock: Arc<dyn Clock>,
    idle: Mutex<HashMap<TopicPartition, Vec<Idle>>>,
}

/// A cursor without a reader since then.
struct Idle {
    since: Timestamp,
    cursor: Cursor,
}

impl Readers {
    /// There are no cursors yet.
    pub fn new(options: &KafkaOptions, control: Arc<Control>, clock: Arc<dyn Clock>) -> Self {
        let (config, timeout) = (options.cursor(), options.request_timeout);
        Self { config, timeout, control, clock, idle: Mutex::default() }
    }

    /// Records from an offset on; none where the end was reached and nothing came within the wait.
    pub async fn read(
        &self,
        from: &Place<'_>,
        offset: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, LogError> {
        let outcome = match from.base.own(offset) {
            Some(own) => self.read_own(from, own, limit).await?,
            None => Err(Stop::Outside),
        };
        let stop = match outcome {
            Ok(entries) => return Ok(entries),
            Err(stop) => stop,
        };
        if matches!(stop, Stop::Outside | Stop::Unknown) {
            // What others of its cursors have fetched ahead may be another topic's.
            self.forget(&from.at.topic);
        }
        Err(failure(stop, from.at, offset, self.control.watermarks(from).await?))
    }

    async fn read_own(
        &self,
        from: &Place<'_>,
        own: i64,
        limit: ReadLimit,
    ) -> Result<Result<Vec<Entry>, Stop>, LogError> {
        let mut lease = self.lease(from, own)?;
        if let Ok(outcome) = timeout(limit.wait, lease.next(limit.bytes)).await {
            return Ok(outcome);
        }
        let (marks, offset) = (self.control.watermarks(from).await?, from.base.logical(own));
        waiting::check(marks, offset).inspect_err(|_| lease.give_up())?;
        if offset == marks.high {
            return Ok(Ok(Vec::new()));
        }
        // What is there and was not fetched yet is on its way.
        timeout(self.timeout, lease.next(limit.bytes)).await.map_err(|_| {
            lease.give_up();
            LogError::Unavailable(format!("nothing came of {} from offset {offset} on", from.at))
        })
    }

    fn lease(&self, from: &Place<'_>, own: i64) -> Result<Lease<'_>, LogError> {
        let cursor = match self.find(from, from.base.logical(own)) {
            Some(cursor) => cursor,
            None => Cursor::start(&self.config, from, own).map_err(|error| unavailable(&error))?,
        };
        Ok(Lease { readers: self, from: from.at.clone(), cursor: Some(cursor) })
    }

    /// A cursor that stands there, in the same incarnation: it may have been in use when another was learned.
    fn find(&self, from: &Place<'_>, offset: u64) -> Option<Cursor> {
        let mut all = self.idle();
        let idle = all.get_mut(from.at)?;
        let stands = |cursor: &Cursor| (cursor.base(), cursor.next()) == (from.base, offset);
        let found = idle.iter().position(|idle| stands(&idle.cursor))?;
        Some(idle.remove(found).cursor)
    }

    /// Ends the cursors of a topic that is another by now.
    pub fn forget(&self, topic: &str) {
        self.idle().retain(|at, _| &*at.topic != topic);
    }

    /// Keeps a cursor for the next reader, and ends those whose readers are gone.
    fn put(&self, at: TopicPartition, cursor: Cursor) {
        let since = self.clock.now();
        let mut all = self.idle();
        all.retain(|_, idle| {
            idle.retain(|idle| idle.since.plus_seconds(IDLE_SECONDS) > since);
            !idle.is_empty()
        });
        let idle = all.entry(at).or_default();
        idle.push(Idle { since, cursor });
        if idle.len() > IDLE_MAX {
            idle.remove(0);
        }
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<TopicPartition, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cursor in use, which goes back when the read ends, also when nobody waits for it any more.
struct Lease<'a> {
    readers: &'a Readers,
    from: TopicPartition,
    cursor: Option<Cursor>,
}

impl Lease<'_> {
    /// The next records, whenever they come.
    async fn next(&mut self, bytes_max: usize) -> Result<Vec<Entry>, Stop> {
        let cursor = self.cursor.as_mut().expect("only the end takes it away");
        loop {
            let entries = cursor.take(bytes_max, bounds::READ_RECORDS_MAX)?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            cursor.news().await;
        }
    }

    /// The next reader begins with another cursor.
    fn give_up(&mut self) {
        self.cursor = None;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(cursor) = self.cursor.take().filter(Cursor::is_wanted) {
            self.readers.put(self.from.clone(), cursor);
        }
    }
}

/// What a stop means to who asked for an offset, given what the partition holds: it is there. Where the offset is there
/// again, it may be another record's: only who knows the record before can tell, and must.
fn failure(stop: Stop, from: &TopicPartition, asked: u64, Watermarks { low, high }: Watermarks) -> LogError {
    match stop {
        Stop::Outside => LogError::OutOfRange { asked, low, high },
        Stop::Unknown => {
            LogError::Unavailable(format!("offset {asked} of {from} was not there a moment ago"))
        }
        Stop::Damaged(detail) => LogError::Damaged { offset: asked, detail },
        Stop::Failed(reason) => LogError::Unavailable(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::super::incarnations;
    use super::*;
    use crate::memory::ManualClock;
    use domain::generation::Incarnation;

    #[test]
    fn a_stop_is_told_as_what_it_means_to_the_reader() {
        let at = TopicPartition::new("topic", 3);
        let told = |stop, asked| failure(stop, &at, asked, Watermarks { low: 10, high: 20 });
        for asked in [9, 15, 21] {
            assert_eq!(told(Stop::Outside, asked), LogError::OutOfRange { asked, low: 10, high: 20 });
        }
        let passing = LogError::Unavailable("offset 20 of topic/3 was not there a moment ago".to_owned());
        assert_eq!(told(Stop::Unknown, 20), passing, "a partition that was made a moment ago");
        let damaged = LogError::Damaged { offset: 12, detail: "its check".to_owned() };
        assert_eq!(told(Stop::Damaged("its check".to_owned()), 12), damaged);
        assert_eq!(told(Stop::Failed("no".to_owned()), 12), LogError::Unavailable("no".to_owned()));
    }

    /// Cursors of brokers that are not there: they fetch nothing, and stand where they began.
    struct House {
        clock: Arc<ManualClock>,
        readers: Readers,
        incarnation: Incarnation,
    }

    impl House {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_000)));
            let options = KafkaOptions { brokers: "127.0.0.1:1".to_owned(), ..KafkaOptions::default() };
            let control = Arc::new(Control::new(&options).unwrap());
            let readers = Readers::new(&options, control, Arc::clone(&clock) as Arc<dyn Clock>);
            let incarnation = Incarnation { number: 1, log_id: "log".into(), first_offsets: vec![100; 4] };
            Self { clock, readers, incarnation }
        }

        /// A read that began there and ended without a record.
        fn read(&self, at: &TopicPartition, offset: u64) {
            let base = incarnations::base(&self.incarnation, at.partition).unwrap();
            let number = i32::try_from(at.partition).unwrap();
            let place = Place { at, name: at.topic.to_string(), number, base };
            drop(self.readers.lease(&place, base.own(offset).unwrap()).unwrap());
        }

        fn offsets(&self, at: &TopicPartition) -> Vec<u64> {
            let idle = self.readers.idle();
            idle.get(at).map_or_else(Vec::new, |idle| idle.iter().map(|idle| idle.cursor.next()).collect())
        }
    }

    #[test]
    fn a_reader_finds_its_cursor_again_and_the_oldest_gives_way() {
        let house = House::new();
        let at = TopicPartition::new("topic", 3);
        for offset in [101, 102, 103, 104] {
            house.read(&at, offset);
        }
        house.read(&at, 102);
        assert_eq!(house.offsets(&at), [101, 103, 104, 102], "it is the one that was there");
        house.read(&at, 105);
        assert_eq!(house.offsets(&at), [103, 104, 102, 105]);
        assert_eq!(house.offsets(&TopicPartition::new("topic", 2)), [0; 0]);
    }

    #[test]
    fn cursors_end_a_minute_after_their_readers_and_with_their_topic() {
        let house = House::new();
        let [kept, left] = [0, 1].map(|partition| TopicPartition::new("topic", partition));
        let other = TopicPartition::new("other", 0);
        house.read(&left, 101);
        house.clock.advance(59);
        house.read(&kept, 101);
        assert_eq!((house.offsets(&left), house.offsets(&kept)), (vec![101], vec![101]));
        house.clock.advance(1);
        house.read(&other, 101);
        assert_eq!((house.offsets(&left), house.offsets(&kept)), (vec![], vec![101]));
        house.readers.forget("topic");
        assert_eq!((house.offsets(&kept), house.offsets(&other)), (vec![], vec![101]));
    }

    #[test]
    fn a_cursor_that_was_given_up_does_not_come_back() {
        let house = House::new();
        let at = TopicPartition::new("topic", 0);
        let base = incarnations::base(&house.incarnation, 0).unwrap();
        let place = Place { at: &at, name: "topic".to_owned(), number: 0, base };
        let mut lease = house.readers.lease(&place, 7).unwrap();
        lease.give_up();
        drop(lease);
        assert_eq!(house.offsets(&at), [0; 0]);
    }
}
