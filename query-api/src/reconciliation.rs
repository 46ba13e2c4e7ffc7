//! `GET /v1/reconciliation`: do the books balance, and does a recount find what they say?

use crate::QueryApi;
use crate::recount::{Books, PartitionBooks, recount};
use axum::Json;
use axum::extract::State;
use rest::problem::QueryProblems;
use rest::{Count, Decimal, NoParams, Problem};
use serde::Serialize;
use std::iter::Sum;
use utoipa::ToSchema;

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
/// one recount at a time, and others wait for their turn; like every request it ends with `DEADLINE_EXCEEDED` after 30
/// seconds, the wait included.
#[utoipa::path(
    get,
    path = "/v1/reconciliation",
    operation_id = "getReconciliation",
    tag = "books",
    responses(
        (status = 200, description = "The books", body = Reconciliation, example = json!({
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
        QueryProblems
    )
)]
pub async fn get_reconciliation(
    State(query): State<QueryApi>,
    _: NoParams,
) -> Result<Json<Reconciliation>, Problem> {
    let _alone = query.recount_alone().await;
    let registry = query.registry();
    let books = Books { store: query.store(), log: query.log(), registry: &registry };
    let partitions: Vec<PartitionEntries> =
        recount(books).await?.iter().map(PartitionEntries::from).collect();
    let entries = partitions.iter().map(|one| &one.entries).sum();
    Ok(Json(Reconciliation { entries, partitions }))
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

#[cfg(test)]
mod tests {
    use crate::testing::{House, NOW, at};
    use bytes::Bytes;
    use domain::calendar::Period;
    use domain::checkpoint::{Checkpoint, Totals};
    use domain::dimension::Group;
    use domain::port::{CellStore, Log, ReadLimit, TopicPartition};
    use domain::pulse::{RawPulse, StampedPulse, Stamps};
    use domain::reject::RejectReason;
    use domain::table::Cell;
    use domain::time::Timestamp;
    use futures::FutureExt;
    use proto::page::{page_key, split};
    use proto::record::{Control, Envelope, RefusedPulse, pack, pack_control, to_log};
    use serde_json::{Value, json};
    use std::pin::pin;
    use std::time::Duration;

    const DAY: &str = "2026-03-10T10:00:00Z";

    fn envelope() -> Envelope {
        Envelope { generation: 1, incarnation: 1, arrival: at(NOW) }
    }

    fn pulse(id: &str, event_time: &str) -> StampedPulse {
        let raw = RawPulse {
            id: id.into(),
            tenant: "acme".into(),
            sku: "llm.input".into(),
            quantity: "5".into(),
            unit: "token".into(),
            event_time: Some(at(event_time).into()),
            ..RawPulse::default()
        };
        let stamps = Stamps {
            group: Group::none(),
            calendar: "UTC".into(),
            period: Period::parse("2026-03").unwrap(),
            catalog_offset: 2,
        };
        StampedPulse { pulse: raw.parse().unwrap(), stamps }
    }

    fn refused() -> RefusedPulse {
        RefusedPulse {
            tenant: "acme".into(),
            reason: RejectReason::UnknownSku,
            field: "sku".into(),
            message: "sku is not in the catalogue".into(),
            payload: Bytes::from_static(b"x"),
        }
    }

    fn partition() -> TopicPartition {
        TopicPartition::new("resource-consumption.g1", 0)
    }

    /// Five records: two pulses and a refused one; one of them again; foreign bytes; a marker; one that came too late.
    async fn house() -> House {
        let house = House::furnished().await;
        let pulses = [pulse("a", DAY), pulse("b", DAY)];
        let marker = Control::Marker {
            number: 9,
            calendar: "UTC".into(),
            period: Period::parse("2025-12").unwrap(),
            closed: true,
        };
        let records =
            [to_log(pack(&envelope(), &pulses, &[refused()])), to_log(pack(&envelope(), &pulses[..1], &[]))];
        house.log.append(&partition(), records.to_vec()).await.unwrap();
        house.log.append_foreign(&partition(), "junk").unwrap();
        let records = [
            to_log(pack_control(&envelope(), &marker)),
            to_log(pack(&envelope(), &[pulse("c", "2025-12-01T00:00:00Z")], &[])),
        ];
        house.log.append(&partition(), records.to_vec()).await.unwrap();
        house
    }

    fn books() -> Totals {
        Totals {
            read: 7,
            applied: 2,
            duplicate: 1,
            conflict: 0,
            refused: 1,
            foreign: 1,
            too_late: 1,
            control: 1,
        }
    }

    /// Keeps all records of the log in pages, counts two pulses and closes the books on them.
    async fn settle(house: &House, totals: Totals) {
        let limit = ReadLimit { bytes: 1_000_000, wait: Duration::ZERO };
        let entries = house.log.read(&partition(), 0, limit).await.unwrap();
        for entry in &entries {
            for (part, value) in (0..).zip(split(entry)) {
                let cell = Cell { key: page_key(1, 0, entry.offset, part), timestamp: 1, value };
                house.store.write(vec![cell]).await.unwrap();
            }
        }
        for offset in 0..totals.applied {
            house.count_as(("acme", "llm.input", "token", DAY, "5"), "", None, offset).await;
        }
        let next = entries.last().unwrap().offset + 1;
        house
            .put_checkpoint(
                0,
                &Checkpoint { next, totals, arrival: Timestamp::EPOCH, ..Checkpoint::default() },
            )
            .await;
    }

    async fn ask(house: &House) -> Value {
        let (status, body) = house.get("/v1/reconciliation").await;
        assert_eq!(status, 200, "{body}");
        body
    }

    fn broken(body: &Value) -> Vec<&str> {
        let checks = body["checks"].as_array().unwrap();
        checks
            .iter()
            .filter(|check| check["holds"] == false)
            .map(|check| check["name"].as_str().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn books_balance_whole_and_by_partition() {
        let house = house().await;
        settle(&house, books()).await;
        let body = ask(&house).await;
        let expected = [
            ("received", "7"),
            ("applied", "2"),
            ("duplicate", "1"),
            ("conflict", "0"),
            ("dead_lettered", "2"),
            ("too_late", "1"),
            ("control", "1"),
            ("in_flight", "0"),
            ("difference", "0"),
        ];
        for (name, value) in expected {
            assert_eq!(body[name], value, "{name}");
            assert_eq!(body["partitions"][0][name], value, "{name}");
            assert_eq!(body["partitions"][1][name], "0", "{name}");
        }
        assert_eq!((body["balanced"].as_bool(), broken(&body)), (Some(true), vec![]));
        assert_eq!(body["partitions"][1]["partition"], 1);
    }

    #[tokio::test]
    async fn what_lies_above_the_checkpoint_is_in_flight() {
        let house = house().await;
        let body = ask(&house).await;
        assert_eq!(
            (&body["received"], &body["in_flight"], &body["difference"]),
            (&json!("7"), &json!("7"), &json!("0"))
        );
        settle(&house, books()).await;
        let later = to_log(pack(&envelope(), &[pulse("d", DAY), pulse("e", DAY)], &[]));
        house.log.append(&partition(), vec![later]).await.unwrap();
        let body = ask(&house).await;
        assert_eq!(
            (&body["received"], &body["in_flight"], &body["balanced"]),
            (&json!("9"), &json!("2"), &json!(true))
        );
        house.count_as(("acme", "llm.input", "token", DAY, "5"), "", None, 5).await;
        assert_eq!(ask(&house).await["balanced"], true, "a flush goes before its checkpoint");
    }

    #[tokio::test]
    async fn records_that_went_before_they_were_counted_break_a_check() {
        let house = house().await;
        settle(&house, books()).await;
        for id in ["d", "e"] {
            let later = to_log(pack(&envelope(), &[pulse(id, DAY)], &[]));
            house.log.append(&partition(), vec![later]).await.unwrap();
        }
        house.log.trim(&partition(), 5).unwrap();
        assert_eq!(ask(&house).await["balanced"], true, "what was counted may go");
        house.log.trim(&partition(), 6).unwrap();
        let body = ask(&house).await;
        assert_eq!((&body["in_flight"], broken(&body)), (&json!("1"), vec!["lost_records"]));
        assert_eq!(body["balanced"], false);
    }

    #[tokio::test]
    async fn a_lost_page_is_a_difference() {
        let house = house().await;
        settle(&house, Totals { read: 8, applied: 3, ..books() }).await;
        let body = ask(&house).await;
        assert_eq!((&body["difference"], &body["balanced"]), (&json!("-1"), &json!(false)));
        assert_eq!(broken(&body), ["page_pulses"]);
    }

    #[tokio::test]
    async fn a_pulse_counted_twice_or_never_breaks_a_check() {
        let house = house().await;
        settle(&house, books()).await;
        house.count_as(("acme", "llm.input", "token", "2026-03-10T11:00:00Z", "5"), "", None, 0).await;
        let body = ask(&house).await;
        assert_eq!((&body["difference"], broken(&body)), (&json!("0"), vec!["row_counts"]));
        let other = self::house().await;
        settle(&other, Totals { applied: 1, duplicate: 2, ..books() }).await;
        let wrong = Totals { applied: 2, ..books() };
        other.put_checkpoint(0, &Checkpoint { next: 6, totals: wrong, ..Checkpoint::default() }).await;
        assert_eq!(broken(&ask(&other).await), ["row_counts"]);
    }

    #[tokio::test]
    async fn there_is_one_recount_at_a_time_and_others_wait_for_their_turn() {
        let house = house().await;
        let turn = house.query.recount_alone().await;
        let mut waits = pin!(house.get("/v1/reconciliation"));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(turn);
        let (status, body) = waits.await;
        assert_eq!((status, &body["difference"]), (200, &json!("0")));
    }

    #[tokio::test]
    async fn a_record_in_the_wrong_column_breaks_a_check() {
        let house = house().await;
        settle(&house, Totals { refused: 2, control: 0, ..books() }).await;
        let body = ask(&house).await;
        assert_eq!((&body["difference"], broken(&body)), (&json!("0"), vec!["refused", "control"]));
    }
}
