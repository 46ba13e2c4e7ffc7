//! `GET /v1/reconciliation`: do the books balance, and does a recount find what they say?

use crate::recount::{Books, PartitionBooks, recount};
use crate::{QueryApi, metrics};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use rest::door::TraceId;
use rest::problem::QueryProblems;
use rest::{Client, Count, Decimal, NoParams, Problem};
use serde::Serialize;
use std::iter::Sum;
use std::sync::atomic::AtomicU64;
use utoipa::ToSchema;

mod events;
#[cfg(test)]
mod tests;

/// How many follow a recount or wait for their turn at once.
pub const FOLLOWERS_MAX: usize = 16;

/// The books: everything received is exactly one of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Entries {
    /// Found by the recount: in the pages below the checkpoint and in the log above it.
    pub received: Count,
    /// Counted in usage.
    pub applied: Count,
    /// The same identity and content again.
    pub duplicate: Count,
    /// The same identity with other content; kept as dead letters.
    pub conflict: Count,
    /// Refused at the edge, or no record of ours; kept as dead letters.
    pub dead_lettered: Count,
    /// Outside the horizon; kept as dead letters.
    pub too_late: Count,
    /// Control records.
    pub control: Count,
    /// In the log above the checkpoint.
    pub in_flight: Count,
    /// Received minus all others: zero where the books balance.
    pub difference: Decimal,
    /// What the recount compared beside that.
    pub checks: Vec<Check>,
    /// Whether the difference is zero and every check holds.
    pub balanced: bool,
}

/// One comparison of the books with a recount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Check {
    /// What was compared.
    #[schema(example = "row_counts")]
    pub name: String,
    /// What the books say.
    pub expected: Count,
    /// What the recount found.
    pub found: Count,
    /// Whether they agree. Rows may be ahead of the books by what is flushed and not checkpointed yet.
    pub holds: bool,
}

/// One partition's books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartitionEntries {
    /// The log's generation.
    pub generation: u32,
    /// The partition within.
    pub partition: u32,
    /// Its books.
    #[serde(flatten)]
    pub entries: Entries,
}

/// The whole books, and those of each partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reconciliation {
    /// The whole.
    #[serde(flatten)]
    pub entries: Entries,
    /// Each partition's.
    pub partitions: Vec<PartitionEntries>,
}

/// Counts everything again and compares it with the books
///
/// Reads every page kept and the log above the checkpoints: takes time in proportion to what was ever received. There is
/// one recount at a time, and others wait for their turn. As JSON it ends with `DEADLINE_EXCEEDED` after 30 seconds like
/// every request, the wait included. As server-sent events it takes as long as it takes: every second `counting` with how
/// much is `counted` of what is `expected`, and at last `reconciliation` with the books, or `problem`.
#[utoipa::path(
    get,
    path = "/v1/reconciliation",
    operation_id = "getReconciliation",
    tag = "books",
    responses(
        (status = 200, description = "The books", content(
            (Reconciliation = "application/json", example = json!({
                "received": "100", "applied": "90", "duplicate": "4", "conflict": "1", "dead_lettered": "2",
                "too_late": "0", "control": "1", "in_flight": "2", "difference": "0",
                "checks": [{"name": "row_counts", "expected": "90", "found": "90", "holds": true}],
                "balanced": true,
                "partitions": [{
                    "generation": 1, "partition": 0,
                    "received": "100", "applied": "90", "duplicate": "4", "conflict": "1", "dead_lettered": "2",
                    "too_late": "0", "control": "1", "in_flight": "2", "difference": "0",
                    "checks": [{"name": "row_counts", "expected": "90", "found": "90", "holds": true}],
                    "balanced": true
                }]
            })),
            (String = "text/event-stream", example = json!(
                "event: counting\ndata: {\"counted\":\"60\",\"expected\":\"98\"}\n\n"
            ))
        )),
        QueryProblems
    )
)]
pub async fn get_reconciliation(
    State(query): State<QueryApi>,
    client: Client,
    trace_id: Option<Extension<TraceId>>,
    _: NoParams,
) -> Result<Response, Problem> {
    let answer = if client.prefers_events() {
        events::follow(query, trace_id.map(|Extension(id)| id)).await?.into_response()
    } else {
        Json(reconcile(&query, &AtomicU64::default()).await?).into_response()
    };
    Ok(([(header::VARY, "accept")], answer).into_response())
}

/// Counts everything again, and tells in `counted` how far it is.
async fn reconcile(query: &QueryApi, counted: &AtomicU64) -> Result<Reconciliation, Problem> {
    let _alone = query.recount_alone().await;
    let began = query.now();
    let registry = query.registry();
    let books = Books { store: query.store(), log: query.log(), registry: &registry };
    let outcome = recount(books, counted).await.map(Reconciliation::from);
    metrics::recounted(&outcome, began, query.now());
    outcome
}

impl From<Vec<PartitionBooks>> for Reconciliation {
    fn from(books: Vec<PartitionBooks>) -> Self {
        let partitions: Vec<PartitionEntries> = books.iter().map(PartitionEntries::from).collect();
        let entries = partitions.iter().map(|one| &one.entries).sum();
        Self { entries, partitions }
    }
}

impl From<&PartitionBooks> for PartitionEntries {
    fn from(books: &PartitionBooks) -> Self {
        let entries = Entries::from(books);
        Self { generation: books.generation, partition: books.partition, entries }
    }
}

impl From<&PartitionBooks> for Entries {
    fn from(books: &PartitionBooks) -> Self {
        let PartitionBooks { totals, kept, in_flight, .. } = books;
        let check = |name: &str, expected: u64, found: u64| Check {
            name: name.to_owned(),
            expected: Count(expected),
            found: Count(found),
            holds: expected == found,
        };
        let row_counts = check("row_counts", totals.applied, books.row_count);
        let ahead = totals.applied..=totals.applied + books.ahead_max;
        let entries = Self {
            received: Count(kept.received() + in_flight.received()),
            applied: Count(totals.applied),
            duplicate: Count(totals.duplicate),
            conflict: Count(totals.conflict),
            dead_lettered: Count(totals.refused + totals.foreign),
            too_late: Count(totals.too_late),
            control: Count(totals.control),
            in_flight: Count(in_flight.received()),
            difference: Decimal::of(&0),
            checks: vec![
                Check { holds: ahead.contains(&books.row_count), ..row_counts },
                check("page_pulses", totals.read, kept.received()),
                check("refused", totals.refused, kept.refused),
                check("foreign", totals.foreign, kept.foreign),
                check("too_late", totals.too_late, kept.too_late),
                check("control", totals.control, kept.control),
                check("unreadable", 0, kept.unreadable + in_flight.unreadable),
                check("lost_records", 0, books.lost),
            ],
            balanced: false,
        };
        entries.closed()
    }
}

impl Entries {
    /// With difference and verdict.
    fn closed(self) -> Self {
        let Self { applied, duplicate, conflict, dead_lettered, too_late, control, in_flight, .. } = &self;
        let parts = [applied, duplicate, conflict, dead_lettered, too_late, control, in_flight];
        let explained: i128 = parts.iter().map(|part| i128::from(part.0)).sum();
        let difference = i128::from(self.received.0) - explained;
        let balanced = difference == 0 && self.checks.iter().all(|check| check.holds);
        Self { difference: Decimal::of(&difference), balanced, ..self }
    }

    fn add(mut self, other: &Self) -> Self {
        let pairs = [
            (&mut self.received, other.received),
            (&mut self.applied, other.applied),
            (&mut self.duplicate, other.duplicate),
            (&mut self.conflict, other.conflict),
            (&mut self.dead_lettered, other.dead_lettered),
            (&mut self.too_late, other.too_late),
            (&mut self.control, other.control),
            (&mut self.in_flight, other.in_flight),
        ];
        for (sum, part) in pairs {
            sum.0 += part.0;
        }
        if self.checks.is_empty() {
            self.checks.clone_from(&other.checks);
        } else {
            self.checks.iter_mut().zip(&other.checks).for_each(|(sum, part)| sum.add(part));
        }
        self
    }
}

impl<'a> Sum<&'a Entries> for Entries {
    fn sum<I: Iterator<Item = &'a Entries>>(parts: I) -> Self {
        parts.fold(Self::default(), Self::add).closed()
    }
}

impl Check {
    fn add(&mut self, part: &Self) {
        self.expected.0 += part.expected.0;
        self.found.0 += part.found.0;
        self.holds &= part.holds;
    }
}
