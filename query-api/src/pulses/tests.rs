use crate::testing::records::{raw, stamped};
use crate::testing::{House, at, tenant};
use catalog::billing::rate_stored_month;
use catalog::charge::Charges;
use domain::calendar::Period;
use domain::checkpoint::{Checkpoint, Closing, Closings};
use domain::dead_letter::{DeadLetter, DeadLetterId, PayloadKind};
use domain::port::{Log, NewRecord, TopicPartition};
use domain::position::Position;
use domain::pulse::RawPulse;
use domain::reject::RejectReason;
use domain::topic::REVISIONS;
use prost::Message;
use serde_json::{Value, json};

const TIME: &str = "2026-03-10T10:07:30Z";

async fn found(house: &House, uri: &str) -> Value {
    let (status, body) = house.get(uri).await;
    assert_eq!(status, 200, "{uri}: {body}");
    body
}

async fn refuse(house: &House, raw: &RawPulse, reason: RejectReason, partition: u32) -> DeadLetterId {
    let received_time = at("2026-03-10T10:08:00Z");
    let id = DeadLetterId {
        day: received_time.day(),
        generation: 1,
        partition,
        position: Position::new(40 + u64::from(partition), 0),
    };
    let letter = DeadLetter {
        id,
        reason,
        field: "sku".into(),
        message: "sku is not in the catalogue".into(),
        received_time,
        kind: PayloadKind::Pulse,
        payload: proto::pulse::to_wire(raw).encode_to_vec().into(),
    };
    house.put(id.cell_key(), id.position.raw(), &letter).await;
    id
}

#[tokio::test]
async fn a_counted_pulse_is_followed_to_record_row_and_charge() {
    let house = House::furnished().await;
    let mut first = raw("a-1", TIME, "5");
    first.dimensions = vec![("region".into(), "eu".into()), ("rack".into(), "7".into())];
    let mut second = raw("a-2", TIME, "7.5");
    second.dimensions = vec![("region".into(), "eu".into())];
    house.take_in(&[raw("other", "2026-03-10T09:00:00Z", "1")], &[]).await;
    let offset = house.take_in(&[first, second], &[]).await;
    house.reach("2026-03-10T14:30:00Z").await;
    let uri = format!("/v1/pulses/a-1?tenant=acme&event_time={TIME}");
    let body = found(&house, &uri).await;
    assert_eq!(body["outcome"], "counted");
    let pulse = json!({
        "id": "a-1", "source": "", "tenant": "acme", "sku": "llm.input", "quantity": "5", "unit": "token",
        "event_time": TIME, "dimensions": {"rack": "7", "region": "eu"}
    });
    assert_eq!(body["pulse"], pulse);
    let index = body["record"]["index"].as_u64().unwrap();
    let record = json!({
        "topic": "resource-consumption.g1", "generation": 1, "partition": house.partition_of("acme"),
        "offset": offset.to_string(), "index": index, "position": (offset * 256 + index + 1).to_string(),
        "received_time": "2026-03-10T14:00:00Z"
    });
    assert_eq!(body["record"], record);
    let counted_in = json!({
        "start_time": "2026-03-10T10:00:00Z", "end_time": "2026-03-10T10:15:00Z", "sku": "llm.input",
        "group": {"region": "eu"}, "quantity": "12.5", "unit": "token", "count": "2"
    });
    assert_eq!(body["counted_in"], counted_in);
    assert_eq!((&body["watermark"], &body["missing"]), (&json!("2026-03-10T14:30:00Z"), &json!([])));
    assert!(body["charge_id"].is_string() && body.get("charge").is_none(), "it is not written yet");

    let (period, state) = (Period::parse("2026-03").unwrap(), house.view.state());
    let month = rate_stored_month(&*house.store, &state, &tenant("acme"), period).await.unwrap();
    let charges = Charges::cell_key(&tenant("acme"), period);
    house.put(charges.clone(), 1, &month.charges()).await;
    let again = found(&house, &uri).await;
    assert_eq!((&again["charge"]["id"], &again["charge"]["quantity"]), (&body["charge_id"], &json!("13.5")));
    assert_eq!((again.get("rated_time"), &again["missing"]), (None, &json!([])), "of no trigger of this log");

    let triggers = TopicPartition::new(REVISIONS, 0);
    let trigger = NewRecord { headers: Vec::new(), value: "any".into() };
    house.log.append(&triggers, vec![trigger.clone()]).await.unwrap();
    house.clock.advance(60);
    house.log.append(&triggers, vec![trigger]).await.unwrap();
    house.put(charges, (1 << 40) + 2, &month.charges()).await;
    assert_eq!(found(&house, &uri).await["rated_time"], "2026-03-10T14:38:12Z");
    house.log.go_away();
    assert_eq!(found(&house, &uri).await["missing"][0]["part"], "rated_time");
    house.log.trim(&triggers, 2).unwrap();
    let trimmed = found(&house, &uri).await;
    assert_eq!((trimmed.get("rated_time"), &trimmed["missing"]), (None, &json!([])));
}

#[tokio::test]
async fn the_report_that_came_first_is_shown_whatever_came_after() {
    let house = House::furnished().await;
    let first = house.take_in(&[raw("a-1", TIME, "5")], &[]).await;
    house.take_in(&[raw("a-1", TIME, "5")], &[]).await;
    house.take_in(&[raw("a-1", "2026-03-10T10:07:59Z", "6")], &[]).await;
    let conflict = refuse(
        &house,
        &raw("a-1", "2026-03-10T10:07:59Z", "6"),
        RejectReason::DuplicateConflict,
        house.partition_of("acme"),
    )
    .await;
    // The whole minute is one identity.
    let body = found(&house, "/v1/pulses/a-1?tenant=acme&event_time=2026-03-10T10:07:00Z").await;
    assert_eq!(body["record"]["offset"], first.to_string());
    assert_eq!((&body["counted_in"]["count"], &body["pulse"]["quantity"]), (&json!("1"), &json!("5")));
    let letters = body["dead_letters"].as_array().unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (&letters[0]["id"], &letters[0]["reason"]),
        (&json!(conflict.to_string()), &json!("DUPLICATE_CONFLICT"))
    );
}

#[tokio::test]
async fn a_refused_pulse_is_found_in_any_partition() {
    let house = House::furnished().await;
    let mut refused = raw("a-1", TIME, "5");
    refused.source = "pod".into();
    for partition in 0..2 {
        refuse(&house, &refused, RejectReason::UnknownSku, partition).await;
    }
    let body = found(&house, &format!("/v1/pulses/a-1?tenant=acme&source=pod&event_time={TIME}")).await;
    assert_eq!((&body["outcome"], body.get("pulse"), body.get("record")), (&json!("refused"), None, None));
    assert_eq!(body["dead_letters"].as_array().unwrap().len(), 2);
    for other in [
        "/v1/pulses/a-1?tenant=acme&event_time=2026-03-10T10:07:30Z",
        "/v1/pulses/a-1?tenant=globex&source=pod&event_time=2026-03-10T10:07:30Z",
        "/v1/pulses/a-1?tenant=acme&source=pod&event_time=2026-03-10T10:08:30Z",
        "/v1/pulses/a-2?tenant=acme&source=pod&event_time=2026-03-10T10:07:30Z",
    ] {
        let (status, body) = house.get(other).await;
        assert_eq!((status, &body["code"]), (404, &json!("NOT_FOUND")), "{other}");
    }
}

#[tokio::test]
async fn a_uuid_of_version_seven_tells_its_own_time() {
    let house = House::furnished().await;
    // 2026-03-10T10:07:30.123Z is 0x019cd73d97bb milliseconds after 1970.
    let millis = at("2026-03-10T10:07:30.123Z").millis();
    let text = format!("{millis:012x}");
    let id = format!("{}-{}-7abc-8def-0123456789ab", &text[..8], &text[8..]);
    house.take_in(&[raw(&id, "2026-03-10T10:07:30.123Z", "5")], &[]).await;
    let body = found(&house, &format!("/v1/pulses/{id}?tenant=acme")).await;
    assert_eq!((&body["pulse"]["id"], &body["outcome"]), (&json!(id), &json!("counted")));
    let upper = found(&house, &format!("/v1/pulses/{}?tenant=acme", id.to_uppercase())).await;
    assert_eq!(upper, body, "an id is canonical before it is compared");
}

#[tokio::test]
async fn what_was_never_seen_is_told_from_what_is_forgotten() {
    let house = House::furnished().await;
    let detail = async |time: &str| {
        let (status, body) = house.get(&format!("/v1/pulses/a-1?tenant=acme&event_time={time}")).await;
        assert_eq!(status, 404);
        body["detail"].as_str().unwrap().to_owned()
    };
    assert!(detail(TIME).await.ends_with("was seen; nothing is counted"));
    house.reach("2026-03-10T14:30:00Z").await;
    assert!(detail(TIME).await.ends_with("was seen; all before 2026-03-10T14:30:00Z is counted"));
    assert!(detail("2026-01-01T00:00:00Z").await.contains("outside the 45 days"));
    assert!(
        detail("2026-04-01T00:00:00Z").await.contains("was seen"),
        "nothing of the future was refused either"
    );
}

#[tokio::test]
async fn a_lost_page_is_named_and_the_rest_is_answered() {
    let house = House::furnished().await;
    let offset = house.take_in(&[raw("a-1", TIME, "5")], &[]).await;
    house.spoil_page(offset).await;
    let body = found(&house, &format!("/v1/pulses/a-1?tenant=acme&event_time={TIME}")).await;
    assert_eq!(
        (&body["outcome"], &body["record"]["offset"]),
        (&json!("counted"), &json!(offset.to_string()))
    );
    assert!(body.get("pulse").is_none() && body["record"].get("received_time").is_none());
    assert_eq!(
        (&body["missing"][0]["part"], &body["missing"][0]["code"]),
        (&json!("pulse"), &json!("INTERNAL"))
    );
}

#[tokio::test]
async fn late_usage_is_found_in_the_row_it_was_posted_to() {
    let house = House::furnished().await;
    let february = "2026-02-20T10:07:30Z";
    let first = house.take_in(&[raw("early", february, "1")], &[]).await;
    let mut closings = Closings::default();
    let month = ("UTC".into(), Period::parse("2026-02").unwrap());
    closings.0.insert(month, Closing { number: 1, closed: true, offset: first });
    let next = house.take_in_as(&[raw("late", february, "2")], &[], Period::parse("2026-03")).await + 1;
    house
        .put_checkpoint(house.partition_of("acme"), &Checkpoint { next, closings, ..Checkpoint::default() })
        .await;
    let late = found(&house, &format!("/v1/pulses/late?tenant=acme&event_time={february}")).await;
    assert_eq!(
        (&late["counted_in"]["posted"], &late["counted_in"]["quantity"]),
        (&json!("2026-03"), &json!("2"))
    );
    let early = found(&house, &format!("/v1/pulses/early?tenant=acme&event_time={february}")).await;
    assert_eq!((early["counted_in"].get("posted"), &early["counted_in"]["quantity"]), (None, &json!("1")));
    assert_ne!(late["charge_id"], early["charge_id"], "one is billed in the month it came in");
}

#[tokio::test]
async fn usage_without_a_price_says_why() {
    let house = House::furnished().await;
    let disk = RawPulse { sku: "disk".into(), unit: "GB".into(), ..raw("a-1", TIME, "5") };
    house
        .take_in(&[disk, RawPulse { tenant: "acme".into(), ..raw("a-2", "2026-03-10T10:07:30Z", "1") }], &[])
        .await;
    let body = found(&house, &format!("/v1/pulses/a-1?tenant=acme&event_time={TIME}")).await;
    assert_eq!((&body["unpriced"], body.get("charge_id")), (&json!("NO_PRICE"), None));
}

#[tokio::test]
async fn what_breaks_a_rule_is_named() {
    let house = House::furnished().await;
    for (uri, field) in [
        ("/v1/pulses/a-1", "tenant"),
        ("/v1/pulses/a-1?tenant=acme", "event_time"),
        ("/v1/pulses/a-1?tenant=acme&event_time=noon", "event_time"),
        ("/v1/pulses/a-1?tenant=&event_time=2026-03-10T10:07:30Z", "tenant"),
        ("/v1/pulses/a-1?tenant=acme&source=%00&event_time=2026-03-10T10:07:30Z", "source"),
        ("/v1/pulses/a%00b?tenant=acme&event_time=2026-03-10T10:07:30Z", "id"),
        ("/v1/pulses/a-1?tenant=acme&sku=x", "sku"),
    ] {
        let (status, body) = house.get(uri).await;
        assert_eq!((status, &body["errors"][0]["field"]), (400, &json!(field)), "{uri}: {body}");
    }
}

#[test]
fn the_stamps_of_these_tests_are_those_of_the_edge() {
    let mut one = raw("a", TIME, "1");
    one.dimensions = vec![("region".into(), "eu-1".into()), ("rack".into(), "7".into())];
    assert_eq!(stamped(&one).stamps.group.as_str(), "region=eu-1");
    assert_eq!(stamped(&one).stamps.period.to_string(), "2026-03");
}
