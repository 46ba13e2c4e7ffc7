//! `GET /v1/pipeline`: how far counting is, how fast, and the books of each partition.

use crate::QueryApi;
use crate::meta::{damaged, read_checkpoint, read_watermark};
use axum::extract::State;
use axum::response::Response;
use domain::checkpoint::{Checkpoint, Totals};
use domain::decimal;
use domain::generation::Generation;
use domain::port::{CellStore, ClusteringRange, Query, StoreError, TopicPartition, read_all};
use domain::table::{CHECKPOINT_HISTORY, KeyValue};
use domain::time::Timestamp;
use num_rational::BigRational;
use proto::blob::Blob;
use rest::problem::QueryProblems;
use rest::{Client, Count, Decimal, NoParams, Problem, Time};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;

mod pace;
#[cfg(test)]
mod tests;

pub use pace::Pace;

/// Where the newest counted record is older, and none waits, nothing comes at present.
const IDLE_SECONDS: i64 = 60;
/// How far back the rate looks: a checkpoint of the past is kept every ten minutes.
const RATE_SECONDS_MAX: i64 = 3_600;

/// What became of everything below the checkpoints: each is exactly one of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PipelineBooks {
    /// Everything read from the log.
    pub read: Count,
    /// Counted in usage.
    pub applied: Count,
    /// The same identity and content again.
    pub duplicate: Count,
    /// The same identity with other content.
    pub conflict: Count,
    /// Refused at the edge.
    pub refused: Count,
    /// Records that are none of ours.
    pub foreign: Count,
    /// Outside the horizon.
    pub too_late: Count,
    /// Control records.
    pub control: Count,
    /// Whether the others add up to what was read.
    pub balanced: bool,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PipelinePartition {
    /// The log's generation.
    pub generation: u32,
    /// The partition within.
    pub partition: u32,
    /// The first record that is not durably counted.
    pub next_offset: Count,
    /// The first record that is not written.
    pub end_offset: Count,
    /// How many records lie between.
    pub lag_records: Count,
    /// Everything acknowledged before it is counted; absent: not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Time>,
    /// How many seconds ago that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<Count>,
    /// When the newest counted record was written; absent: none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_until: Option<Time>,
    /// Pulses read a second, rounded to 3 places: over the last ten seconds where this was asked then, or over what is known
    /// of the last minute; else since the checkpoint before that was kept, which may be an hour ago. 0 where nothing came for
    /// a minute; absent: too few checkpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulses_per_second: Option<Decimal>,
    /// Its books.
    pub books: PipelineBooks,
}

/// The whole, and each partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Pipeline {
    /// When this was asked.
    pub time: Time,
    /// The log that is written to: one of another id holds other pulses.
    pub log_id: String,
    /// The least of the partitions; absent where one has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Time>,
    /// How many seconds ago that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<Count>,
    /// How many records are written and not counted.
    pub lag_records: Count,
    /// Pulses a second of all partitions whose rate is known.
    pub pulses_per_second: Decimal,
    /// The whole books.
    pub books: PipelineBooks,
    /// Each partition's.
    pub partitions: Vec<PipelinePartition>,
}

/// Shows rates, lag, watermark and books
///
/// From the checkpoints alone: cheap enough to be asked every second. `/v1/reconciliation` counts everything again.
#[utoipa::path(
    get,
    path = "/v1/pipeline",
    operation_id = "getPipeline",
    tag = "books",
    responses(
        (status = 200, description = "How far counting is", body = Pipeline, example = json!({
            "time": "2026-01-31T12:00:02Z", "log_id": "4f1c0a9be35d47f28a6d1b7c90e2f354",
            "watermark": "2026-01-31T12:00:01Z", "lag_seconds": "1",
            "lag_records": "3", "pulses_per_second": "1250.5",
            "books": {
                "read": "100", "applied": "91", "duplicate": "4", "conflict": "1", "refused": "3", "foreign": "0",
                "too_late": "0", "control": "1", "balanced": true
            },
            "partitions": [{
                "generation": 1, "partition": 0, "next_offset": "40", "end_offset": "43", "lag_records": "3",
                "watermark": "2026-01-31T12:00:01Z", "lag_seconds": "1", "counted_until": "2026-01-31T12:00:01Z",
                "pulses_per_second": "1250.5",
                "books": {
                    "read": "100", "applied": "91", "duplicate": "4", "conflict": "1", "refused": "3",
                    "foreign": "0", "too_late": "0", "control": "1", "balanced": true
                }
            }]
        })),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn get_pipeline(
    State(query): State<QueryApi>,
    _: NoParams,
    client: Client,
) -> Result<Response, Problem> {
    let mut partitions = Vec::new();
    for generation in query.registry().generations() {
        for partition in 0..generation.partitions {
            partitions.push(Standing::read(&query, generation, partition).await?);
        }
    }
    let incarnation = query.log().incarnation(&query.registry().newest().topic).await?;
    client.answer(&Pipeline::of(&partitions, &incarnation.log_id, query.now()))
}

/// What is known of a partition.
struct Standing {
    generation: u32,
    partition: u32,
    checkpoint: Checkpoint,
    end: u64,
    watermark: Option<Timestamp>,
    rate: Option<BigRational>,
}

impl Standing {
    async fn read(query: &QueryApi, generation: &Arc<Generation>, partition: u32) -> Result<Self, Problem> {
        let (store, number) = (query.store(), generation.number);
        let watermark = read_watermark(store, &BTreeSet::from([(number, partition)])).await?;
        let checkpoint = read_checkpoint(store, number, partition).await?;
        let pace = query.pace().note((number, partition), query.now(), checkpoint.totals.read);
        let topic = TopicPartition::new(Arc::clone(&generation.topic), partition);
        let end = query.log().watermarks(&topic).await?.high;
        let rate = if is_idle(&checkpoint, end, query.now()) {
            Some(BigRational::default())
        } else {
            match pace {
                Some(rate) => Some(rate),
                None => read_rate(store, (number, partition), &checkpoint).await?,
            }
        };
        Ok(Self { generation: number, partition, checkpoint, end, watermark, rate })
    }

    fn lag_records(&self) -> u64 {
        self.end.saturating_sub(self.checkpoint.next)
    }

    fn show(&self, now: Timestamp) -> PipelinePartition {
        let is_counting = self.checkpoint.totals.read > 0;
        PipelinePartition {
            generation: self.generation,
            partition: self.partition,
            next_offset: Count(self.checkpoint.next),
            end_offset: Count(self.end),
            lag_records: Count(self.lag_records()),
            watermark: self.watermark.map(Time),
            lag_seconds: self.watermark.map(|watermark| seconds_between(watermark, now)),
            counted_until: is_counting.then_some(Time(self.checkpoint.arrival)),
            pulses_per_second: self.rate.as_ref().map(rounded),
            books: PipelineBooks::from(self.checkpoint.totals),
        }
    }
}

impl Pipeline {
    fn of(partitions: &[Standing], log_id: &str, now: Timestamp) -> Self {
        let all: Option<Vec<Timestamp>> = partitions.iter().map(|one| one.watermark).collect();
        let watermark = all.and_then(|all| all.into_iter().min());
        let mut totals = Totals::default();
        for one in partitions {
            totals += one.checkpoint.totals;
        }
        Self {
            time: Time(now),
            log_id: log_id.to_owned(),
            watermark: watermark.map(Time),
            lag_seconds: watermark.map(|watermark| seconds_between(watermark, now)),
            lag_records: Count(partitions.iter().map(Standing::lag_records).sum()),
            pulses_per_second: rounded(&partitions.iter().filter_map(|one| one.rate.as_ref()).sum()),
            books: PipelineBooks::from(totals),
            partitions: partitions.iter().map(|one| one.show(now)).collect(),
        }
    }
}

impl From<Totals> for PipelineBooks {
    fn from(totals: Totals) -> Self {
        Self {
            read: Count(totals.read),
            applied: Count(totals.applied),
            duplicate: Count(totals.duplicate),
            conflict: Count(totals.conflict),
            refused: Count(totals.refused),
            foreign: Count(totals.foreign),
            too_late: Count(totals.too_late),
            control: Count(totals.control),
            balanced: totals.balance(),
        }
    }
}

/// Whether everything is counted, and the last of it came a while ago.
fn is_idle(checkpoint: &Checkpoint, end: u64, now: Timestamp) -> bool {
    let is_counted = checkpoint.totals.read > 0 && end <= checkpoint.next;
    is_counted && checkpoint.arrival.plus_seconds(IDLE_SECONDS) < now
}

/// Pulses a second since the newest checkpoint of the past hour that is older than this one.
async fn read_rate(
    store: &dyn CellStore,
    (generation, partition): (u32, u32),
    now: &Checkpoint,
) -> Result<Option<BigRational>, StoreError> {
    let range = ClusteringRange {
        from: Some(KeyValue::time(now.arrival.plus_seconds(-RATE_SECONDS_MAX))),
        to: Some(KeyValue::time(now.arrival)),
        ..ClusteringRange::default()
    };
    let query = Query::all(&CHECKPOINT_HISTORY, vec![generation.into(), partition.into()]).within(range);
    let cells = read_all(store, query).await?;
    let Some(cell) = cells.last() else { return Ok(None) };
    let before = Checkpoint::from_blob(&cell.value).map_err(|_| damaged(&cell.key))?;
    Ok(rate(&before, now))
}

fn rate(before: &Checkpoint, now: &Checkpoint) -> Option<BigRational> {
    let pulses = now.totals.read.checked_sub(before.totals.read)?;
    let nanos = now.arrival.nanos().checked_sub(before.arrival.nanos()).filter(|nanos| *nanos > 0)?;
    Some(pace::per_second(pulses, nanos))
}

fn rounded(rate: &BigRational) -> Decimal {
    Decimal::of(&decimal::Decimal::round_half_even(rate, 3))
}

fn seconds_between(earlier: Timestamp, later: Timestamp) -> Count {
    Count(u64::try_from(later.seconds() - earlier.seconds()).unwrap_or_default())
}
