//! The rules of the log.

use crate::bounds::RECORD_BYTES_MAX;
use bytes::Bytes;
use domain::generation::Generation;
use domain::port::{
    Assignment, AssignmentChange, Entry, Header, Log, LogError, NewRecord, ReadLimit, TopicPartition,
    Watermarks,
};
use futures::StreamExt;
use futures::future::join_all;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How many partitions the topics of the suite have.
pub const PARTITIONS: u32 = 3;

/// Runs all rules; `declare` gives a log that has the named topic, empty, with [`PARTITIONS`] partitions.
pub async fn log_suite(declare: impl AsyncFn(&'static str) -> Arc<dyn Log>) {
    let topic = |name: &'static str| TopicPartition::new(name, 0);
    let log = declare("order").await;
    records_come_back_in_order_and_whole(&*log, &topic("order")).await;
    let log = declare("partitions").await;
    partitions_do_not_mix(&*log, "partitions").await;
    let log = declare("concurrent").await;
    concurrent_appends_leave_no_gap(&*log, &topic("concurrent")).await;
    let log = declare("limits").await;
    a_read_stops_at_its_limit_but_returns_one_record(&*log, &topic("limits")).await;
    let log = declare("many").await;
    a_read_of_very_many_records_stops_too(&*log, &topic("many")).await;
    let log = declare("outside").await;
    an_offset_outside_is_an_error(&*log, &topic("outside")).await;
    let log = declare("waiting").await;
    a_reader_at_the_end_waits_for_the_next_record(&*log, &topic("waiting")).await;
    let log = declare("times").await;
    times_do_not_decrease(&*log, &topic("times")).await;
    let log = declare("large").await;
    a_record_over_the_bound_is_refused_whole(&*log, &topic("large")).await;
    let log = declare("unknown").await;
    a_partition_that_is_not_there_is_an_error(&*log, "unknown").await;
    let log = declare("identity").await;
    an_incarnation_names_the_log_and_every_first_offset(&*log, "identity").await;
    let log = declare("alone").await;
    a_process_that_is_alone_is_given_every_partition(&*log, "alone").await;
}

/// A record of that value, without headers.
pub fn record(value: impl Into<Bytes>) -> NewRecord {
    NewRecord { headers: Vec::new(), value: value.into() }
}

/// A read of everything that is there now.
pub const EVERYTHING: ReadLimit = ReadLimit { bytes: usize::MAX, wait: Duration::ZERO };

/// All entries from an offset on.
pub async fn read_to_end(log: &dyn Log, from: &TopicPartition, mut offset: u64) -> Vec<Entry> {
    let mut all = Vec::new();
    loop {
        let entries = log.read(from, offset, EVERYTHING).await.expect("the range is there");
        let Some(last) = entries.last() else { return all };
        offset = last.offset + 1;
        all.extend(entries);
    }
}

/// Headers and values come back as they were, at the offsets the appends answered.
pub async fn records_come_back_in_order_and_whole(log: &dyn Log, at: &TopicPartition) {
    let header =
        |name: &str, value: &'static [u8]| Header { name: name.into(), value: Bytes::from_static(value) };
    let headers = vec![header("pulse-format", b"1"), header("", b""), header("pulse-format", b"again")];
    let written = [NewRecord { headers, value: Bytes::from_static(b"a\0b") }, record(""), record("last")];
    let first = log.append(at, written[..2].to_vec()).await.expect("the log has room");
    let third = log.append(at, written[2..].to_vec()).await.expect("the log has room");
    let offsets = [first, third].concat();
    let first = offsets[0];
    assert_eq!(offsets, [first, first + 1, first + 2], "nobody else appends");
    let entries = read_to_end(log, at, first).await;
    assert_eq!(entries.iter().map(|entry| entry.offset).collect::<Vec<_>>(), [first, first + 1, first + 2]);
    let read = entries.into_iter().map(|entry| NewRecord { headers: entry.headers, value: entry.value });
    assert_eq!(read.collect::<Vec<_>>(), written);
    assert_eq!(log.watermarks(at).await, Ok(Watermarks { low: first, high: first + 3 }));
}

/// Every partition counts for itself.
pub async fn partitions_do_not_mix(log: &dyn Log, topic: &str) {
    for partition in 0..PARTITIONS {
        let at = TopicPartition::new(topic, partition);
        let first = log.watermarks(&at).await.expect("it was declared").high;
        for value in 0..=partition {
            log.append(&at, vec![record(format!("{partition}.{value}"))]).await.expect("the log has room");
        }
        let values: Vec<Bytes> =
            read_to_end(log, &at, first).await.into_iter().map(|entry| entry.value).collect();
        let expected: Vec<String> = (0..=partition).map(|value| format!("{partition}.{value}")).collect();
        assert_eq!(values, expected);
    }
}

/// Many callers at once: each gets offsets of its own in the order of its records, and together they leave no gap.
pub async fn concurrent_appends_leave_no_gap(log: &dyn Log, at: &TopicPartition) {
    const CALLERS: u64 = 50;
    let append = async |caller: u64| {
        let records = (0..=caller % 3).map(|index| record(format!("{caller}.{index}"))).collect();
        (caller, log.append(at, records).await.expect("the log has room"))
    };
    let start = log.watermarks(at).await.expect("it was declared").high;
    let answers = join_all((0..CALLERS).map(append)).await;
    let entries = read_to_end(log, at, start).await;
    assert!(
        entries.iter().map(|entry| entry.offset).eq(start..start + 99),
        "{CALLERS} callers wrote 99 records"
    );
    for (caller, offsets) in answers {
        assert_eq!(offsets.len() as u64, caller % 3 + 1);
        assert!(offsets.is_sorted(), "{offsets:?}");
        for (index, offset) in offsets.iter().enumerate() {
            let place = usize::try_from(offset - start).expect("it is small");
            assert_eq!(entries[place].value, format!("{caller}.{index}"));
        }
    }
}

/// Bytes bound a read, but a record larger than the limit is not stuck behind it. What lies within the limit and was not
/// fetched yet may be left for the next read.
pub async fn a_read_stops_at_its_limit_but_returns_one_record(log: &dyn Log, at: &TopicPartition) {
    let first = log.append(at, vec![record(vec![7; 100]); 10]).await.expect("the log has room")[0];
    for (bytes, count) in [(1, 1), (100, 1), (250, 2), (1_000, 10), (usize::MAX, 10)] {
        let limit = ReadLimit { bytes, wait: Duration::ZERO };
        let entries = log.read(at, first, limit).await.expect("the range is there");
        assert!((1..=count).contains(&entries.len()), "{} with a limit of {bytes} bytes", entries.len());
        assert!(entries.iter().map(|entry| entry.offset).eq(first..first + entries.len() as u64));
    }
    let entries = read_to_end(log, at, first + 7).await;
    assert!(entries.iter().map(|entry| entry.offset).eq(first + 7..first + 10));
}

/// Records without bytes take memory as well: however large the limit, a read gives no more than 4,096 of them.
pub async fn a_read_of_very_many_records_stops_too(log: &dyn Log, at: &TopicPartition) {
    let first = log.append(at, vec![record(""); 5_000]).await.expect("the log has room")[0];
    let mut next = first;
    while next < first + 5_000 {
        let entries = log.read(at, next, EVERYTHING).await.expect("the range is there");
        assert!((1..=4_096).contains(&entries.len()), "{}", entries.len());
        assert!(entries.iter().map(|entry| entry.offset).eq(next..next + entries.len() as u64));
        next += entries.len() as u64;
    }
    assert_eq!(next, first + 5_000);
}

/// The end can be read, and is empty; beyond it nothing can.
pub async fn an_offset_outside_is_an_error(log: &dyn Log, at: &TopicPartition) {
    log.append(at, vec![record("a"), record("b")]).await.expect("the log has room");
    let Watermarks { low, high } = log.watermarks(at).await.expect("it was declared");
    assert_eq!(log.read(at, high, EVERYTHING).await, Ok(Vec::new()));
    let expected = LogError::OutOfRange { asked: high + 1, low, high };
    assert_eq!(log.read(at, high + 1, EVERYTHING).await, Err(expected));
}

/// A wait ends with the record, or empty when its time is over.
pub async fn a_reader_at_the_end_waits_for_the_next_record(log: &dyn Log, at: &TopicPartition) {
    let end = log.watermarks(at).await.expect("it was declared").high;
    let wait = |millis| ReadLimit { bytes: usize::MAX, wait: Duration::from_millis(millis) };
    assert_eq!(log.read(at, end, wait(20)).await, Ok(Vec::new()));
    let append = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        log.append(at, vec![record("late")]).await
    };
    let (read, appended) = tokio::join!(log.read(at, end, wait(30_000)), append);
    let entries = read.expect("the end is within range");
    assert_eq!((entries[0].offset, &entries[0].value[..]), (end, &b"late"[..]));
    assert_eq!(appended, Ok(vec![end]));
}

/// The log's own time never runs backwards within a partition.
pub async fn times_do_not_decrease(log: &dyn Log, at: &TopicPartition) {
    let first = log.append(at, vec![record("a"), record("b")]).await.expect("the log has room")[0];
    log.append(at, vec![record("c")]).await.expect("the log has room");
    let entries = read_to_end(log, at, first).await;
    assert_eq!(entries.len(), 3);
    assert!(entries.is_sorted_by_key(|entry| entry.timestamp));
}

/// One record too large refuses all that came with it.
pub async fn a_record_over_the_bound_is_refused_whole(log: &dyn Log, at: &TopicPartition) {
    let before = log.watermarks(at).await;
    let too_large = log.append(at, vec![record("small"), record(vec![0; RECORD_BYTES_MAX + 1])]).await;
    assert!(matches!(too_large, Err(LogError::TooLarge { .. })), "{too_large:?}");
    assert_eq!(log.watermarks(at).await, before);
    let largest =
        log.append(at, vec![record(vec![1; RECORD_BYTES_MAX])]).await.expect("it is within the bound");
    assert_eq!(read_to_end(log, at, largest[0]).await[0].value.len(), RECORD_BYTES_MAX);
}

/// Neither a topic nor a partition appears by being named.
pub async fn a_partition_that_is_not_there_is_an_error(log: &dyn Log, topic: &str) {
    for at in [TopicPartition::new(topic, PARTITIONS), TopicPartition::new("never-declared", 0)] {
        let expected = LogError::UnknownPartition(at.clone());
        assert_eq!(log.append(&at, vec![record("a")]).await, Err(expected.clone()));
        assert_eq!(log.read(&at, 0, EVERYTHING).await, Err(expected.clone()));
        assert_eq!(log.watermarks(&at).await, Err(expected));
    }
    assert!(log.incarnation("never-declared").await.is_err());
}

/// What a record carries to be recognised later.
pub async fn an_incarnation_names_the_log_and_every_first_offset(log: &dyn Log, topic: &str) {
    let incarnation = log.incarnation(topic).await.expect("it was declared");
    assert_eq!(incarnation.number, 1);
    assert!(!incarnation.log_id.is_empty());
    for (partition, first) in (0..PARTITIONS).zip(&incarnation.first_offsets) {
        let marks = log.watermarks(&TopicPartition::new(topic, partition)).await;
        assert_eq!(marks, Ok(Watermarks { low: *first, high: *first }));
    }
    assert_eq!(log.incarnation(topic).await, Ok(incarnation));
}

/// Changes of assignment add up to all partitions of the generation, whether at once or one by one.
pub async fn a_process_that_is_alone_is_given_every_partition(log: &dyn Log, topic: &str) {
    let generation = Generation { topic: topic.into(), ..Generation::first([0; 16], PARTITIONS) };
    let generation = Arc::new(generation);
    let mut changes = log.assignments(Arc::clone(&generation));
    let mut owned = BTreeSet::new();
    while owned.len() < generation.partitions as usize {
        match changes.next().await.expect("the stream does not end by itself") {
            AssignmentChange::Assigned(Assignment { partitions, .. }) => owned.extend(partitions),
            AssignmentChange::Revoked(Assignment { partitions, .. }) => {
                owned.retain(|partition| !partitions.contains(partition));
            }
        }
    }
    assert!(owned.into_iter().eq(0..PARTITIONS));
}
