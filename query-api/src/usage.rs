//! `GET /v1/usage`: sums of what was used, by window, group and reported unit.

use crate::ask::{Ask, AskParams};
use crate::fold::{Fold, Slot, Used};
use crate::group::GroupKey;
use crate::meta::Meta;
use crate::{QueryApi, page, table};
use axum::extract::State;
use axum::response::Response;
use catalog::usage::read_days;
use domain::port::{CellStore, StoreError};
use domain::time::{Timestamp, Window};
use futures::{StreamExt, TryStreamExt, stream};
use rest::problem::QueryProblems;
use rest::{Client, Count, Decimal, Params, Problem, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Not;
use utoipa::ToSchema;

#[cfg(test)]
mod sums;
#[cfg(test)]
mod zones;

/// How many tenants are read at once.
const TENANTS_AT_ONCE: usize = 8;

/// Usage of one window, group and unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UsageItem {
    /// The window's first instant.
    pub start_time: Time,
    /// The first instant after it.
    pub end_time: Time,
    /// The values of `group_by`; null: that dimension was not sent.
    pub group: BTreeMap<String, Option<String>>,
    /// Whether these are the groups that `top` leaves out, as one; absent: no.
    #[serde(skip_serializing_if = "Not::not")]
    pub other: bool,
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

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    /// The last item.
    slot: Slot,
    /// How many pulses stand as adjustments in the windows before the item's, which are not read again.
    late_before: u64,
}

/// Sums usage by window, group and reported unit
///
/// By event time, adjustments included. One item per unit that was reported: usage is never converted silently. The `ETag`
/// of a complete answer stays while the watermark moves; the header `Pulse-Watermark` tells how far that is, also on a 304.
#[utoipa::path(
    get,
    path = "/v1/usage",
    operation_id = "listUsage",
    tag = "usage",
    params(AskParams),
    responses(
        (status = 200, description = "A page of usage", content(
            (UsagePage = "application/json", example = json!({
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
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn list_usage(
    State(query): State<QueryApi>,
    Params { value: params, canonical }: Params<AskParams>,
    client: Client,
) -> Result<Response, Problem> {
    let state = query.state_at(params.catalog_offset).await?;
    let cursor = page::open::<Shown>(query.page_key(), &canonical, params.page_token.as_deref())?;
    let range = cursor.as_ref().and_then(page::Cursor::range);
    let ask = Ask::resolve(&params, &state, range, query.now())?;
    let progress = query.progress(&state, &ask.tenants).await?;
    let shown = cursor.map(|cursor| cursor.after);
    let (span, late_before) = rest_of(&ask, shown.as_ref());
    let all = ask.fold_to_top(sum(query.store(), &ask, span).await?);
    let late: Vec<(i64, u64)> = all.iter().map(|(slot, used)| (slot.start, used.late)).collect();
    let after = shown.as_ref().map(|shown| &shown.slot);
    let (items, last) = page::cut(all, after, params.page_size.unwrap_or_default());
    let late_until = |start: i64| {
        late_before + late.iter().filter(|(at, _)| *at < start).map(|(_, late)| late).sum::<u64>()
    };
    let next = last.map(|slot| Shown { late_before: late_until(slot.start), slot });
    let next_page_token =
        next.map(|next| page::token(query.page_key(), &canonical, ask.grid.range(), next)).transpose()?;
    let items = items.into_iter().map(|(slot, used)| item(&ask, slot, used)).collect();
    let meta = progress.meta(ask.grid.range(), late_until(i64::MAX));
    let page = UsagePage { items, meta, next_page_token };
    let version = (&page.items, meta.version(), &page.next_page_token);
    client.list_as(&page, (&version, &meta), &columns(&ask))
}

/// What a page has to read, and how many adjustments lie before that: it goes on with the window that the page before
/// ended in. The largest groups are those of the whole range.
fn rest_of(ask: &Ask, shown: Option<&Shown>) -> (Window, u64) {
    let range = *ask.grid.range();
    let shown = shown.filter(|_| ask.top.is_none());
    let rest = shown.and_then(|shown| {
        let span = Window::new(Timestamp::from_seconds(shown.slot.start), range.end())?;
        Some((span, shown.late_before))
    });
    rest.unwrap_or((range, 0))
}

/// Sums what was used within a span of the range.
pub async fn sum(store: &dyn CellStore, ask: &Ask, span: Window) -> Result<BTreeMap<Slot, Used>, StoreError> {
    let mut fold = Fold::new(ask, span);
    let tenants = stream::iter(ask.tenants.clone()).map(|tenant| read_days(store, tenant, span));
    let mut days = tenants.flatten_unordered(TENANTS_AT_ONCE);
    while let Some(rows) = days.try_next().await? {
        fold.add(&rows);
    }
    Ok(fold.finish())
}

fn columns(ask: &Ask) -> Vec<String> {
    table::columns(&["start_time", "end_time"], ask.group_by.names(), &["other", "quantity", "unit", "count"])
}

/// Usage of a slot as answers show it.
pub fn item(ask: &Ask, slot: Slot, used: Used) -> UsageItem {
    let (start, end) = slot.window();
    UsageItem {
        start_time: Time(start),
        end_time: Time(end),
        group: ask.group_by.labels(&slot.group),
        other: slot.group == GroupKey::Rest,
        quantity: Decimal::of(&used.sum),
        unit: slot.unit,
        count: Count(used.count),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::House;
    use serde_json::json;

    async fn house() -> House {
        let house = House::furnished().await;
        house
            .count(&[
                ("acme", "llm.input", "token", "2026-03-01T10:00:00Z", "5"),
                ("acme", "llm.input", "token", "2026-03-01T10:20:00Z", "7.5"),
                ("acme", "vm", "h", "2026-03-01T11:00:00Z", "-1"),
                ("globex", "llm.input", "token", "2026-03-01T10:00:00Z", "100"),
            ])
            .await;
        house
    }

    #[tokio::test]
    async fn usage_is_summed_by_window_group_and_unit() {
        let house = house().await;
        let items = house.items("/v1/usage?tenant=acme&period=2026-03&window=PT1H").await;
        let item = |start: &str, end: &str, sku: &str, quantity: &str, unit: &str, count: &str| json!({"start_time": start, "end_time": end, "group": {"sku": sku}, "quantity": quantity, "unit": unit, "count": count});
        assert_eq!(
            items,
            [
                item("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z", "llm.input", "12.5", "token", "2"),
                item("2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z", "vm", "-1", "h", "1"),
            ]
        );
        let items =
            house.items("/v1/usage?from=2026-03-01T10:15:00Z&to=2026-03-01T11:00:00Z&group_by=tenant").await;
        assert_eq!(items.len(), 1);
        assert_eq!((&items[0]["group"], &items[0]["quantity"]), (&json!({"tenant": "acme"}), &json!("7.5")));
    }

    #[tokio::test]
    async fn all_tenants_are_asked_where_none_is_named_and_filters_narrow() {
        let house = house().await;
        let items = house.items("/v1/usage?period=month&sku=llm.input").await;
        assert_eq!((items.len(), &items[0]["quantity"]), (1, &json!("112.5")));
        house
            .count_as(("acme", "llm.input", "token", "2026-03-02T00:00:00Z", "9"), "region=eu", None, 50)
            .await;
        let items = house.items("/v1/usage?period=month&dimension=region:eu&group_by=dim.region").await;
        assert_eq!((&items[0]["group"], &items[0]["quantity"]), (&json!({"dim.region": "eu"}), &json!("9")));
    }

    #[tokio::test]
    async fn the_watermark_is_the_least_of_the_tenants_partitions() {
        let house = house().await;
        let (_, body) = house.get("/v1/usage?tenant=acme&from=-24h&to=-1h").await;
        assert_eq!(body["meta"], json!({"complete": false, "final": false, "late_count": "0"}));
        house.reach("2026-03-10T13:30:00Z").await;
        let (_, body) = house.get("/v1/usage?tenant=acme&from=-24h&to=-1h").await;
        let meta =
            json!({"watermark": "2026-03-10T13:30:00Z", "complete": true, "final": false, "late_count": "0"});
        assert_eq!(body["meta"], meta);
        let (_, body) = house.get("/v1/usage?tenant=acme&from=-24h").await;
        assert_eq!(body["meta"]["complete"], false);
    }

    /// A generation added after the last look may hold what was acknowledged since.
    #[tokio::test]
    async fn an_answer_reaches_no_further_than_the_registry_is_known() {
        let house = house().await;
        house.reach("2026-03-10T15:00:00Z").await;
        house.log.delete(domain::topic::CATALOG);
        let meta = async |seconds| {
            house.clock.advance(seconds);
            let (_, body) = house.get("/v1/usage?tenant=acme&from=-24h&to=2026-03-10T14:45:00Z").await;
            (body["meta"]["watermark"].clone(), body["meta"]["complete"].clone())
        };
        assert_eq!(meta(300).await, (json!("2026-03-10T15:00:00Z"), json!(true)));
        assert_eq!(meta(1).await, (json!("2026-03-10T14:37:12Z"), json!(false)));
    }

    #[tokio::test]
    async fn adjustments_are_shown_by_event_time_and_counted() {
        let house = house().await;
        house
            .count_as(("acme", "llm.input", "token", "2026-03-01T10:00:00Z", "1"), "", Some("2026-04"), 60)
            .await;
        let (_, body) = house.get("/v1/usage?tenant=acme&period=2026-03&sku=llm.input").await;
        assert_eq!(
            (&body["items"][0]["quantity"], &body["meta"]["late_count"]),
            (&json!("13.5"), &json!("1"))
        );
    }

    #[tokio::test]
    async fn pages_follow_each_other_and_tokens_fit_their_query_only() {
        let house = house().await;
        let uri = "/v1/usage?period=month&window=PT15M&group_by=tenant,sku";
        let all = house.items(uri).await;
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let (_, body) = house.get(&format!("{uri}&page_size=1{next}")).await;
            seen.extend(body["items"].as_array().unwrap().clone());
            match body["next_page_token"].as_str() {
                Some(token) => next = format!("&page_token={token}"),
                None => break,
            }
        }
        assert_eq!((all.len(), seen), (4, all));
        let (status, body) = house.get(&format!("/v1/usage?period=last-month{next}")).await;
        assert_eq!((status, &body["code"]), (400, &json!("INVALID_PAGE_TOKEN")));
    }

    #[tokio::test]
    async fn what_breaks_a_rule_is_named() {
        let house = house().await;
        for (query, code, field) in [
            ("from=2026-03-01T10:01:00Z", "INVALID_RANGE", "from"),
            ("time_zone=Mars/Olympus", "INVALID_TIME_ZONE", "time_zone"),
            ("window=PT2H", "INVALID_ARGUMENT", "window"),
            ("group_by=dim.rack", "INVALID_ARGUMENT", "group_by"),
            ("page_size=0", "INVALID_ARGUMENT", "page_size"),
            ("top=0", "INVALID_ARGUMENT", "top"),
            ("top=1001", "INVALID_ARGUMENT", "top"),
            ("dimension=regoin:eu", "INVALID_ARGUMENT", "dimension"),
            ("skus=a", "INVALID_ARGUMENT", "skus"),
            ("tenant=", "INVALID_ARGUMENT", "tenant"),
        ] {
            let (status, body) = house.get(&format!("/v1/usage?{query}")).await;
            assert_eq!((status, body["code"].as_str()), (400, Some(code)), "{query}: {body}");
            assert_eq!(body["errors"][0]["field"], field, "{query}");
        }
    }

    #[tokio::test]
    async fn the_largest_groups_stand_apart_and_the_others_are_one() {
        let house = house().await;
        let uri = "/v1/usage?period=month&group_by=tenant&top=1";
        let items = house.items(uri).await;
        let shown: Vec<_> = items
            .iter()
            .map(|item| (&item["group"], &item["quantity"], &item["unit"], item.get("other")))
            .collect();
        let (acme, globex) = (json!({"tenant": "acme"}), json!({"tenant": "globex"}));
        let none = json!({});
        assert_eq!(
            shown,
            [
                (&acme, &json!("-1"), &json!("h"), None),
                (&globex, &json!("100"), &json!("token"), None),
                (&none, &json!("12.5"), &json!("token"), Some(&json!(true))),
            ]
        );
        let (_, first) = house.get(&format!("{uri}&page_size=2")).await;
        let token = first["next_page_token"].as_str().unwrap();
        assert_eq!(house.items(&format!("{uri}&page_size=2&page_token={token}")).await, items[2..]);
    }

    #[tokio::test]
    async fn days_are_those_of_the_zone() {
        let house = house().await;
        house.count_as(("acme", "llm.input", "token", "2026-03-01T20:30:00Z", "1"), "", None, 70).await;
        let uri = "/v1/usage?tenant=acme&sku=llm.input&from=2026-03-01T00:00:00Z&to=2026-03-03T00:00:00Z";
        let items = house.items(&format!("{uri}&window=P1D&time_zone=Asia/Kathmandu")).await;
        let starts: Vec<&str> = items.iter().map(|item| item["start_time"].as_str().unwrap()).collect();
        assert_eq!(starts, ["2026-03-01T00:00:00Z", "2026-03-01T18:15:00Z"]);
    }
}
