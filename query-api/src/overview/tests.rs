use crate::testing::{House, at, tenant};
use backends::memory::ReadFault;
use bytes::Bytes;
use catalog::command::Change;
use catalog::resource::{ResourceName, Tenant, TenantStatus, Text};
use domain::dead_letter::{DeadLetter, DeadLetterEvent, DeadLetterId, DeadLetterState, PayloadKind};
use domain::position::Position;
use domain::pulse::RawPulse;
use domain::reject::RejectReason;
use prost::Message;
use serde_json::{Value, json};

async fn house() -> House {
    let house = House::furnished().await;
    house
        .count(&[
            ("acme", "llm.input", "token", "2026-03-01T10:00:00Z", "12500"),
            ("acme", "disk", "GB", "2026-03-02T10:00:00Z", "3"),
            ("acme", "llm.input", "token", "2026-02-28T23:00:00Z", "1000"),
            ("globex", "llm.input", "token", "2026-03-01T10:00:00Z", "99"),
        ])
        .await;
    house.reach("2026-03-10T14:30:00Z").await;
    house
}

async fn show(house: &House, uri: &str) -> Value {
    let (status, body) = house.get(uri).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn keep(house: &House, payer: &str, time: &str, offset: u64, reason: RejectReason) -> DeadLetterId {
    let received_time = at(time);
    let position = Position::new(offset, 0);
    let id = DeadLetterId { day: received_time.day(), generation: 1, partition: 0, position };
    let raw = RawPulse { id: "a".into(), tenant: payer.into(), ..RawPulse::default() };
    let payload: Bytes = proto::pulse::to_wire(&raw).encode_to_vec().into();
    let (field, message) = ("sku".to_owned(), "sku is not in the catalogue".to_owned());
    let letter = DeadLetter { id, reason, field, message, received_time, kind: PayloadKind::Pulse, payload };
    house.put(id.cell_key(), position.raw(), &letter).await;
    id
}

/// 12,500 tokens at 3.00 a thousand are 37.50.
#[tokio::test]
async fn a_month_stands_in_one_answer() {
    let house = house().await;
    let body = show(&house, "/v1/tenants/acme/overview").await;
    for (field, value) in [
        ("id", "acme"),
        ("status", "active"),
        ("period", "2026-03"),
        ("start_time", "2026-03-01T00:00:00Z"),
        ("end_time", "2026-04-01T00:00:00Z"),
        ("time_zone", "UTC"),
    ] {
        assert_eq!(body[field], value, "{field}");
    }
    let contract = json!({"id": "acme-1", "plan": "llm", "start_time": "2026-01-01T00:00:00Z"});
    assert_eq!(body["contract"], contract);
    assert_eq!(json!(house.items("/v1/usage?tenant=acme&period=month").await), body["usage"]);
    assert_eq!(json!(house.items("/v1/costs?tenant=acme&period=month").await), body["costs"]);
    let amounts: Vec<&Value> = body["costs"].as_array().unwrap().iter().map(|item| &item["amount"]).collect();
    assert_eq!(amounts, [&json!(null), &json!("37.50")]);
    let none = json!({"open": "0", "open_by_reason": {}, "replayed": "0", "purged": "0"});
    assert_eq!((&body["dead_letters"], &body["missing"]), (&none, &json!([])));
    assert_eq!(body["meta"]["watermark"], "2026-03-10T14:30:00Z");
}

#[tokio::test]
async fn another_month_has_its_own_usage_and_contract() {
    let house = house().await;
    let february = show(&house, "/v1/tenants/acme/overview?period=last-month").await;
    assert_eq!((&february["period"], &february["usage"][0]["quantity"]), (&json!("2026-02"), &json!("1000")));
    let before = show(&house, "/v1/tenants/acme/overview?period=2025-12").await;
    assert_eq!(
        (before.get("contract"), &before["usage"]),
        (None, &json!([])),
        "the contract began in January"
    );
    let (status, body) = house.get("/v1/tenants/acme/overview?period=2025-13").await;
    assert_eq!((status, &body["code"]), (400, &json!("INVALID_RANGE")));
}

#[tokio::test]
async fn dead_letters_of_the_tenant_and_month_are_counted_by_where_they_stand() {
    let house = house().await;
    let first = keep(&house, "acme", "2026-03-02T00:00:00Z", 1, RejectReason::UnknownSku).await;
    let second = keep(&house, "acme", "2026-03-03T00:00:00Z", 2, RejectReason::UnknownSku).await;
    keep(&house, "acme", "2026-03-04T00:00:00Z", 3, RejectReason::UnknownSku).await;
    keep(&house, "acme", "2026-03-04T00:00:00Z", 4, RejectReason::TooLate).await;
    keep(&house, "acme", "2026-03-04T00:00:00Z", 5, RejectReason::TooLate).await;
    keep(&house, "globex", "2026-03-04T00:00:00Z", 6, RejectReason::TooLate).await;
    keep(&house, "acme", "2026-02-04T00:00:00Z", 7, RejectReason::TooLate).await;
    for (id, event) in [(first, DeadLetterEvent::Replayed), (second, DeadLetterEvent::Purged)] {
        let mut state = DeadLetterState::default();
        state.apply(Position::new(99, 0), at("2026-03-10T12:00:00Z"), &event);
        house.put(id.state_key(), 99, &state).await;
    }
    let body = show(&house, "/v1/tenants/acme/overview").await;
    let counts = json!({
        "open": "3", "open_by_reason": {"UNKNOWN_SKU": "1", "TOO_LATE": "2"}, "replayed": "1", "purged": "1"
    });
    assert_eq!(body["dead_letters"], counts);
}

#[tokio::test]
async fn a_part_that_cannot_be_read_is_named_and_the_rest_stands() {
    let house = house().await;
    let whole = show(&house, "/v1/tenants/acme/overview").await;
    let mut lost = std::collections::BTreeSet::new();
    for call in 0..200 {
        let faults = (0..call).map(|_| None).chain([Some(ReadFault::Unavailable)]);
        house.store.script_reads(faults);
        let body = show(&house, "/v1/tenants/acme/overview").await;
        let missing = body["missing"].as_array().unwrap().clone();
        if missing.is_empty() {
            assert_eq!(body, whole, "the fault lies beyond the last read");
            break;
        }
        assert_eq!((missing.len(), &missing[0]["code"]), (1, &json!("UNAVAILABLE")), "{missing:?}");
        let part = missing[0]["part"].as_str().unwrap().to_owned();
        assert!(body.get(&part).is_none(), "{part}");
        for other in ["meta", "usage", "costs", "dead_letters"].iter().filter(|other| **other != part) {
            let strip = |body: &Value| {
                if *other == "meta" { body[other]["watermark"].clone() } else { body[other].clone() }
            };
            assert_eq!(strip(&body), strip(&whole), "{other} without {part}");
        }
        lost.insert(part);
    }
    assert_eq!(lost.into_iter().collect::<Vec<_>>(), ["costs", "dead_letters", "meta", "usage"]);
}

#[tokio::test]
async fn who_is_gone_or_suspended_is_shown_as_such_and_who_never_was_is_not_found() {
    let house = house().await;
    let value = Tenant { name: Text::parse("Globex Ltd", "name").unwrap(), status: TenantStatus::Suspended };
    house.submit(Change::PutTenant(tenant("globex"), value)).await;
    let body = show(&house, "/v1/tenants/globex/overview").await;
    assert_eq!((&body["status"], &body["name"]), (&json!("suspended"), &json!("Globex Ltd")));
    house.submit(Change::Delete(ResourceName::Tenant(tenant("globex")))).await;
    let body = show(&house, "/v1/tenants/globex/overview").await;
    assert_eq!((&body["status"], &body["usage"][0]["quantity"]), (&json!("deleted"), &json!("99")));
    for (id, status) in [("nobody", 404), ("%00", 400)] {
        assert_eq!(house.get(&format!("/v1/tenants/{id}/overview")).await.0, status, "{id}");
    }
}

#[tokio::test]
async fn what_a_deleted_tenant_used_stays_in_every_total() {
    let house = house().await;
    let uri = "/v1/usage?period=2026-03&sku=llm.input&group_by=";
    assert_eq!(house.items(uri).await[0]["quantity"], "12599");
    house.submit(Change::Delete(ResourceName::Tenant(tenant("globex")))).await;
    assert_eq!(house.items(uri).await[0]["quantity"], "12599");
}
