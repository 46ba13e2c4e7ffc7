//! `GET /v1/charges`: what tenants owe for a month, as the pricing worker wrote it.

use crate::ask::tenants;
use crate::meta::damaged;
use crate::page;
use crate::range::parse_period;
use crate::{QueryApi, table};
use axum::extract::State;
use axum::response::Response;
use catalog::charge::{Charge, ChargeKey, Charges, Line};
use domain::calendar::Period;
use domain::code::Code;
use domain::id::TenantId;
use domain::port::{CellStore, Query, StoreError, read_all};
use proto::blob::Blob;
use rest::page::PageSize;
use rest::problem::QueryProblems;
use rest::{Client, Decimal, Params, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

#[cfg(test)]
mod tests;

const COLUMNS: [&str; 14] = [
    "id",
    "tenant",
    "period",
    "adjusts",
    "contract",
    "plan",
    "plan_version",
    "price",
    "quantity",
    "unit",
    "lines",
    "amount_unrounded",
    "amount",
    "currency",
];

/// The parameters of a question about charges.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ChargeParams {
    /// Whose charges; all tenants of the catalogue where absent.
    #[param(style = Form, explode, example = json!(["acme"]))]
    pub tenant: Vec<String>,
    /// Of which month: `2026-01`, `month` or `last-month`; the current one where absent.
    #[param(example = "month", pattern = r"^([0-9]{4}-(0[1-9]|1[0-2])|month|last-month)$")]
    pub period: Option<String>,
    /// Answer only when everything below this catalogue offset is seen: read your own writes.
    pub catalog_offset: Option<u64>,
    /// Items a page, 1 to 1,000; 100 where absent.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    pub page_size: Option<PageSize>,
    /// `next_page_token` of the page before.
    pub page_token: Option<String>,
}

/// What is owed under one price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChargeItem {
    /// Names the charge.
    pub id: String,
    /// Who pays.
    pub tenant: String,
    /// The month it is billed in.
    pub period: String,
    /// The closed month whose late usage it bills; absent: usage of its own month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjusts: Option<String>,
    /// Under which contract.
    pub contract: String,
    /// By which plan.
    pub plan: String,
    /// By which version of it.
    pub plan_version: u32,
    /// By which of its prices.
    pub price: String,
    /// In the price's unit, rounded half-even to 12 places.
    pub quantity: Decimal,
    /// The price's unit.
    pub unit: String,
    /// The steps of the reckoning; they add up to the unrounded amount.
    pub lines: Vec<ChargeLine>,
    /// Rounded half-even to 12 places.
    pub amount_unrounded: Decimal,
    /// Rounded half-even to the currency's minor unit.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
}

/// A step of the reckoning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChargeLine {
    /// Which tier, how many packages.
    pub description: String,
    /// The part of the quantity it is about.
    pub quantity: Decimal,
    /// What one `per` costs in it; absent where the line has no price of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    /// Its part of the unrounded amount.
    pub amount_unrounded: Decimal,
}

/// A page of charges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChargePage {
    /// By rising tenant, contract, plan, version and price.
    pub items: Vec<ChargeItem>,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Lists what tenants owe for a month
#[utoipa::path(
    get,
    path = "/v1/charges",
    operation_id = "listCharges",
    tag = "costs",
    params(ChargeParams),
    responses(
        (status = 200, description = "A page of charges", content(
            (ChargePage = "application/json", example = json!({
            "items": [{
                "id": "CgRhY21lEgcyMDI2LTAx",
                "tenant": "acme",
                "period": "2026-01",
                "contract": "acme-2026",
                "plan": "llm",
                "plan_version": 1,
                "price": "input",
                "quantity": "6000000",
                "unit": "token",
                "lines": [{
                    "description": "up to 10000000",
                    "quantity": "6000000",
                    "price": "3",
                    "amount_unrounded": "18"
                }],
                "amount_unrounded": "18",
                "amount": "18.00",
                "currency": "USD"
            }]
        })),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn list_charges(
    State(query): State<QueryApi>,
    Params { value: params, canonical }: Params<ChargeParams>,
    client: Client,
) -> Result<Response, Problem> {
    let state = query.state_at(params.catalog_offset).await?;
    let after = params.page_token.as_deref().map(|token| open(&query, &canonical, token)).transpose()?;
    let mut all = BTreeMap::new();
    for tenant in tenants(&params.tenant, &state)? {
        let current = state.calendar_of(&tenant).period_of(query.now());
        let period = parse_period(params.period.as_deref().unwrap_or("month"), current)?;
        let charges = read_charges(query.store(), &tenant, period).await?;
        all.extend(charges.into_iter().map(|charge| (charge.key.clone(), charge)));
    }
    let (items, last) = page::cut(all, after.as_ref(), params.page_size.unwrap_or_default());
    let next_page_token = last.map(|last| query.page_key().sign(&canonical, &last.id()));
    let items = items.into_iter().map(|(_, charge)| ChargeItem::from(charge)).collect();
    client.list(&ChargePage { items, next_page_token }, &table::columns(&COLUMNS, [], &[]))
}

fn open(query: &QueryApi, canonical: &str, token: &str) -> Result<ChargeKey, Problem> {
    let id = query.page_key().open(canonical, token)?;
    let refuse = || {
        Problem::field(
            Code::InvalidPageToken,
            "page_token",
            "is of another version of this service: ask for the first page again",
        )
    };
    ChargeKey::from_id(&id).ok_or_else(refuse)
}

pub async fn read_charges(
    store: &dyn CellStore,
    tenant: &TenantId,
    period: Period,
) -> Result<Vec<Charge>, StoreError> {
    Ok(read_stamped(store, tenant, period).await?.map_or_else(Vec::new, |(charges, _)| charges))
}

/// All charges of a tenant's month with the timestamp of their cell; `None`: it was never rated.
pub async fn read_stamped(
    store: &dyn CellStore,
    tenant: &TenantId,
    period: Period,
) -> Result<Option<(Vec<Charge>, i64)>, StoreError> {
    let key = Charges::cell_key(tenant, period);
    let cells = read_all(store, Query::one(&key)).await?;
    let Some(cell) = cells.first() else { return Ok(None) };
    let charges = Charges::from_blob(&cell.value).map_err(|_| damaged(&key))?;
    Ok(Some((charges.charges, cell.timestamp)))
}

impl From<Charge> for ChargeItem {
    fn from(charge: Charge) -> Self {
        let key = &charge.key;
        Self {
            id: key.id(),
            tenant: key.tenant.to_string(),
            period: key.period.to_string(),
            adjusts: key.adjusts.map(|period| period.to_string()),
            contract: key.contract.to_string(),
            plan: key.plan.to_string(),
            plan_version: key.plan_version,
            price: key.price.to_string(),
            quantity: Decimal::of(&charge.quantity),
            unit: charge.unit.to_string(),
            lines: charge.lines.into_iter().map(ChargeLine::from).collect(),
            amount_unrounded: Decimal::of(&charge.amount_unrounded),
            amount: Decimal::of(&charge.amount.display_in(charge.currency)),
            currency: charge.currency.to_string(),
        }
    }
}

impl From<Line> for ChargeLine {
    fn from(line: Line) -> Self {
        Self {
            description: line.description,
            quantity: Decimal::of(&line.quantity),
            price: line.price.map(|price| Decimal::of(&price)),
            amount_unrounded: Decimal::of(&line.amount_unrounded),
        }
    }
}
