//! `GET /v1/usage`: sums of what was used, by window, group and reported unit.

use crate::ask::{Ask, AskParams};
use crate::fold::{Fold, Slot, Used};
use crate::meta::{About, Meta, Progress};
use crate::{QueryApi, page};
use axum::extract::State;
use axum::response::Response;
use catalog::usage::read_usage;
use rest::etag::{self, IfNoneMatch};
use rest::problem::QueryProblems;
use rest::{Count, Decimal, Params, Problem, Time};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Usage of one window, group and unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UsageItem {
    /// The window's first instant.
    pub start_time: Time,
    /// The first instant after it.
    pub end_time: Time,
    /// The values of `group_by`; null: that dimension was not sent.
    pub group: BTreeMap<String, Option<String>>,
    /// The exact sum.
    pub quantity: Decimal,
    /// As reported; usage is never converted.
    pub unit: String,
    /// How many pulses.
    pub count: Count,
}

/// A page of usage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UsagePage {
    /// By rising window, group and unit; windows without usage are left out.
    pub items: Vec<UsageItem>,
    /// How much this answer knows.
    pub meta: Meta,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Sums usage by window, group and reported unit
///
/// By event time, adjustments included. One item per unit that was reported: usage is never converted silently.
#[utoipa::path(
    get,
    path = "/v1/usage",
    operation_id = "listUsage",
    tag = "usage",
    params(AskParams),
    responses(
        (status = 200, description = "A page of usage", body = UsagePage, example = json!({
            "items": [{
                "start_time": "2026-01-31T10:00:00Z",
                "end_time": "2026-01-31T11:00:00Z",
                "group": {"sku": "llm.input"},
                "quantity": "123456",
                "unit": "token",
                "count": "42"
            }],
            "meta": {"watermark": "2026-01-31T12:00:01Z", "complete": true, "final": false, "late_count": "0"}
        })),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn list_usage(
    State(query): State<QueryApi>,
    Params { value: params, canonical }: Params<AskParams>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let state = query.state();
    let cursor = page::open::<Slot>(query.page_key(), &canonical, params.page_token.as_deref())?;
    let range = cursor.as_ref().and_then(page::Cursor::range);
    let ask = Ask::resolve(&params, &state, range, query.now())?;
    let progress = Progress::read(query.store(), query.registry(&state)?, &ask.tenants).await?;
    let mut fold = Fold::new(&ask.grid, &ask.filter, &ask.group_by);
    for tenant in &ask.tenants {
        for (key, row) in &read_usage(query.store(), tenant, *ask.grid.range()).await? {
            fold.add(key, row);
        }
    }
    let (all, late_count) = fold.finish();
    let after = cursor.as_ref().map(|cursor| &cursor.after);
    let (items, last) = page::cut(all, after, params.page_size.unwrap_or_default());
    let next_page_token =
        last.map(|last| page::token(query.page_key(), &canonical, ask.grid.range(), last)).transpose()?;
    let about = About { state: &state, tenants: &ask.tenants, range: ask.grid.range() };
    let items = items.into_iter().map(|(slot, used)| item(&ask, slot, used)).collect();
    etag::answer(&known, &UsagePage { items, meta: progress.meta(&about, late_count), next_page_token })
}

fn item(ask: &Ask, slot: Slot, used: Used) -> UsageItem {
    let (start, end) = slot.window();
    UsageItem {
        start_time: Time(start),
        end_time: Time(end),
        group: ask.group_by.labels(&slot.group),
        quantity: Decimal::of(&used.sum),
        unit: slot.unit,
        count: Count(used.count),
    }
}
