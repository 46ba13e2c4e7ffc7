//! The resources over gRPC: the same answers and refusals as over HTTP.

use super::*;
use crate::fixture::{House, NOW, PLAN, at};
use proto::instant::to_wire;
use proto::v1;
use proto::v1::catalog_service_server::CatalogService;
use tonic::Request;
use tonic_types::StatusExt;

async fn service() -> (House, Service) {
    let house = House::begun().await;
    let service = Service(Api { catalog: house.catalog.clone(), page_key: PageKey::new([1; 16]) });
    (house, service)
}

fn put_tenant(id: &str, name: &str) -> v1::PutTenantRequest {
    let tenant = v1::Tenant { id: id.into(), name: name.into(), ..v1::Tenant::default() };
    v1::PutTenantRequest { tenant: Some(tenant), ..v1::PutTenantRequest::default() }
}

/// Reason, and the fields at fault.
fn told(status: &Status) -> (String, Vec<String>) {
    let details = status.get_error_details();
    let violations = details.bad_request().map_or(&[][..], |request| &request.field_violations);
    let fields = violations.iter().map(|violation| violation.field.clone()).collect();
    (details.error_info().unwrap().reason.clone(), fields)
}

fn of(reason: &str, fields: &[&str]) -> (String, Vec<String>) {
    (reason.to_owned(), fields.iter().map(|field| (*field).to_owned()).collect())
}

fn list_tenants(page_size: i32, page_token: &str) -> Request<v1::ListTenantsRequest> {
    let page_token = page_token.to_owned();
    Request::new(v1::ListTenantsRequest { page_size, page_token, ..v1::ListTenantsRequest::default() })
}

#[tokio::test]
async fn a_tenant_is_put_read_and_deleted() {
    let (_house, service) = service().await;
    let suspended = v1::Tenant {
        id: "globex".into(),
        name: "Globex".into(),
        status: v1::TenantStatus::Suspended.into(),
        revision: 99,
        catalog_offset: 99,
    };
    let request = v1::PutTenantRequest { tenant: Some(suspended.clone()), ..Default::default() };
    let put = service.put_tenant(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(put, v1::Tenant { revision: 5, catalog_offset: 6, ..suspended });
    let read = v1::GetTenantRequest { id: "globex".into(), catalog_offset: 6, ..Default::default() };
    assert_eq!(service.get_tenant(Request::new(read.clone())).await.unwrap().into_inner(), put);
    let delete = v1::DeleteTenantRequest { id: "globex".into(), ..Default::default() };
    let gone = service.delete_tenant(Request::new(delete)).await.unwrap().into_inner();
    assert_eq!((gone.id.as_str(), gone.revision, gone.catalog_offset), ("globex", 6, 7));
    let status = service.get_tenant(Request::new(read)).await.unwrap_err();
    assert_eq!((status.code(), told(&status)), (tonic::Code::NotFound, of("NOT_FOUND", &[])));
}

#[tokio::test]
async fn a_sku_and_a_unit_are_put_read_listed_and_deleted() {
    let (_house, service) = service().await;
    let page = v1::Unit {
        id: "page".into(),
        dimension: "data".into(),
        factor: "8192/2".into(),
        ..Default::default()
    };
    let put = v1::PutUnitRequest { unit: Some(page), ..Default::default() };
    let unit = service.put_unit(Request::new(put)).await.unwrap().into_inner();
    assert_eq!((unit.factor.as_str(), unit.revision, unit.built_in), ("4096", 5, false));
    let get = |id: &str| Request::new(v1::GetUnitRequest { id: id.into(), ..Default::default() });
    assert_eq!(service.get_unit(get("page")).await.unwrap().into_inner(), unit);
    assert!(service.get_unit(get("GB")).await.unwrap().into_inner().built_in);
    let sku = v1::Sku {
        id: "scan".into(),
        unit: "page.h".into(),
        description: "Scans".into(),
        service_category: "Analytics".into(),
        dimensions: vec!["zone".into(), "region".into()],
        ..Default::default()
    };
    let put = v1::PutSkuRequest { sku: Some(sku), ..Default::default() };
    let sku = service.put_sku(Request::new(put)).await.unwrap().into_inner();
    assert_eq!((sku.dimensions.as_slice(), sku.aggregation), (&["region".into(), "zone".into()][..], 1));
    let read = v1::GetSkuRequest { id: "scan".into(), ..Default::default() };
    assert_eq!(service.get_sku(Request::new(read)).await.unwrap().into_inner(), sku);
    let skus = service.list_skus(Request::new(v1::ListSkusRequest::default())).await.unwrap().into_inner();
    let ids: Vec<&str> = skus.skus.iter().map(|sku| sku.id.as_str()).collect();
    assert_eq!((ids, skus.catalog_offset), (vec!["llm.input", "scan"], 7));
    let delete = v1::DeleteUnitRequest { id: "page".into(), ..Default::default() };
    let status = service.delete_unit(Request::new(delete.clone())).await.unwrap_err();
    assert_eq!((status.code(), told(&status)), (tonic::Code::FailedPrecondition, of("IN_USE", &[])));
    let gone = v1::DeleteSkuRequest { id: "scan".into(), ..Default::default() };
    service.delete_sku(Request::new(gone)).await.unwrap();
    service.delete_unit(Request::new(delete)).await.unwrap();
    let units = service.list_units(Request::new(v1::ListUnitsRequest::default())).await.unwrap();
    assert!(units.into_inner().units.iter().all(|unit| unit.built_in));
}

#[tokio::test]
async fn a_contract_is_put_in_utc_where_nothing_else_is_said() {
    let (_house, service) = service().await;
    let contract = v1::Contract {
        id: "c".into(),
        tenant: "acme".into(),
        plan: "llm".into(),
        start_time: Some(to_wire(at("2026-01-01T00:00:00Z"))),
        end_time: Some(to_wire(at("2026-06-01T00:00:00Z"))),
        ..Default::default()
    };
    let put = |contract: v1::Contract| {
        Request::new(v1::PutContractRequest { contract: Some(contract), ..Default::default() })
    };
    let stands = service.put_contract(put(contract.clone())).await.unwrap().into_inner();
    let expected =
        v1::Contract { time_zone: "UTC".into(), revision: 5, catalog_offset: 6, ..contract.clone() };
    assert_eq!(stands, expected);
    let read = v1::GetContractRequest { id: "c".into(), ..Default::default() };
    assert_eq!(service.get_contract(Request::new(read)).await.unwrap().into_inner(), stands);
    let list = service.list_contracts(Request::new(v1::ListContractsRequest::default())).await.unwrap();
    assert_eq!(list.into_inner().contracts, [stands]);
    let out_of_range = prost_types::Timestamp { seconds: 0, nanos: -1 };
    for (bad, reason, field) in [
        (v1::Contract { start_time: None, ..contract.clone() }, "INVALID_ARGUMENT", "start_time"),
        (v1::Contract { end_time: Some(out_of_range), ..contract.clone() }, "INVALID_ARGUMENT", "end_time"),
        (v1::Contract { end_time: contract.start_time, ..contract.clone() }, "INVALID_ARGUMENT", "end_time"),
        (v1::Contract { time_zone: "Mars".into(), ..contract.clone() }, "INVALID_TIME_ZONE", "time_zone"),
        (v1::Contract { tenant: "nobody".into(), ..contract.clone() }, "INVALID_ARGUMENT", "tenant"),
        (v1::Contract { plan_version: Some(9), ..contract.clone() }, "INVALID_ARGUMENT", "plan_version"),
    ] {
        let status = service.put_contract(put(bad)).await.unwrap_err();
        assert_eq!(
            (status.code(), told(&status)),
            (tonic::Code::InvalidArgument, of(reason, &[field])),
            "{field}"
        );
    }
    let delete =
        v1::DeleteContractRequest { id: "c".into(), expected_revision: Some(4), ..Default::default() };
    let status = service.delete_contract(Request::new(delete.clone())).await.unwrap_err();
    assert_eq!(
        (status.code(), told(&status)),
        (tonic::Code::Aborted, of("REVISION_MISMATCH", &["expected_revision"]))
    );
    let delete = v1::DeleteContractRequest { expected_revision: Some(5), ..delete };
    service.delete_contract(Request::new(delete)).await.unwrap();
}

#[tokio::test]
async fn what_is_not_well_said_is_refused_by_field() {
    let (_house, service) = service().await;
    let refusal = async |request| told(&service.put_tenant(Request::new(request)).await.unwrap_err());
    assert_eq!(refusal(v1::PutTenantRequest::default()).await, of("INVALID_ARGUMENT", &["tenant"]));
    assert_eq!(refusal(put_tenant("a\nb", "")).await, of("INVALID_ARGUMENT", &["tenant"]));
    assert_eq!(refusal(put_tenant("a", &"x".repeat(257))).await, of("INVALID_ARGUMENT", &["name"]));
    let mut odd = put_tenant("a", "");
    odd.tenant.as_mut().unwrap().status = 7;
    assert_eq!(refusal(odd).await, of("INVALID_ARGUMENT", &["status"]));
    let keyed = v1::PutTenantRequest { idempotency_key: "a b".into(), ..put_tenant("a", "") };
    assert_eq!(refusal(keyed).await, of("INVALID_ARGUMENT", &["idempotency_key"]));
    let sku = v1::Sku { id: "s".into(), unit: "GB".into(), aggregation: 9, ..Default::default() };
    let put = v1::PutSkuRequest { sku: Some(sku), ..Default::default() };
    assert_eq!(
        told(&service.put_sku(Request::new(put)).await.unwrap_err()),
        of("INVALID_ARGUMENT", &["aggregation"])
    );
    for (page_size, field) in [(-1, "page_size"), (1_001, "page_size")] {
        let status = service.list_tenants(list_tenants(page_size, "")).await.unwrap_err();
        assert_eq!(told(&status), of("INVALID_ARGUMENT", &[field]));
    }
    let status = service.list_tenants(list_tenants(1, "x")).await.unwrap_err();
    assert_eq!(told(&status), of("INVALID_PAGE_TOKEN", &["page_token"]));
}

#[tokio::test]
async fn a_command_under_a_key_is_answered_as_the_first_was() {
    let (_house, service) = service().await;
    let keyed = |name: &str| {
        let request = v1::PutTenantRequest { idempotency_key: "k".into(), ..put_tenant("globex", name) };
        Request::new(request)
    };
    let first = service.put_tenant(keyed("One")).await.unwrap();
    assert!(first.metadata().get(REPLAYED).is_none());
    let again = service.put_tenant(keyed("One")).await.unwrap();
    assert_eq!(again.metadata().get(REPLAYED).unwrap(), "true");
    assert_eq!(again.into_inner(), first.into_inner());
    let status = service.put_tenant(keyed("Two")).await.unwrap_err();
    assert_eq!(
        (status.code(), told(&status)),
        (tonic::Code::InvalidArgument, of("IDEMPOTENCY_KEY_REUSED", &["idempotency_key"]))
    );
}

#[tokio::test]
async fn pages_go_on_where_they_ended_and_belong_to_their_list() {
    let (_house, service) = service().await;
    for id in ["b", "a", "c"] {
        service.put_tenant(Request::new(put_tenant(id, ""))).await.unwrap();
    }
    let first = service.list_tenants(list_tenants(3, "")).await.unwrap().into_inner();
    let ids = |list: &v1::ListTenantsResponse| {
        list.tenants.iter().map(|tenant| tenant.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!((ids(&first), first.catalog_offset), (vec!["a".into(), "acme".into(), "b".into()], 8));
    let second = service.list_tenants(list_tenants(3, &first.next_page_token)).await.unwrap().into_inner();
    assert_eq!((ids(&second), second.next_page_token.as_str()), (vec!["c".to_owned()], ""));
    let page_token = first.next_page_token;
    let stolen = v1::ListSkusRequest { page_token, ..Default::default() };
    let status = service.list_skus(Request::new(stolen)).await.unwrap_err();
    assert_eq!(told(&status), of("INVALID_PAGE_TOKEN", &["page_token"]));
}

#[tokio::test]
async fn plans_are_published_as_documents_and_read_as_structure() {
    let (house, service) = service().await;
    house.clock.set(at(NOW).plus_seconds(60));
    let tiers = PLAN.replace(r#""model":"per_unit","price":"0.50""#, r#""model":"volume","tiers":[{"up_to":"7","price":"2"},{"price":"1"}],"free":"3","minimum":"4.50","match":{"region":"eu"},"description":"D""#);
    let publish = |document: &str, key: &str| {
        let (plan, document) = ("llm".into(), document.to_owned());
        Request::new(v1::PublishPlanVersionRequest { plan, document, idempotency_key: key.into() })
    };
    let published = service.publish_plan_version(publish(&tiers, "")).await.unwrap().into_inner();
    let version = published.plan_version.unwrap();
    assert!(published.created);
    assert_eq!((version.version, version.revision, version.catalog_offset), (2, 5, 6));
    assert_eq!(version.published_time, Some(to_wire(at(NOW).plus_seconds(60))));
    let document = version.document.clone().unwrap();
    assert_eq!((document.plan.as_str(), document.currency.as_str()), ("llm", "USD"));
    assert_eq!(document.effective_time, Some(to_wire(at("2026-01-01T00:00:00Z"))));
    let price = v1::Price {
        id: "input".into(),
        sku: "llm.input".into(),
        unit: "token".into(),
        per: "100".into(),
        model: v1::PriceModel::Volume.into(),
        r#match: [("region".to_owned(), "eu".to_owned())].into(),
        free: "3".into(),
        minimum: "4.5".into(),
        price: String::new(),
        tiers: vec![
            v1::Tier { up_to: "7".into(), price: "2".into() },
            v1::Tier { up_to: String::new(), price: "1".into() },
        ],
        description: "D".into(),
    };
    assert_eq!(document.prices, [price]);
    let again = service.publish_plan_version(publish(&tiers, "k")).await.unwrap().into_inner();
    assert_eq!((again.created, again.plan_version.as_ref()), (false, Some(&version)));
    let status = service.publish_plan_version(publish(PLAN, "k")).await.unwrap_err();
    assert_eq!(told(&status), of("IDEMPOTENCY_KEY_REUSED", &["idempotency_key"]));
    let get =
        |number| v1::GetPlanVersionRequest { plan: "llm".into(), version: number, ..Default::default() };
    assert_eq!(service.get_plan_version(Request::new(get(2))).await.unwrap().into_inner(), version);
    assert_eq!(
        told(&service.get_plan_version(Request::new(get(3))).await.unwrap_err()),
        of("NOT_FOUND", &[])
    );
    let before = v1::GetPlanVersionRequest { as_of: Some(to_wire(at(NOW))), ..get(2) };
    assert_eq!(
        told(&service.get_plan_version(Request::new(before)).await.unwrap_err()),
        of("NOT_FOUND", &[])
    );
    let list = v1::ListPlanVersionsRequest { plan: "llm".into(), page_size: 1, ..Default::default() };
    let first = service.list_plan_versions(Request::new(list.clone())).await.unwrap().into_inner();
    let rest = v1::ListPlanVersionsRequest { page_token: first.next_page_token, ..list };
    let second = service.list_plan_versions(Request::new(rest)).await.unwrap().into_inner();
    assert_eq!((first.plan_versions[0].version, second.plan_versions), (1, vec![version]));
    let plan = v1::GetPlanRequest { id: "llm".into(), ..Default::default() };
    let plan = service.get_plan(Request::new(plan)).await.unwrap().into_inner();
    assert_eq!((plan.newest_version, plan.revision, plan.currency.as_str()), (2, 5, "USD"));
    let plans = service.list_plans(Request::new(v1::ListPlansRequest::default())).await.unwrap();
    assert_eq!(plans.into_inner().plans, [plan]);
}

#[tokio::test]
async fn faults_of_a_document_are_all_named() {
    let (_house, service) = service().await;
    let document = PLAN.replace("0.50", "x").replace("USD", "usd");
    let request = v1::PublishPlanVersionRequest { plan: "llm".into(), document, ..Default::default() };
    let status = service.publish_plan_version(Request::new(request)).await.unwrap_err();
    assert_eq!(told(&status), of("INVALID_ARGUMENT", &["currency", "prices[0].price"]));
}

#[tokio::test]
async fn a_read_is_as_old_or_as_new_as_it_is_asked_to_be() {
    let (house, service) = service().await;
    house.clock.set(at(NOW).plus_seconds(60));
    service.put_tenant(Request::new(put_tenant("acme", "Later"))).await.unwrap();
    let read = |as_of: &str, catalog_offset| {
        let as_of = (!as_of.is_empty()).then(|| to_wire(at(as_of)));
        Request::new(v1::GetTenantRequest { id: "acme".into(), as_of, catalog_offset })
    };
    let name = async |request| service.get_tenant(request).await.unwrap().into_inner().name;
    assert_eq!(name(read(NOW, 0)).await, "acme");
    assert_eq!(name(read("", 6)).await, "Later");
    let before = service.get_tenant(read("2026-03-10T11:59:59Z", 0)).await.unwrap_err();
    assert_eq!(told(&before), of("NOT_FOUND", &[]));
    let future = service.get_tenant(read("2026-03-10T12:01:01Z", 0)).await.unwrap_err();
    assert_eq!(told(&future), of("INVALID_ARGUMENT", &["as_of"]));
    tokio::time::pause();
    let unseen = service.get_tenant(read("", 7)).await.unwrap_err();
    assert_eq!(
        (unseen.code(), told(&unseen)),
        (tonic::Code::InvalidArgument, of("INVALID_ARGUMENT", &["catalog_offset"]))
    );
}
