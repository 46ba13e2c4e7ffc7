//! Wire to domain: every field is checked again, so that whatever lies in the log is folded everywhere the same.

use super::{Change, WireChange, wire};
use crate::resource::{
    Aggregation, Contract, Declared, ResourceName, Sku, Tenant, TenantStatus, Term, Text, invalid,
    parse_unit_dimension,
};
use domain::calendar::{Calendar, Period};
use domain::generation::{Generation, Horizon, Incarnation, Split};
use domain::id::{ContractId, PlanId, SkuId, TenantId, UnitId};
use domain::reject::Reject;
use domain::time::Timestamp;
use domain::unit::{Unit, parse_factor};

pub(crate) fn change(change: WireChange) -> Result<Change, Reject> {
    Ok(match change {
        WireChange::SetRules(rules) => Change::SetRules(rules.version),
        WireChange::AddGeneration(message) => add_generation(message)?,
        WireChange::AddIncarnation(message) => add_incarnation(message)?,
        WireChange::AddSplit(message) => Change::AddSplit(Split {
            tenant: TenantId::parse(&message.tenant)?.to_shared(),
            shards: message.shards,
            valid_from: Timestamp::from_nanos(message.valid_from),
        }),
        WireChange::PutTenant(message) => put_tenant(&message)?,
        WireChange::PutSku(message) => put_sku(&message)?,
        WireChange::PutUnit(message) => put_unit(&message)?,
        WireChange::PublishPlan(message) => {
            let document =
                std::str::from_utf8(&message.document).map_err(|_| invalid("document", "must be UTF-8"))?;
            Change::PublishPlan(PlanId::parse(&message.plan)?, document.into())
        }
        WireChange::PutContract(message) => put_contract(&message)?,
        WireChange::Delete(name) => Change::Delete(resource_name(&name)?),
        WireChange::ClosePeriod(message) => {
            let (calendar, period) = calendar_period(&message)?;
            Change::ClosePeriod(calendar, period)
        }
        WireChange::ReopenPeriod(message) => {
            let (calendar, period) = calendar_period(&message)?;
            Change::ReopenPeriod(calendar, period)
        }
    })
}

fn add_generation(message: wire::NewGeneration) -> Result<Change, Reject> {
    let hash_key =
        message.hash_key.as_ref().try_into().map_err(|_| invalid("hash_key", "must be sixteen bytes"))?;
    let generation = Generation {
        number: message.number,
        topic: message.topic.into(),
        partitions: message.partitions,
        routing_version: message.routing_version,
        bucket_minutes: message.bucket_minutes,
        slices: message.slices,
        horizon: Horizon {
            past_seconds: message.horizon_past_seconds,
            future_seconds: message.horizon_future_seconds,
        },
        hash_key,
        valid_from: Timestamp::from_nanos(message.valid_from),
    };
    Ok(Change::AddGeneration(generation, incarnation(message.incarnation)?))
}

fn add_incarnation(message: wire::NewIncarnation) -> Result<Change, Reject> {
    let (topic, next) = (message.topic.into(), incarnation(message.incarnation)?);
    Ok(match message.loss_declared_by {
        Some(operator) => Change::DeclareLoss(topic, next, Text::parse(&operator, "loss_declared_by")?),
        None => Change::AddIncarnation(topic, next),
    })
}

fn incarnation(message: Option<wire::LogIncarnation>) -> Result<Incarnation, Reject> {
    let message = message.ok_or_else(|| invalid("incarnation", "must be given"))?;
    Ok(Incarnation {
        number: message.number,
        log_id: message.log_id.into(),
        first_offsets: message.first_offsets,
    })
}

fn put_tenant(message: &wire::CatalogTenant) -> Result<Change, Reject> {
    let status = if message.suspended { TenantStatus::Suspended } else { TenantStatus::Active };
    let tenant = Tenant { name: Text::parse(&message.name, "name")?, status };
    Ok(Change::PutTenant(TenantId::parse(&message.id)?, tenant))
}

fn put_sku(message: &wire::CatalogSku) -> Result<Change, Reject> {
    let sku = Sku {
        unit: UnitId::parse(&message.unit)?,
        description: Text::parse(&message.description, "description")?,
        service_category: Text::parse(&message.service_category, "service_category")?,
        dimensions: Declared::parse(message.dimensions.iter().map(String::as_str))?,
        aggregation: Aggregation::parse(&message.aggregation)?,
    };
    Ok(Change::PutSku(SkuId::parse(&message.id)?, sku))
}

fn put_unit(message: &wire::CatalogUnit) -> Result<Change, Reject> {
    let unit = Unit {
        dimension: parse_unit_dimension(&message.dimension)?,
        factor: parse_factor(&message.factor).map_err(|error| invalid("factor", error))?,
    };
    Ok(Change::PutUnit(UnitId::parse(&message.id)?, unit))
}

fn put_contract(message: &wire::CatalogContract) -> Result<Change, Reject> {
    let end = message.end_time.map(Timestamp::from_nanos);
    let contract = Contract {
        tenant: TenantId::parse(&message.tenant)?,
        plan: PlanId::parse(&message.plan)?,
        plan_version: message.plan_version,
        term: Term::new(Timestamp::from_nanos(message.start_time), end)?,
        calendar: calendar(&message.time_zone, "time_zone")?,
    };
    Ok(Change::PutContract(ContractId::parse(&message.id)?, contract))
}

fn resource_name(name: &wire::ResourceName) -> Result<ResourceName, Reject> {
    Ok(match name.kind() {
        wire::ResourceKind::Tenant => ResourceName::Tenant(TenantId::parse(&name.id)?),
        wire::ResourceKind::Sku => ResourceName::Sku(SkuId::parse(&name.id)?),
        wire::ResourceKind::Unit => ResourceName::Unit(UnitId::parse(&name.id)?),
        wire::ResourceKind::Contract => ResourceName::Contract(ContractId::parse(&name.id)?),
        wire::ResourceKind::Unspecified => return Err(invalid("kind", "must be a kind of resource")),
    })
}

fn calendar_period(message: &wire::CalendarPeriod) -> Result<(Calendar, Period), Reject> {
    let period =
        Period::parse(&message.period).ok_or_else(|| invalid("period", "must be a month such as 2026-01"))?;
    Ok((calendar(&message.calendar, "calendar")?, period))
}

fn calendar(name: &str, field: &str) -> Result<Calendar, Reject> {
    Calendar::parse(name).map_err(|error| invalid(field, format!("must be an IANA time zone: {error}")))
}
