use crate::testing::House;
use crate::testing::events::Reader;
use axum::body::Body;
use axum::http::Request;
use backends::memory::ReadFault;
use serde_json::{Value, json};
use tower::ServiceExt;

fn quantities(data: &Value) -> Vec<(&str, &str)> {
    let items = data["items"].as_array().unwrap().iter();
    items.map(|item| (item["start_time"].as_str().unwrap(), item["quantity"].as_str().unwrap())).collect()
}

async fn house() -> House {
    let house = House::furnished().await;
    house
        .count(&[
            ("acme", "llm.input", "token", "2026-03-10T12:10:00Z", "5"),
            ("acme", "llm.input", "token", "2026-03-10T13:10:00Z", "7"),
            ("globex", "llm.input", "token", "2026-03-10T13:10:00Z", "100"),
        ])
        .await;
    house.reach("2026-03-10T14:30:00Z").await;
    house
}

#[tokio::test(start_paused = true)]
async fn first_all_items_are_told_then_those_that_changed_whole() {
    let house = house().await;
    let mut reader = Reader::open(&house, "/v1/usage/live?tenant=acme").await;
    let (id, name, data) = reader.next().await.unwrap();
    assert_eq!((id.as_str(), name.as_str()), ("2026-03-10T14:30:00Z", "snapshot"));
    assert_eq!(quantities(&data), [("2026-03-10T12:00:00Z", "5"), ("2026-03-10T13:00:00Z", "7")]);
    let usage = house
        .items("/v1/usage?tenant=acme&from=2026-03-09T14:30:00Z&to=2026-03-10T14:45:00Z&window=PT1H")
        .await;
    assert_eq!(data["items"], json!(usage), "the data is that of the list");

    house.count_as(("acme", "llm.input", "token", "2026-03-10T13:20:00Z", "0.5"), "", None, 50).await;
    house.count_as(("globex", "llm.input", "token", "2026-03-10T13:20:00Z", "1"), "", None, 51).await;
    house.reach("2026-03-10T14:30:01Z").await;
    let (id, name, data) = reader.next().await.unwrap();
    assert_eq!((id.as_str(), name.as_str()), ("2026-03-10T14:30:01Z", "delta"));
    assert_eq!(quantities(&data), [("2026-03-10T13:00:00Z", "7.5")]);
}

#[tokio::test(start_paused = true)]
async fn without_a_change_only_heartbeats_are_told() {
    let house = house().await;
    let mut reader = Reader::open(&house, "/v1/usage/live?tenant=acme").await;
    reader.next().await.unwrap();
    for _ in 0..3 {
        assert_eq!(reader.raw().await.unwrap(), ": heartbeat\n\n");
    }
    // A watermark that moves over nothing new is no change either.
    house.reach("2026-03-10T14:35:00Z").await;
    assert_eq!(reader.raw().await.unwrap(), ": heartbeat\n\n");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_gets_a_snapshot_and_goes_on() {
    let house = house().await;
    for id in ["2026-03-10T13:00:00Z", "2026-03-10T14:30:00Z", "2999-01-01T00:00:00Z", "", "no time at all"] {
        let request = Request::get("/v1/usage/live?tenant=acme&window=P1D").header("last-event-id", id);
        let response = house.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "{id}");
        let mut reader = Reader::of(response);
        let (_, name, data) = reader.next().await.unwrap();
        let all = vec![("2026-03-10T00:00:00Z", "12")];
        assert_eq!((name.as_str(), quantities(&data)), ("snapshot", all), "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_end_with_the_service() {
    let house = house().await;
    let mut reader = Reader::open(&house, "/v1/usage/live").await;
    reader.next().await.unwrap();
    house.shutdown.cancel();
    assert_eq!(reader.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn events_end_with_a_fault_and_after_a_day() {
    let house = house().await;
    let mut reader = Reader::open(&house, "/v1/usage/live").await;
    reader.next().await.unwrap();
    house.store.script_reads([Some(ReadFault::Unavailable)]);
    assert_eq!(reader.next().await, None);
    let mut reader = Reader::open(&house, "/v1/usage/live").await;
    reader.next().await.unwrap();
    house.clock.advance(86_400);
    assert_eq!(reader.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn places_are_bounded_and_free_again_when_a_client_goes() {
    let house = house().await;
    let mut readers = Vec::new();
    for _ in 0..64 {
        readers.push(Reader::open(&house, "/v1/usage/live?tenant=acme").await);
    }
    let (status, body) = house.get("/v1/usage/live?tenant=acme").await;
    assert_eq!((status, &body["code"], &body["retryable"]), (503, &json!("OVERLOADED"), &json!(true)));
    readers.pop();
    Reader::open(&house, "/v1/usage/live?tenant=acme").await.next().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_too_large_to_be_held_is_refused() {
    let house = House::furnished().await;
    // Each of 20 days holds 24 hours of 25 groups: 12,000 items of an hour, 500 of a day.
    let mut offset = 0;
    for hour in 0..480_i64 {
        let time = crate::testing::at("2026-02-20T00:00:00Z").plus_seconds(hour * 3_600).to_string();
        for group in 0..25 {
            offset += 1;
            let usage = ("acme", "llm.input", "token", time.as_str(), "1");
            house.count_as(usage, &format!("region=r{group}"), None, offset).await;
        }
    }
    let uri = "/v1/usage/live?from=2026-02-20T00:00:00Z&group_by=dim.region";
    let (status, body) = house.get(uri).await;
    assert_eq!((status, &body["errors"][0]["field"]), (400, &json!("group_by")), "{body}");
    let (_, _, data) = Reader::open(&house, &format!("{uri}&window=P1D")).await.next().await.unwrap();
    // The clock stands at 2026-03-10: 19 days of March and February are over, and some hours of it.
    assert_eq!(quantities(&data).len() % 25, 0);
    assert!(quantities(&data).iter().all(|(_, quantity)| quantity.parse::<u32>().unwrap() <= 24));
}

#[tokio::test]
async fn what_breaks_a_rule_is_named() {
    let house = House::furnished().await;
    for (query, field) in [
        ("from=-32d", "from"),
        ("from=2026-03-10T14:40:00Z", "from"),
        ("to=2026-03-10T14:30:00Z", "to"),
        ("window=PT2H", "window"),
        ("group_by=dim.rack", "group_by"),
        ("tenant=", "tenant"),
        ("time_zone=Mars", "time_zone"),
        ("page_size=5", "page_size"),
    ] {
        let (status, body) = house.get(&format!("/v1/usage/live?{query}")).await;
        assert_eq!((status, &body["errors"][0]["field"]), (400, &json!(field)), "{query}: {body}");
    }
}
