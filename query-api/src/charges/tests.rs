//! Charges as the cells say them, page by page, and what is refused.

use crate::testing::{House, tenant};
use catalog::billing::rate_stored_month;
use catalog::charge::{Charge, ChargeKey, Charges};
use domain::calendar::Period;
use domain::id::PriceId;
use domain::port::CellStore;
use domain::table::Cell;
use rest::page::PageKey;
use serde_json::{Value, json};

fn period(text: &str) -> Period {
    Period::parse(text).unwrap()
}

/// A house where acme used 12,500 tokens in March, and the charge for them: 3.00 a thousand are 37.50.
async fn rated() -> (House, Charge) {
    let house = House::furnished().await;
    house.count(&[("acme", "llm.input", "token", "2026-03-01T10:00:00Z", "12500")]).await;
    let state = house.view.state();
    let month = rate_stored_month(&*house.store, &state, &tenant("acme"), period("2026-03")).await.unwrap();
    let charge = month.charges().charges.remove(0);
    (house, charge)
}

/// The same charge of somebody else, for another price.
fn like(charge: &Charge, payer: &str, price: &str) -> Charge {
    let key =
        ChargeKey { tenant: tenant(payer), price: PriceId::parse(price).unwrap(), ..charge.key.clone() };
    Charge { key, ..charge.clone() }
}

async fn owe(house: &House, payer: &str, charges: Vec<Charge>) {
    let period = period("2026-03");
    let all = Charges { tenant: tenant(payer), period, charges };
    house.put(Charges::cell_key(&tenant(payer), period), 1, &all).await;
}

fn named<'a>(items: &'a [Value], field: &str) -> Vec<&'a str> {
    items.iter().map(|item| item[field].as_str().unwrap()).collect()
}

#[tokio::test]
async fn charges_are_what_the_cell_says() {
    let (house, charge) = rated().await;
    assert!(house.items("/v1/charges?tenant=acme&period=2026-03").await.is_empty());
    owe(&house, "acme", vec![charge]).await;
    let items = house.items("/v1/charges?period=month").await;
    let item = &items[0];
    let line = &item["lines"][0];
    assert_eq!(
        (items.len(), &item["amount"], &item["amount_unrounded"]),
        (1, &json!("37.50"), &json!("37.5"))
    );
    assert_eq!(
        (&line["quantity"], &line["price"], &line["amount_unrounded"]),
        (&json!("12500"), &json!("3"), &json!("37.5"))
    );
    for (field, value) in [
        ("tenant", "acme"),
        ("period", "2026-03"),
        ("contract", "acme-1"),
        ("plan", "llm"),
        ("price", "input"),
        ("quantity", "12500"),
        ("unit", "token"),
        ("currency", "USD"),
    ] {
        assert_eq!(item[field], value);
    }
    assert_eq!((&item["plan_version"], item.get("adjusts")), (&json!(1), None));
    let costs = house.items("/v1/costs?tenant=acme&period=month").await;
    assert_eq!(item["id"], costs[0]["charge_id"]);
    assert!(house.items("/v1/charges?tenant=globex").await.is_empty());
}

#[tokio::test]
async fn a_charge_for_late_usage_names_the_month_it_adjusts_and_has_an_id_of_its_own() {
    let (house, charge) = rated().await;
    let key = ChargeKey { adjusts: Some(period("2026-02")), ..charge.key.clone() };
    owe(&house, "acme", vec![charge.clone(), Charge { key, ..charge }]).await;
    let items = house.items("/v1/charges?tenant=acme").await;
    assert_eq!(items.len(), 2);
    let adjusts: Vec<Option<&str>> = items.iter().map(|item| item["adjusts"].as_str()).collect();
    assert_eq!(adjusts, [None, Some("2026-02")]);
    assert_eq!(named(&items, "period"), ["2026-03", "2026-03"], "both are billed in March");
    assert_ne!(items[0]["id"], items[1]["id"]);
}

#[tokio::test]
async fn a_line_without_a_price_of_its_own_has_none() {
    let (house, mut charge) = rated().await;
    let mut shortfall = charge.lines[0].clone();
    (shortfall.description, shortfall.price) = ("up to the minimum".to_owned(), None);
    charge.lines.push(shortfall);
    owe(&house, "acme", vec![charge]).await;
    let items = house.items("/v1/charges?tenant=acme").await;
    let lines = items[0]["lines"].as_array().unwrap();
    assert_eq!(named(lines, "description")[1], "up to the minimum");
    assert_eq!((&lines[0]["price"], lines[1].get("price")), (&json!("3"), None));
}

#[tokio::test]
async fn pages_of_any_size_are_the_whole_in_the_order_of_keys() {
    let (house, charge) = rated().await;
    owe(&house, "globex", ["b", "a"].map(|price| like(&charge, "globex", price)).to_vec()).await;
    owe(&house, "acme", ["c", "a", "b"].map(|price| like(&charge, "acme", price)).to_vec()).await;
    let whole = house.items("/v1/charges?period=2026-03").await;
    assert_eq!(named(&whole, "tenant"), ["acme", "acme", "acme", "globex", "globex"]);
    assert_eq!(named(&whole, "price"), ["a", "b", "c", "a", "b"]);
    for size in 1..=6 {
        let (mut seen, mut next, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let (status, body) =
                house.get(&format!("/v1/charges?period=2026-03&page_size={size}{next}")).await;
            assert_eq!(status, 200, "{body}");
            seen.extend(body["items"].as_array().unwrap().clone());
            pages += 1;
            let Some(token) = body["next_page_token"].as_str() else { break };
            next = format!("&page_token={token}");
        }
        assert_eq!((seen, pages), (whole.clone(), 5_usize.div_ceil(size)), "{size}");
    }
}

#[tokio::test]
async fn a_token_leads_on_in_its_own_query_and_names_a_charge() {
    let (house, charge) = rated().await;
    owe(&house, "acme", ["a", "b"].map(|price| like(&charge, "acme", price)).to_vec()).await;
    let (_, first) = house.get("/v1/charges?period=2026-03&page_size=1").await;
    let token = first["next_page_token"].as_str().unwrap();
    let forged = PageKey::new([9; 16]).sign("/v1/charges?period=2026%2D03", "no charge");
    for (uri, rule) in [
        (format!("/v1/charges?period=2026-02&page_token={token}"), "page_token"),
        (format!("/v1/charges?tenant=acme&period=2026-03&page_token={token}"), "page_token"),
        (format!("/v1/charges?period=2026-03&page_token={forged}"), "is of another version of this service"),
    ] {
        let (status, body) = house.get(&uri).await;
        assert_eq!((status, &body["code"]), (400, &json!("INVALID_PAGE_TOKEN")), "{uri}");
        assert_eq!(body["errors"][0]["field"], "page_token", "{uri}");
        assert!(body["detail"].as_str().unwrap().contains(rule), "{body}");
    }
}

#[tokio::test]
async fn what_breaks_a_rule_is_named() {
    let house = House::furnished().await;
    for (query, code, field) in [
        ("period=2026-3", "INVALID_RANGE", "period"),
        ("period=2262-01", "INVALID_RANGE", "period"),
        ("page_size=1001", "INVALID_ARGUMENT", "page_size"),
        ("page_token=x", "INVALID_PAGE_TOKEN", "page_token"),
        ("catalog_offset=9999", "INVALID_ARGUMENT", "catalog_offset"),
        ("tenant=", "INVALID_ARGUMENT", "tenant"),
        ("sku=vm", "INVALID_ARGUMENT", "sku"),
    ] {
        let (status, body) = house.get(&format!("/v1/charges?{query}")).await;
        assert_eq!((status, body["code"].as_str()), (400, Some(code)), "{query}: {body}");
        assert_eq!(body["errors"][0]["field"], field, "{query}");
    }
}

#[tokio::test]
async fn charges_that_are_not_what_was_written_are_a_fault_and_not_an_empty_answer() {
    let (house, charge) = rated().await;
    owe(&house, "acme", vec![charge]).await;
    let key = Charges::cell_key(&tenant("acme"), period("2026-03"));
    house.store.write(vec![Cell { key, timestamp: 2, value: b"?".as_slice().into() }]).await.unwrap();
    let (status, body) = house.get("/v1/charges?tenant=acme").await;
    assert_eq!((status, &body["code"]), (500, &json!("INTERNAL")));
    assert!(!body.to_string().contains("acme-1"), "{body}");
    assert_eq!(house.get("/v1/charges?tenant=globex").await.0, 200);
}
