//! Groups: which names an answer keeps apart, and which usage it is about.

use domain::aggregate::RowKey;
use domain::code::Code;
use domain::dimension::Group;
use domain::id::{SkuId, TenantId, UnitId};
use rest::Problem;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What usage is kept apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Tenant,
    Sku,
    Dimension(String),
}

impl Part {
    fn name(&self) -> String {
        match self {
            Self::Tenant => "tenant".to_owned(),
            Self::Sku => "sku".to_owned(),
            Self::Dimension(key) => format!("dim.{key}"),
        }
    }

    fn value(&self, of: &Subject<'_>) -> Option<String> {
        match self {
            Self::Tenant => Some(of.tenant.to_string()),
            Self::Sku => Some(of.sku.to_string()),
            Self::Dimension(name) => of.group.find(name),
        }
    }
}

/// What is grouped and filtered by: of usage as reported, of costs as priced.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Who pays.
    pub tenant: &'a TenantId,
    /// What was used.
    pub sku: &'a SkuId,
    /// Of which unit.
    pub unit: &'a UnitId,
    /// The declared dimensions.
    pub group: &'a Group,
}

impl<'a> From<&'a RowKey> for Subject<'a> {
    fn from(key: &'a RowKey) -> Self {
        Self { tenant: &key.tenant, sku: &key.sku, unit: &key.unit, group: &key.group }
    }
}

/// The parameter `group_by`: `tenant,sku,dim.region`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupBy(Vec<Part>);

/// Which group of an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GroupKey {
    /// That of these values, in the order of its [`GroupBy`]; a dimension that was not sent is `None`.
    Of(Vec<Option<String>>),
    /// All that are not among the largest, as one.
    Rest,
}

impl GroupBy {
    /// Reads the parameter; only dimensions that a SKU declares can be named.
    pub fn parse(text: &str, declared: &BTreeSet<String>) -> Result<Self, Problem> {
        let refuse = |rule: String| Problem::field(Code::InvalidArgument, "group_by", rule);
        let mut parts: Vec<Part> = Vec::new();
        for name in text.split(',').filter(|name| !name.is_empty()) {
            let part = match name.split_once('.') {
                None if name == "tenant" => Part::Tenant,
                None if name == "sku" => Part::Sku,
                Some(("dim", key)) if declared.contains(key) => Part::Dimension(key.to_owned()),
                Some(("dim", key)) => {
                    return Err(refuse(undeclared(key)));
                }
                _ => return Err(refuse("must be of tenant, sku and dim.KEY, joined by commas".to_owned())),
            };
            if parts.contains(&part) {
                return Err(refuse(format!("names {name} twice")));
            }
            parts.push(part);
        }
        Ok(Self(parts))
    }

    /// What is kept apart, by name.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(Part::name)
    }

    /// The group something falls in.
    pub fn key(&self, of: &Subject<'_>) -> GroupKey {
        GroupKey::Of(self.0.iter().map(|part| part.value(of)).collect())
    }

    /// A group's values by name, as answers show them; the rest of the groups has none.
    pub fn labels(&self, key: &GroupKey) -> BTreeMap<String, Option<String>> {
        match key {
            GroupKey::Of(values) => self.names().zip(values.iter().cloned()).collect(),
            GroupKey::Rest => BTreeMap::new(),
        }
    }
}

fn undeclared(key: &str) -> String {
    format!("names {key:?}, which no SKU declares as a dimension")
}

/// The parameters `sku`, `unit` and `dimension` as they are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct FilterText<'a> {
    /// SKUs.
    pub skus: &'a [String],
    /// Units.
    pub units: &'a [String],
    /// Keys and values: `region:eu-1`.
    pub dimensions: &'a [String],
}

/// The parameters `sku`, `unit` and `dimension`: values of one name are *or*, different names are *and*.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    skus: BTreeSet<SkuId>,
    units: BTreeSet<UnitId>,
    dimensions: BTreeMap<String, BTreeSet<String>>,
}

impl Filter {
    /// Reads the parameters; a dimension is written `region:eu-1`, and only those that a SKU declares can be named.
    pub fn parse(asked: &FilterText<'_>, declared: &BTreeSet<String>) -> Result<Self, Problem> {
        let mut filter = Self::default();
        for sku in asked.skus {
            filter.skus.insert(SkuId::parse(sku)?);
        }
        for unit in asked.units {
            filter.units.insert(UnitId::parse(unit)?);
        }
        for pair in asked.dimensions {
            let refuse = |rule: String| Problem::field(Code::InvalidArgument, "dimension", rule);
            let (key, value) = pair
                .split_once(':')
                .ok_or_else(|| refuse("must be a key and a value such as region:eu-1".to_owned()))?;
            if !declared.contains(key) {
                return Err(refuse(undeclared(key)));
            }
            filter.dimensions.entry(key.to_owned()).or_default().insert(value.to_owned());
        }
        Ok(filter)
    }

    /// Whether it is asked for.
    pub fn matches(&self, of: &Subject<'_>) -> bool {
        let sku = self.skus.is_empty() || self.skus.contains(of.sku);
        let unit = self.units.is_empty() || self.units.contains(of.unit);
        let find = |name: &str| of.group.find(name);
        let dimension = |(name, values): (&String, &BTreeSet<String>)| {
            find(name).is_some_and(|value| values.contains(&value))
        };
        sku && unit && self.dimensions.iter().all(dimension)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn row_key(sku: &str, unit: &str, group: &str) -> RowKey {
        RowKey {
            tenant: TenantId::parse("acme").unwrap(),
            sku: SkuId::parse(sku).unwrap(),
            unit: UnitId::parse(unit).unwrap(),
            group: Group::from_canonical(group),
            hour: 490_000,
            posted: None,
            generation: 1,
            partition: 0,
        }
    }

    fn parse(skus: &[&str], units: &[&str], dimensions: &[&str]) -> Result<Filter, Problem> {
        let texts = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
        let declared = ["region", "zone", "rack"].map(str::to_owned).into();
        let (skus, units, dimensions) = (texts(skus), texts(units), texts(dimensions));
        Filter::parse(&FilterText { skus: &skus, units: &units, dimensions: &dimensions }, &declared)
    }

    #[test]
    fn a_group_has_the_values_of_its_names() {
        let declared = BTreeSet::from(["region".to_owned(), "zone".to_owned()]);
        let by = GroupBy::parse("dim.zone,tenant,dim.region", &declared).unwrap();
        let key = by.key(&Subject::from(&row_key("vm", "h", "region=eu%2D1")));
        assert_eq!(key, GroupKey::Of(vec![None, Some("acme".to_owned()), Some("eu-1".to_owned())]));
        let labels = serde_json::to_value(by.labels(&key)).unwrap();
        assert_eq!(labels, serde_json::json!({"dim.region": "eu-1", "dim.zone": null, "tenant": "acme"}));
        assert!(by.labels(&GroupKey::Rest).is_empty());
        let none = GroupBy::parse("", &declared).unwrap();
        assert_eq!(none.key(&Subject::from(&row_key("vm", "h", ""))), GroupKey::Of(Vec::new()));
    }

    #[test]
    fn only_declared_names_can_be_grouped_by_and_each_once() {
        let declared = BTreeSet::from(["region".to_owned()]);
        for (text, rule) in [
            ("dim.zone", "which no SKU declares"),
            ("unit", "must be of tenant, sku and dim.KEY"),
            ("sku,sku", "names sku twice"),
        ] {
            let problem = GroupBy::parse(text, &declared).unwrap_err();
            assert_eq!(problem.errors()[0].field, "group_by");
            assert!(problem.detail().contains(rule), "{}", problem.detail());
        }
    }

    #[test]
    fn values_of_one_name_are_or_and_different_names_are_and() {
        let filter =
            |skus: &[&str], units: &[&str], dimensions: &[&str]| parse(skus, units, dimensions).unwrap();
        let key = row_key("vm", "h", "region=eu&zone=a");
        assert!(filter(&[], &[], &[]).matches(&Subject::from(&key)));
        assert!(
            filter(&["disk", "vm"], &["h"], &["region:us", "region:eu", "zone:a"])
                .matches(&Subject::from(&key))
        );
        assert!(!filter(&["vm"], &["s"], &[]).matches(&Subject::from(&key)));
        assert!(!filter(&[], &[], &["region:eu", "zone:b"]).matches(&Subject::from(&key)));
        assert!(!filter(&[], &[], &["rack:1"]).matches(&Subject::from(&key)));
    }

    #[test]
    fn a_filter_that_could_never_match_is_refused() {
        for (skus, dimensions, rule) in [
            (&["no sku"][..], &[][..], "sku must match"),
            (&[], &["region"], "dimension must be a key and a value"),
            (&[], &["regoin:eu"], "dimension names \"regoin\", which no SKU declares as a dimension"),
            (&[], &[":eu"], "dimension names \"\", which no SKU declares as a dimension"),
        ] {
            let problem = parse(skus, &[], dimensions).unwrap_err();
            assert!(problem.detail().starts_with(rule), "{}", problem.detail());
        }
    }
}
