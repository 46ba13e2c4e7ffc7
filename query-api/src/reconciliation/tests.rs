use super::FOLLOWERS_MAX;
use crate::testing::House;
use crate::testing::events::{Reader, request};
use crate::testing::records::{envelope, keep_page, raw, refused, stamped};
use axum::body::to_bytes;
use backends::memory::ReadFault;
use domain::calendar::Period;
use domain::checkpoint::{Checkpoint, Totals};
use domain::port::{Log, ReadLimit, TopicPartition};
use domain::pulse::StampedPulse;
use domain::time::Timestamp;
use futures::FutureExt;
use proto::record::{Control, pack, pack_control, to_log};
use serde_json::{Value, json};
use std::pin::pin;
use std::time::Duration;
use tower::ServiceExt;

const DAY: &str = "2026-03-10T10:00:00Z";

fn pulse(id: &str, event_time: &str) -> StampedPulse {
    stamped(&raw(id, event_time, "5"))
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
    Totals { read: 7, applied: 2, duplicate: 1, conflict: 0, refused: 1, foreign: 1, too_late: 1, control: 1 }
}

/// Keeps all records of the log in pages, counts two pulses and closes the books on them.
async fn settle(house: &House, totals: Totals) {
    let limit = ReadLimit { bytes: 1_000_000, wait: Duration::ZERO };
    let entries = house.log.read(&partition(), 0, limit).await.unwrap();
    for entry in &entries {
        keep_page(&house.store, 0, entry).await;
    }
    for offset in 0..totals.applied {
        house.count_as(("acme", "llm.input", "token", DAY, "5"), "", None, offset).await;
    }
    let next = entries.last().unwrap().offset + 1;
    house
        .put_checkpoint(0, &Checkpoint { next, totals, arrival: Timestamp::EPOCH, ..Checkpoint::default() })
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

#[tokio::test(start_paused = true)]
async fn events_tell_how_far_a_recount_is_for_longer_than_a_request_takes_and_at_last_the_books() {
    let house = house().await;
    settle(&house, books()).await;
    let turn = house.query.recount_alone().await;
    let mut events = Reader::open(&house, "/v1/reconciliation").await;
    for _ in 0..60 {
        let (_, name, data) = events.next().await.unwrap();
        assert_eq!((name.as_str(), data), ("counting", json!({"counted": "0", "expected": "7"})));
    }
    drop(turn);
    let (_, name, data) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &data), ("reconciliation", &ask(&house).await));
    assert_eq!(data["received"], "7");
    assert_eq!(events.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_recount_that_fails_or_is_left_or_ended_makes_room_for_others() {
    let house = house().await;
    let first_reads = [None, None];
    house.store.script_reads(first_reads.into_iter().chain([Some(ReadFault::Unavailable)]));
    let mut events = Reader::open(&house, "/v1/reconciliation").await;
    let (_, name, problem) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &problem["code"]), ("problem", &json!("UNAVAILABLE")));
    assert_eq!(events.next().await, None);
    let turn = house.query.recount_alone().await;
    let mut followers = Vec::new();
    for _ in 0..FOLLOWERS_MAX {
        let mut events = Reader::open(&house, "/v1/reconciliation").await;
        assert_eq!(events.next().await.unwrap().1, "counting");
        followers.push(events);
    }
    let full = json!("all 16 recount places are taken");
    let refused = house.router.clone().oneshot(request("/v1/reconciliation")).await.unwrap();
    let refused: Value =
        serde_json::from_slice(&to_bytes(refused.into_body(), 10_000).await.unwrap()).unwrap();
    assert_eq!((&refused["code"], &refused["detail"]), (&json!("OVERLOADED"), &full));
    drop(followers);
    let mut ended = Reader::open(&house, "/v1/reconciliation").await;
    house.shutdown.cancel();
    assert_eq!(ended.next().await, None);
    drop(turn);
    assert_eq!(ask(&house).await["received"], "7");
}

#[tokio::test]
async fn a_record_in_the_wrong_column_breaks_a_check() {
    let house = house().await;
    settle(&house, Totals { refused: 2, control: 0, ..books() }).await;
    let body = ask(&house).await;
    assert_eq!((&body["difference"], broken(&body)), (&json!("0"), vec!["refused", "control"]));
}
