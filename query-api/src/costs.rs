//! `GET /v1/costs`: what usage costs, rated when asked from the same rows and by the same function as charges.

use crate::ask::{Ask, AskParams};
use crate::cost::{CostFold, Costs, Folded, Priced, Slot, Span};
use crate::group::GroupKey;
use crate::meta::Meta;
use crate::{QueryApi, page, table};
use axum::extract::State;
use axum::response::Response;
use catalog::billing::rate_stored_month;
use catalog::state::State as CatalogState;
use catalog::usage::{quarters, read_usage};
use domain::decimal;
use domain::id::{TenantId, UnitId};
use domain::port::{CellStore, StoreError};
use domain::quantity::Sum;
use domain::time::Timestamp;
use rest::problem::QueryProblems;
use rest::{Client, Decimal, Params, Problem, Time};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Not;
use utoipa::ToSchema;

const COLUMNS: [&str; 10] = [
    "other",
    "quantity",
    "unit",
    "reported",
    "amount_unrounded",
    "amount",
    "currency",
    "charge_id",
    "plan_version",
    "unpriced",
];

/// What one window, group and currency costs, or what belongs to no window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CostItem {
    /// The window's first instant; absent where the cost belongs to no window: a shortfall to a minimum, an adjustment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// The first instant after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// The values of `group_by`; null: that dimension was not sent.
    pub group: BTreeMap<String, Option<String>>,
    /// Whether these are the groups that `top` leaves out, as one; absent: no.
    #[serde(skip_serializing_if = "Not::not")]
    pub other: bool,
    /// In the price's unit, rounded half-even to 12 places; absent where prices differ in unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Decimal>,
    /// The price's unit; of usage without a price, the reported one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The exact sums, as reported.
    pub reported: Vec<Reported>,
    /// The difference of the running total at the window's ends: windows add up exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_unrounded: Option<Decimal>,
    /// The charge's amount, rounded to the currency's minor unit; only where the item is one whole charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
    /// ISO 4217.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The charge, where the item is the whole of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_id: Option<String>,
    /// The plan's version by which that charge is rated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_version: Option<u32>,
    /// Why the usage has no price: `NO_CONTRACT` or `NO_PRICE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(null))]
    pub unpriced: Option<String>,
}

/// Usage as it was reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reported {
    /// The exact sum.
    pub quantity: Decimal,
    /// As reported.
    pub unit: String,
}

/// A page of costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CostPage {
    /// By rising window and group, what belongs to no window last.
    pub items: Vec<CostItem>,
    /// How much this answer knows.
    pub meta: Meta,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Rates usage by window and group
///
/// One item per currency. Usage of a closed period that came late is left out (`late_count`); the period it is billed
/// in shows it without a window. The `ETag` of a complete answer stays while the watermark moves; the header
/// `Pulse-Watermark` tells how far that is, also on a 304.
#[utoipa::path(
    get,
    path = "/v1/costs",
    operation_id = "listCosts",
    tag = "costs",
    params(AskParams),
    responses(
        (status = 200, description = "A page of costs", content(
            (CostPage = "application/json", example = json!({
            "items": [{
                "start_time": "2026-01-01T00:00:00Z",
                "end_time": "2026-02-01T00:00:00Z",
                "group": {"sku": "llm.input"},
                "quantity": "6000000",
                "unit": "token",
                "reported": [{"quantity": "6000000", "unit": "token"}],
                "amount_unrounded": "18",
                "amount": "18.00",
                "currency": "USD",
                "charge_id": "CgRhY21lEgcyMDI2LTAx",
                "plan_version": 1
            }],
            "meta": {"watermark": "2026-02-01T00:00:01Z", "complete": true, "final": false, "late_count": "0"}
        })),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn list_costs(
    State(query): State<QueryApi>,
    Params { value: params, canonical }: Params<AskParams>,
    client: Client,
) -> Result<Response, Problem> {
    let state = query.state_at(params.catalog_offset).await?;
    let cursor = page::open::<Slot>(query.page_key(), &canonical, params.page_token.as_deref())?;
    let range = cursor.as_ref().and_then(page::Cursor::range);
    let ask = Ask::resolve(&params, &state, range, query.now())?;
    let progress = query.progress(&state, &ask.tenants).await?;
    let late_count = count_late(query.store(), &state, &ask).await?;
    let mut folded = rate(query.store(), &state, &ask).await?;
    folded.items = ask.fold_to_top(folded.items);
    let after = cursor.as_ref().map(|cursor| &cursor.after);
    let (slots, last) =
        page::cut(std::mem::take(&mut folded.items), after, params.page_size.unwrap_or_default());
    let next_page_token =
        last.map(|last| page::token(query.page_key(), &canonical, ask.grid.range(), last)).transpose()?;
    let items = slots.into_iter().map(|(slot, costs)| item(&ask, &folded, &slot, &costs)).collect();
    let meta = progress.meta(ask.grid.range(), late_count);
    let page = CostPage { items, meta, next_page_token };
    let version = (&page.items, meta.version(), &page.next_page_token);
    client.list_as(&page, (&version, &meta), &columns(&ask))
}

/// Rates every month of every tenant that the range touches.
pub async fn rate(store: &dyn CellStore, state: &CatalogState, ask: &Ask) -> Result<Folded, StoreError> {
    let mut fold = CostFold::new(&ask.grid, &ask.filter, &ask.group_by);
    for tenant in &ask.tenants {
        let calendar = state.calendar_of(tenant);
        let mut period = calendar.period_of(ask.grid.range().start());
        while calendar.window_of(period).start() < ask.grid.range().end() {
            fold.add(&rate_stored_month(store, state, tenant, period).await?, &calendar);
            period = period.next();
        }
    }
    Ok(fold.finish())
}

/// How many pulses of the range are billed in a later period; without a closed period there are none.
async fn count_late(store: &dyn CellStore, state: &CatalogState, ask: &Ask) -> Result<u64, StoreError> {
    if state.closings().0.is_empty() {
        return Ok(0);
    }
    let mut count = 0;
    for tenant in &ask.tenants {
        count += count_late_of(store, tenant, ask).await?;
    }
    Ok(count)
}

async fn count_late_of(store: &dyn CellStore, tenant: &TenantId, ask: &Ask) -> Result<u64, StoreError> {
    let mut rows = read_usage(store, tenant, *ask.grid.range()).await?;
    rows.retain(|(key, _)| key.posted.is_some() && ask.filter.matches(&key.into()));
    Ok(quarters(&rows, *ask.grid.range()).map(|usage| usage.count).sum())
}

fn columns(ask: &Ask) -> Vec<String> {
    table::columns(&["start_time", "end_time"], ask.group_by.names(), &COLUMNS)
}

/// The costs of a slot as answers show them.
pub fn item(ask: &Ask, folded: &Folded, slot: &Slot, costs: &Costs) -> CostItem {
    let window = match slot.span {
        Span::Window(start, end) => Some((Timestamp::from_seconds(start), Timestamp::from_seconds(end))),
        Span::Beside => None,
    };
    let (currency, unpriced) = match &slot.priced {
        Priced::In(currency) => (Some(currency.clone()), None),
        Priced::Not(reason) => (None, Some(reason.clone())),
    };
    let one = costs.quantities.first_key_value().filter(|_| costs.quantities.len() == 1);
    let rounded = |value| Decimal::of(&decimal::Decimal::round_half_even(value, 12));
    let whole = folded.find_whole(costs);
    let reported =
        |(unit, sum): (&UnitId, &Sum)| Reported { quantity: Decimal::of(sum), unit: unit.to_string() };
    CostItem {
        start_time: window.map(|(start, _)| Time(start)),
        end_time: window.map(|(_, end)| Time(end)),
        group: ask.group_by.labels(&slot.group),
        other: slot.group == GroupKey::Rest,
        quantity: one.map(|(_, quantity)| rounded(quantity)),
        unit: one.map(|(unit, _)| unit.to_string()),
        reported: costs.reported.iter().map(reported).collect(),
        amount_unrounded: currency.is_some().then(|| Decimal::of(&costs.amount)),
        amount: whole.map(|charge| Decimal::of(&charge.amount.display_in(charge.currency))),
        currency,
        charge_id: whole.map(|charge| charge.key.id()),
        plan_version: whole.map(|charge| charge.key.plan_version),
        unpriced,
    }
}

#[cfg(test)]
mod rated;
#[cfg(test)]
mod tests {
    use crate::testing::House;
    use serde_json::json;

    /// 12,500 tokens at 3.00 a thousand are 37.50.
    #[tokio::test]
    async fn a_month_costs_what_its_charge_says() {
        let house = House::furnished().await;
        house
            .count(&[
                ("acme", "llm.input", "token", "2026-03-01T10:00:00Z", "5000"),
                ("acme", "llm.input", "token", "2026-03-02T10:00:00Z", "7500"),
                ("acme", "disk", "GB", "2026-03-02T10:00:00Z", "1"),
                ("globex", "llm.input", "token", "2026-03-02T10:00:00Z", "4"),
            ])
            .await;
        let items = house.items("/v1/costs?tenant=acme&period=2026-03").await;
        assert_eq!(items[0]["unpriced"], "NO_PRICE");
        assert!(items[0].get("amount_unrounded").is_none());
        let charge = &items[1];
        let expected = [
            ("quantity", json!("12500")),
            ("unit", json!("token")),
            ("reported", json!([{"quantity": "12500", "unit": "token"}])),
            ("amount_unrounded", json!("37.5")),
            ("amount", json!("37.50")),
            ("currency", json!("USD")),
            ("plan_version", json!(1)),
            ("start_time", json!("2026-03-01T00:00:00Z")),
            ("end_time", json!("2026-04-01T00:00:00Z")),
        ];
        for (field, value) in expected {
            assert_eq!(charge[field], value, "{field}");
        }
        assert!(charge["charge_id"].is_string() && charge.get("unpriced").is_none());
        let days = house.items("/v1/costs?tenant=acme&period=2026-03&window=P1D&sku=llm.input").await;
        let amounts: Vec<&str> = days.iter().map(|item| item["amount_unrounded"].as_str().unwrap()).collect();
        assert_eq!(amounts, ["15", "22.5"]);
        assert!(days.iter().all(|item| item.get("amount").is_none()));
        let items = house.items("/v1/costs?tenant=globex&period=2026-03").await;
        assert_eq!((&items[0]["unpriced"], &items[0]["quantity"]), (&json!("NO_CONTRACT"), &json!("4")));
    }

    /// 20,000 tokens at 3.00 a thousand are 60.00, 1,000 are 3.00, 2,000 are 6.00.
    #[tokio::test]
    async fn the_dearest_groups_stand_apart_and_the_others_are_one() {
        let house = House::furnished().await;
        for (offset, (region, tokens)) in (1..).zip([("ap", "1000"), ("eu", "20000"), ("us", "2000")]) {
            let usage = ("acme", "llm.input", "token", "2026-03-01T10:00:00Z", tokens);
            house.count_as(usage, &format!("region={region}"), None, offset).await;
        }
        let items = house.items("/v1/costs?period=2026-03&group_by=dim.region&top=1").await;
        let shown: Vec<_> =
            items.iter().map(|item| (&item["group"], &item["amount_unrounded"], &item["other"])).collect();
        let (eu, none) = (json!({"dim.region": "eu"}), json!({}));
        assert_eq!(
            shown,
            [(&eu, &json!("60"), &json!(null)), (&none, &json!("9"), &json!(true))],
            "{items:?}"
        );
        assert_eq!((&items[1]["quantity"], items[1].get("amount")), (&json!("3000"), None));
        let whole = house.items("/v1/costs?period=2026-03&group_by=&top=1").await;
        assert_eq!((whole.len(), &whole[0]["amount"]), (1, &json!("69.00")));
    }

    #[tokio::test]
    async fn pages_of_costs_follow_each_other() {
        let house = House::furnished().await;
        let hours = ["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"];
        house.count(&hours.map(|hour| ("acme", "llm.input", "token", hour, "10"))).await;
        let uri = "/v1/costs?tenant=acme&period=2026-03&window=PT1H";
        let (_, first) = house.get(&format!("{uri}&page_size=2")).await;
        let token = first["next_page_token"].as_str().unwrap();
        let (_, second) = house.get(&format!("{uri}&page_size=2&page_token={token}")).await;
        assert_eq!(
            (first["items"].as_array().unwrap().len(), second["items"].as_array().unwrap().len()),
            (2, 1)
        );
        assert_eq!(second["items"][0]["start_time"], "2026-03-01T12:00:00Z");
        assert!(second.get("next_page_token").is_none());
    }
}
