//! What a quantity costs under a price: exact, step by step, rounded where it is written down.

use crate::charge::Line;
use crate::plan::{Model, Positive, PriceDef, Tier, Tiers};
use domain::calendar::Period;
use domain::decimal::Decimal;
use domain::money::{Amount, Currency, Price};
use num_rational::BigRational;
use num_traits::{Signed, Zero};

/// Places of a written quantity or unrounded amount.
const PLACES: u32 = 12;

/// The way from a quantity to its amount; nothing in it is rounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reckoning(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    description: String,
    quantity: BigRational,
    price: Option<Price>,
    amount: BigRational,
}

impl Reckoning {
    /// Rates a quantity in the price's unit; one below zero as minus the rating of its absolute value. The minimum is
    /// left out.
    pub(crate) fn of_usage(price: &PriceDef, quantity: &BigRational) -> Self {
        let mut steps = positive_steps(price, quantity.abs());
        if quantity.is_negative() {
            steps.iter_mut().for_each(Step::negate);
        }
        Self(steps)
    }

    /// Rates a month's whole quantity: its usage, and what is missing to the price's minimum. A credit is paid out whole
    /// beside the minimum: it does not count towards it, and the minimum does not swallow it.
    pub(crate) fn of_month(price: &PriceDef, quantity: &BigRational) -> Self {
        let mut reckoning = Self::of_usage(price, quantity);
        let reached = reckoning.amount().max(BigRational::zero());
        if let Some(minimum) = price.minimum.filter(|minimum| minimum.to_rational() > reached) {
            let description = format!("shortfall to the minimum of {minimum}");
            reckoning.push(description, BigRational::zero(), minimum.to_rational() - reached);
        }
        reckoning
    }

    /// What late usage adds to a month that was billed before: all that is known of it now, less what was known then.
    pub(crate) fn of_adjustment(month: Period, known: &Self, billed: &Self) -> Self {
        let mut reckoning = Self::default();
        reckoning.push(format!("usage of {month} as it is known now"), known.quantity(), known.amount());
        reckoning.push(format!("less what was billed for {month}"), -billed.quantity(), -billed.amount());
        reckoning
    }

    /// Adds a step without a price of its own.
    fn push(&mut self, description: String, quantity: BigRational, amount: BigRational) {
        self.0.push(Step { description, quantity, price: None, amount });
    }

    /// The amount as it is paid: the exact value, rounded once.
    pub(crate) fn amount_in(&self, currency: Currency) -> Amount {
        Amount::round_half_even(&self.amount(), currency.minor_digits())
    }

    /// The quantity as it is printed.
    pub(crate) fn quantity_rounded(&self) -> Decimal {
        Decimal::round_half_even(&self.quantity(), PLACES)
    }

    /// The exact quantity.
    fn quantity(&self) -> BigRational {
        self.0.iter().map(|step| &step.quantity).sum()
    }

    /// The exact amount.
    fn amount(&self) -> BigRational {
        self.0.iter().map(|step| &step.amount).sum()
    }

    /// The amount before it is rounded to what is paid, as it is printed.
    pub(crate) fn amount_unrounded(&self) -> Amount {
        Amount::round_half_even(&self.amount(), PLACES)
    }

    /// The steps as they are printed. Each is the difference of two rounded running totals, so that printed lines add
    /// up to the printed whole.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut totals = (BigRational::zero(), BigRational::zero());
        let mut printed = (Decimal::default(), Amount::default());
        let line = |step: &Step| {
            totals.0 += &step.quantity;
            totals.1 += &step.amount;
            let next =
                (Decimal::round_half_even(&totals.0, PLACES), Amount::round_half_even(&totals.1, PLACES));
            let before = std::mem::replace(&mut printed, next.clone());
            Line {
                description: step.description.clone(),
                quantity: next.0 - before.0,
                price: step.price,
                amount_unrounded: next.1 - before.1,
            }
        };
        self.0.iter().map(line).collect()
    }
}

impl Step {
    fn negate(&mut self) {
        self.quantity = -std::mem::take(&mut self.quantity);
        self.amount = -std::mem::take(&mut self.amount);
    }
}

/// The steps of a quantity that is not below zero: first what is free, then the rest by the price's model.
fn positive_steps(price: &PriceDef, quantity: BigRational) -> Vec<Step> {
    let free = price.free.map_or_else(BigRational::zero, Positive::to_rational).min(quantity.clone());
    let billable = quantity - &free;
    let mut steps = Vec::new();
    if free.is_positive() {
        steps.push(Step {
            description: "free quantity".to_owned(),
            quantity: free,
            price: None,
            amount: BigRational::zero(),
        });
    }
    if billable.is_positive() {
        steps.extend(model_steps(price, billable));
    }
    steps
}

fn model_steps(price: &PriceDef, billable: BigRational) -> Vec<Step> {
    match &price.model {
        Model::PerUnit(each) => vec![priced(price, "usage", billable, *each)],
        Model::Package(each) => vec![packages(price, billable, *each)],
        Model::Graduated(tiers) => graduated(price, tiers, &billable),
        Model::Volume(tiers) => {
            let reached =
                spans(tiers).find(|span| span.up_to.is_none_or(|up_to| billable <= up_to.to_rational()));
            let reached = reached.expect("the last tier is open-ended");
            vec![priced(price, &reached.description(), billable, reached.price)]
        }
    }
}

/// The quantity within each tier that it reaches, at that tier's price.
fn graduated(price: &PriceDef, tiers: &Tiers, billable: &BigRational) -> Vec<Step> {
    let step = |span: Span| {
        let above = span.above.map_or_else(BigRational::zero, Positive::to_rational);
        let reached =
            span.up_to.map_or_else(|| billable.clone(), |up_to| up_to.to_rational().min(billable.clone()));
        let within = reached - above;
        within.is_positive().then(|| priced(price, &span.description(), within, span.price))
    };
    spans(tiers).map_while(step).collect()
}

fn priced(price: &PriceDef, what: &str, quantity: BigRational, each: Price) -> Step {
    let amount = &quantity / price.per.to_rational() * each.to_rational();
    Step {
        description: format!("{what}, per {} {}", price.per, price.unit),
        quantity,
        price: Some(each),
        amount,
    }
}

/// A started package counts whole.
fn packages(price: &PriceDef, quantity: BigRational, each: Price) -> Step {
    let started = (&quantity / price.per.to_rational()).ceil();
    let description = format!("packages of {} {}: {started}", price.per, price.unit);
    Step { description, quantity, price: Some(each), amount: started * each.to_rational() }
}

/// A tier with the bound it begins above.
struct Span {
    number: usize,
    above: Option<Positive>,
    up_to: Option<Positive>,
    price: Price,
}

fn spans(tiers: &Tiers) -> impl Iterator<Item = Span> {
    let above = std::iter::once(None).chain(tiers.as_slice().iter().map(|tier| tier.up_to));
    let span = |((index, tier), above): ((usize, &Tier), Option<Positive>)| Span {
        number: index + 1,
        above,
        up_to: tier.up_to,
        price: tier.price,
    };
    tiers.as_slice().iter().enumerate().zip(above).map(span)
}

impl Span {
    fn description(&self) -> String {
        let above = self.above.map_or_else(String::new, |above| format!(" above {above}"));
        let up_to = self.up_to.map_or_else(String::new, |up_to| format!(" up to {up_to}"));
        format!("tier {}{above}{up_to}", self.number)
    }
}

#[cfg(test)]
mod tests;
