//! An export is the catalogue: applied to an empty one it gives the same.

use super::*;
use crate::api::{Api, Part, When};
use crate::apply::{ApplyRequest, requests};
use crate::fixture::*;
use crate::form::Shown;
use crate::resource::ResourceName;
use crate::state::PublishedPlan;
use ::rest::page::PageKey;
use domain::id::{ContractId, SkuId, TenantId};
use serde_json::json;

const ALL: Part<'_> = Part { query: "", size: None, token: None };

async fn items<S: Shown>(api: &Api) -> Vec<Map<String, Value>> {
    let page = api.list::<S>(ALL, When::default()).await.unwrap().value;
    assert_eq!(page.next_page_token, None);
    page.items.iter().map(|item| into_object(serde_json::to_value(item).unwrap()).unwrap()).collect()
}

/// Everything that lists answer.
async fn listed(api: &Api) -> Vec<(Kind, Map<String, Value>)> {
    let mut all: Vec<(Kind, Map<String, Value>)> = Vec::new();
    all.extend(items::<Contract>(api).await.into_iter().map(|item| (Kind::Contract, item)));
    all.extend(items::<Tenant>(api).await.into_iter().map(|item| (Kind::Tenant, item)));
    for plan in items::<PublishedPlan>(api).await {
        let versions = api.list_versions(&text(&plan, "id"), ALL, When::default()).await.unwrap().value;
        let versions =
            versions.items.iter().map(|item| into_object(serde_json::to_value(item).unwrap()).unwrap());
        all.extend(versions.map(|item| (Kind::Plan, item)));
    }
    all.extend(items::<Sku>(api).await.into_iter().map(|item| (Kind::Sku, item)));
    all.extend(items::<Unit>(api).await.into_iter().map(|item| (Kind::Unit, item)));
    all
}

fn api(house: &House) -> Api {
    Api { catalog: house.catalog.clone(), page_key: PageKey::new([1; 16]) }
}

/// The export of a house's catalogue, as the file that it is written to.
async fn exported(house: &House) -> (Export, String) {
    let export = documents(listed(&api(house)).await);
    let file = serde_json::to_string_pretty(&export.documents).unwrap();
    (export, file)
}

/// Sends a request as the command line does, without the door.
async fn send(api: &Api, request: ApplyRequest) {
    let terms = || crate::api::Terms { condition: ::rest::etag::IfMatch::Absent, idempotency_key: None };
    let body = Value::Object(request.body);
    let (id, body_text) = (request.id.as_str(), body.to_string());
    match request.kind {
        Kind::Unit => {
            drop(api.put::<Unit>(id, &serde_json::from_value(body).unwrap(), terms()).await.unwrap());
        }
        Kind::Sku => drop(api.put::<Sku>(id, &serde_json::from_value(body).unwrap(), terms()).await.unwrap()),
        Kind::Tenant => {
            drop(api.put::<Tenant>(id, &serde_json::from_value(body).unwrap(), terms()).await.unwrap());
        }
        Kind::Contract => {
            drop(api.put::<Contract>(id, &serde_json::from_value(body).unwrap(), terms()).await.unwrap());
        }
        Kind::Plan => drop(api.publish(id, &body_text, None).await.unwrap()),
    }
}

/// A house with two of everything.
async fn rich() -> House {
    let house = House::begun().await;
    let mut suspended = tenant("ACME & Söhne");
    if let Change::PutTenant(_, tenant) = &mut suspended {
        tenant.status = crate::resource::TenantStatus::Suspended;
    }
    let mut pinned = contract("b", "ACME & Söhne", "2026-01-01T00:00:00Z", Some("2026-07-01T00:00:00Z"));
    pinned.1.plan_version = Some(1);
    pinned.1.calendar = domain::calendar::Calendar::parse("Asia/Kathmandu").unwrap();
    let tiers = r#""model":"graduated","tiers":[{"up_to":"10","price":"1"},{"price":"0.000000000001"}],"match":{"region":"eu"}"#;
    for change in [
        unit("page", "data", "4096/3"),
        sku("scan", "page.h", &["zone"]),
        suspended,
        plan(&PLAN.replace(r#""model":"per_unit","price":"0.50""#, tiers)),
        put(contract("a", "acme", "2026-01-01T00:00:00Z", None)),
        put(pinned),
    ] {
        house.submit(change).await;
    }
    house
}

#[tokio::test]
async fn an_export_applied_to_an_empty_catalogue_exports_the_same() {
    let (export, file) = exported(&rich().await).await;
    assert_eq!(export.left_out, []);
    let kinds: Vec<&str> =
        export.documents.iter().map(|document| document["kind"].as_str().unwrap()).collect();
    let expected = ["unit", "sku", "sku", "tenant", "tenant", "plan", "plan", "contract", "contract"];
    assert_eq!(kinds, expected);
    let other = House::empty().await;
    let api = api(&other);
    for request in requests(&file).unwrap() {
        send(&api, request).await;
    }
    assert_eq!(exported(&other).await, (export.clone(), file.clone()));
    let end = other.catalog.state().offset();
    for request in requests(&file).unwrap() {
        send(&api, request).await;
    }
    assert_eq!(other.catalog.state().offset(), end, "unchanged documents append nothing");
}

#[tokio::test]
async fn an_export_shows_a_resource_as_its_request_does() {
    let (export, _) = exported(&rich().await).await;
    assert_eq!(
        Value::Object(export.documents[0].clone()),
        json!({"kind": "unit", "id": "page", "dimension": "data", "factor": "4096/3"})
    );
    assert_eq!(
        Value::Object(export.documents[7].clone()),
        json!({"kind": "contract", "id": "a", "tenant": "acme", "plan": "llm",
               "start_time": "2026-01-01T00:00:00Z", "time_zone": "UTC"})
    );
}

#[tokio::test]
async fn what_names_something_deleted_is_left_out_and_versions_are_numbered_anew() {
    let house = rich().await;
    let third = PLAN.replace("llm.input", "scan").replace("\"token\"", "\"page.h\"");
    house.submit(plan(&third)).await;
    let mut newest = contract("c", "acme", "2026-01-01T00:00:00Z", Some("2026-02-01T00:00:00Z"));
    newest.1.plan_version = Some(3);
    house.submit(Change::Delete(ResourceName::Contract(ContractId::parse("a").unwrap()))).await;
    house.submit(put(newest)).await;
    house.submit(tenant("gone")).await;
    let ended = put(contract("d", "gone", "2026-01-01T00:00:00Z", Some("2026-02-01T00:00:00Z")));
    house.submit(ended).await;
    house.submit(Change::Delete(ResourceName::Tenant(TenantId::parse("gone").unwrap()))).await;
    // The first two versions price it, the newest does not: it may go.
    house.submit(Change::Delete(ResourceName::Sku(SkuId::parse("llm.input").unwrap()))).await;
    let (export, file) = exported(&house).await;
    let left: Vec<(&str, bool)> =
        export.left_out.iter().map(|left| (left.id.as_str(), left.reason.contains("llm.input"))).collect();
    assert_eq!(left, [("llm/versions/1", true), ("llm/versions/2", true), ("b", false), ("d", false)]);
    assert!(export.left_out[3].reason.contains("gone"), "{:?}", export.left_out[3]);
    let kept = export.documents.last().unwrap();
    assert_eq!((kept["id"].as_str(), &kept["plan_version"]), (Some("c"), &json!(1)));
    let other = House::empty().await;
    for request in requests(&file).unwrap() {
        send(&api(&other), request).await;
    }
    assert_eq!(exported(&other).await, (Export { left_out: Vec::new(), ..export }, file));
}

#[test]
fn what_is_no_item_is_left_out_with_its_reason() {
    let object = |value: Value| into_object(value).unwrap();
    let export = documents(vec![
        (Kind::Unit, object(json!({"id": "page", "dimension": "Data", "factor": "1"}))),
        (Kind::Tenant, object(json!({"id": "a\nb", "name": "x"}))),
        (Kind::Sku, object(json!({"id": "s", "unit": "furlong"}))),
        (Kind::Plan, object(json!({"plan": "p", "version": 1, "document": 7}))),
        (Kind::Contract, object(json!({"id": "c"}))),
    ]);
    assert_eq!(export.documents, Vec::<Map<String, Value>>::new());
    let left: Vec<Kind> = export.left_out.iter().map(|left| left.kind).collect();
    assert_eq!(left, [Kind::Unit, Kind::Sku, Kind::Tenant, Kind::Plan, Kind::Contract]);
}
