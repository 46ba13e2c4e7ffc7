//! Reading a plan document, YAML or JSON, with the place of everything that is wrong.

use super::Plan;
use super::fault::{Faults, PlanErrors};
use super::price::PriceDef;
use super::raw_price::{PricePlaces, RawPrice, read_price};
use super::reader::{Noted, Reader, Text, named};
use domain::id::PlanId;
use domain::money::Currency;
use domain::time::{Quarter, Timestamp};
use serde::Deserialize;
use serde_saphyr::{DefaultMessageFormatter, Error, Location, MessageFormatter, Spanned};

/// The most prices of one plan.
pub const PRICES_MAX: usize = 1_000;
/// What a fault names where no field is at fault.
const DOCUMENT: &str = "document";

/// A plan with the places of its parts in the text, for [`crate::lint::lint`] to point at.
#[derive(Clone, Debug)]
pub struct PlanDocument {
    plan: Plan,
    places: Vec<PricePlaces>,
}

impl PlanDocument {
    /// Reads a document and checks every rule that needs no knowledge of the catalogue.
    pub fn parse(text: &str) -> Result<Self, PlanErrors> {
        let raw: Spanned<RawPlan> = serde_saphyr::from_str(text).map_err(|error| syntax_error(&error))?;
        let mut faults = Faults::default();
        let document = raw.value.read(&mut Reader::top(&mut faults, raw.referenced));
        if let (Ok(document), true) = (document, faults.is_empty()) {
            Ok(document)
        } else {
            Err(faults.into_errors())
        }
    }

    /// What it says.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What it says, without the places.
    pub fn into_plan(self) -> Plan {
        self.plan
    }

    pub(crate) fn prices(&self) -> impl Iterator<Item = (&PriceDef, &PricePlaces)> {
        self.plan.prices.iter().zip(&self.places)
    }
}

/// A document that cannot be read: the field at fault where there is one, else the document.
fn syntax_error(error: &serde_saphyr::Error) -> PlanErrors {
    let error = error.without_snippet();
    let (field, rule) = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => (key.as_str(), "must be given once".to_owned()),
        Error::SerdeUnknownField { field, expected, .. } => {
            (field.as_str(), format!("is no field here: known are {}", expected.join(", ")))
        }
        _ => (DOCUMENT, format!("cannot be read: {}", DefaultMessageFormatter.format_message(error))),
    };
    let mut faults = Faults::default();
    faults.add(field, error.location().unwrap_or(Location::UNKNOWN), rule);
    faults.into_errors()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlan {
    /// What the document is among others of a catalogue.
    kind: Option<Text>,
    plan: Option<Text>,
    currency: Option<Text>,
    effective_time: Option<Text>,
    prices: Option<Spanned<Vec<Spanned<RawPrice>>>>,
}

impl RawPlan {
    fn read(&self, reader: &mut Reader<'_>) -> Result<PlanDocument, Noted> {
        let kind = reader.optional("kind", self.kind.as_ref(), is_plan);
        let id = reader.required("plan", self.plan.as_ref(), named(PlanId::parse));
        let currency = reader.required("currency", self.currency.as_ref(), Currency::parse);
        let effective = reader.required("effective_time", self.effective_time.as_ref(), quarter);
        let raw = reader.present("prices", self.prices.as_ref())?;
        if !(1..=PRICES_MAX).contains(&raw.value.len()) {
            reader.add("prices", raw.referenced, format!("must be 1 to {PRICES_MAX} prices"));
        }
        let read = raw.value.iter().take(PRICES_MAX).enumerate();
        let mut prices: Vec<_> =
            read.filter_map(|(index, price)| read_price(reader, index, price).ok()).collect();
        check_apart(&prices, reader);
        prices.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        let (prices, places) = prices.into_iter().unzip();
        kind?;
        let plan = Plan { id: id?, currency: currency?, effective: effective?, prices };
        Ok(PlanDocument { plan, places })
    }
}

/// A document of a catalogue's file is read as it stands there.
fn is_plan(text: &str) -> Result<(), &'static str> {
    if text == "plan" { Ok(()) } else { Err("must be plan, where it is given") }
}

fn quarter(text: &str) -> Result<Quarter, String> {
    let time = Timestamp::parse(text).map_err(|error| error.to_string())?;
    time.is_on_quarter().then(|| time.quarter()).ok_or_else(|| "must be on a quarter of an hour".to_owned())
}

/// Two prices must not share their id, nor be able to claim the same usage with the same right.
fn check_apart(prices: &[(PriceDef, PricePlaces)], reader: &mut Reader<'_>) {
    for (index, (price, places)) in prices.iter().enumerate() {
        let before = &prices[..index];
        if let Some((_, first)) = before.iter().find(|(other, _)| other.id == price.id) {
            let rule = format!("has the id of {}", first.path);
            reader.add(&places.path, places.price, rule);
        }
        if let Some((_, first)) = before.iter().find(|(other, _)| other.ties_with(price)) {
            let rule = format!(
                "ties with {}: usage could match both, and they name equally many dimensions",
                first.path
            );
            reader.add(&places.path, places.price, rule);
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
