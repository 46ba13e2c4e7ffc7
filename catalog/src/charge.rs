//! Charges: what a tenant owes for a month under one price, with the lines that explain it.

mod cell;
mod id;

use domain::calendar::Period;
use domain::decimal::Decimal;
use domain::id::{ContractId, PlanId, PriceId, TenantId, UnitId};
use domain::money::{Amount, Currency, Price};

/// What makes a charge one: everything a price matches in a month under one contract and plan version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChargeKey {
    /// Who pays.
    pub tenant: TenantId,
    /// The month it is billed in.
    pub period: Period,
    /// Under which contract.
    pub contract: ContractId,
    /// By which plan.
    pub plan: PlanId,
    /// By which version of it.
    pub plan_version: u32,
    /// By which of its prices.
    pub price: PriceId,
    /// The closed month whose late usage it bills; `None`: usage of its own month.
    pub adjusts: Option<Period>,
}

/// An amount owed, exact and explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// What it is for.
    pub key: ChargeKey,
    /// In the price's unit, rounded half-even to 12 places.
    pub quantity: Decimal,
    /// The price's unit.
    pub unit: UnitId,
    /// The steps of the reckoning; they add up to the quantity and to the unrounded amount.
    pub lines: Vec<Line>,
    /// Rounded half-even to 12 places.
    pub amount_unrounded: Amount,
    /// Rounded half-even to the currency's minor unit, from the exact value.
    pub amount: Amount,
    /// The plan's currency.
    pub currency: Currency,
}

/// A step of the reckoning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// For people: which tier, how many packages.
    pub description: String,
    /// The part of the charge's quantity it is about.
    pub quantity: Decimal,
    /// What one `per` costs in it; `None` where the line has no price of its own.
    pub price: Option<Price>,
    /// Its part of the charge's unrounded amount.
    pub amount_unrounded: Amount,
}

/// All charges of a tenant's month: the value of one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charges {
    /// Who pays.
    pub tenant: TenantId,
    /// The month they are billed in.
    pub period: Period,
    /// In the order of their keys.
    pub charges: Vec<Charge>,
}
