//! The log's layout over gRPC.

use super::instant;
use super::status::refused;
use crate::layout::{Layout, LayoutError};
use crate::state::State;
use ::rest::Problem;
use domain::code::Code;
use domain::generation::{Generation, Registry, Split};
use domain::id::TenantId;
use domain::time::Timestamp;
use proto::instant::to_wire;
use proto::v1;
use proto::v1::registry_service_server::{RegistryService, RegistryServiceServer};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The log's layout as a gRPC service.
pub struct LayoutService(Layout);

/// The service, to be added to those of the catalogue.
pub fn registry(layout: Layout) -> RegistryServiceServer<LayoutService> {
    RegistryServiceServer::new(LayoutService(layout))
}

impl From<LayoutError> for Problem {
    fn from(error: LayoutError) -> Self {
        match error {
            LayoutError::Catalog(error) => error.into(),
            LayoutError::Refused(refusal) => refusal.into(),
            LayoutError::Topic(error) => Self::new(Code::Unavailable, error.to_string()),
        }
    }
}

#[tonic::async_trait]
impl RegistryService for LayoutService {
    async fn get_registry(
        &self,
        request: Request<v1::GetRegistryRequest>,
    ) -> Result<Response<v1::Registry>, Status> {
        answer(self.0.at_least(request.into_inner().catalog_offset).await.map_err(Problem::from))
    }

    async fn add_generation(
        &self,
        request: Request<v1::AddGenerationRequest>,
    ) -> Result<Response<v1::Registry>, Status> {
        let v1::AddGenerationRequest { partitions, valid_from } = request.into_inner();
        let add = async { Ok(self.0.add_generation(partitions, time(valid_from)?).await?) };
        answer(add.await)
    }

    async fn split_tenant(
        &self,
        request: Request<v1::SplitTenantRequest>,
    ) -> Result<Response<v1::Registry>, Status> {
        let v1::SplitTenantRequest { tenant, shards, valid_from } = request.into_inner();
        let split = async {
            let tenant = TenantId::parse(&tenant).map_err(crate::fold::Refusal::from)?;
            Ok(self.0.split(&tenant, shards, time(valid_from)?).await?)
        };
        answer(split.await)
    }
}

fn time(valid_from: Option<prost_types::Timestamp>) -> Result<Timestamp, Problem> {
    let absent = || Problem::field(Code::InvalidArgument, "valid_from", "is required");
    instant("valid_from", valid_from.ok_or_else(absent)?)
}

fn answer(seen: Result<Arc<State>, Problem>) -> Result<Response<v1::Registry>, Status> {
    let state = seen.map_err(refused)?;
    let (registry, catalog_offset) = (state.registry(), state.offset());
    let generations = registry.iter().flat_map(|registry| {
        registry.generations().map(|generation| generation_message(registry, generation))
    });
    let splits = registry.iter().flat_map(|registry| registry.splits()).map(split_message);
    Ok(Response::new(v1::Registry {
        generations: generations.collect(),
        splits: splits.collect(),
        catalog_offset,
    }))
}

fn generation_message(registry: &Registry, generation: &Generation) -> v1::Generation {
    let is_first = generation.valid_from == Timestamp::from_nanos(i64::MIN);
    v1::Generation {
        number: generation.number,
        topic: generation.topic.to_string(),
        partitions: generation.partitions,
        valid_from: (!is_first).then(|| to_wire(generation.valid_from)),
        incarnation: registry.incarnations(generation.number).last().map_or(0, |last| last.number),
    }
}

fn split_message(split: &Split) -> v1::Split {
    let valid_from = Some(to_wire(split.valid_from));
    v1::Split { tenant: split.tenant.to_string(), shards: split.shards, valid_from }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{House, NOW, at};
    use tonic_types::StatusExt;

    async fn service() -> (House, LayoutService) {
        let house = House::begun().await;
        let layout = Layout::new(house.catalog.clone(), Arc::clone(&house.log) as _);
        (house, LayoutService(layout))
    }

    fn later(seconds: i64) -> prost_types::Timestamp {
        to_wire(at(NOW).plus_seconds(seconds))
    }

    fn add(partitions: u32, seconds: i64) -> Request<v1::AddGenerationRequest> {
        Request::new(v1::AddGenerationRequest { partitions, valid_from: Some(later(seconds)) })
    }

    fn split(tenant: &str, shards: u32, seconds: i64) -> Request<v1::SplitTenantRequest> {
        let (tenant, valid_from) = (tenant.to_owned(), Some(later(seconds)));
        Request::new(v1::SplitTenantRequest { tenant, shards, valid_from })
    }

    fn fields(status: &Status) -> Vec<String> {
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "INVALID_ARGUMENT");
        let violations = &details.bad_request().unwrap().field_violations;
        violations.iter().map(|violation| violation.field.clone()).collect()
    }

    #[tokio::test]
    async fn the_layout_is_told_and_added_to() {
        let (_house, service) = service().await;
        let first = v1::Generation {
            number: 1,
            topic: "resource-consumption.g1".into(),
            partitions: 4,
            valid_from: None,
            incarnation: 1,
        };
        let seen =
            service.get_registry(Request::new(v1::GetRegistryRequest::default())).await.unwrap().into_inner();
        let told = v1::Registry { generations: vec![first.clone()], splits: Vec::new(), catalog_offset: 5 };
        assert_eq!(seen, told);
        let second = v1::Generation {
            number: 2,
            topic: "resource-consumption.g2".into(),
            partitions: 12,
            valid_from: Some(later(3_600)),
            incarnation: 1,
        };
        let added = service.add_generation(add(12, 3_600)).await.unwrap().into_inner();
        assert_eq!((added.generations, added.catalog_offset), (vec![first.clone(), second.clone()], 6));
        let spread = service.split_tenant(split("acme", 12, 900)).await.unwrap().into_inner();
        let one = v1::Split { tenant: "acme".into(), shards: 12, valid_from: Some(later(900)) };
        let told = v1::Registry { generations: vec![first, second], splits: vec![one], catalog_offset: 7 };
        assert_eq!(spread, told);
        let read = v1::GetRegistryRequest { catalog_offset: 7 };
        assert_eq!(service.get_registry(Request::new(read)).await.unwrap().into_inner(), told);
    }

    #[tokio::test]
    async fn what_does_not_hold_is_named_by_its_field() {
        let (_house, service) = service().await;
        for (request, field) in [
            (add(0, 3_600), "partitions"),
            (add(8, 899), "valid_from"),
            (Request::new(v1::AddGenerationRequest { partitions: 8, valid_from: None }), "valid_from"),
        ] {
            assert_eq!(fields(&service.add_generation(request).await.unwrap_err()), [field]);
        }
        for (request, field) in [
            (split("", 2, 3_600), "tenant"),
            (split("nobody", 2, 3_600), "tenant"),
            (split("acme", 9, 3_600), "shards"),
            (split("acme", 2, 0), "valid_from"),
        ] {
            assert_eq!(fields(&service.split_tenant(request).await.unwrap_err()), [field]);
        }
    }

    #[tokio::test]
    async fn a_topic_in_the_way_is_no_fault_of_the_callers() {
        let (house, service) = service().await;
        house.log.declare("resource-consumption.g2", 3);
        let status = service.add_generation(add(8, 3_600)).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unavailable);
        assert!(status.message().contains("has 3 partitions, not 8"), "{}", status.message());
    }
}
