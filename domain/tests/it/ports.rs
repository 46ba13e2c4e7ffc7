//! What every port promises by type: whole answers, and errors that say what to do.

use async_trait::async_trait;
use domain::checkpoint::Checkpoint;
use domain::port::{
    AdmissionError, CellStore, Chunk, ClusteringRange, LogError, PageState, Query, StoreError,
    TopicPartition, read_all,
};
use domain::table::{Cell, KeyValue, PAGE};
use futures::FutureExt;
use std::sync::Mutex;

/// Answers one chunk after the other and notes where each was asked to go on.
struct Chunks {
    answers: Mutex<Vec<Result<Chunk, StoreError>>>,
    asked: Mutex<Vec<Option<PageState>>>,
}

impl Chunks {
    fn new(answers: Vec<Result<Chunk, StoreError>>) -> Self {
        Self { answers: Mutex::new(answers), asked: Mutex::default() }
    }

    fn read_all(&self) -> Result<Vec<Cell>, StoreError> {
        let query = Query::all(&PAGE, vec![1_i64.into(); 3]);
        read_all(self, query).now_or_never().unwrap()
    }
}

#[async_trait]
impl CellStore for Chunks {
    async fn write(&self, _: Vec<Cell>) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("it is only read".into()))
    }

    async fn read(&self, query: &Query) -> Result<Chunk, StoreError> {
        self.asked.lock().unwrap().push(query.resume.clone());
        self.answers.lock().unwrap().remove(0)
    }
}

fn cell(timestamp: i64) -> Cell {
    Cell { key: Checkpoint::cell_key(1, 0), timestamp, value: Vec::new().into() }
}

fn chunk(timestamps: &[i64], next: Option<&'static str>) -> Chunk {
    let cells = timestamps.iter().map(|timestamp| cell(*timestamp)).collect();
    Chunk { cells, next: next.map(|state| PageState(state.into())) }
}

#[test]
fn a_whole_answer_ends_only_where_the_store_says_so() {
    let store =
        Chunks::new(vec![Ok(chunk(&[1, 2], Some("a"))), Ok(chunk(&[], Some("b"))), Ok(chunk(&[3], None))]);
    let timestamps: Vec<i64> = store.read_all().unwrap().iter().map(|cell| cell.timestamp).collect();
    assert_eq!(timestamps, [1, 2, 3], "an empty chunk is no end");
    let asked = store.asked.lock().unwrap();
    assert_eq!(*asked, [None, Some(PageState("a".into())), Some(PageState("b".into()))]);
}

/// A part of a set of ids that passes for the whole is a pulse counted twice.
#[test]
fn a_failed_chunk_is_never_the_end_of_an_answer() {
    let failed = || Err(StoreError::Unavailable("gone".into()));
    for answers in [vec![failed()], vec![Ok(chunk(&[1], Some("a"))), failed()]] {
        assert_eq!(Chunks::new(answers).read_all(), Err(StoreError::Unavailable("gone".into())));
    }
}

#[test]
fn a_query_is_of_a_partition_key_a_cell_or_a_range() {
    let all = Query::all(&PAGE, vec![1_i64.into(); 3]);
    assert_eq!((all.range.clone(), all.resume.clone()), (ClusteringRange::default(), None));
    let key = domain::dead_letter::DeadLetterId {
        day: 0,
        generation: 1,
        partition: 0,
        position: domain::position::Position::new(3, 0),
    };
    let one = Query::one(&key.cell_key());
    assert_eq!((one.table.name, one.partition.len()), ("dead_letter", 3));
    assert_eq!(one.range.prefix, [KeyValue::Int(769)]);
    let range = ClusteringRange { prefix: Vec::new(), from: Some(5_i64.into()), to: Some(9_i64.into()) };
    let within = all.clone().within(range.clone());
    assert_eq!((within.range, within.partition), (range, all.partition));
}

#[test]
fn a_partition_of_a_topic_prints_as_topic_and_number() {
    assert_eq!(TopicPartition::new("resource-consumption.g1", 3).to_string(), "resource-consumption.g1/3");
    assert!(TopicPartition::new("a", 9) < TopicPartition::new("b", 0));
}

#[test]
fn errors_say_what_is_known_and_name_what_is_at_fault() {
    let texts = [
        (LogError::OutOfRange { asked: 5, low: 7, high: 9 }.to_string(), "offset 5 is outside 7 to 9"),
        (
            LogError::Damaged { offset: 3, detail: "its check fails".into() }.to_string(),
            "the record at offset 3 is damaged: its check fails",
        ),
        (LogError::UnknownPartition(TopicPartition::new("t", 1)).to_string(), "the log has no partition t/1"),
        (
            LogError::UnknownOutcome("timed out".into()).to_string(),
            "the outcome of the append is unknown: timed out",
        ),
        (
            StoreError::UnknownOutcome("timed out".into()).to_string(),
            "the outcome of the write is unknown: timed out",
        ),
        (
            StoreError::TooLarge { bytes: 9, bytes_max: 8 }.to_string(),
            "a cell of 9 bytes is over the bound of 8",
        ),
        (
            StoreError::Damaged { table: "page", key: "1/2".into() }.to_string(),
            "a cell of page is damaged at 1/2",
        ),
        (
            AdmissionError("six minutes".into()).to_string(),
            "the catalogue is not confirmed at the end of its log: six minutes",
        ),
    ];
    for (text, wanted) in texts {
        assert_eq!(text, wanted);
    }
}
