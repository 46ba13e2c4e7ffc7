//! Costs under every price model, against amounts worked out by plain integers.

use crate::testing::{House, at, tenant};
use catalog::command::Change;
use catalog::plan::PlanDocument;
use catalog::resource::{Contract, Term};
use domain::calendar::Calendar;
use domain::id::ContractId;
use proptest::prelude::*;
use serde_json::Value;

const PLAN: &str = r#"
plan: models
currency: USD
effective_time: 2026-01-01T00:00:00Z
prices:
  - {id: unit, sku: unit, unit: token, per: "1", model: per_unit, price: "0.03"}
  - {id: graduated, sku: graduated, unit: token, per: "1", model: graduated, tiers: [{up_to: "100", price: "0.05"}, {price: "0.02"}]}
  - {id: volume, sku: volume, unit: token, per: "1", model: volume, tiers: [{up_to: "100", price: "0.05"}, {price: "0.02"}]}
  - {id: package, sku: package, unit: token, per: "25", model: package, price: "1.10"}
  - {id: free, sku: free, unit: token, per: "1", model: per_unit, price: "0.04", free: "60"}
"#;

/// Cents of so many tokens, by whole numbers alone.
fn cents(model: &str, tokens: i64) -> i64 {
    match model {
        "unit" => tokens * 3,
        "graduated" => tokens.min(100) * 5 + (tokens - 100).max(0) * 2,
        "volume" => tokens * if tokens <= 100 { 5 } else { 2 },
        "package" => (tokens + 24) / 25 * 110,
        _ => (tokens - 60).max(0) * 4,
    }
}

const MODELS: [&str; 5] = ["unit", "graduated", "volume", "package", "free"];

fn shown(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

async fn house(parts: &[(i64, i64)]) -> House {
    let house = House::furnished().await;
    for sku in MODELS {
        house.put_sku(sku, []).await;
    }
    let plan = PlanDocument::parse(PLAN).unwrap().into_plan();
    house.submit(Change::PublishPlan(plan.id().clone(), plan.canonical().into())).await;
    let contract = Contract {
        tenant: tenant("globex"),
        plan: plan.id().clone(),
        plan_version: None,
        term: Term::new(at("2026-01-01T00:00:00Z"), None).unwrap(),
        calendar: Calendar::utc(),
    };
    house.submit(Change::PutContract(ContractId::parse("globex-1").unwrap(), contract)).await;
    for (offset, (quarter, tokens)) in (1..).zip(parts) {
        let time = at("2026-03-01T00:00:00Z").plus_seconds(quarter * 900).to_string();
        for sku in MODELS {
            house.count_as(("globex", sku, "token", &time, &tokens.to_string()), "", None, offset).await;
        }
    }
    house
}

/// Cents of an amount of at most two places.
fn read_cents(item: &Value, field: &str) -> i64 {
    let text = item[field].as_str().unwrap();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    sign * format!("{whole}{part:0<2}").parse::<i64>().unwrap()
}

#[tokio::test]
async fn the_borders_of_tiers_packages_and_free_quantity_are_exact() {
    for tokens in [1, 24, 25, 26, 59, 60, 61, 99, 100, 101, 250] {
        let house = house(&[(0, tokens)]).await;
        let items = house.items("/v1/costs?tenant=globex&period=2026-03").await;
        assert_eq!(items.len(), MODELS.len());
        for item in &items {
            let sku = item["group"]["sku"].as_str().unwrap();
            assert_eq!(item["amount"], shown(cents(sku, tokens)), "{sku} {tokens}");
            assert_eq!(item["quantity"], tokens.to_string(), "{sku}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn windows_of_every_model_add_up_to_its_plain_amount(
        parts in prop::collection::vec((0_i64..600, 1_i64..90), 1..12),
        window in prop::sample::select(vec!["PT15M", "PT1H", "P1D", "P1M"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = house(&parts).await;
            let tokens: i64 = parts.iter().map(|(_, tokens)| tokens).sum();
            for sku in MODELS {
                let uri = format!("/v1/costs?tenant=globex&period=2026-03&sku={sku}&page_size=1000");
                let whole = house.items(&uri).await;
                assert_eq!(whole[0]["amount"], shown(cents(sku, tokens)), "{sku} {tokens}");
                let windows = house.items(&format!("{uri}&window={window}")).await;
                let sum: i64 = windows.iter().map(|item| read_cents(item, "amount_unrounded")).sum();
                assert_eq!(sum, cents(sku, tokens), "{sku} {window}");
                let counted: i64 =
                    windows.iter().map(|item| item["quantity"].as_str().unwrap().parse::<i64>().unwrap()).sum();
                assert_eq!(counted, tokens, "{sku} {window}");
            }
        });
    }
}
