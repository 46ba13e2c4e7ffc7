//! The service's methods: each takes its request apart and asks as every kind of resource is asked.

use super::plan::plan_version;
use super::status::refused;
use super::{Ask, key, settled_answer, shown, terms, when};
use crate::api::Api;
use crate::fold::Effect;
use crate::resource::{Contract, Sku, Tenant};
use crate::state::PublishedPlan;
use domain::unit::Unit;
use proto::v1;
use proto::v1::catalog_service_server::CatalogService;
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

/// The catalogue as a gRPC service.
pub struct Service(pub(super) Api);

#[tonic::async_trait]
impl CatalogService for Service {
    async fn put_tenant(&self, request: Request<v1::PutTenantRequest>) -> Answer<v1::Tenant> {
        let v1::PutTenantRequest { tenant, expected_revision, idempotency_key } = request.into_inner();
        self.put::<Tenant>(tenant, terms(expected_revision, idempotency_key)).await
    }

    async fn get_tenant(&self, request: Request<v1::GetTenantRequest>) -> Answer<v1::Tenant> {
        let v1::GetTenantRequest { id, as_of, catalog_offset } = request.into_inner();
        self.find::<Tenant>(&id, when(as_of, catalog_offset)).await
    }

    async fn list_tenants(
        &self,
        request: Request<v1::ListTenantsRequest>,
    ) -> Answer<v1::ListTenantsResponse> {
        let v1::ListTenantsRequest { page_size, page_token, as_of, catalog_offset } = request.into_inner();
        let ask = Ask { of: "tenants".to_owned(), page_size, page_token, as_of, catalog_offset };
        let (tenants, next_page_token, catalog_offset) = self.list::<Tenant>(ask).await?;
        Ok(Response::new(v1::ListTenantsResponse { tenants, next_page_token, catalog_offset }))
    }

    async fn delete_tenant(&self, request: Request<v1::DeleteTenantRequest>) -> Answer<v1::DeletedResource> {
        let v1::DeleteTenantRequest { id, expected_revision, idempotency_key } = request.into_inner();
        self.delete::<Tenant>(id, terms(expected_revision, idempotency_key)).await
    }

    async fn put_sku(&self, request: Request<v1::PutSkuRequest>) -> Answer<v1::Sku> {
        let v1::PutSkuRequest { sku, expected_revision, idempotency_key } = request.into_inner();
        self.put::<Sku>(sku, terms(expected_revision, idempotency_key)).await
    }

    async fn get_sku(&self, request: Request<v1::GetSkuRequest>) -> Answer<v1::Sku> {
        let v1::GetSkuRequest { id, as_of, catalog_offset } = request.into_inner();
        self.find::<Sku>(&id, when(as_of, catalog_offset)).await
    }

    async fn list_skus(&self, request: Request<v1::ListSkusRequest>) -> Answer<v1::ListSkusResponse> {
        let v1::ListSkusRequest { page_size, page_token, as_of, catalog_offset } = request.into_inner();
        let ask = Ask { of: "skus".to_owned(), page_size, page_token, as_of, catalog_offset };
        let (skus, next_page_token, catalog_offset) = self.list::<Sku>(ask).await?;
        Ok(Response::new(v1::ListSkusResponse { skus, next_page_token, catalog_offset }))
    }

    async fn delete_sku(&self, request: Request<v1::DeleteSkuRequest>) -> Answer<v1::DeletedResource> {
        let v1::DeleteSkuRequest { id, expected_revision, idempotency_key } = request.into_inner();
        self.delete::<Sku>(id, terms(expected_revision, idempotency_key)).await
    }

    async fn put_unit(&self, request: Request<v1::PutUnitRequest>) -> Answer<v1::Unit> {
        let v1::PutUnitRequest { unit, expected_revision, idempotency_key } = request.into_inner();
        self.put::<Unit>(unit, terms(expected_revision, idempotency_key)).await
    }

    async fn get_unit(&self, request: Request<v1::GetUnitRequest>) -> Answer<v1::Unit> {
        let v1::GetUnitRequest { id, as_of, catalog_offset } = request.into_inner();
        self.find::<Unit>(&id, when(as_of, catalog_offset)).await
    }

    async fn list_units(&self, request: Request<v1::ListUnitsRequest>) -> Answer<v1::ListUnitsResponse> {
        let v1::ListUnitsRequest { page_size, page_token, as_of, catalog_offset } = request.into_inner();
        let ask = Ask { of: "units".to_owned(), page_size, page_token, as_of, catalog_offset };
        let (units, next_page_token, catalog_offset) = self.list::<Unit>(ask).await?;
        Ok(Response::new(v1::ListUnitsResponse { units, next_page_token, catalog_offset }))
    }

    async fn delete_unit(&self, request: Request<v1::DeleteUnitRequest>) -> Answer<v1::DeletedResource> {
        let v1::DeleteUnitRequest { id, expected_revision, idempotency_key } = request.into_inner();
        self.delete::<Unit>(id, terms(expected_revision, idempotency_key)).await
    }

    async fn put_contract(&self, request: Request<v1::PutContractRequest>) -> Answer<v1::Contract> {
        let v1::PutContractRequest { contract, expected_revision, idempotency_key } = request.into_inner();
        self.put::<Contract>(contract, terms(expected_revision, idempotency_key)).await
    }

    async fn get_contract(&self, request: Request<v1::GetContractRequest>) -> Answer<v1::Contract> {
        let v1::GetContractRequest { id, as_of, catalog_offset } = request.into_inner();
        self.find::<Contract>(&id, when(as_of, catalog_offset)).await
    }

    async fn list_contracts(
        &self,
        request: Request<v1::ListContractsRequest>,
    ) -> Answer<v1::ListContractsResponse> {
        let v1::ListContractsRequest { page_size, page_token, as_of, catalog_offset } = request.into_inner();
        let ask = Ask { of: "contracts".to_owned(), page_size, page_token, as_of, catalog_offset };
        let (contracts, next_page_token, catalog_offset) = self.list::<Contract>(ask).await?;
        Ok(Response::new(v1::ListContractsResponse { contracts, next_page_token, catalog_offset }))
    }

    async fn delete_contract(
        &self,
        request: Request<v1::DeleteContractRequest>,
    ) -> Answer<v1::DeletedResource> {
        let v1::DeleteContractRequest { id, expected_revision, idempotency_key } = request.into_inner();
        self.delete::<Contract>(id, terms(expected_revision, idempotency_key)).await
    }

    async fn publish_plan_version(
        &self,
        request: Request<v1::PublishPlanVersionRequest>,
    ) -> Answer<v1::PublishPlanVersionResponse> {
        let v1::PublishPlanVersionRequest { plan, document, idempotency_key } = request.into_inner();
        let publish = async { self.0.publish(&plan, &document, key(idempotency_key)?).await };
        let (settled, item) = publish.await.map_err(refused)?;
        let created = settled.effect == Effect::Applied;
        let plan_version = Some(plan_version(item));
        Ok(settled_answer(settled, v1::PublishPlanVersionResponse { plan_version, created }))
    }

    async fn get_plan_version(&self, request: Request<v1::GetPlanVersionRequest>) -> Answer<v1::PlanVersion> {
        let v1::GetPlanVersionRequest { plan, version, as_of, catalog_offset } = request.into_inner();
        let find = async { self.0.find_version(&plan, version, when(as_of, catalog_offset)?).await };
        let (_, item) = find.await.map_err(refused)?;
        Ok(Response::new(plan_version(item)))
    }

    async fn list_plan_versions(
        &self,
        request: Request<v1::ListPlanVersionsRequest>,
    ) -> Answer<v1::ListPlanVersionsResponse> {
        let v1::ListPlanVersionsRequest { plan, page_size, page_token, as_of, catalog_offset } =
            request.into_inner();
        let ask = Ask { of: format!("plans/{plan}/versions"), page_size, page_token, as_of, catalog_offset };
        let list = async {
            let query = ask.query();
            self.0.list_versions(&plan, ask.part(&query)?, ask.when()?).await
        };
        let (items, next_page_token, catalog_offset) = shown(list.await.map_err(refused)?.value);
        let plan_versions = items.into_iter().map(plan_version).collect();
        Ok(Response::new(v1::ListPlanVersionsResponse { plan_versions, next_page_token, catalog_offset }))
    }

    async fn get_plan(&self, request: Request<v1::GetPlanRequest>) -> Answer<v1::Plan> {
        let v1::GetPlanRequest { id, as_of, catalog_offset } = request.into_inner();
        self.find::<PublishedPlan>(&id, when(as_of, catalog_offset)).await
    }

    async fn list_plans(&self, request: Request<v1::ListPlansRequest>) -> Answer<v1::ListPlansResponse> {
        let v1::ListPlansRequest { page_size, page_token, as_of, catalog_offset } = request.into_inner();
        let ask = Ask { of: "plans".to_owned(), page_size, page_token, as_of, catalog_offset };
        let (plans, next_page_token, catalog_offset) = self.list::<PublishedPlan>(ask).await?;
        Ok(Response::new(v1::ListPlansResponse { plans, next_page_token, catalog_offset }))
    }
}
