//! What a question means where it leaves something open.

use super::*;
use crate::testing::{House, at, tenant};
use catalog::command::Change;
use catalog::resource::{Contract, ResourceName, Term};
use domain::id::{ContractId, PlanId, SkuId};

const NOW: &str = "2026-03-10T14:37:12Z";

async fn sign(house: &House, id: &str, payer: &str, zone: &str) {
    let contract = Contract {
        tenant: tenant(payer),
        plan: PlanId::parse("llm").unwrap(),
        plan_version: None,
        term: Term::new(at("2026-01-01T00:00:00Z"), None).unwrap(),
        calendar: Calendar::parse(zone).unwrap(),
    };
    house.submit(Change::PutContract(ContractId::parse(id).unwrap(), contract)).await;
}

fn resolve(house: &House, params: &AskParams) -> Result<Ask, Problem> {
    Ask::resolve(params, &house.view.state(), None, at(NOW))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn range(ask: &Ask) -> (String, String) {
    (ask.grid.range().start().to_string(), ask.grid.range().end().to_string())
}

#[tokio::test]
async fn tenants_are_all_or_those_named_each_once() {
    let house = House::furnished().await;
    let of = |names: Vec<String>| {
        let ask = resolve(&house, &AskParams { tenant: names, ..AskParams::default() }).unwrap();
        ask.tenants.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(of(Vec::new()), ["acme", "globex"]);
    assert_eq!(of(names(&["globex", "acme", "globex"])), ["acme", "globex"]);
    assert_eq!(
        of(names(&["who is not there"])),
        ["who is not there"],
        "what was never put was never used either"
    );
    let refused = resolve(&house, &AskParams { tenant: names(&["acme", "a\nb"]), ..AskParams::default() });
    assert_eq!(refused.unwrap_err().errors()[0].field, "tenant");
}

#[tokio::test]
async fn the_calendar_is_the_tenants_where_they_share_one() {
    let house = House::furnished().await;
    sign(&house, "globex-1", "globex", "Asia/Kathmandu").await;
    let month = |names: Vec<String>, time_zone: Option<&str>| {
        let time_zone = time_zone.map(str::to_owned);
        let params =
            AskParams { tenant: names, time_zone, period: Some("month".into()), ..AskParams::default() };
        range(&resolve(&house, &params).unwrap())
    };
    let span = |start: &str, end: &str| (start.to_owned(), end.to_owned());
    let utc = span("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    let kathmandu = span("2026-02-28T18:15:00Z", "2026-03-31T18:15:00Z");
    assert_eq!(month(names(&["globex"]), None), kathmandu);
    assert_eq!(month(names(&["acme"]), None), utc);
    assert_eq!(month(names(&["acme", "globex"]), None), utc, "they do not share one");
    assert_eq!(month(names(&["globex"]), Some("UTC")), utc, "what is asked for comes first");
    assert_eq!(month(names(&["acme"]), Some("Asia/Kathmandu")), kathmandu);
    assert_eq!(month(Vec::new(), None), utc);
}

#[tokio::test]
async fn zones_are_names_of_the_iana_list() {
    let house = House::furnished().await;
    for (name, known) in [
        ("UTC", true),
        ("Australia/Lord_Howe", true),
        ("Asia/Kolkata", true),
        ("", false),
        ("Mars/Olympus", false),
        ("+05:30", false),
        ("EST5EDT,M3.2.0,M11.1.0", false),
        ("../../etc/passwd", false),
    ] {
        let params = AskParams { time_zone: Some(name.to_owned()), ..AskParams::default() };
        let asked = resolve(&house, &params);
        assert_eq!(asked.is_ok(), known, "{name}");
        if let Err(problem) = asked {
            assert_eq!(problem.kind().name(), "INVALID_TIME_ZONE", "{name}");
        }
    }
}

#[tokio::test]
async fn what_a_deleted_sku_declared_can_still_be_asked_for() {
    let house = House::furnished().await;
    let params = AskParams {
        dimension: names(&["rack:7"]),
        group_by: Some("dim.rack,sku".to_owned()),
        ..AskParams::default()
    };
    house.put_sku("vm", ["rack"]).await;
    assert!(resolve(&house, &params).is_ok());
    house.submit(Change::Delete(ResourceName::Sku(SkuId::parse("vm").unwrap()))).await;
    assert!(resolve(&house, &params).is_ok(), "what was used by then stays in every answer");
}

#[tokio::test]
async fn a_range_of_the_first_page_holds_for_the_next() {
    let house = House::furnished().await;
    let first = Window::new(at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z")).unwrap();
    let params = AskParams { from: Some("-24h".to_owned()), ..AskParams::default() };
    let ask = Ask::resolve(&params, &house.view.state(), Some(first), at(NOW)).unwrap();
    assert_eq!(*ask.grid.range(), first);
    let own = resolve(&house, &params).unwrap();
    assert_eq!(range(&own), ("2026-03-09T14:30:00Z".to_owned(), "2026-03-10T14:45:00Z".to_owned()));
}

#[tokio::test]
async fn groups_are_skus_where_nothing_is_asked_and_none_where_nothing_is_named() {
    let house = House::furnished().await;
    let of = |group_by: Option<&str>| {
        let params = AskParams { group_by: group_by.map(str::to_owned), ..AskParams::default() };
        resolve(&house, &params).unwrap().group_by.names().collect::<Vec<_>>()
    };
    assert_eq!(of(None), ["sku"]);
    assert_eq!(of(Some("")), Vec::<String>::new());
    assert_eq!(of(Some("dim.region,tenant")), ["dim.region", "tenant"]);
}
