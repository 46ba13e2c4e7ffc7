//! Sums by groups, filters and units, against a plain addition of what was reported.

use crate::testing::House;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A report: whose, of what, where, how much.
type Report = (&'static str, &'static str, &'static str, i64);

const TENANTS: [&str; 2] = ["acme", "globex"];
const SKUS: [&str; 2] = ["llm.input", "vm"];
const REGIONS: [&str; 3] = ["region=eu", "region=us", ""];

async fn house(reports: &[Report]) -> House {
    let house = House::furnished().await;
    for (offset, (payer, sku, region, units)) in (1..).zip(reports) {
        let time = format!("2026-03-0{}T0{}:00:00Z", 1 + offset % 8, offset % 7);
        house.count_as((payer, sku, "token", &time, &units.to_string()), region, None, offset).await;
    }
    house
}

fn part(report: &Report, name: &str) -> Value {
    match name {
        "tenant" => json!(report.0),
        "sku" => json!(report.1),
        _ => report.2.strip_prefix("region=").map_or(Value::Null, |region| json!(region)),
    }
}

/// What was reported, added up by the names.
fn added(reports: &[Report], names: &[&str]) -> BTreeMap<String, (i64, u64)> {
    let mut sums = BTreeMap::new();
    for report in reports {
        let group: BTreeMap<&str, Value> = names.iter().map(|name| (*name, part(report, name))).collect();
        let (sum, count) = sums.entry(json!(group).to_string()).or_insert((0, 0));
        *sum += report.3;
        *count += 1;
    }
    sums
}

/// What an answer says, by group.
fn said(items: &[Value]) -> BTreeMap<String, (i64, u64)> {
    let number = |item: &Value, field: &str| item[field].as_str().unwrap().parse::<i64>().unwrap();
    let of = |item: &Value| {
        (item["group"].to_string(), (number(item, "quantity"), u64::try_from(number(item, "count")).unwrap()))
    };
    items.iter().map(of).collect()
}

fn report() -> impl Strategy<Value = Report> {
    (
        prop::sample::select(TENANTS.to_vec()),
        prop::sample::select(SKUS.to_vec()),
        prop::sample::select(REGIONS.to_vec()),
        -500_i64..1_000,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_groups_are_plain_additions(
        reports in prop::collection::vec(report(), 1..40),
        names in prop::sample::subsequence(vec!["tenant", "sku", "dim.region"], 0..=3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = house(&reports).await;
            let uri = format!("/v1/usage?period=2026-03&page_size=1000&group_by={}", names.join(","));
            assert_eq!(said(&house.items(&uri).await), added(&reports, &names), "{names:?}");
        });
    }

    #[test]
    fn filters_leave_out_what_they_say_and_nothing_else(
        reports in prop::collection::vec(report(), 1..40),
        payer in prop::option::of(prop::sample::select(TENANTS.to_vec())),
        sku in prop::option::of(prop::sample::select(SKUS.to_vec())),
        region in prop::option::of(prop::sample::select(vec!["eu", "us", "ap"])),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let wanted = |report: &&Report| {
                payer.is_none_or(|payer| payer == report.0)
                    && sku.is_none_or(|sku| sku == report.1)
                    && region.is_none_or(|region| report.2 == format!("region={region}"))
            };
            let kept: Vec<Report> = reports.iter().filter(wanted).copied().collect();
            let house = house(&reports).await;
            let mut uri = "/v1/usage?period=2026-03&page_size=1000&group_by=tenant,sku".to_owned();
            for (name, value) in [("tenant", payer), ("sku", sku)] {
                uri.extend(value.map(|value| format!("&{name}={value}")));
            }
            uri.extend(region.map(|region| format!("&dimension=region:{region}")));
            assert_eq!(said(&house.items(&uri).await), added(&kept, &["tenant", "sku"]), "{uri}");
        });
    }

    #[test]
    fn pages_of_any_size_are_the_whole(reports in prop::collection::vec(report(), 1..30), size in 1_usize..8) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = house(&reports).await;
            let uri = "/v1/usage?period=2026-03&window=P1D&group_by=tenant,sku,dim.region";
            let whole = house.items(&format!("{uri}&page_size=1000")).await;
            let (mut seen, mut next) = (Vec::new(), String::new());
            loop {
                let (status, body) = house.get(&format!("{uri}&page_size={size}{next}")).await;
                assert_eq!(status, 200);
                seen.extend(body["items"].as_array().unwrap().clone());
                let Some(token) = body["next_page_token"].as_str() else { break };
                next = format!("&page_token={token}");
            }
            assert_eq!(seen, whole);
        });
    }

    #[test]
    fn the_largest_groups_and_the_rest_are_the_whole(reports in prop::collection::vec(report(), 1..30), top in 1_usize..5) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = house(&reports).await;
            let uri = format!("/v1/usage?period=2026-03&group_by=dim.region,tenant&top={top}");
            let items = house.items(&uri).await;
            let rest: Vec<&Value> = items.iter().filter(|item| item["other"] == true).collect();
            let groups = added(&reports, &["dim.region", "tenant"]);
            assert_eq!(rest.len(), usize::from(groups.len() > top));
            assert_eq!(items.len(), groups.len().min(top) + rest.len());
            let total: i64 = said(&items).values().map(|(sum, _)| sum).sum();
            assert_eq!(total, reports.iter().map(|report| report.3).sum::<i64>());
            let mut sizes: Vec<i64> = groups.values().map(|(sum, _)| *sum).collect();
            sizes.sort_unstable_by(|one, other| other.cmp(one));
            let mut kept: Vec<i64> =
                said(&items).into_iter().filter(|(group, _)| group != "{}").map(|(_, (sum, _))| sum).collect();
            kept.sort_unstable_by(|one, other| other.cmp(one));
            assert_eq!(kept, sizes[..top.min(sizes.len())]);
        });
    }

    /// Pages after the first read from their own first window on: what lies before is not counted twice, nor forgotten.
    #[test]
    fn every_page_tells_the_adjustments_of_the_whole_range(
        parts in prop::collection::vec((0_i64..300, 1_i64..50, any::<bool>()), 1..30),
        window in prop::sample::select(vec!["PT15M", "PT1H", "P1D"]),
        size in 1_usize..6,
        top in prop::option::of(1_usize..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::furnished().await;
            for (offset, (quarter, units, is_late)) in (1..).zip(&parts) {
                let time = crate::testing::at("2026-03-01T00:00:00Z").plus_seconds(quarter * 900).to_string();
                let sku = SKUS[usize::try_from(units % 2).unwrap()];
                let posted = is_late.then_some("2026-04");
                house.count_as(("acme", sku, "token", &time, &units.to_string()), "", posted, offset).await;
            }
            let late = parts.iter().filter(|(.., is_late)| *is_late).count().to_string();
            let mut uri = format!("/v1/usage?tenant=acme&period=2026-03&window={window}");
            uri.extend(top.map(|top| format!("&top={top}")));
            let whole = house.items(&format!("{uri}&page_size=1000")).await;
            let (mut seen, mut next) = (Vec::new(), String::new());
            loop {
                let (status, body) = house.get(&format!("{uri}&page_size={size}{next}")).await;
                assert_eq!((status, &body["meta"]["late_count"]), (200, &json!(late)), "{uri}");
                seen.extend(body["items"].as_array().unwrap().clone());
                let Some(token) = body["next_page_token"].as_str() else { break };
                next = format!("&page_token={token}");
            }
            assert_eq!(seen, whole, "{uri}");
        });
    }
}
