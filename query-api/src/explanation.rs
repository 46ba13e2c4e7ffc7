//! `GET /v1/charges/{id}/explanation`: a charge down to its pulses.

use crate::charges::{ChargeItem, read_charges};
use crate::page;
use crate::sight::{Place, PulseItem, RecordItem};
use crate::{QueryApi, table};
use axum::extract::State;
use axum::response::Response;
use catalog::charge::{Charge, ChargeKey};
use domain::code::Code;
use domain::id::UnitId;
use domain::quantity::Sum;
use rest::page::PageSize;
use rest::problem::QueryProblems;
use rest::{Client, Count, Decimal, Id, Params, Problem};
use rows::Rows;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use walk::{Walk, Walked};

mod rows;
#[cfg(test)]
mod tests;
mod walk;

const COLUMNS: [&str; 15] = [
    "pulse.id",
    "pulse.source",
    "pulse.tenant",
    "pulse.sku",
    "pulse.quantity",
    "pulse.unit",
    "pulse.event_time",
    "pulse.dimensions",
    "pulse.resource_id",
    "pulse.corrects_id",
    "record.generation",
    "record.partition",
    "record.offset",
    "record.index",
    "record.received_time",
];

/// Which pulses of the explanation.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ExplanationParams {
    /// Pulses a page, 1 to 1,000; 100 where absent.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    pub page_size: Option<PageSize>,
    /// `next_page_token` of the page before.
    pub page_token: Option<String>,
}

/// All usage of a charge in one reported unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChargedUsage {
    /// The exact sum of its pulses.
    pub quantity: Decimal,
    /// As reported.
    pub unit: String,
    /// How many pulses.
    pub count: Count,
}

/// A pulse that a charge is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChargedPulse {
    /// As it was reported.
    pub pulse: PulseItem,
    /// Where it stands in the log.
    pub record: RecordItem,
}

/// Records that a row drew from and that cannot be read any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GoneRange {
    /// The log's generation.
    pub generation: u32,
    /// The partition within.
    pub partition: u32,
    /// The first offset that is gone.
    pub start_offset: Count,
    /// The first offset after.
    pub end_offset: Count,
}

/// A charge, the usage it is rated from, and a page of the pulses that make up that usage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Explanation {
    /// What is owed, with the steps of the reckoning.
    pub charge: ChargeItem,
    /// The sums it is rated from, as they are now.
    pub usage: Vec<ChargedUsage>,
    /// Whether these sums are the charge's quantity; false: newer usage waits to be rated.
    pub agrees: bool,
    /// Over how many rows of an hour each these sums are kept.
    pub row_count: Count,
    /// The pulses, row by row in the order of hours. All pages together add up to `usage`, but for what is gone.
    pub items: Vec<ChargedPulse>,
    /// Records of this page's rows that are gone.
    pub gone: Vec<GoneRange>,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Explains a charge down to the pulses it is for
#[utoipa::path(
    get,
    path = "/v1/charges/{id}/explanation",
    operation_id = "explainCharge",
    tag = "costs",
    params(
        ("id" = String, Path, description = "The charge's id", example = "CgRhY21lEgcyMDI2LTAx", pattern = "^[A-Za-z0-9_-]+$"),
        ExplanationParams
    ),
    responses(
        (status = 200, description = "The charge explained", content(
            (Explanation = "application/json", example = json!({
                "charge": {
                    "id": "CgRhY21lEgcyMDI2LTAx", "tenant": "acme", "period": "2026-01", "contract": "acme-2026",
                    "plan": "llm", "plan_version": 1, "price": "input", "quantity": "5", "unit": "token",
                    "lines": [{"description": "up to 10000000", "quantity": "5", "price": "3", "amount_unrounded": "0.000015"}],
                    "amount_unrounded": "0.000015", "amount": "0.00", "currency": "USD"
                },
                "usage": [{"quantity": "5", "unit": "token", "count": "1"}],
                "agrees": true,
                "row_count": "1",
                "items": [{
                    "pulse": {
                        "id": "a-1", "source": "", "tenant": "acme", "sku": "llm.input", "quantity": "5", "unit": "token",
                        "event_time": "2026-01-31T10:15:00Z", "dimensions": {}
                    },
                    "record": {
                        "topic": "resource-consumption.g1", "generation": 1, "partition": 3, "offset": "50", "index": 0,
                        "position": "12801", "received_time": "2026-01-31T10:15:01Z"
                    }
                }],
                "gone": []
            })),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn explain_charge(
    State(query): State<QueryApi>,
    Id(id): Id,
    Params { value: params, canonical }: Params<ExplanationParams>,
    client: Client,
) -> Result<Response, Problem> {
    let charge = find(&query, &id).await?;
    let state = query.state();
    let after = match params.page_token.as_deref() {
        Some(token) => Some(page::read(&query.page_key().open(&canonical, token)?)?),
        None => None,
    };
    let rows = Rows::read(query.store(), &state, &charge.key).await?;
    let walk = Walk { store: query.store(), registry: &query.registry(), rows: &rows };
    let Walked { pulses, gone, next } = walk.page(after, params.page_size.unwrap_or_default()).await?;
    let topic = |generation| query.registry().find(generation).map(|found| found.topic.to_string());
    let place =
        |generation, partition| Place { topic: topic(generation).unwrap_or_default(), generation, partition };
    let item = |(at, sighted): (rows::RowPlace, crate::sight::Sighted)| ChargedPulse {
        record: place(at.generation, at.partition).record(sighted.position, Some(sighted.received)),
        pulse: sighted.item,
    };
    let explanation = Explanation {
        usage: rows.totals().iter().map(ChargedUsage::from).collect(),
        agrees: rows.agree(state.conversions(), &charge),
        row_count: Count(rows.len() as u64),
        charge: charge.into(),
        items: pulses.into_iter().map(item).collect(),
        gone,
        next_page_token: next.map(|next| page::sign(query.page_key(), &canonical, &next)).transpose()?,
    };
    client.list(&explanation, &table::columns(&COLUMNS, [], &[]))
}

async fn find(query: &QueryApi, id: &str) -> Result<Charge, Problem> {
    let missing = || Problem::new(Code::NotFound, format!("the charge {id:?} does not exist"));
    let key = ChargeKey::from_id(id).ok_or_else(missing)?;
    let charges = read_charges(query.store(), &key.tenant, key.period).await?;
    charges.into_iter().find(|charge| charge.key == key).ok_or_else(missing)
}

impl From<(&UnitId, &(Sum, u64))> for ChargedUsage {
    fn from((unit, (sum, count)): (&UnitId, &(Sum, u64))) -> Self {
        Self { quantity: Decimal::of(sum), unit: unit.to_string(), count: Count(*count) }
    }
}

/// Sums and counts by reported unit.
type Totals = BTreeMap<UnitId, (Sum, u64)>;
