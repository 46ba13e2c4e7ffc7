//! Pulses over HTTP, as a client sends them.

use crate::testing::{House, Kept, raw};
use crate::{Config, build};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::request::Builder;
use backends::memory::AppendFault;
use domain::pulse::RawPulse;
use domain::time::Timestamp;
use futures::stream;
use proptest::prelude::*;
use proto::json::to_json;
use serde_json::{Value, json};
use std::io::{self, Write};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

struct Client {
    house: House,
    router: axum::Router,
}

struct Answer {
    status: u16,
    retry_after: Option<String>,
    body: Value,
}

impl Client {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let house = House::new();
        let api = build(config, house.ports(), CancellationToken::new(), house.tracker.clone());
        Self { router: api.http().into(), house }
    }

    async fn send(&self, request: Builder, body: impl Into<Body>) -> Answer {
        let request = request.uri("/v1/pulses").method("POST").body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let retry_after =
            response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        let bytes = to_bytes(response.into_body(), 10_000_000).await.unwrap();
        Answer { status, retry_after, body: serde_json::from_slice(&bytes).unwrap() }
    }

    async fn post(&self, media_type: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::builder().header("content-type", media_type), body).await
    }

    async fn json(&self, body: impl ToString) -> Answer {
        self.post("application/json", body.to_string()).await
    }
}

impl Answer {
    /// Id, status and reason of each item, whose indexes must be in order.
    fn items(&self) -> Vec<(&str, &str, &str)> {
        assert_eq!(self.status, 207, "{}", self.body);
        let items = self.body["items"].as_array().unwrap().iter().enumerate();
        items
            .map(|(index, item)| {
                assert_eq!(item["index"], index);
                (text(&item["id"]), text(&item["status"]), text(&item["reason"]))
            })
            .collect()
    }

    fn problem(&self) -> (u16, &str, &str) {
        let field = self.body["errors"][0]["field"].as_str().unwrap_or_default();
        (self.status, self.body["code"].as_str().unwrap(), field)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn pulse(id: &str) -> Value {
    to_json(&raw(id))
}

fn event(id: &str) -> Value {
    let mut data = pulse(id);
    let fields = data.as_object_mut().unwrap();
    let mut take = |name: &str| fields.remove(name).unwrap();
    let (id, source, subject, time) = (take("id"), take("source"), take("tenant"), take("event_time"));
    json!({
        "specversion": "1.0", "type": "pulse.usage.v1",
        "id": id, "source": source, "subject": subject, "time": time, "data": data,
    })
}

#[tokio::test]
async fn every_format_of_one_pulse_is_the_same_pulse() {
    let client = Client::new();
    let accepted = |id: &'static str| (id, "accepted", "");
    assert_eq!(client.json(pulse("a-1")).await.items(), [accepted("a-1")]);
    assert_eq!(client.json(json!({"pulses": [pulse("a-2")]})).await.items(), [accepted("a-2")]);
    let lines = format!("{}\n{}\n", pulse("a-3"), pulse("a-4"));
    let answer = client.post("application/x-ndjson", lines).await;
    assert_eq!(answer.items(), [accepted("a-3"), accepted("a-4")]);
    let answer = client.post("application/cloudevents+json", event("a-5").to_string()).await;
    assert_eq!(answer.items(), [accepted("a-5")]);
    let answer = client.post("application/cloudevents-batch+json", json!([event("a-6")]).to_string()).await;
    assert_eq!(answer.items(), [accepted("a-6")]);
    let event = event("a-7");
    let mut request = Request::builder();
    for name in ["specversion", "type", "id", "source", "subject", "time"] {
        request = request.header(format!("ce-{name}"), event[name].as_str().unwrap());
    }
    assert_eq!(client.send(request, event["data"].to_string()).await.items(), [accepted("a-7")]);
    for (_, _, kept) in client.house.kept().await {
        let Kept::Accepted(kept) = kept else { panic!("{kept:?}") };
        assert_eq!(kept, RawPulse { id: kept.id.clone(), ..raw("") });
    }
    let resent: Vec<Value> = (1..=7).map(|number| pulse(&format!("a-{number}"))).collect();
    let answer = client.json(json!({ "pulses": resent })).await;
    assert!(
        answer.items().iter().all(|(_, status, _)| *status == "duplicate"),
        "one identity in every format"
    );
}

#[tokio::test]
async fn a_compressed_body_is_as_good_as_a_plain_one() {
    let client = Client::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(pulse("a-1").to_string().as_bytes()).unwrap();
    let zstd = zstd::encode_all(pulse("a-2").to_string().as_bytes(), 1).unwrap();
    for (encoding, body, id) in [("gzip", gzip.finish().unwrap(), "a-1"), ("zstd", zstd, "a-2")] {
        let request = Request::builder()
            .header("content-type", "application/json")
            .header("content-encoding", encoding);
        assert_eq!(client.send(request, body).await.items(), [(id, "accepted", "")]);
    }
    let request =
        Request::builder().header("content-type", "application/json").header("content-encoding", "br");
    assert_eq!(client.send(request, "x").await.problem(), (415, "UNSUPPORTED_MEDIA_TYPE", ""));
}

#[tokio::test]
async fn each_pulse_has_an_outcome_and_a_refused_one_is_kept() {
    let client = Client::new();
    let (mut unknown, mut broken) = (pulse("a-2"), pulse("a-3"));
    unknown["sku"] = "no.such".into();
    broken["quantity"] = json!([1]);
    let sent = json!({ "pulses": [pulse("a-1"), pulse("a-1"), unknown, broken, "text"] });
    let answer = client.json(sent).await;
    let items = answer.items();
    assert_eq!(
        items[..4],
        [
            ("a-1", "accepted", ""),
            ("a-1", "duplicate", ""),
            ("a-2", "rejected", "UNKNOWN_SKU"),
            ("a-3", "rejected", "INVALID_QUANTITY"),
        ]
    );
    assert_eq!((items[4].1, items[4].2), ("rejected", "INVALID_FIELD"));
    let item = &answer.body["items"][3];
    assert_eq!(
        (item["field"].as_str(), item["message"].as_str()),
        (Some("quantity"), Some("quantity must be a string or a number"))
    );
    let kept = client.house.kept().await;
    let refused: Vec<_> = kept
        .iter()
        .filter_map(|(_, _, kept)| match kept {
            Kept::Refused(refused) => Some(refused),
            _ => None,
        })
        .collect();
    assert_eq!(refused.len(), 3);
    assert!(
        refused.iter().any(|refused| refused.payload == "\"text\""),
        "what cannot be read is kept as it came"
    );
    assert!(
        answer.body["items"].as_array().unwrap()[2..].iter().all(|item| item["dead_letter_id"].is_string())
    );
}

#[tokio::test]
async fn numbers_are_read_by_their_digits_and_old_names_are_known() {
    let client = Client::new();
    let body = r#"{"id": "a-1", "tenant_id": "acme", "product_sku": "llm.input", "used_ammount": 9007199254740993.000000000001,
        "use_unity": "Tokens", "event_time": "2026-01-31T09:00:00Z", "source": null}"#;
    assert_eq!(client.json(body).await.items(), [("a-1", "accepted", "")]);
    let Kept::Accepted(kept) = client.house.kept().await.remove(0).2 else { panic!() };
    assert_eq!((kept.quantity.as_str(), kept.unit.as_str()), ("9007199254740993.000000000001", "token"));
}

#[tokio::test]
async fn a_pulse_without_id_gets_one_and_a_time() {
    let client = Client::new();
    let mut pulse = pulse("");
    pulse.as_object_mut().unwrap().remove("event_time");
    let answer = client.json(pulse).await;
    let id = answer.items()[0].0.to_owned();
    assert_eq!((id.len(), client.house.accepted_ids().await), (36, vec![id]));
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_a_problem() {
    let client = Client::new();
    let invalid = |field: &'static str| (400, "INVALID_ARGUMENT", field);
    for (media_type, body, problem) in [
        ("application/json", "", invalid("body")),
        ("application/json", "[]", invalid("body")),
        ("application/json", "{\"pulses\": []}", invalid("pulses")),
        ("application/json", "{\"pulses\": {}}", invalid("pulses")),
        ("application/x-ndjson", "id;tenant\na-1;acme\n", invalid("body")),
        ("application/x-ndjson", "", invalid("body")),
        ("application/cloudevents+json", "[]", invalid("body")),
        ("application/cloudevents-batch+json", "[]", invalid("pulses")),
        ("text/csv", "id", (415, "UNSUPPORTED_MEDIA_TYPE", "")),
    ] {
        assert_eq!(client.post(media_type, body).await.problem(), problem, "{media_type} {body}");
    }
    assert_eq!(client.post("application/json", vec![b'{', 0xff, b'}']).await.problem(), invalid("body"));
    assert!(client.house.kept().await.is_empty());
}

#[tokio::test]
async fn a_batch_over_its_bounds_is_too_large() {
    let client = Client::new();
    let many = |count| json!({ "pulses": vec![json!({}); count] });
    assert_eq!(client.json(many(1_001)).await.problem(), (413, "TOO_LARGE", "pulses"));
    let long = " ".repeat(1024 * 1024 + 1);
    assert_eq!(client.json(long).await.problem(), (413, "TOO_LARGE", "body"));
    let endless = stream::repeat_with(|| Ok::<_, io::Error>(vec![b' '; 64 * 1024]));
    let answer = client.post("application/json", Body::from_stream(endless)).await;
    assert_eq!(answer.problem(), (413, "TOO_LARGE", "body"));
}

#[tokio::test]
async fn hostile_bodies_get_a_named_answer() {
    let client = Client::new();
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let fields = (0..60_000).map(|number| format!("\"k{number}\":{number}")).collect::<Vec<_>>().join(",");
    let digits = "9".repeat(500_000);
    for (body, reason) in [
        (format!("{{\"unit\": {}}}", deep(200_000)), "TOO_LARGE"),
        (format!("{{\"unit\": {}}}", deep(4_000)), "INVALID_FIELD"),
        (format!("{{{fields}}}"), "TOO_LARGE"),
        (format!("{{\"quantity\": {digits}}}"), "TOO_LARGE"),
        (format!("{{\"quantity\": {}}}", &digits[..9_000]), "INVALID_QUANTITY"),
        (format!("{{\"quantity\": 1e{}}}", &digits[..9_000]), "INVALID_QUANTITY"),
        (format!("{{\"id\": \"{}\"}}", "x".repeat(9_000)), "INVALID_ID"),
        ("{\"unit\": \"\\ud800\"}".to_owned(), "INVALID_FIELD"),
    ] {
        // The fields are checked in their order, so those before the hostile one are sound.
        let answer = client.json(body.replacen('{', r#"{"tenant": "acme", "sku": "llm.input", "#, 1)).await;
        assert_eq!(answer.items()[0].2, reason, "{}", &body[..40]);
    }
    for body in [deep(500_000), "{\"a\":".repeat(150_000), "9".repeat(1_000_000), "\u{0}".repeat(1_000)] {
        assert_eq!(client.json(&body).await.problem(), (400, "INVALID_ARGUMENT", "body"));
    }
    assert_eq!(client.json(pulse("a-1")).await.items(), [("a-1", "accepted", "")]);
}

#[tokio::test]
async fn what_is_not_taken_says_when_to_send_it_again() {
    let client = Client::new();
    let faults = [AppendFault::Overloaded, AppendFault::UnknownStored];
    client.house.log.memory.script_appends(faults.map(Some));
    for code in ["OVERLOADED", "UNAVAILABLE"] {
        let answer = client.json(pulse("a-1")).await;
        assert_eq!((answer.problem(), answer.retry_after.as_deref()), ((503, code, ""), Some("1")));
        assert_eq!(answer.body["retryable"], true);
    }
    assert_eq!(client.json(pulse("a-1")).await.items(), [("a-1", "accepted", "")]);
    client.house.catalog.set_stale(true);
    assert_eq!(client.json(pulse("a-2")).await.problem(), (503, "UNAVAILABLE", ""));
}

#[tokio::test]
async fn past_the_budget_requests_are_refused() {
    let client = Client::with(Config { in_flight_bytes_max: 1_000, ..Config::default() });
    let answer = client.json(pulse("a-1")).await;
    assert_eq!((answer.problem(), answer.retry_after.as_deref()), ((503, "OVERLOADED", ""), Some("1")));
}

/// The examples of the description, sent as they stand there.
#[tokio::test]
async fn every_example_of_the_description_is_accepted() {
    let house = House::new();
    let api = build(Config::default(), house.ports(), CancellationToken::new(), house.tracker.clone());
    let description = serde_json::to_value(api.http().get_openapi()).unwrap();
    let content = &description["paths"]["/v1/pulses"]["post"]["requestBody"]["content"];
    let content = content.as_object().unwrap();
    assert_eq!(content.len(), 4);
    for (media_type, described) in content {
        let client = Client::new();
        // The examples' id is of May 2024, which must be within the horizon.
        client.house.clock.set(Timestamp::from_millis(0x018f_4e2a_0000 + 1_000));
        let example = &described["example"];
        let body = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        let answer = client.post(media_type, body).await;
        assert_eq!(answer.items()[0].1, "accepted", "{media_type}: {}", answer.body);
        assert_eq!(client.house.accepted_ids().await.len(), 1);
    }
}

/// Every field that the description names is read, and every field that is read is named.
#[tokio::test]
async fn the_description_names_the_fields_that_are_read() {
    let house = House::new();
    let api = build(Config::default(), house.ports(), CancellationToken::new(), house.tracker.clone());
    let description = serde_json::to_value(api.http().get_openapi()).unwrap();
    let properties = &description["components"]["schemas"]["Pulse"]["properties"];
    let mut described: Vec<&str> = properties.as_object().unwrap().keys().map(String::as_str).collect();
    for name in &described {
        let mut raw = RawPulse::default();
        let fault = proto::json::read(&mut raw, &json!({ *name: true }).to_string()).unwrap().unwrap();
        assert!(!fault.message.contains("is no field"), "{name}");
    }
    let time = Some(raw("").event_time.unwrap());
    let all = RawPulse {
        id: "x".into(),
        interval_end_time: time,
        dimensions: vec![("r".into(), "e".into())],
        resource_id: "x".into(),
        corrects_id: "x".into(),
        ..raw("")
    };
    let all = to_json(&all);
    let mut read: Vec<&str> = all.as_object().unwrap().keys().map(String::as_str).collect();
    described.sort_unstable();
    read.sort_unstable();
    assert_eq!(described, read);
}

#[tokio::test]
async fn a_parameter_is_refused() {
    let client = Client::new();
    let request = Request::post("/v1/pulses?dry_run=true").header("content-type", "application/json");
    let response = client.router.clone().oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
    assert_eq!(response.status().as_u16(), 400);
    assert!(client.house.kept().await.is_empty());
}

#[tokio::test]
async fn a_pulse_over_16_kib_is_refused_alone_and_not_kept() {
    let client = Client::new();
    let mut large = pulse("a-1");
    large["resource_id"] = "x".repeat(16 * 1024).into();
    let answer = client.json(json!({ "pulses": [large, pulse("a-2")] })).await;
    assert_eq!(answer.items(), [("a-1", "rejected", "TOO_LARGE"), ("a-2", "accepted", "")]);
    assert_eq!(answer.body["items"][0].get("dead_letter_id"), None);
    assert_eq!(client.house.kept().await.len(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_is_forgotten_before_its_body_ends_and_counted_after() {
    let client = Client::new();
    let begun = || Request::post("/v1/pulses").header("content-type", "application/json");
    let cut = stream::iter([Ok(b"{\"id\": ".to_vec()), Err(io::Error::from(io::ErrorKind::ConnectionReset))]);
    let response =
        client.router.clone().oneshot(begun().body(Body::from_stream(cut)).unwrap()).await.unwrap();
    assert_eq!(response.status().as_u16(), 400);
    assert!(client.house.kept().await.is_empty());
    client.house.log.shut();
    let call = client.router.clone().oneshot(begun().body(Body::from(pulse("a-1").to_string())).unwrap());
    assert!(tokio::time::timeout(std::time::Duration::from_millis(20), call).await.is_err());
    client.house.log.open();
    assert_eq!(client.json(pulse("a-1")).await.items(), [("a-1", "duplicate", "")]);
    assert_eq!(client.house.accepted_ids().await, ["a-1"]);
}

/// The fields of the reports of a body in that format.
fn raws(format: super::Format, text: &str) -> Vec<RawPulse> {
    let reports = format.read(&axum::http::HeaderMap::new(), text).unwrap();
    assert!(reports.iter().all(|report| report.fault.is_none()), "{text}");
    reports.into_iter().map(|report| report.raw).collect()
}

fn any_raw() -> impl Strategy<Value = RawPulse> {
    let text = || "[a-z]{1,3}|é \"\\\\|\u{1}";
    let texts = (text(), text(), text(), "-?[0-9]{1,20}(\\.[0-9]{1,3})?", text(), "[a-z]{0,2}");
    let dimensions = prop::collection::btree_map("[a-z]{1,4}", text(), 0..4);
    (texts, dimensions, -1_000_000_i64..1_000_000_000).prop_map(|(texts, dimensions, seconds)| {
        let (id, tenant, sku, quantity, unit, resource_id) = texts;
        RawPulse {
            id,
            source: "meter-1".into(),
            tenant,
            sku,
            quantity,
            unit,
            event_time: Some(Timestamp::from_seconds(seconds).into()),
            dimensions: dimensions.into_iter().collect(),
            resource_id,
            ..RawPulse::default()
        }
    })
}

proptest! {
    #[test]
    fn every_format_says_the_same(pulses in prop::collection::vec(any_raw(), 1..5)) {
        use super::Format;
        let objects: Vec<Value> = pulses.iter().map(to_json).collect();
        let lines = objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let events = objects.iter().map(|object| {
            let mut data = object.clone();
            let mut take = |name: &str| data.as_object_mut().unwrap().remove(name);
            let (id, source, subject, time) = (take("id"), take("source"), take("tenant"), take("event_time"));
            json!({
                "specversion": "1.0", "type": "pulse.usage.v1",
                "id": id, "source": source, "subject": subject, "time": time, "data": data,
            })
        });
        let events = Value::Array(events.collect()).to_string();
        prop_assert_eq!(&raws(Format::Json, &json!({ "pulses": objects }).to_string()), &pulses);
        prop_assert_eq!(&raws(Format::Lines, &lines), &pulses);
        prop_assert_eq!(&raws(Format::Events, &events), &pulses);
    }

    #[test]
    fn no_body_panics(text in r#"([\[\]{}:,"0-9eE.+\\ \n-]|pulses|"id"|"data"|null|true|\\u[d0-9]{4}|.){0,60}"#) {
        use super::Format;
        let headers = axum::http::HeaderMap::new();
        for format in [Format::Json, Format::Lines, Format::Event, Format::Events, Format::EventData] {
            if let Err(refusal) = format.read(&headers, &text) {
                prop_assert!(refusal.field.is_some() && !refusal.code.is_retryable());
            }
        }
    }
}
