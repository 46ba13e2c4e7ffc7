//! What a call may rely on.

use super::*;
use crate::outcome::Outcome;
use crate::testing::{House, Kept, NOW, raw, report};
use crate::trace::testing::collect;
use backends::memory::AppendFault;
use domain::code::Code;
use domain::port::{Clock, Log, ReadLimit, TopicPartition};
use domain::pulse::{RawPulse, RawTime};
use futures::FutureExt;
use opentelemetry_sdk::trace::Sampler;
use prost::Message;
use std::collections::BTreeSet;
use std::time::Duration;
use tracing::Instrument;

async fn take(edge: &Edge, raws: impl IntoIterator<Item = RawPulse>) -> Result<Taken, NotTaken> {
    edge.take(raws.into_iter().map(report).collect(), Ids::Required).await
}

async fn outcomes(edge: &Edge, raws: impl IntoIterator<Item = RawPulse>) -> Vec<Outcome> {
    take(edge, raws).await.unwrap().outcomes
}

fn reasons(outcomes: &[Outcome]) -> Vec<&'static str> {
    outcomes
        .iter()
        .map(|outcome| outcome.rejection().map_or("", |rejection| rejection.reject.reason.name()))
        .collect()
}

/// Lets every task that can go on do so.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn nothing_is_acknowledged_before_the_append() {
    let (house, raws) = (House::new(), [raw("a-1")]);
    let edge = house.edge();
    house.log.shut();
    let mut call = Box::pin(take(&edge, raws));
    assert!(call.as_mut().now_or_never().is_none());
    settle().await;
    assert!(call.as_mut().now_or_never().is_none());
    house.clock.advance(3);
    house.log.open();
    let taken = call.await.unwrap();
    assert_eq!(taken.outcomes, [Outcome::Accepted]);
    assert_eq!(taken.received_time, NOW.plus_seconds(3));
    assert_eq!(house.accepted_ids().await, ["a-1"]);
}

#[tokio::test]
async fn an_unknown_outcome_is_in_doubt_and_never_a_duplicate() {
    for fault in [AppendFault::UnknownStored, AppendFault::UnknownNotStored] {
        let house = House::new();
        let edge = house.edge();
        house.log.memory.script_appends([Some(fault)]);
        assert_eq!(take(&edge, [raw("a-1")]).await.unwrap_err().code, Code::Unavailable);
        assert_eq!(outcomes(&edge, [raw("a-1")]).await, [Outcome::Accepted]);
        assert_eq!(outcomes(&edge, [raw("a-1")]).await, [Outcome::Duplicate]);
    }
}

#[tokio::test]
async fn a_panic_leaves_its_calls_in_doubt_and_the_next_go_on() {
    let house = House::new();
    let edge = house.edge();
    house.log.panic_once();
    assert_eq!(take(&edge, [raw("a-1")]).await.unwrap_err().code, Code::Unavailable);
    assert_eq!(outcomes(&edge, [raw("a-1")]).await, [Outcome::Accepted]);
}

#[tokio::test]
async fn an_overloaded_log_refuses_the_whole_call_and_says_when_to_come_again() {
    let house = House::new();
    let edge = house.edge();
    house.log.memory.script_appends([Some(AppendFault::Overloaded)]);
    let error = take(&edge, [raw("a-1")]).await.unwrap_err();
    assert_eq!(error.code, Code::Overloaded);
    assert!(error.retry_delay().is_some());
    assert!(house.kept().await.is_empty());
    assert_eq!(outcomes(&edge, [raw("a-1")]).await, [Outcome::Accepted]);
}

#[tokio::test]
async fn a_call_of_which_one_partition_fails_is_in_doubt_as_a_whole() {
    let house = House::new();
    let edge = house.edge();
    // Computed by the golden routes of the domain: acme lies in partition 0, globex in partition 1.
    let both = || [raw("a-1"), RawPulse { tenant: "globex".into(), ..raw("b-1") }];
    house.log.memory.script_appends([None, Some(AppendFault::Overloaded)]);
    assert_eq!(take(&edge, both()).await.unwrap_err().code, Code::Unavailable);
    let known = outcomes(&edge, both()).await;
    let duplicates = known.iter().filter(|outcome| **outcome == Outcome::Duplicate).count();
    assert_eq!(duplicates, 1, "the part that was seen durable is known: {known:?}");
    let ids: BTreeSet<String> = house.accepted_ids().await.into_iter().collect();
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn each_pulse_of_a_call_has_an_outcome_of_its_own() {
    let house = House::new();
    let edge = house.edge();
    outcomes(&edge, [raw("a-1")]).await;
    let sent = [
        raw("a-1"),
        raw("a-2"),
        raw("a-2"),
        RawPulse { quantity: "2".into(), ..raw("a-2") },
        RawPulse { quantity: "2".into(), ..raw("a-1") },
        RawPulse { sku: "no.such".into(), ..raw("a-3") },
    ];
    let outcomes = outcomes(&edge, sent).await;
    assert_eq!(outcomes[..3], [Outcome::Duplicate, Outcome::Accepted, Outcome::Duplicate]);
    assert_eq!(reasons(&outcomes[3..]), ["DUPLICATE_CONFLICT", "DUPLICATE_CONFLICT", "UNKNOWN_SKU"]);
    assert_eq!(house.accepted_ids().await, ["a-1", "a-2"]);
}

#[tokio::test]
async fn a_rejected_pulse_is_kept_where_its_dead_letter_id_says() {
    let house = House::new();
    let edge = house.edge();
    let at = |seconds| Some(NOW.plus_seconds(seconds).into());
    let cases = [
        (RawPulse { quantity: "1e3".into(), ..raw("q") }, "INVALID_QUANTITY"),
        (RawPulse { sku: "no.such".into(), ..raw("s") }, "UNKNOWN_SKU"),
        (RawPulse { tenant: "nobody".into(), ..raw("t") }, "UNKNOWN_TENANT"),
        (RawPulse { event_time: None, ..raw("e") }, "INVALID_TIME"),
        (RawPulse { event_time: at(-35 * 86_400 - 1), ..raw("l") }, "TOO_LATE"),
        (RawPulse { event_time: at(301), ..raw("f") }, "IN_FUTURE"),
        (RawPulse { dimensions: vec![("BAD".into(), String::new())], ..raw("d") }, "DIMENSION_LIMIT"),
        (RawPulse { id: String::new(), ..raw("") }, "INVALID_ID"),
        (RawPulse { tenant: String::new(), ..raw("n") }, "INVALID_FIELD"),
        (RawPulse { event_time: Some(RawTime { seconds: 0, nanos: -1 }), ..raw("r") }, "INVALID_TIME"),
    ];
    let sent: Vec<RawPulse> = cases.iter().map(|(raw, _)| raw.clone()).collect();
    let outcomes = outcomes(&edge, sent).await;
    assert_eq!(reasons(&outcomes), cases.iter().map(|(_, reason)| *reason).collect::<Vec<_>>());
    let kept = house.kept().await;
    assert_eq!(kept.len(), cases.len());
    for ((sent, reason), outcome) in cases.iter().zip(&outcomes) {
        let rejection = outcome.rejection().unwrap();
        let id = rejection.dead_letter.unwrap();
        assert_eq!((id.day, id.generation), (NOW.day(), 1));
        let (_, _, found) =
            kept.iter().find(|(p, position, _)| (*p, *position) == (id.partition, id.position)).unwrap();
        let Kept::Refused(refused) = found else { panic!("{found:?}") };
        assert_eq!((refused.reason.name(), &refused.field), (*reason, &rejection.reject.field));
        assert_eq!(proto::v1::Pulse::decode(refused.payload.clone()).unwrap(), proto::pulse::to_wire(sent));
        assert_eq!(refused.tenant, sent.tenant);
    }
}

#[tokio::test]
async fn a_pulse_that_is_too_large_is_not_kept() {
    let house = House::new();
    let large = Report { bytes: 16 * 1024 + 1, ..report(raw("a-1")) };
    let taken = house.edge().take(vec![large], Ids::Required).await.unwrap();
    assert_eq!(reasons(&taken.outcomes), ["TOO_LARGE"]);
    assert_eq!(taken.outcomes[0].rejection().unwrap().dead_letter, None);
    assert!(house.kept().await.is_empty());
}

#[tokio::test]
async fn a_second_send_waits_for_the_first_and_both_count_once() {
    let house = House::new();
    let edge = house.edge();
    house.log.shut();
    let mut first = Box::pin(take(&edge, [raw("a-1")]));
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = Box::pin(take(&edge, [raw("a-1"), raw("a-2")]));
    assert!(second.as_mut().now_or_never().is_none());
    house.log.open();
    assert_eq!(first.await.unwrap().outcomes, [Outcome::Accepted]);
    assert_eq!(second.await.unwrap().outcomes, [Outcome::Duplicate, Outcome::Accepted]);
    assert_eq!(house.accepted_ids().await, ["a-1", "a-2"]);
}

#[tokio::test]
async fn a_call_that_its_client_gave_up_is_appended_and_known_all_the_same() {
    let house = House::new();
    let edge = house.edge();
    house.log.shut();
    let mut given_up = Box::pin(take(&edge, [raw("a-1")]));
    assert!(given_up.as_mut().now_or_never().is_none());
    drop(given_up);
    house.log.open();
    assert_eq!(outcomes(&edge, [raw("a-1")]).await, [Outcome::Duplicate]);
    assert_eq!(house.accepted_ids().await, ["a-1"]);
}

#[tokio::test]
async fn concurrent_calls_share_records_and_arrival_never_runs_backwards() {
    let house = House::new();
    let edge = house.edge();
    house.log.shut();
    let ids: Vec<String> = (0..600).map(|number| format!("a-{number}")).collect();
    let mut calls: Vec<_> = ids.iter().map(|id| Box::pin(take(&edge, [raw(id)]))).collect();
    for call in &mut calls {
        assert!(call.as_mut().now_or_never().is_none());
    }
    settle().await;
    house.clock.set(NOW.plus_seconds(-60));
    house.log.open();
    for call in calls {
        assert_eq!(call.await.unwrap().outcomes, [Outcome::Accepted]);
    }
    assert_eq!(house.accepted_ids().await, ids);
    let records = house.records().await;
    assert!(records.len() <= 4, "one that ran ahead, and 600 pulses in records of 256: {}", records.len());
    assert!(records.iter().all(|(_, _, arrival, _)| *arrival == NOW));
}

#[tokio::test]
async fn what_is_in_flight_is_bounded_and_given_back() {
    let house = House::new();
    let edge = house.edge_with(&Config { in_flight_bytes_max: 2_500, ..Config::default() });
    house.log.shut();
    let mut calls: Vec<_> = ["a-1", "a-2"].map(|id| Box::pin(take(&edge, [raw(id)]))).into();
    for call in &mut calls {
        assert!(call.as_mut().now_or_never().is_none());
    }
    assert_eq!(take(&edge, [raw("a-3")]).await.unwrap_err().code, Code::Overloaded);
    house.log.open();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(outcomes(&edge, [raw("a-3")]).await, [Outcome::Accepted]);
}

#[tokio::test]
async fn without_a_confirmed_catalogue_nothing_is_taken() {
    let house = House::new();
    house.catalog.set_stale(true);
    let error = take(&house.edge(), [raw("a-1")]).await.unwrap_err();
    assert_eq!(error.code, Code::Unavailable);
    assert!(house.kept().await.is_empty());
}

#[tokio::test]
async fn a_minted_id_makes_every_send_a_pulse_of_its_own() {
    let house = House::new();
    let edge = house.edge();
    let without = || vec![report(RawPulse { event_time: None, ..raw("") })];
    for _ in 0..2 {
        let taken = edge.take(without(), Ids::Minted).await.unwrap();
        assert_eq!((taken.outcomes, taken.minted.len()), (vec![Outcome::Accepted], 1));
        assert_eq!(taken.ids, taken.minted);
    }
    assert_eq!(house.accepted_ids().await.len(), 2);
    assert_eq!(house.clock.now(), NOW);
}

#[tokio::test]
async fn records_name_the_sampled_traces_of_their_calls_and_others_are_the_same_bytes() {
    let traceparents = async |sampler| {
        let house = House::new();
        let (edge, (_provider, _guard)) = (house.edge(), collect(sampler));
        house.log.shut();
        let spans = ["one", "other"].map(|call| tracing::info_span!("call", call));
        let mut calls: Vec<_> = spans
            .iter()
            .zip(["a-1", "a-2"])
            .map(|(span, id)| Box::pin(take(&edge, [raw(id)]).instrument(span.clone())))
            .collect();
        for call in &mut calls {
            assert!(call.as_mut().now_or_never().is_none());
        }
        house.log.open();
        for call in calls {
            call.await.unwrap();
        }
        let at = TopicPartition::new("resource-consumption.g1", 0);
        let limit = ReadLimit { bytes: usize::MAX, wait: Duration::ZERO };
        let entries = house.log.read(&at, 0, limit).await.unwrap();
        let headers = entries.iter().flat_map(|entry| entry.headers.clone());
        headers.filter(|header| header.name == "traceparent").count()
    };
    assert_eq!(traceparents(Sampler::AlwaysOn).await, 2);
    assert_eq!(traceparents(Sampler::AlwaysOff).await, 0);
}

#[tokio::test]
async fn refused_pulses_over_their_budget_refuse_the_batch_and_sound_ones_go_on() {
    let house = House::new();
    let edge = house.edge_with(&Config { refused_pulses_per_second_max: 1, ..Config::default() });
    let unknown = |id: usize| RawPulse { sku: "no.such".into(), ..raw(&format!("a-{id}")) };
    assert_eq!(outcomes(&edge, (0..60).map(unknown)).await.len(), 60);
    let before = house.kept().await.len();
    let error = take(&edge, [raw("b-1"), unknown(60)]).await.unwrap_err();
    assert_eq!((error.code, error.retry_delay().is_some()), (Code::QuotaExceeded, true));
    assert_eq!(house.kept().await.len(), before, "nothing of the batch is stored");
    assert_eq!(outcomes(&edge, [raw("b-1")]).await, [Outcome::Accepted]);
    house.clock.advance(1);
    assert_eq!(reasons(&outcomes(&edge, [unknown(60)]).await), ["UNKNOWN_SKU"]);
}

#[tokio::test]
async fn a_report_that_cannot_be_read_is_kept_with_its_text() {
    let house = House::new();
    let fault = Reject::new(RejectReason::InvalidField, "pulse", "must be a JSON object");
    let text = Report { bytes: 4, fault: Some(fault), untouched: Some("text".into()), ..Report::default() };
    let taken = house.edge().take(vec![text, report(raw("a-1"))], Ids::Required).await.unwrap();
    assert_eq!(reasons(&taken.outcomes), ["INVALID_FIELD", ""]);
    let kept = house.kept().await;
    let refused = kept.iter().find_map(|(_, _, kept)| match kept {
        Kept::Refused(refused) => Some(refused),
        _ => None,
    });
    assert_eq!(refused.unwrap().payload, "text");
    assert_eq!(house.accepted_ids().await, ["a-1"]);
}
