//! Commands: wishes about the catalogue, one record of its log each.

pub(crate) mod wire;

pub use wire::{decode, encode};

use crate::resource::{Contract, ResourceName, Sku, Tenant, Text};
use domain::calendar::{Calendar, Period};
use domain::generation::{Generation, Incarnation, Split};
use domain::id::{ContractId, PlanId, SkuId, TenantId, UnitId};
use domain::time::Timestamp;
use domain::unit::Unit;
use std::sync::Arc;

/// A wish of somebody. Whether it holds is decided by the fold at its offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Who wishes it.
    pub author: String,
    /// Makes a repetition within 24 hours answer as the first did.
    pub idempotency_key: Option<String>,
    /// The revision the resource must have now.
    pub expected_revision: Option<u64>,
    /// The appender's clock: the fold's only clock.
    pub arrival_time: Timestamp,
    /// What is to change.
    pub change: Change,
}

/// What is to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Rules of that version hold from here on.
    SetRules(u32),
    /// A generation of the log, with its first incarnation.
    AddGeneration(Generation, Incarnation),
    /// A topic's log continues elsewhere.
    AddIncarnation(Arc<str>, Incarnation),
    /// It continues elsewhere, and what was not counted is lost, as the operator named last declares.
    DeclareLoss(Arc<str>, Incarnation, Text),
    /// A hot tenant is spread.
    AddSplit(Split),
    /// A tenant as it is to be.
    PutTenant(TenantId, Tenant),
    /// A SKU as it is to be.
    PutSku(SkuId, Sku),
    /// A unit as it is to be.
    PutUnit(UnitId, Unit),
    /// A new version of a price plan, its document in canonical form.
    PublishPlan(PlanId, Arc<str>),
    /// A contract as it is to be.
    PutContract(ContractId, Contract),
    /// A resource goes, softly.
    Delete(ResourceName),
    /// A month of a calendar is closed.
    ClosePeriod(Calendar, Period),
    /// A closed month takes usage again.
    ReopenPeriod(Calendar, Period),
}

impl Change {
    /// What it is about, for metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SetRules(_) => "rules",
            Self::AddGeneration(..)
            | Self::AddIncarnation(..)
            | Self::DeclareLoss(..)
            | Self::AddSplit(_) => "registry",
            Self::PutTenant(..) => "put_tenant",
            Self::PutSku(..) => "put_sku",
            Self::PutUnit(..) => "put_unit",
            Self::PublishPlan(..) => "publish_plan",
            Self::PutContract(..) => "put_contract",
            Self::Delete(ResourceName::Tenant(_)) => "delete_tenant",
            Self::Delete(ResourceName::Sku(_)) => "delete_sku",
            Self::Delete(ResourceName::Unit(_)) => "delete_unit",
            Self::Delete(ResourceName::Contract(_)) => "delete_contract",
            Self::ClosePeriod(..) | Self::ReopenPeriod(..) => "period",
        }
    }
}
