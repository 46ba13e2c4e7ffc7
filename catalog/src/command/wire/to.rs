//! Domain to wire.

use super::{Change, WireChange, wire};
use crate::resource::{Contract, ResourceName, Sku, Tenant, TenantStatus};
use domain::calendar::{Calendar, Period};
use domain::generation::{Generation, Incarnation};
use domain::id::{ContractId, SkuId, TenantId, UnitId};
use domain::unit::Unit;

pub(crate) fn change(change: &Change) -> WireChange {
    match change {
        Change::SetRules(version) => WireChange::SetRules(wire::RulesVersion { version: *version }),
        Change::AddGeneration(generation, first) => {
            WireChange::AddGeneration(new_generation(generation, first))
        }
        Change::AddIncarnation(topic, next) => WireChange::AddIncarnation(new_incarnation(topic, next, None)),
        Change::DeclareLoss(topic, next, operator) => {
            WireChange::AddIncarnation(new_incarnation(topic, next, Some(operator.to_string())))
        }
        Change::AddSplit(split) => WireChange::AddSplit(wire::TenantSplit {
            tenant: split.tenant.to_string(),
            shards: split.shards,
            valid_from: split.valid_from.nanos(),
        }),
        Change::PutTenant(id, value) => WireChange::PutTenant(tenant(id, value)),
        Change::PutSku(id, value) => WireChange::PutSku(sku(id, value)),
        Change::PutUnit(id, value) => WireChange::PutUnit(unit(id, value)),
        Change::PublishPlan(id, document) => WireChange::PublishPlan(wire::PlanDocument {
            plan: id.to_string(),
            document: document.as_bytes().to_vec().into(),
        }),
        Change::PutContract(id, value) => WireChange::PutContract(contract(id, value)),
        Change::Delete(name) => WireChange::Delete(resource_name(name)),
        Change::ClosePeriod(calendar, month) => WireChange::ClosePeriod(period(calendar, *month)),
        Change::ReopenPeriod(calendar, month) => WireChange::ReopenPeriod(period(calendar, *month)),
    }
}

fn new_generation(generation: &Generation, first: &Incarnation) -> wire::NewGeneration {
    wire::NewGeneration {
        number: generation.number,
        topic: generation.topic.to_string(),
        partitions: generation.partitions,
        routing_version: generation.routing_version,
        bucket_minutes: generation.bucket_minutes,
        slices: generation.slices,
        horizon_past_seconds: generation.horizon.past_seconds,
        horizon_future_seconds: generation.horizon.future_seconds,
        hash_key: generation.hash_key.to_vec().into(),
        valid_from: generation.valid_from.nanos(),
        incarnation: Some(incarnation(first)),
    }
}

fn new_incarnation(
    topic: &str,
    next: &Incarnation,
    loss_declared_by: Option<String>,
) -> wire::NewIncarnation {
    wire::NewIncarnation { topic: topic.to_owned(), incarnation: Some(incarnation(next)), loss_declared_by }
}

fn incarnation(incarnation: &Incarnation) -> wire::LogIncarnation {
    wire::LogIncarnation {
        number: incarnation.number,
        log_id: incarnation.log_id.to_string(),
        first_offsets: incarnation.first_offsets.clone(),
    }
}

fn tenant(id: &TenantId, tenant: &Tenant) -> wire::CatalogTenant {
    let suspended = tenant.status == TenantStatus::Suspended;
    wire::CatalogTenant { id: id.to_string(), name: tenant.name.to_string(), suspended }
}

fn sku(id: &SkuId, sku: &Sku) -> wire::CatalogSku {
    wire::CatalogSku {
        id: id.to_string(),
        unit: sku.unit.to_string(),
        description: sku.description.to_string(),
        service_category: sku.service_category.to_string(),
        dimensions: sku.dimensions.keys().to_vec(),
        aggregation: sku.aggregation.to_string(),
    }
}

fn unit(id: &UnitId, unit: &Unit) -> wire::CatalogUnit {
    wire::CatalogUnit {
        id: id.to_string(),
        dimension: unit.dimension.clone(),
        factor: unit.factor.to_string(),
    }
}

fn contract(id: &ContractId, contract: &Contract) -> wire::CatalogContract {
    wire::CatalogContract {
        id: id.to_string(),
        tenant: contract.tenant.to_string(),
        plan: contract.plan.to_string(),
        plan_version: contract.plan_version,
        start_time: contract.term.start().nanos(),
        end_time: contract.term.end().map(domain::time::Timestamp::nanos),
        time_zone: contract.calendar.name().to_owned(),
    }
}

fn resource_name(name: &ResourceName) -> wire::ResourceName {
    let (kind, id) = match name {
        ResourceName::Tenant(id) => (wire::ResourceKind::Tenant, id.as_str()),
        ResourceName::Sku(id) => (wire::ResourceKind::Sku, id.as_str()),
        ResourceName::Unit(id) => (wire::ResourceKind::Unit, id.as_str()),
        ResourceName::Contract(id) => (wire::ResourceKind::Contract, id.as_str()),
    };
    wire::ResourceName { kind: kind.into(), id: id.to_owned() }
}

fn period(calendar: &Calendar, period: Period) -> wire::CalendarPeriod {
    wire::CalendarPeriod { calendar: calendar.name().to_owned(), period: period.to_string() }
}
