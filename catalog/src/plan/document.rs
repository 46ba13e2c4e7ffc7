//! Reading a plan document, YAML or JSON, with the place of everything that is wrong.

use super::fault::{Faults, PlanErrors};
use super::price::{Model, Positive, PriceDef};
use super::tier::{Tier, Tiers};
use super::Plan;
use domain::dimension::is_key;
use domain::id::{PlanId, PriceId, SkuId, UnitId};
use domain::money::{Currency, Price};
use domain::quantity::Quantity;
use domain::reject::Reject;
use domain::time::{Quarter, Timestamp};
use serde::Deserialize;
use serde_saphyr::{DefaultMessageFormatter, Location, MessageFormatter, Spanned};
use std::collections::BTreeMap;

/// The most prices of one plan.
pub const PRICES_MAX: usize = 1_000;
const MATCH_VALUE_BYTES_MAX: usize = 256;

/// A plan with the places of its parts in the text, for [`crate::lint::lint`] to point at.
#[derive(Clone, Debug)]
pub struct PlanDocument {
    plan: Plan,
    places: Vec<PricePlaces>,
}

/// Where the parts of a price stand that need knowledge of the catalogue.
#[derive(Clone, Debug)]
pub(crate) struct PricePlaces {
    /// The price in the document: `prices[0]`.
    pub(crate) path: String,
    pub(crate) id: Location,
    pub(crate) sku: Location,
    pub(crate) unit: Location,
    pub(crate) dimensions: BTreeMap<String, Location>,
}

impl PlanDocument {
    /// Reads a document and checks every rule that needs no knowledge of the catalogue.
    pub fn parse(text: &str) -> Result<Self, PlanErrors> {
        let mut faults = Faults::default();
        let raw = serde_saphyr::from_str::<RawPlan>(text).map_err(|error| syntax_error(&error))?;
        let document = raw.check(&mut faults);
        document.filter(|_| faults.is_empty()).ok_or_else(|| faults.into_errors())
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

fn syntax_error(error: &serde_saphyr::Error) -> PlanErrors {
    let mut faults = Faults::default();
    let message = DefaultMessageFormatter.format_message(error.without_snippet()).into_owned();
    faults.add("", error.location().unwrap_or(Location::UNKNOWN), message);
    faults.into_errors()
}

type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlan {
    plan: Text,
    currency: Text,
    effective_time: Text,
    prices: Spanned<Vec<Spanned<RawPrice>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    id: Text,
    sku: Text,
    unit: Text,
    per: Option<Text>,
    model: Text,
    #[serde(default, rename = "match")]
    dimensions: BTreeMap<String, Text>,
    free: Option<Text>,
    minimum: Option<Text>,
    price: Option<Text>,
    tiers: Option<Spanned<Vec<Spanned<RawTier>>>>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTier {
    up_to: Option<Text>,
    price: Text,
}

impl RawPlan {
    fn check(self, faults: &mut Faults) -> Option<PlanDocument> {
        let id = name(faults, "plan", &self.plan, PlanId::parse);
        let currency = faults.check("currency", self.currency.referenced, Currency::parse(&self.currency.value));
        let effective = effective(faults, &self.effective_time);
        if !(1..=PRICES_MAX).contains(&self.prices.value.len()) {
            faults.add("prices", self.prices.referenced, format!("must be 1 to {PRICES_MAX} prices"));
            return None;
        }
        let raw_prices = self.prices.value.into_iter().enumerate();
        let mut prices: Vec<(PriceDef, PricePlaces)> = raw_prices
            .filter_map(|(index, price)| PriceReader { path: format!("prices[{index}]"), faults }.read(price.value))
            .collect();
        check_apart(&prices, faults);
        prices.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        let (prices, places) = prices.into_iter().unzip();
        let plan = Plan { id: id?, currency: currency?, effective: effective?, prices };
        Some(PlanDocument { plan, places })
    }
}

/// Two prices must not share their id, nor be able to claim the same usage with the same right.
fn check_apart(prices: &[(PriceDef, PricePlaces)], faults: &mut Faults) {
    for (index, (price, places)) in prices.iter().enumerate() {
        let before = &prices[..index];
        if let Some((_, first)) = before.iter().find(|(other, _)| other.id == price.id) {
            faults.add(&format!("{}.id", places.path), places.id, format!("is the id of {} already", first.path));
        }
        if let Some((_, first)) = before.iter().find(|(other, _)| other.ties_with(price)) {
            let rule = format!("ties with {}: usage could match both, which name equally many dimensions", first.path);
            faults.add(&places.path, places.sku, rule);
        }
    }
}

fn name<T>(
    faults: &mut Faults,
    field: &str,
    text: &Text,
    parse: impl FnOnce(&str) -> Result<T, Reject>,
) -> Option<T> {
    let rule = |reject: Reject| {
        let rule = reject.message.strip_prefix(&reject.field).unwrap_or(&reject.message);
        rule.trim_start().to_owned()
    };
    faults.check(field, text.referenced, parse(&text.value).map_err(rule))
}

fn effective(faults: &mut Faults, text: &Text) -> Option<Quarter> {
    let time = faults.check("effective_time", text.referenced, Timestamp::parse(&text.value))?;
    let on_quarter = time.is_on_quarter().then(|| time.quarter());
    faults.check("effective_time", text.referenced, on_quarter.ok_or("must be on a quarter of an hour"))
}

/// Reads one price; its faults name its path.
struct PriceReader<'a> {
    path: String,
    faults: &'a mut Faults,
}

impl PriceReader<'_> {
    fn read(mut self, raw: RawPrice) -> Option<(PriceDef, PricePlaces)> {
        let places = PricePlaces {
            path: self.path.clone(),
            id: raw.id.referenced,
            sku: raw.sku.referenced,
            unit: raw.unit.referenced,
            dimensions: raw.dimensions.iter().map(|(key, value)| (key.clone(), value.referenced)).collect(),
        };
        let id = name(self.faults, &self.field("id"), &raw.id, PriceId::parse);
        let sku = name(self.faults, &self.field("sku"), &raw.sku, SkuId::parse);
        let unit = name(self.faults, &self.field("unit"), &raw.unit, UnitId::parse);
        let per = self.per(raw.per.as_ref());
        let model = self.model(&raw);
        let free = raw.free.as_ref().map(|text| self.quantity("free", text));
        let minimum = raw.minimum.as_ref().map(|text| self.price("minimum", text));
        let dimensions = self.dimensions(&raw.dimensions);
        let price = PriceDef {
            id: id?,
            sku: sku?,
            unit: unit?,
            per: per?,
            model: model?,
            dimensions: dimensions?,
            free: free.map_or(Some(None), |free| free.map(Positive::new))?,
            minimum: minimum.map_or(Some(None), |minimum| minimum.map(Some))?.filter(|minimum| !minimum.is_zero()),
            description: raw.description,
        };
        Some((price, places))
    }

    fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// A quantity that is not negative.
    fn quantity(&mut self, field: &str, text: &Text) -> Option<Quantity> {
        let field = self.field(field);
        let quantity = name(self.faults, &field, text, Quantity::parse)?;
        let result = if quantity.is_negative() { Err("must not be negative") } else { Ok(quantity) };
        self.faults.check(&field, text.referenced, result)
    }

    fn positive(&mut self, field: &str, text: &Text) -> Option<Positive> {
        let quantity = self.quantity(field, text)?;
        let positive = Positive::new(quantity).ok_or("must be above zero");
        self.faults.check(&self.field(field), text.referenced, positive)
    }

    fn per(&mut self, text: Option<&Text>) -> Option<Positive> {
        match text {
            Some(text) => self.positive("per", text),
            None => Quantity::from_integer(1).and_then(Positive::new),
        }
    }

    fn price(&mut self, field: &str, text: &Text) -> Option<Price> {
        self.faults.check(&self.field(field), text.referenced, Price::parse(&text.value))
    }

    fn dimensions(&mut self, raw: &BTreeMap<String, Text>) -> Option<BTreeMap<String, String>> {
        let mut dimensions = BTreeMap::new();
        for (key, text) in raw {
            let rule = match (is_key(key), text.value.len()) {
                (false, _) => Err("must have a key of ^[a-z][a-z0-9_]{0,62}$"),
                (true, bytes) if bytes > MATCH_VALUE_BYTES_MAX => Err("must be at most 256 bytes"),
                _ => Ok(text.value.clone()),
            };
            let value = self.faults.check(&self.field(&format!("match.{key}")), text.referenced, rule)?;
            dimensions.insert(key.clone(), value);
        }
        Some(dimensions)
    }

    fn model(&mut self, raw: &RawPrice) -> Option<Model> {
        match raw.model.value.as_str() {
            "per_unit" => self.single(raw).map(Model::PerUnit),
            "package" => self.single(raw).map(Model::Package),
            "graduated" => self.tiers(raw).map(Model::Graduated),
            "volume" => self.tiers(raw).map(Model::Volume),
            "flat" => self.no_model(raw, "flat is reserved for a fixed fee"),
            _ => self.no_model(raw, "must be per_unit, graduated, volume or package"),
        }
    }

    fn no_model(&mut self, raw: &RawPrice, rule: &str) -> Option<Model> {
        self.faults.add(&self.field("model"), raw.model.referenced, rule);
        None
    }

    fn single(&mut self, raw: &RawPrice) -> Option<Price> {
        if let Some(tiers) = &raw.tiers {
            self.faults.add(&self.field("tiers"), tiers.referenced, "are only for graduated and volume");
        }
        let Some(text) = &raw.price else {
            self.faults.add(&self.field("price"), raw.model.referenced, "must be given");
            return None;
        };
        self.price("price", text)
    }

    fn tiers(&mut self, raw: &RawPrice) -> Option<Tiers> {
        if let Some(text) = &raw.price {
            self.faults.add(&self.field("price"), text.referenced, "is only for per_unit and package");
        }
        let Some(tiers) = &raw.tiers else {
            self.faults.add(&self.field("tiers"), raw.model.referenced, "must be given");
            return None;
        };
        let read = tiers.value.iter().enumerate().map(|(index, tier)| self.tier(index, &tier.value));
        let read: Vec<Tier> = read.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
        let cover = Tiers::new(read);
        for fault in cover.as_ref().err().into_iter().flatten() {
            let place = tiers.value.get(fault.index).map_or(tiers.referenced, |tier| tier.referenced);
            self.faults.add(&self.field(&format!("tiers[{}]", fault.index)), place, &fault.rule);
        }
        cover.ok()
    }

    fn tier(&mut self, index: usize, raw: &RawTier) -> Option<Tier> {
        let price = self.price(&format!("tiers[{index}].price"), &raw.price);
        let up_to = raw.up_to.as_ref().map(|text| self.positive(&format!("tiers[{index}].up_to"), text));
        Some(Tier { price: price?, up_to: up_to.map_or(Some(None), |up_to| up_to.map(Some))? })
    }
}
