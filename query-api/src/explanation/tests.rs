use crate::testing::records::raw;
use crate::testing::{House, at, tenant};
use catalog::billing::rate_stored_month;
use catalog::charge::Charges;
use domain::calendar::Period;
use domain::checkpoint::{Checkpoint, Closing, Closings};
use domain::pulse::RawPulse;
use domain::quantity::Sum;
use serde_json::{Value, json};

/// Writes the charges of a month as the worker would, and says the id of the only one.
async fn charge(house: &House, period: &str) -> String {
    let (period, state) = (Period::parse(period).unwrap(), house.view.state());
    let month = rate_stored_month(&*house.store, &state, &tenant("acme"), period).await.unwrap();
    house.put(Charges::cell_key(&tenant("acme"), period), 1, &month.charges()).await;
    assert_eq!(month.rated.len(), 1);
    month.rated[0].charge.key.id()
}

async fn explain(house: &House, id: &str, rest: &str) -> Value {
    let (status, body) = house.get(&format!("/v1/charges/{id}/explanation{rest}")).await;
    assert_eq!(status, 200, "{body}");
    body
}

fn ids(body: &Value) -> Vec<&str> {
    body["items"].as_array().unwrap().iter().map(|item| item["pulse"]["id"].as_str().unwrap()).collect()
}

fn sum(bodies: &[Value]) -> String {
    let items = bodies.iter().flat_map(|body| body["items"].as_array().unwrap());
    let quantities = items.map(|item| Sum::parse(item["pulse"]["quantity"].as_str().unwrap()).unwrap());
    quantities.sum::<Sum>().to_string()
}

/// Every page of an explanation.
async fn pages(house: &House, id: &str, size: usize) -> Vec<Value> {
    let (mut pages, mut next) = (Vec::new(), String::new());
    loop {
        let body = explain(house, id, &format!("?page_size={size}{next}")).await;
        let token = body["next_page_token"].as_str().map(str::to_owned);
        pages.push(body);
        match token {
            Some(token) => next = format!("&page_token={token}"),
            None => return pages,
        }
    }
}

/// Usage of two hours in three records, with a repetition, a conflict, another SKU and another month among it:
/// 5 + 7.5 − 2 + 0.25 = 10.75 tokens.
async fn house() -> House {
    let house = House::furnished().await;
    let disk =
        RawPulse { sku: "disk".into(), unit: "GB".into(), ..raw("disk", "2026-03-10T10:01:00Z", "100") };
    house
        .take_in(&[raw("a", "2026-03-10T10:01:00Z", "5"), disk, raw("b", "2026-03-10T11:20:00Z", "7.5")], &[])
        .await;
    let repeated = [raw("a", "2026-03-10T10:01:00Z", "5"), raw("c", "2026-03-10T10:50:00Z", "-2")];
    house.take_in(&repeated, &[]).await;
    let conflict = raw("a", "2026-03-10T10:01:30Z", "6");
    let february = raw("old", "2026-02-28T23:59:00Z", "1000");
    house.take_in(&[conflict, february, raw("d", "2026-03-10T11:21:00Z", "0.25")], &[]).await;
    house
}

#[tokio::test]
async fn the_pulses_of_a_charge_add_up_to_its_quantity() {
    let house = house().await;
    let id = charge(&house, "2026-03").await;
    let body = explain(&house, &id, "").await;
    assert_eq!(ids(&body), ["a", "c", "b", "d"], "hour by hour, in the order of the log");
    assert_eq!((&body["charge"]["id"], &body["charge"]["quantity"]), (&json!(id), &json!("10.75")));
    assert_eq!(body["usage"], json!([{"quantity": "10.75", "unit": "token", "count": "4"}]));
    assert_eq!((&body["agrees"], &body["row_count"], &body["gone"]), (&json!(true), &json!("2"), &json!([])));
    assert_eq!(sum(&[body]), "10.75");
}

#[tokio::test]
async fn pages_of_any_size_are_the_same_pulses_once() {
    let house = house().await;
    let id = charge(&house, "2026-03").await;
    for size in [1, 2, 3, 4, 5] {
        let pages = pages(&house, &id, size).await;
        assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), ["a", "c", "b", "d"], "{size}");
        assert_eq!(sum(&pages), "10.75", "{size}");
        assert!(pages.iter().all(|page| page["items"].as_array().unwrap().len() <= size));
        assert_eq!(pages.len(), 4_usize.div_ceil(size), "{size}");
    }
}

#[tokio::test]
async fn a_pulse_stands_with_its_record() {
    let house = house().await;
    let id = charge(&house, "2026-03").await;
    let body = explain(&house, &id, "").await;
    let item = &body["items"][0];
    let (status, trace) = house.get("/v1/pulses/a?tenant=acme&event_time=2026-03-10T10:01:00Z").await;
    assert_eq!((status, &trace["pulse"], &trace["record"]), (200, &item["pulse"], &item["record"]));
    assert_eq!(trace["charge_id"], json!(id));
}

#[tokio::test]
async fn records_that_are_gone_are_named_and_the_others_stand() {
    let house = house().await;
    let id = charge(&house, "2026-03").await;
    let partition = house.partition_of("acme");
    house.spoil_page(1).await;
    let body = explain(&house, &id, "").await;
    assert!(!ids(&body).contains(&"c"), "its page is damaged");
    let gone = body["gone"].as_array().unwrap();
    assert!(
        gone.contains(&json!({
            "generation": 1, "partition": partition, "start_offset": "1", "end_offset": "2"
        })),
        "{gone:?}"
    );
    assert_eq!(body["usage"][0]["quantity"], "10.75", "the sums do not depend on pages");
}

#[tokio::test]
async fn newer_usage_than_the_charge_is_told() {
    let house = house().await;
    let id = charge(&house, "2026-03").await;
    house.take_in(&[raw("e", "2026-03-10T12:00:00Z", "1")], &[]).await;
    let body = explain(&house, &id, "").await;
    assert_eq!((&body["agrees"], &body["charge"]["quantity"]), (&json!(false), &json!("10.75")));
    assert_eq!(body["usage"][0]["quantity"], "11.75");
}

#[tokio::test]
async fn where_ids_are_forgotten_the_first_of_a_row_counts() {
    let house = House::furnished().await;
    let first = house.take_in(&[raw("a", "2026-03-10T10:01:00Z", "5")], &[]).await;
    house.take_in(&[raw("b", "2026-03-10T10:02:00Z", "1"), raw("a", "2026-03-10T10:01:00Z", "5")], &[]).await;
    let id = charge(&house, "2026-03").await;
    let registry = house.view.state().registry().unwrap().clone();
    for (name, time) in [("a", "2026-03-10T10:01:00Z"), ("b", "2026-03-10T10:02:00Z")] {
        house.forget(registry.find(1).unwrap(), name, at(time)).await;
    }
    let body = explain(&house, &id, "").await;
    assert_eq!(ids(&body), ["a", "b"]);
    assert_eq!(body["items"][0]["record"]["offset"], first.to_string());
}

#[tokio::test]
async fn an_adjustment_is_explained_by_what_came_late() {
    let house = House::furnished().await;
    let february = "2026-02-20T10:07:30Z";
    let closed = house.take_in(&[raw("early", february, "1000")], &[]).await;
    let month = (Period::parse("2026-02").unwrap(), domain::calendar::Calendar::utc());
    house.submit(catalog::command::Change::ClosePeriod(month.1, month.0)).await;
    let mut closings = Closings::default();
    closings.0.insert(("UTC".into(), month.0), Closing { number: 1, closed: true, offset: closed });
    let next = house.take_in_as(&[raw("late", february, "2000")], &[], Period::parse("2026-03")).await + 1;
    house
        .put_checkpoint(house.partition_of("acme"), &Checkpoint { next, closings, ..Checkpoint::default() })
        .await;
    let id = charge(&house, "2026-03").await;
    let body = explain(&house, &id, "").await;
    assert_eq!(
        (&body["charge"]["adjusts"], &body["charge"]["quantity"]),
        (&json!("2026-02"), &json!("2000"))
    );
    assert_eq!((ids(&body), &body["agrees"]), (vec!["late"], &json!(true)));
    let id = charge(&house, "2026-02").await;
    assert_eq!(ids(&explain(&house, &id, "").await), ["early"]);
}

#[tokio::test]
async fn an_explanation_is_a_table_too() {
    let house = house().await;
    let id = charge(&house, "2026-03").await;
    let table = house.text(&format!("/v1/charges/{id}/explanation?page_size=1"), "text/csv").await;
    let mut lines = table.lines();
    assert!(lines.next().unwrap().starts_with("pulse.id,pulse.source,pulse.tenant,pulse.sku,pulse.quantity"));
    assert!(lines.next().unwrap().starts_with("a,,acme,llm.input,5,token,2026-03-10T10:01:00Z,{},,,1,"));
    assert_eq!(lines.next(), None);
}

#[tokio::test]
async fn only_charges_that_are_there_are_explained() {
    let house = house().await;
    let id = charge(&house, "2026-03").await;
    let other = charge(&house, "2026-02").await;
    house
        .put(Charges::cell_key(&tenant("acme"), Period::parse("2026-02").unwrap()), 2, &none("2026-02"))
        .await;
    for bad in ["nonsense", "AAAA", &other, &format!("{id}A")] {
        let (status, body) = house.get(&format!("/v1/charges/{bad}/explanation")).await;
        assert_eq!((status, &body["code"]), (404, &json!("NOT_FOUND")), "{bad}");
    }
    let page = explain(&house, &id, "?page_size=1").await;
    let token = page["next_page_token"].as_str().unwrap();
    for (query, field) in [
        (format!("page_token={token}x"), "page_token"),
        ("page_token=".to_owned(), "page_token"),
        ("page_size=0".to_owned(), "page_size"),
        ("size=1".to_owned(), "size"),
    ] {
        let (status, body) = house.get(&format!("/v1/charges/{id}/explanation?{query}")).await;
        assert_eq!((status, &body["errors"][0]["field"]), (400, &json!(field)), "{query}");
    }
}

fn none(period: &str) -> Charges {
    Charges { tenant: tenant("acme"), period: Period::parse(period).unwrap(), charges: Vec::new() }
}
