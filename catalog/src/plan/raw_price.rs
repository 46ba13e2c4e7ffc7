//! Reading one price of a plan document.

use super::price::{Model, Positive, PriceDef};
use super::reader::{Noted, Reader, Text, all, named, not_negative, positive};
use super::tier::{Tier, Tiers};
use domain::dimension::is_key;
use domain::id::{PriceId, SkuId, UnitId};
use domain::money::Price;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use std::collections::BTreeMap;

const MATCH_VALUE_BYTES_MAX: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrice {
    id: Option<Text>,
    sku: Option<Text>,
    unit: Option<Text>,
    per: Option<Text>,
    model: Option<Text>,
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
    price: Option<Text>,
}

/// Where those parts of a price stand that must fit others or the catalogue.
#[derive(Clone, Debug)]
pub(crate) struct PricePlaces {
    /// The price in the document: `prices[0]`.
    pub(crate) path: String,
    pub(crate) price: Location,
    pub(crate) sku: Location,
    pub(crate) unit: Location,
    pub(crate) dimensions: BTreeMap<String, Location>,
}

/// The price of that index, unless it breaks a rule.
pub(super) fn read_price(
    top: &mut Reader<'_>,
    index: usize,
    raw: &Spanned<RawPrice>,
) -> Result<(PriceDef, PricePlaces), Noted> {
    let path = format!("prices[{index}]");
    let mut reader = top.within(&path, raw);
    let place = |text: &Option<Text>| text.as_ref().map_or(raw.referenced, |text| text.referenced);
    let raw_price = &raw.value;
    let places = PricePlaces {
        path,
        price: raw.referenced,
        sku: place(&raw_price.sku),
        unit: place(&raw_price.unit),
        dimensions: raw_price.dimensions.iter().map(|(key, text)| (key.clone(), text.referenced)).collect(),
    };
    Ok((raw_price.read(&mut reader)?, places))
}

impl RawPrice {
    /// Reads every field before it gives up, so that all faults are noted.
    fn read(&self, reader: &mut Reader<'_>) -> Result<PriceDef, Noted> {
        let id = reader.required("id", self.id.as_ref(), named(PriceId::parse));
        let sku = reader.required("sku", self.sku.as_ref(), named(SkuId::parse));
        let unit = reader.required("unit", self.unit.as_ref(), named(UnitId::parse));
        let per = reader.optional("per", self.per.as_ref(), positive);
        let model = self.model(reader);
        let free = reader.optional("free", self.free.as_ref(), not_negative);
        let minimum = reader.optional("minimum", self.minimum.as_ref(), Price::parse);
        let dimensions = self.dimensions(reader);
        Ok(PriceDef {
            id: id?,
            sku: sku?,
            unit: unit?,
            per: per?.unwrap_or(Positive::ONE),
            model: model?,
            dimensions: dimensions?,
            free: free?.and_then(Positive::new),
            minimum: minimum?.filter(|minimum| !minimum.is_zero()),
            description: self.description.clone(),
        })
    }

    fn dimensions(&self, reader: &mut Reader<'_>) -> Result<BTreeMap<String, String>, Noted> {
        let read = |(key, text): (&String, &Text)| {
            let value = reader.required(&format!("match.{key}"), Some(text), |value| match value.len() {
                _ if !is_key(key) => Err("must have a key of ^[a-z][a-z0-9_]{0,62}$"),
                0..=MATCH_VALUE_BYTES_MAX => Ok(value.to_owned()),
                _ => Err("must be at most 256 bytes"),
            });
            Ok((key.clone(), value?))
        };
        all(self.dimensions.iter().map(read)).map(BTreeMap::from_iter)
    }

    fn model(&self, reader: &mut Reader<'_>) -> Result<Model, Noted> {
        let model = reader.present("model", self.model.as_ref())?;
        match model.value.as_str() {
            "per_unit" => self.single(reader).map(Model::PerUnit),
            "package" => self.single(reader).map(Model::Package),
            "graduated" => self.tiers(reader).map(Model::Graduated),
            "volume" => self.tiers(reader).map(Model::Volume),
            other => {
                let rule = match other {
                    "flat" => "flat is reserved for a fixed fee",
                    _ => "must be per_unit, graduated, volume or package",
                };
                Err(reader.add("model", model.referenced, rule))
            }
        }
    }

    fn single(&self, reader: &mut Reader<'_>) -> Result<Price, Noted> {
        if let Some(tiers) = &self.tiers {
            reader.add("tiers", tiers.referenced, "are only for graduated and volume");
        }
        reader.required("price", self.price.as_ref(), Price::parse)
    }

    fn tiers(&self, reader: &mut Reader<'_>) -> Result<Tiers, Noted> {
        if let Some(text) = &self.price {
            reader.add("price", text.referenced, "is only for per_unit and package");
        }
        let raw = reader.present("tiers", self.tiers.as_ref())?;
        let read = |(index, tier): (usize, &Spanned<RawTier>)| {
            tier.value.read(&mut reader.within(&format!("tiers[{index}]"), tier))
        };
        let tiers = all(raw.value.iter().enumerate().map(read))?;
        Tiers::new(tiers).map_err(|faults| {
            for fault in faults {
                let tier = fault.index.and_then(|index| Some((index, raw.value.get(index)?)));
                let (field, place) = match tier {
                    Some((index, tier)) => (format!("tiers[{index}]"), tier.referenced),
                    None => ("tiers".to_owned(), raw.referenced),
                };
                reader.add(&field, place, fault.rule);
            }
            Noted
        })
    }
}

impl RawTier {
    fn read(&self, reader: &mut Reader<'_>) -> Result<Tier, Noted> {
        let up_to = reader.optional("up_to", self.up_to.as_ref(), positive);
        let price = reader.required("price", self.price.as_ref(), Price::parse);
        Ok(Tier { up_to: up_to?, price: price? })
    }
}
