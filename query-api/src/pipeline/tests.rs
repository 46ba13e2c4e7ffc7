use crate::testing::{House, at};
use backends::memory::ReadFault;
use domain::checkpoint::{Checkpoint, Totals, watermark_key};
use domain::port::{Log, NewRecord, TopicPartition};
use domain::time::Timestamp;
use serde_json::{Value, json};

async fn show(house: &House) -> Value {
    let (status, body) = house.get("/v1/pipeline").await;
    assert_eq!(status, 200, "{body}");
    body
}

fn checkpoint(next: u64, read: u64, arrival: Timestamp) -> Checkpoint {
    let totals = Totals { read, applied: read - 1, duplicate: 1, ..Totals::default() };
    Checkpoint { next, arrival, totals, ..Checkpoint::default() }
}

async fn write(house: &House, partition: u32, records: usize) {
    let topic = TopicPartition::new("resource-consumption.g1", partition);
    let record = || NewRecord { headers: Vec::new(), value: "x".into() };
    house.log.append(&topic, (0..records).map(|_| record()).collect()).await.unwrap();
}

async fn remember(house: &House, partition: u32, checkpoint: &Checkpoint) {
    let key = Checkpoint::history_key(1, partition, checkpoint.arrival);
    house.put(key, checkpoint.position().raw(), checkpoint).await;
}

#[tokio::test]
async fn an_untouched_pipeline_says_nothing_it_does_not_know() {
    let house = House::open().await;
    let body = show(&house).await;
    let books = json!({
        "read": "0", "applied": "0", "duplicate": "0", "conflict": "0", "refused": "0", "foreign": "0",
        "too_late": "0", "control": "0", "balanced": true
    });
    let partition = |number: u32| {
        json!({
            "generation": 1, "partition": number, "next_offset": "0", "end_offset": "0", "lag_records": "0",
            "books": books
        })
    };
    let log_id = house.log.incarnation("resource-consumption.g1").await.unwrap().log_id;
    let expected = json!({
        "time": "2026-03-10T14:37:12Z", "log_id": *log_id, "lag_records": "0", "pulses_per_second": "0", "books": books,
        "partitions": [partition(0), partition(1)]
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn lag_is_what_lies_between_checkpoint_and_end() {
    let house = House::open().await;
    write(&house, 0, 7).await;
    write(&house, 1, 2).await;
    house.put_checkpoint(0, &checkpoint(3, 10, at("2026-03-10T14:30:00Z"))).await;
    house.put(watermark_key(1, 0), 1, &at("2026-03-10T14:37:00.5Z")).await;
    let body = show(&house).await;
    assert_eq!(
        (&body["lag_records"], body.get("watermark")),
        (&json!("6"), None),
        "one has no watermark yet"
    );
    let first = &body["partitions"][0];
    for (field, value) in [
        ("next_offset", "3"),
        ("end_offset", "7"),
        ("lag_records", "4"),
        ("watermark", "2026-03-10T14:37:00.5Z"),
        ("lag_seconds", "12"),
        ("counted_until", "2026-03-10T14:30:00Z"),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    house.put(watermark_key(1, 1), 1, &at("2026-03-10T14:36:12Z")).await;
    let body = show(&house).await;
    assert_eq!((&body["watermark"], &body["lag_seconds"]), (&json!("2026-03-10T14:36:12Z"), &json!("60")));
}

/// 900 pulses more in 600 seconds are 1.5 a second, 100 more in 300 seconds a third of one.
#[tokio::test]
async fn a_rate_is_the_growth_since_the_checkpoint_before() {
    let house = House::open().await;
    remember(&house, 0, &checkpoint(1, 40, at("2026-03-10T14:17:00Z"))).await;
    remember(&house, 0, &checkpoint(2, 100, at("2026-03-10T14:27:00Z"))).await;
    house.put_checkpoint(0, &checkpoint(9, 1_000, at("2026-03-10T14:37:00Z"))).await;
    remember(&house, 0, &checkpoint(9, 1_000, at("2026-03-10T14:37:00Z"))).await;
    remember(&house, 1, &checkpoint(2, 100, at("2026-03-10T14:32:00Z"))).await;
    house.put_checkpoint(1, &checkpoint(9, 200, at("2026-03-10T14:37:00Z"))).await;
    let body = show(&house).await;
    assert_eq!(body["partitions"][0]["pulses_per_second"], "1.5");
    assert_eq!(body["partitions"][1]["pulses_per_second"], "0.333");
    assert_eq!(body["pulses_per_second"], "1.833");
}

#[tokio::test]
async fn who_asks_again_is_told_what_came_meanwhile() {
    let house = House::open().await;
    remember(&house, 0, &checkpoint(2, 100, at("2026-03-10T14:27:00Z"))).await;
    house.put_checkpoint(0, &checkpoint(9, 1_000, at("2026-03-10T14:37:00Z"))).await;
    assert_eq!(show(&house).await["pulses_per_second"], "1.5", "since the one that was kept");
    house.clock.advance(10);
    house.put_checkpoint(0, &checkpoint(10, 1_070, at("2026-03-10T14:37:20Z"))).await;
    assert_eq!(show(&house).await["pulses_per_second"], "7", "since ten seconds ago");
}

#[tokio::test]
async fn checkpoints_of_long_ago_make_no_rate() {
    let house = House::open().await;
    remember(&house, 0, &checkpoint(2, 100, at("2026-03-10T12:00:00Z"))).await;
    house.put_checkpoint(0, &checkpoint(9, 1_000, at("2026-03-10T14:37:00Z"))).await;
    assert!(show(&house).await["partitions"][0].get("pulses_per_second").is_none());
}

/// The clock stands at 14:37:12.
#[tokio::test]
async fn the_rate_of_what_has_ceased_is_zero() {
    let rate = async |arrival: &str, records: usize| {
        let house = House::open().await;
        write(&house, 0, records).await;
        remember(&house, 0, &checkpoint(2, 100, at("2026-03-10T14:26:00Z"))).await;
        house.put_checkpoint(0, &checkpoint(9, 1_000, at(arrival))).await;
        let body = show(&house).await;
        (body["partitions"][0]["pulses_per_second"].clone(), body["pulses_per_second"].clone())
    };
    let both = |text: &str| (json!(text), json!(text));
    assert_eq!(rate("2026-03-10T14:36:12Z", 9).await, both("1.471"), "900 in 612 seconds");
    assert_eq!(rate("2026-03-10T14:36:11Z", 9).await, both("0"));
    assert_eq!(rate("2026-03-10T14:36:00Z", 10).await, both("1.5"), "what waits is being counted");
}

#[tokio::test]
async fn the_whole_books_are_the_sum_and_say_whether_they_balance() {
    let house = House::open().await;
    house.put_checkpoint(0, &checkpoint(3, 10, at("2026-03-10T14:30:00Z"))).await;
    let wrong = Totals {
        read: 9,
        applied: 2,
        refused: 1,
        foreign: 1,
        too_late: 1,
        control: 1,
        conflict: 1,
        ..Totals::default()
    };
    house.put_checkpoint(1, &Checkpoint { next: 5, totals: wrong, ..Checkpoint::default() }).await;
    let body = show(&house).await;
    let books = json!({
        "read": "19", "applied": "11", "duplicate": "1", "conflict": "1", "refused": "1", "foreign": "1",
        "too_late": "1", "control": "1", "balanced": false
    });
    assert_eq!(body["books"], books);
    let balanced: Vec<&Value> =
        body["partitions"].as_array().unwrap().iter().map(|one| &one["books"]["balanced"]).collect();
    assert_eq!(balanced, [&json!(true), &json!(false)]);
}

#[tokio::test]
async fn a_store_that_is_away_is_worth_a_retry_and_a_damaged_cell_is_not() {
    let house = House::open().await;
    house.store.script_reads([Some(ReadFault::Unavailable)]);
    let (status, body) = house.get("/v1/pipeline").await;
    assert_eq!((status, &body["code"], &body["retryable"]), (503, &json!("UNAVAILABLE"), &json!(true)));
    house.store.script_reads([None, Some(ReadFault::Damaged)]);
    let (status, body) = house.get("/v1/pipeline").await;
    assert_eq!((status, &body["code"], &body["retryable"]), (500, &json!("INTERNAL"), &json!(false)));
}
