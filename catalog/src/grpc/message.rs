//! Resources as messages.

use super::instant;
use crate::form::{
    AggregationText, ContractBody, ContractItem, PlanItem, Resource, Shown, SkuBody, SkuItem, StatusText,
    TenantBody, TenantItem, UnitBody, UnitItem,
};
use crate::resource::{Contract, Sku, Tenant};
use crate::state::PublishedPlan;
use ::rest::{Count, Problem, Time};
use domain::code::Code;
use domain::unit::Unit;
use proto::instant::to_wire;
use proto::v1;

/// What is shown as a message.
pub(super) trait Wire: Shown {
    type Message;

    fn to_message(item: Self::Item) -> Self::Message;
}

/// What is put as a message.
pub(super) trait Read: Wire + Resource {
    /// The request's field that holds it.
    const FIELD: &'static str;

    /// The id, and what is said of the resource.
    fn read_message(message: Self::Message) -> Result<(String, <Self as Resource>::Body), Problem>;
}

/// The revision behind the offset after it.
pub(super) fn revision(catalog_offset: Count) -> u64 {
    catalog_offset.0 - 1
}

impl Wire for Tenant {
    type Message = v1::Tenant;

    fn to_message(item: TenantItem) -> v1::Tenant {
        let status = match item.status {
            StatusText::Active => v1::TenantStatus::Active,
            StatusText::Suspended => v1::TenantStatus::Suspended,
        };
        v1::Tenant {
            id: item.id,
            name: item.name,
            status: status.into(),
            revision: revision(item.catalog_offset),
            catalog_offset: item.catalog_offset.0,
        }
    }
}

impl Read for Tenant {
    const FIELD: &'static str = "tenant";

    fn read_message(message: v1::Tenant) -> Result<(String, TenantBody), Problem> {
        let status = match v1::TenantStatus::try_from(message.status) {
            Ok(v1::TenantStatus::Unspecified | v1::TenantStatus::Active) => StatusText::Active,
            Ok(v1::TenantStatus::Suspended) => StatusText::Suspended,
            Err(_) => return Err(unknown("status", "TENANT_STATUS_ACTIVE or TENANT_STATUS_SUSPENDED")),
        };
        Ok((message.id, TenantBody { name: message.name, status }))
    }
}

impl Wire for Sku {
    type Message = v1::Sku;

    fn to_message(item: SkuItem) -> v1::Sku {
        let AggregationText::Sum = item.aggregation;
        v1::Sku {
            id: item.id,
            unit: item.unit,
            description: item.description,
            service_category: item.service_category,
            dimensions: item.dimensions,
            aggregation: v1::Aggregation::Sum.into(),
            revision: revision(item.catalog_offset),
            catalog_offset: item.catalog_offset.0,
        }
    }
}

impl Read for Sku {
    const FIELD: &'static str = "sku";

    fn read_message(message: v1::Sku) -> Result<(String, SkuBody), Problem> {
        if v1::Aggregation::try_from(message.aggregation).is_err() {
            return Err(unknown("aggregation", "AGGREGATION_SUM"));
        }
        let v1::Sku { id, unit, description, service_category, dimensions, .. } = message;
        let aggregation = AggregationText::Sum;
        Ok((id, SkuBody { unit, description, service_category, dimensions, aggregation }))
    }
}

impl Wire for Unit {
    type Message = v1::Unit;

    fn to_message(item: UnitItem) -> v1::Unit {
        v1::Unit {
            id: item.id,
            dimension: item.dimension,
            factor: item.factor,
            revision: revision(item.catalog_offset),
            catalog_offset: item.catalog_offset.0,
            built_in: item.built_in,
        }
    }
}

impl Read for Unit {
    const FIELD: &'static str = "unit";

    fn read_message(message: v1::Unit) -> Result<(String, UnitBody), Problem> {
        Ok((message.id, UnitBody { dimension: message.dimension, factor: message.factor }))
    }
}

impl Wire for Contract {
    type Message = v1::Contract;

    fn to_message(item: ContractItem) -> v1::Contract {
        v1::Contract {
            id: item.id,
            tenant: item.tenant,
            plan: item.plan,
            plan_version: item.plan_version,
            start_time: Some(to_wire(item.start_time.0)),
            end_time: item.end_time.map(|end| to_wire(end.0)),
            time_zone: item.time_zone,
            revision: revision(item.catalog_offset),
            catalog_offset: item.catalog_offset.0,
        }
    }
}

impl Read for Contract {
    const FIELD: &'static str = "contract";

    fn read_message(message: v1::Contract) -> Result<(String, ContractBody), Problem> {
        let v1::Contract { id, tenant, plan, plan_version, start_time, end_time, time_zone, .. } = message;
        let absent = || Problem::field(Code::InvalidArgument, "start_time", "is required");
        let body = ContractBody {
            tenant,
            plan,
            plan_version,
            start_time: Time(instant("start_time", start_time.ok_or_else(absent)?)?),
            end_time: end_time.map(|end| instant("end_time", end)).transpose()?.map(Time),
            time_zone: if time_zone.is_empty() { "UTC".to_owned() } else { time_zone },
        };
        Ok((id, body))
    }
}

impl Wire for PublishedPlan {
    type Message = v1::Plan;

    fn to_message(item: PlanItem) -> v1::Plan {
        v1::Plan {
            id: item.id,
            currency: item.currency,
            newest_version: item.newest_version,
            revision: revision(item.catalog_offset),
            catalog_offset: item.catalog_offset.0,
        }
    }
}

fn unknown(field: &str, known: &str) -> Problem {
    Problem::field(Code::InvalidArgument, field, format_args!("must be {known}"))
}
