//! Windows of zones off the whole hour and over their changes of the clock, against a plain reckoning of local times.

use crate::testing::{House, at};
use domain::time::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a clock on the wall shows: date, hour, and how far it is from UTC, since an hour may come twice.
type Wall = (String, Option<i8>, i32);

fn wall(zone: &str, window: &str, instant: Timestamp) -> Wall {
    let local = instant.to_jiff().to_zoned(TimeZone::get(zone).unwrap());
    let offset = local.offset().seconds();
    match window {
        "PT1H" => (local.date().to_string(), Some(local.hour()), offset),
        "P1D" => (local.date().to_string(), None, 0),
        _ => (local.date().first_of_month().to_string(), None, 0),
    }
}

/// The sums of an answer, by what the clock shows when their windows begin.
async fn answered(house: &House, uri: &str, zone: &str, window: &str) -> BTreeMap<Wall, i64> {
    let mut sums = BTreeMap::new();
    for item in house.items(uri).await {
        let start = at(item["start_time"].as_str().unwrap());
        let quantity: i64 = item["quantity"].as_str().unwrap().parse().unwrap();
        assert_eq!(
            sums.insert(wall(zone, window, start), quantity),
            None,
            "a window stands there once: {item}"
        );
    }
    sums
}

/// Seconds of a pulse, and its units.
type Part = (i64, i64);

async fn compare(zone: &str, window: &str, first: &str, parts: &[Part]) {
    let house = House::furnished().await;
    let mut expected = BTreeMap::<Wall, i64>::new();
    for (offset, (seconds, units)) in (1..).zip(parts) {
        let time = at(first).plus_seconds(*seconds);
        *expected.entry(wall(zone, window, time)).or_default() += units;
        let (time, units) = (time.to_string(), units.to_string());
        house.count_as(("acme", "llm.input", "token", &time, &units), "", None, offset).await;
    }
    let (start, end) = (at(first), at(first).plus_seconds(6 * 86_400));
    let uri = format!(
        "/v1/usage?tenant=acme&from={start}&to={end}&window={window}&time_zone={zone}&page_size=1000"
    );
    assert_eq!(answered(&house, &uri, zone, window).await, expected, "{zone} {window} from {first}");
}

#[tokio::test]
async fn the_half_hour_that_comes_twice_on_lord_howe_is_told_apart() {
    // At 2026-04-04T15:00Z clocks go from 02:00 (+11) back to 01:30 (+10:30).
    let parts = [(0, 1), (1_800, 2), (3_599, 4), (3_600, 8), (5_399, 16), (5_400, 32)];
    compare("Australia/Lord_Howe", "PT1H", "2026-04-04T14:00:00Z", &parts).await;
    let house = House::furnished().await;
    for (offset, (seconds, units)) in (1..).zip(parts) {
        let time = at("2026-04-04T14:00:00Z").plus_seconds(seconds).to_string();
        house.count_as(("acme", "llm.input", "token", &time, &units.to_string()), "", None, offset).await;
    }
    let uri = "/v1/usage?tenant=acme&from=2026-04-04T14:00:00Z&to=2026-04-04T16:00:00Z&window=PT1H&time_zone=Australia/Lord_Howe";
    let shown: Vec<(String, String)> = house
        .items(uri)
        .await
        .iter()
        .map(|item| (item["start_time"].as_str().unwrap().into(), item["quantity"].as_str().unwrap().into()))
        .collect();
    let expected =
        [("2026-04-04T14:00:00Z", "7"), ("2026-04-04T15:00:00Z", "24"), ("2026-04-04T15:30:00Z", "32")];
    assert_eq!(shown, expected.map(|(start, sum)| (start.to_owned(), sum.to_owned())));
}

#[tokio::test]
async fn days_of_kathmandu_and_kolkata_begin_at_their_own_midnight() {
    for (zone, midnight) in
        [("Asia/Kathmandu", "2026-03-01T18:15:00Z"), ("Asia/Kolkata", "2026-03-01T18:30:00Z")]
    {
        let house = House::furnished().await;
        let before = at(midnight).plus_seconds(-1).to_string();
        house.count_as(("acme", "llm.input", "token", &before, "3"), "", None, 1).await;
        house.count_as(("acme", "llm.input", "token", midnight, "5"), "", None, 2).await;
        let uri = format!(
            "/v1/usage?tenant=acme&from=2026-03-01T00:00:00Z&to=2026-03-02T12:00:00Z&window=P1D&time_zone={zone}"
        );
        let items = house.items(&uri).await;
        assert_eq!(
            (items[0]["quantity"].as_str(), items[1]["quantity"].as_str()),
            (Some("3"), Some("5")),
            "{zone}"
        );
        assert_eq!(items[1]["start_time"], midnight, "{zone}");
    }
}

#[tokio::test]
async fn a_period_is_the_month_of_the_zone_that_is_asked_for() {
    let house = House::furnished().await;
    house.count_as(("acme", "llm.input", "token", "2026-02-28T18:14:59Z", "1"), "", None, 1).await;
    house.count_as(("acme", "llm.input", "token", "2026-02-28T18:15:00Z", "2"), "", None, 2).await;
    house.count_as(("acme", "llm.input", "token", "2026-03-31T18:14:59Z", "4"), "", None, 3).await;
    house.count_as(("acme", "llm.input", "token", "2026-03-31T18:15:00Z", "8"), "", None, 4).await;
    let items = house.items("/v1/usage?tenant=acme&period=2026-03&time_zone=Asia/Kathmandu").await;
    assert_eq!((items.len(), items[0]["quantity"].as_str()), (1, Some("6")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn windows_are_what_clocks_on_the_wall_show(
        parts in prop::collection::vec((0_i64..6 * 86_400, -1_000_i64..1_000), 1..25),
        window in prop::sample::select(vec!["PT1H", "P1D", "P1M"]),
        (zone, first) in prop::sample::select(vec![
            ("UTC", "2026-02-26T00:00:00Z"),
            ("Asia/Kathmandu", "2026-02-26T00:15:00Z"),
            ("Asia/Kolkata", "2026-02-26T00:30:00Z"),
            ("Europe/Berlin", "2026-03-27T00:00:00Z"),
            ("Europe/Berlin", "2026-10-22T00:00:00Z"),
            ("America/St_Johns", "2026-03-05T00:00:00Z"),
            ("America/St_Johns", "2026-10-29T00:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-02T00:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-01T00:00:00Z"),
            ("Pacific/Chatham", "2026-04-02T00:00:00Z"),
        ]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(zone, window, first, &parts));
    }
}
