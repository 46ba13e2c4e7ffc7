//! What all reads have in common: strict parameters, conditional answers, formats, faults, hostile input.

use crate::testing::records::raw;
use crate::testing::{House, tenant};
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use backends::memory::ReadFault;
use catalog::billing::rate_stored_month;
use catalog::charge::Charges;
use domain::calendar::Period;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt;

const TIME: &str = "2026-03-10T10:07:30Z";

/// A house with one pulse and one charge, and the addresses of all reads that answer it.
async fn house() -> (House, Vec<String>) {
    let house = House::furnished().await;
    house.take_in(&[raw("a", TIME, "5")], &[]).await;
    house.reach("2026-03-10T14:30:00Z").await;
    let (period, state) = (Period::parse("2026-03").unwrap(), house.view.state());
    let month = rate_stored_month(&*house.store, &state, &tenant("acme"), period).await.unwrap();
    house.put(Charges::cell_key(&tenant("acme"), period), 1, &month.charges()).await;
    let charge = month.rated[0].charge.key.id();
    let uris = [
        "/v1/usage?period=2026-03".to_owned(),
        "/v1/costs?period=2026-03".to_owned(),
        "/v1/charges?period=2026-03".to_owned(),
        "/v1/dead-letters".to_owned(),
        format!("/v1/charges/{charge}/explanation"),
        format!("/v1/pulses/a?tenant=acme&event_time={TIME}"),
        "/v1/tenants/acme/overview".to_owned(),
        "/v1/pipeline".to_owned(),
        "/v1/reconciliation".to_owned(),
    ];
    (house, uris.to_vec())
}

async fn send(house: &House, uri: &str, headers: &[(&str, &str)]) -> (Response<()>, String) {
    let mut request = Request::get(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = house.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 10_000_000).await.unwrap();
    (Response::from_parts(parts, ()), String::from_utf8(bytes.to_vec()).unwrap())
}

fn with(uri: &str, parameter: &str) -> String {
    format!("{uri}{}{parameter}", if uri.contains('?') { '&' } else { '?' })
}

#[tokio::test]
async fn every_read_answers_and_refuses_parameters_it_does_not_know() {
    let (house, uris) = house().await;
    for uri in &uris {
        let (status, body) = house.get(uri).await;
        assert_eq!(status, 200, "{uri}: {body}");
        let (status, body) = house.get(&with(uri, "colour=red")).await;
        assert_eq!((status, &body["errors"][0]["field"]), (400, &json!("colour")), "{uri}");
        assert!(body["detail"].as_str().unwrap().contains("is no parameter here"), "{uri}");
    }
}

#[tokio::test]
async fn an_answer_the_client_has_is_not_sent_again_until_it_changes() {
    let (house, uris) = house().await;
    // The books are counted anew each time and are no answer to keep.
    for uri in uris.iter().filter(|uri| !uri.contains("reconciliation")) {
        let (first, _) = send(&house, uri, &[]).await;
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\""), "{uri}: {tag}");
        for known in [tag.as_str(), "*", &format!("\"x\", {tag}"), tag.trim_start_matches("W/")] {
            let (again, body) = send(&house, uri, &[("if-none-match", known)]).await;
            assert_eq!((again.status().as_u16(), body.as_str()), (304, ""), "{uri}: {known}");
            assert_eq!(again.headers()["etag"], tag.as_str(), "{uri}");
        }
        let (other, _) = send(&house, uri, &[("if-none-match", "W/\"0\"")]).await;
        assert_eq!(other.status(), 200, "{uri}");
    }
    let (first, _) = send(&house, &uris[0], &[]).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    house.take_in(&[raw("b", TIME, "1")], &[]).await;
    let (changed, body) = send(&house, &uris[0], &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status(), 200);
    assert!(body.contains("\"quantity\":\"6\""), "{body}");
}

#[tokio::test]
async fn the_version_of_a_complete_answer_does_not_change_with_the_watermark() {
    for list in ["usage", "costs"] {
        let (house, _) = house().await;
        let tag = async |from: &str, to: &str, watermark: &str| {
            house.reach(watermark).await;
            let uri = format!("/v1/{list}?tenant=acme&from={from}&to={to}");
            send(&house, &uri, &[]).await.0.headers()["etag"].clone()
        };
        let closed = async |watermark| tag("2026-03-10T00:00:00Z", "2026-03-10T14:00:00Z", watermark).await;
        let first = closed("2026-03-10T14:00:00Z").await;
        assert_eq!(closed("2026-03-10T14:30:01Z").await, first, "{list}");
        let uri = format!("/v1/{list}?tenant=acme&from=2026-03-10T00:00:00Z&to=2026-03-10T14:00:00Z");
        let (same, _) = send(&house, &uri, &[("if-none-match", first.to_str().unwrap())]).await;
        assert_eq!(
            (same.status().as_u16(), same.headers()["pulse-watermark"].to_str().unwrap()),
            (304, "2026-03-10T14:30:01Z")
        );
        let open = async |watermark| tag("2026-03-10T00:00:00Z", "2026-03-10T15:00:00Z", watermark).await;
        let first = open("2026-03-10T14:30:02Z").await;
        assert_ne!(open("2026-03-10T14:30:03Z").await, first, "{list} is known further");
    }
}

#[tokio::test]
async fn lists_speak_csv_and_lines_and_single_things_only_json() {
    let (house, uris) = house().await;
    for uri in &uris {
        let is_list = house.get(&with(uri, "page_size=1")).await.0 == 200;
        for format in ["text/csv", "application/x-ndjson"] {
            let (response, body) = send(&house, uri, &[("accept", format)]).await;
            let content_type = response.headers()["content-type"].to_str().unwrap();
            assert_eq!(content_type.starts_with(format), is_list, "{uri}: {content_type}");
            assert!(
                !serde_json::from_str::<Value>(&body).is_ok_and(|body| body.get("items").is_some()),
                "{uri}"
            );
            let has_formats = is_list || uri == "/v1/reconciliation";
            assert_eq!(response.headers().contains_key("vary"), has_formats, "{uri}");
        }
    }
}

#[tokio::test]
async fn tables_say_in_headers_how_much_they_know() {
    let (house, uris) = house().await;
    for uri in &uris[..2] {
        let (response, _) = send(&house, uri, &[("accept", "text/csv")]).await;
        for (name, value) in [
            ("pulse-watermark", "2026-03-10T14:30:00Z"),
            ("pulse-complete", "false"),
            ("pulse-final", "false"),
            ("pulse-late-count", "0"),
        ] {
            assert_eq!(response.headers()[name], value, "{uri} {name}");
        }
    }
}

#[tokio::test]
async fn the_link_of_a_table_leads_to_the_next_page() {
    let house = House::furnished().await;
    for (index, hour) in (0..5).enumerate() {
        let time = format!("2026-03-10T0{hour}:00:00Z");
        house.take_in(&[raw(&format!("p{index}"), &time, "1")], &[]).await;
    }
    let (mut uri, mut rows) =
        ("/v1/usage?tenant=acme&period=2026-03&window=PT1H&page_size=2".to_owned(), Vec::new());
    loop {
        let (response, body) = send(&house, &uri, &[("accept", "text/csv")]).await;
        rows.extend(body.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()));
        let Some(link) = response.headers().get("link") else { break };
        let link = link.to_str().unwrap();
        let query = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        uri = format!("/v1/usage{query}");
    }
    let expected: Vec<String> = (0..5).map(|hour| format!("2026-03-10T0{hour}:00:00Z")).collect();
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_store_that_is_away_makes_a_refusal_worth_a_retry_never_half_an_answer() {
    let (house, uris) = house().await;
    for uri in uris.iter().filter(|uri| !uri.contains("overview")) {
        let (_, whole) = house.get(uri).await;
        let mut refused = 0;
        for call in 0..500 {
            house.store.script_reads((0..call).map(|_| None).chain([Some(ReadFault::Unavailable)]));
            let (status, body) = house.get(uri).await;
            if status == 200 && body.get("missing").is_none_or(|missing| missing == &json!([])) {
                assert_eq!(body, whole, "{uri}: the fault lies beyond the last read");
                house.store.script_reads([]);
                break;
            }
            refused += 1;
            if status != 200 {
                assert_eq!((status, &body["code"]), (503, &json!("UNAVAILABLE")), "{uri} at {call}");
                assert_eq!(body["retryable"], true, "{uri}");
            }
        }
        assert!(refused > 0, "{uri} reads the store");
        // What was scripted beyond the last read is used up.
        for _ in 0..3 {
            house.get("/v1/dead-letters").await;
        }
    }
}

#[tokio::test]
async fn damage_is_a_fault_that_tells_nothing_of_what_is_stored() {
    let (house, uris) = house().await;
    for uri in uris.iter().filter(|uri| !uri.contains("overview")) {
        house.store.script_reads([Some(ReadFault::Damaged)]);
        let (status, body) = house.get(uri).await;
        assert_eq!(
            (status, &body["code"], &body["retryable"]),
            (500, &json!("INTERNAL"), &json!(false)),
            "{uri}"
        );
        assert!(!body.to_string().contains("acme/"), "{uri}: {body}");
    }
}

#[tokio::test]
async fn an_offset_of_the_catalogue_is_seen_or_refused() {
    let (house, uris) = house().await;
    let end = house.view.state().offset();
    for uri in &uris[..3] {
        for seen in [0, 1, end] {
            assert_eq!(house.get(&with(uri, &format!("catalog_offset={seen}"))).await.0, 200, "{uri} {seen}");
        }
        for (bad, rule) in [
            ((end + 1).to_string(), "is above the catalogue's end"),
            (u64::MAX.to_string(), "is above the catalogue's end"),
            ("-1".to_owned(), "must be a whole number"),
            ("18446744073709551616".to_owned(), "must be a whole number"),
            ("1e3".to_owned(), "must be a whole number"),
        ] {
            let (status, body) = house.get(&with(uri, &format!("catalog_offset={bad}"))).await;
            assert_eq!((status, &body["errors"][0]["field"]), (400, &json!("catalog_offset")), "{uri} {bad}");
            assert!(body["detail"].as_str().unwrap().ends_with(rule), "{body}");
        }
    }
}

#[tokio::test]
async fn page_tokens_of_others_are_refused_by_every_list() {
    let house = House::furnished().await;
    for hour in 0..3 {
        house.take_in(&[raw(&format!("p{hour}"), &format!("2026-03-10T0{hour}:00:00Z"), "1")], &[]).await;
    }
    let usage = "/v1/usage?tenant=acme&period=2026-03&window=PT1H&page_size=1";
    let (_, first) = house.get(usage).await;
    let token = first["next_page_token"].as_str().unwrap();
    let forged = format!("{}A", &token[..token.len() - 1]);
    for (uri, token) in [
        (usage, forged.as_str()),
        (usage, ""),
        (usage, "%00"),
        (usage, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("/v1/usage?tenant=acme&period=2026-03&window=P1D", token),
        ("/v1/usage?tenant=globex&period=2026-03&window=PT1H", token),
        ("/v1/costs?tenant=acme&period=2026-03&window=PT1H", token),
        ("/v1/charges?period=2026-03", token),
        ("/v1/dead-letters?status=open", token),
    ] {
        let (status, body) = house.get(&with(uri, &format!("page_token={token}"))).await;
        assert_eq!((status, &body["code"]), (400, &json!("INVALID_PAGE_TOKEN")), "{uri} {token}");
        assert_eq!(body["errors"][0]["field"], "page_token", "{uri}");
    }
    let (status, body) = house.get(&format!("{usage}&page_token={token}")).await;
    assert_eq!((status, &body["items"][0]["start_time"]), (200, &json!("2026-03-10T01:00:00Z")));
}

#[tokio::test]
async fn a_page_keeps_the_range_of_the_first_while_time_goes_on() {
    let house = House::furnished().await;
    for hour in 0..3 {
        house.take_in(&[raw(&format!("p{hour}"), &format!("2026-03-10T0{hour}:00:00Z"), "1")], &[]).await;
    }
    let uri = "/v1/usage?tenant=acme&from=-24h&window=PT1H&page_size=2";
    let (_, first) = house.get(uri).await;
    house.clock.advance(30 * 86_400);
    let next = format!("{uri}&page_token={}", first["next_page_token"].as_str().unwrap());
    let (status, second) = house.get(&next).await;
    assert_eq!((status, &second["items"][0]["start_time"]), (200, &json!("2026-03-10T02:00:00Z")));
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn hostile_queries_are_refused_by_name_and_never_a_fault() {
    let (house, uris) = house().await;
    let long = "x".repeat(60_000);
    let many = vec!["sku=a"; 5_000].join("&");
    let hostile = [
        "%FF",
        "a=%FF",
        "tenant=%00",
        "tenant=%F0%9F%92%A9%0A",
        "period=%2D%2D",
        "from=-999999999d",
        "from=%2D1",
        "to=9999-12-31T23:45:00Z",
        "from=0000-01-01T00:00:00Z",
        "window=",
        "top=-1",
        "top=1e9",
        "page_size=1.5",
        "page_size=99999999999999999999",
        "page_token=%00",
        "status=%00",
        "dimension=:",
        "group_by=,,,,dim.",
        "time_zone=../../etc/passwd",
        "time_zone=%00",
        "reason=%00",
        "event_time=-1",
        "source=%0A",
        &long,
        &many,
    ];
    for uri in &uris {
        for query in hostile {
            let (status, body) = house.get(&with(uri, query)).await;
            let known = (status == 200 && body.is_object()) || (status == 400 && body["code"].is_string());
            assert!(known, "{uri} {}: {status}", &query[..query.len().min(40)]);
            if status == 400 {
                assert!(!body["errors"][0]["field"].as_str().unwrap().is_empty(), "{uri} {body}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn no_query_makes_a_fault(
        names in prop::collection::vec(prop::sample::select(vec![
            "tenant", "sku", "unit", "dimension", "from", "to", "period", "window", "time_zone", "group_by", "top",
            "page_size", "page_token", "catalog_offset", "source", "event_time", "status", "reason", "x",
        ]), 1..5),
        values in prop::collection::vec("[ -~]{0,12}|-[0-9]{1,7}[mhd]|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:00:00Z", 5),
    ) {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<String> = names.iter().zip(&values).map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let query = pairs.join("&");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::furnished().await;
            for path in ["/v1/usage", "/v1/costs", "/v1/charges", "/v1/dead-letters", "/v1/pulses/a", "/v1/tenants/acme/overview"] {
                let (status, body) = house.get(&format!("{path}?{query}")).await;
                assert!(matches!(status, 200 | 400 | 404), "{path}?{query}: {status} {body}");
            }
        });
    }
}
